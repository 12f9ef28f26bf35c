/** The checks find every number that is not the sum it should be, and no test of troubles forgets to ask them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newTally } from '../../src/gate/circuit-tally.js';
import { ConnectionLimiter } from '../../src/gate/connection-limiter.js';
import { QueryMeter } from '../../src/telemetry/query-meter.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { checkLeftovers, poolBench } from '../fakes/pool-bench.js';
import { checkRuntimeLeftovers, runtimeBench } from '../fakes/runtime-bench.js';
import { ROOT } from '../source-tree.js';
import * as checks from './metric-sums.js';

checkLeftovers();
checkRuntimeLeftovers();

const NUMBERS = {
  connections: ['open', 'idle', 'inUse', 'created', 'closed', 'oldestWaitMs', 'timeouts'],
  queries: ['total', 'success', 'failed', 'retries', 'slow'],
  transactions: ['begun', 'committed', 'rolledBack', 'lost', 'unknown', 'active'],
} as const;

describe('The sums', () => {
  it('of a runtime: whichever number is changed alone is found', async () => {
    const bench = runtimeBench();
    await bench.run(bench.db.query('select 1'));
    const metrics = bench.db.metrics();
    checks.checkMetricsAtRest(metrics);
    for (const part of ['connections', 'queries', 'transactions'] as const) {
      for (const name of NUMBERS[part]) {
        const numbers: Readonly<Record<string, unknown>> = { ...metrics[part] };
        const wrong = { ...metrics, [part]: { ...numbers, [name]: Number(numbers[name]) + 2 } };
        expect(() => checks.checkMetricSums(wrong, 'now'), name).toThrow('now: not ');
      }
    }
    const { duration } = metrics.queries;
    const forgetful = { ...metrics.queries, duration: { ...duration, counts: duration.counts.map(() => 0) } };
    expect(() => checks.checkMetricSums({ ...metrics, queries: forgetful }, 'now')).toThrow('Σ buckets = count');
  });

  it('of a runtime that works are not those of one at rest', async () => {
    const bench = runtimeBench();
    const { value: tx } = await bench.run(bench.db.begin());
    checks.checkMetricSums(bench.db.metrics(), 'now');
    expect(() => checks.checkMetricsAtRest(bench.db.metrics())).toThrow('at rest');
    const { connectionLimit } = bench.db.metrics();
    const wrong = { ...bench.db.metrics(), connectionLimit: { ...connectionLimit, oldestWaitMs: 1 } };
    expect(() => checks.checkMetricSums(wrong, 'now')).toThrow('now: not a wait of somebody at the limit');
    await bench.run(tx?.rollback() ?? Promise.reject(new Error('no transaction')));
    const metrics = bench.db.metrics();
    checks.checkMetricsAtRest(metrics);
    for (const name of ['inUse', 'waiting'] as const) {
      const busy = { ...metrics, connectionLimit: { ...connectionLimit, inUse: 0, [name]: 1 } };
      expect(() => checks.checkMetricsAtRest(busy), name).toThrow('at rest');
    }
  });

  it('of statements by shape: a count that only one of the books has is found', () => {
    const meter = new QueryMeter({
      slowThresholdMs: Infinity,
      shapeOf: (text) => ({ fingerprint: text, operation: 'select' }),
      stamp: (now) => now,
      onSlow: () => undefined,
    });
    meter.begin({ id: 1, name: undefined, connectionId: 1, statistics: undefined, waits: undefined }, 'select 1', 0);
    checks.checkStatementSums(meter, 'now');
    meter.failed += 1;
    expect(() => checks.checkStatementSums(meter, 'now')).toThrow('Σ of the statements = total');
  });

  it('of pools, limiters and circuits: whichever number is changed alone is found', () => {
    const { pool } = poolBench();
    checks.checkPoolSums(pool.stats(), pool.inspection.times(), 'now');
    for (const name of ['total', 'inUse', 'idle', 'closing', 'sharing'] as const) {
      const wrong = { ...pool.stats(), [name]: 1 };
      expect(() => checks.checkPoolSums(wrong, pool.inspection.times(), 'now'), name).toThrow('now: not ');
    }
    const limiter = new ConnectionLimiter({ max: 2 }, { clock: fakeClock() });
    void limiter.acquire({ deadlineAt: Infinity });
    checks.checkLimiterSums(limiter.stats(), 'now');
    for (const name of ['inUse', 'waiting', 'waited'] as const)
      expect(() => checks.checkLimiterSums({ ...limiter.stats(), [name]: 2 }, 'now'), name).toThrow('now: not ');
    checks.checkCircuitSums({ ...newTally(), admitted: 3, successes: 1 }, 1, 1, 'now');
    expect(() => checks.checkCircuitSums({ ...newTally(), admitted: 3 }, 1, 1, 'now')).toThrow('now: not admitted');
  });
});

/** What has numbers of its own. */
const COUNTING = /\bnew (?:Pool|CircuitBreaker|ConnectionLimiter|RateLimiter|Connection)\(|\bcreateRuntime\(/;

describe('The tests of troubles', () => {
  const chaos = readdirSync(`${ROOT}/test/chaos`).filter((name) => name.endsWith('.test.ts'));

  it.each(chaos)('%s asks for the sums, if anything in it counts', (name) => {
    const story = storyOf(`test/chaos/${name}`);
    const isCounting = story.some((text) => COUNTING.test(text));
    const asks = story.some((text) =>
      /\bcheck\w*Sums\(|\bcheckMetricsAtRest\(|#checkCounts\(|\bassertSums\(/.test(text),
    );
    expect(asks || !isCounting).toBe(true);
  });

  it('are those that count something, but for the one about the parts of a simulation', () => {
    const silent = chaos.filter((name) => !storyOf(`test/chaos/${name}`).some((text) => COUNTING.test(text)));
    expect(silent).toEqual(['fleet-model.test.ts']);
  });

  it('with real servers are watched, every runtime of them', () => {
    const servers = readFileSync(`${ROOT}/vitest.config.ts`, 'utf8').split("name: 'servers'")[1] ?? '';
    expect(servers.split('name:')[0]).toContain("setupFiles: ['test/integration/sums-of-every-runtime.ts']");
  });
});

/** A test, and what it imports of test/ for more than its types, with what that imports; without the checks themselves. */
function storyOf(path: string, seen = new Set<string>()): string[] {
  if (seen.has(path) || path.endsWith('metric-sums.ts')) return [];
  seen.add(path);
  const text = readFileSync(`${ROOT}/${path}`, 'utf8');
  const imported = [...text.matchAll(/^import (?!type )[^;]*?'(\.[^']+)\.js';/gm)].map(([, to = '']) =>
    join(dirname(path), `${to}.ts`),
  );
  const ours = imported.filter((file) => file.startsWith('test/') && existsSync(`${ROOT}/${file}`));
  return [text, ...ours.flatMap((file) => storyOf(file, seen))];
}
