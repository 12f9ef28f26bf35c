/** The examples run as a reader would run them, each in a process of its own on the embedded database. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../source-tree.js';

/** What a reader sees. */
const OUTPUT: Readonly<Record<string, string>> = {
  '01-first-query.ts': `
1  desk lamp    39.90
3  lava lamp    24.50
number 4 is Aladdin's lamp
4 lamps`,
  '02-transactions.ts': `
after 400: ada 600, bob 400
refused: check constraint "accounts_cents_check" on table "accounts" was violated (SQLSTATE 23514) (not-applied)
after 5000: ada 600, bob 400
inner part: CONSTRAINT
after the savepoint: ada 600, bob 400, cyd 50
after a rollback: ada 600, bob 400, cyd 50`,
  '03-cancel-and-timeouts.ts': `
waiting 50 ms for a connection: TIMEOUT acquire, not-sent
aborted in line: CANCELLED caller, not-sent
a second of sleep in 100 ms: done
a transaction of 150 ms in 100 ms: TIMEOUT transaction, not-applied
the connection is fine: 42`,
  '04-events.ts': `
runtime:started
connection:created
query 1 (count-to-three): 3 rows
query 2 failed: QUERY
transaction:begun
query 5 (-): 1 rows
transaction:ended
1 of 1 connections, 1 idle
runtime:draining
connection:closed
runtime:closed
a new one is running`,
  '05-operating-the-pool.ts': `
leaked: the session 'checkout', last statement: select ? as item, ? as price
checkout has it
suspended, 1 waiting
served after the resume
acquireTimeout is 2000 ms now
2 options are wrong:
  pool.maxSize: got 0, expected a whole number, 1 to 1
  pool.keepalive: got '1ms', expected a duration of 1000 to 86400000 ms (milliseconds as a number, or '250ms', '30s', '5m', '1h'), or false for never
1 connection told to go`,
  '06-resilience.ts': `
call 4: RATE_LIMIT, not-sent
call 1: 42
call 2: 42
call 3: 42
a transaction: committed in run 2
nonsense: QUERY, not-applied
no answer: QUERY, unknown
circuit: closed → open
no answer: QUERY, unknown
while it is open: CIRCUIT_OPEN, not-sent
circuit: open → half-open
trial: 42
trial: 42
circuit: half-open → closed
trial: 42
2 failures, 1 refused, 1 run again
rates: no route
rates: CIRCUIT_OPEN, not-sent`,
  '07-many-rows.ts': `
set 1000: CONSTRAINT, not-applied
1000 kept, 1 refused: set 1000
50 readings of 38 degrees and more
39 °C`,
  '08-prometheus.ts': `
401 A token is needed: Authorization: Bearer …
200 text/plain; version=0.0.4; charset=utf-8
db_connections_open{pool="shop",service="example"} 1
db_queries_total{pool="shop",service="example"} 2
db_queries_failed_total{pool="shop",service="example",error_type="QUERY"} 1
db_query_rows_sum{pool="shop",service="example"} 3
db_health_up{pool="shop",service="example"} 1
application/openmetrics-text; version=1.0.0; charset=utf-8 # EOF
after the runtime: ''`,
  '09-opentelemetry.ts': `
POST /orders
  TRANSACTION shop
    create table orders
    insert orders
  select orders
  select: 42703`,
};

/** What an example that is about somebody else's tool needs of it; anything else comes in by our doors alone. */
const GUESTS: Readonly<Record<string, RegExp>> = { '09-opentelemetry.ts': /^@opentelemetry\// };

const examples = readdirSync(`${ROOT}/examples`).filter((file) => file.endsWith('.ts'));

describe('the examples', () => {
  // They import the package by its name, as users do, and that name leads to dist/.
  beforeAll(() => {
    if (!existsSync(`${ROOT}/dist/index.js`)) execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: ROOT });
  });

  it('are all listed here', () => {
    expect(examples).toEqual(Object.keys(OUTPUT));
  });

  it.each(examples)('%s is short and comes in by the doors', (file) => {
    const text = readFileSync(`${ROOT}/examples/${file}`, 'utf8');
    expect(text.split('\n').length).toBeLessThan(60);
    const foreign = [...text.matchAll(/from '([^']+)'/g)].filter(
      ([, door = '']) => !/^fluxor-db(\/|$)/.test(door) && GUESTS[file]?.test(door) !== true,
    );
    expect(foreign).toEqual([]);
  });

  it.each(examples)('%s runs and says what it should', async (file) => {
    const { code, output, errors } = await runExample(file);
    expect(errors).toBe('');
    expect(output.trim()).toBe((OUTPUT[file] ?? '').trim());
    expect(code).toBe(0);
  });
});

function runExample(file: string): Promise<{ code: number | null; output: string; errors: string }> {
  const { FLUXOR_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', `examples/${file}`], { cwd: ROOT, env });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output, errors }));
  });
}
