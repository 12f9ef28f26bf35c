/**
 * What is done for OpenTelemetry to be told of it, one scenario after the other; observe.ts runs them. What has to come out stands
 * in expected-spans.ts.
 * Invariants: nothing here knows the version of the SDK, nor the test runner, so that a process without either can run it;
 * values and literals that must be seen nowhere have a canary in them.
 */
import type { DBRuntime, RuntimeOptions } from 'fluxor-db';
import type { OpenTelemetryOptions } from 'fluxor-db/otel';
import type { TcpProxy } from 'fluxor-db/testing';
import type { MemorySdk } from './memory-sdk.js';

/** A server to run the scenarios on. */
export interface OtelTarget {
  readonly system: 'postgresql' | 'mysql';
  readonly url: string;
}

/** In every value and literal of the scenarios that is a text. */
export const CANARY = 'canary-4f1d';
/** A number that is a value, and in nothing else. */
export const CANARY_NUMBER = 90_417_733;

/** What a scenario is run with. */
export interface Scene {
  readonly db: DBRuntime;
  readonly sql: Sql;
  readonly proxy: TcpProxy;
  readonly sdk: MemorySdk;
}

export interface Scenario {
  readonly runtime?: Omit<RuntimeOptions, 'driver'>;
  readonly telemetry?: Partial<OpenTelemetryOptions>;
  /** No connection is open before telemetry is. */
  readonly isCold?: boolean;
  /** The application's span is not sampled. */
  readonly isUnsampled?: boolean;
  run(scene: Scene): Promise<unknown>;
}

/** The words that differ. */
export interface Sql {
  readonly select: string;
  readonly insert: string;
  readonly sleep: (seconds: number) => string;
}

export const SQL: Readonly<Record<OtelTarget['system'], Sql>> = {
  postgresql: {
    select: 'select id, name from otel_people where name = $1',
    insert: 'insert into otel_people (id, name) values ($1, $2)',
    sleep: (seconds) => `select pg_sleep(${seconds})`,
  },
  mysql: {
    select: 'select id, name from otel_people where name = ?',
    insert: 'insert into otel_people (id, name) values (?, ?)',
    sleep: (seconds) => `select sleep(${seconds})`,
  },
};

const PLAIN = `select id, name from otel_people where name = '${CANARY}-literal' and id = ${CANARY_NUMBER}`;
/** Of the one row that is there. */
export const KNOWN = `${CANARY}-known`;

export const SCENARIOS = {
  'a SELECT with values': { run: ({ db, sql }) => db.query(sql.select, [CANARY]) },
  'a SELECT with literals': { run: ({ db }) => db.query(PLAIN) },
  'rows counted': { telemetry: { captureRows: true }, run: ({ db, sql }) => db.query(sql.select, [KNOWN]) },
  'texts left out': { telemetry: { captureText: 'off' }, run: ({ db, sql }) => db.query(sql.select, [CANARY]) },
  'texts sanitized': { telemetry: { captureText: 'sanitized' }, run: ({ db }) => db.query(PLAIN) },
  'no spans': { telemetry: { spans: false }, run: ({ db, sql }) => db.query(sql.select, [CANARY]) },
  'an application span that is not sampled': {
    isUnsampled: true,
    run: ({ db, sql }) => db.query(sql.select, [CANARY]),
  },
  'a unique violation': { run: ({ db, sql }) => failing(db.exec(sql.insert, [1, KNOWN])) },
  'a syntax error': { run: ({ db }) => failing(db.query(`selct '${CANARY}' from otel_people`)) },
  'a statement whose first connection is lost': {
    run: ({ db, proxy }) => {
      proxy.dropReplies({ when: (chunk) => chunk.includes('lost_once'), then: 'reset' });
      return db.query('select count(*) as lost_once from otel_people', [], { readOnly: true });
    },
  },
  'a statement whose connections are all lost': {
    runtime: { query: { retry: { maxRetries: 1, initialBackoff: 1 } } },
    run: ({ db, proxy }) => {
      proxy.dropReplies({ when: (chunk) => chunk.includes('lost_always'), then: 'reset', times: 2 });
      return failing(db.query('select count(*) as lost_always from otel_people', [], { readOnly: true }));
    },
  },
  'a call that the circuit breaker refuses': {
    run: ({ db, sql }) => {
      db.gate.circuit.forceOpen();
      return failing(db.query(sql.select, [CANARY]));
    },
  },
  'a call that the rate limit refuses': {
    run: ({ db, sql }) => {
      db.gate.rateLimit.set({ perSecond: 1, burst: 1 });
      // In one turn, so that no token can come in between.
      return Promise.all([db.query('select 1'), failing(db.query(sql.select, [CANARY]))]);
    },
  },
  'a call that gets no connection in time': {
    runtime: { pool: { maxSize: 1, acquireTimeout: 900, connectTimeout: 900 } },
    run: async ({ db, sql }) => {
      await using _held = await db.acquire();
      await failing(db.query(sql.select, [CANARY]));
    },
  },
  'a call that runs into its time limit': {
    run: ({ db, sql }) => failing(db.query(sql.sleep(30), [], { timeout: 200 })),
  },
  'a call that is cancelled': {
    run: ({ db, sql }) => {
      const controller = new AbortController();
      const cancelled = failing(db.query(sql.sleep(30), [], { signal: controller.signal }));
      setTimeout(() => controller.abort(), 100);
      return cancelled;
    },
  },
  'a call while the runtime ends': {
    run: async ({ db, sql }) => {
      const running = db.query(sql.sleep(0.1));
      const ended = db.disconnect();
      await failing(db.query(sql.select, [CANARY]));
      await Promise.all([running, ended]);
    },
  },
  'a call that waits for a connection': {
    runtime: { pool: { maxSize: 1 } },
    run: async ({ db, sql }) => {
      const session = await db.acquire();
      const waiting = db.query(sql.select, [CANARY]);
      await session.query(sql.sleep(0.05));
      session.release();
      await waiting;
    },
  },
  'a transaction that is committed': {
    run: ({ db, sql, sdk }) =>
      db.transaction(
        async (tx) => {
          await tx.exec(sql.insert, [100, `${CANARY}-committed`]);
          await sdk.inSpan('work', () => tx.query(sql.select, [CANARY]));
        },
        { isolation: 'serializable' },
      ),
  },
  'a transaction whose function throws': {
    run: ({ db, sql }) =>
      failing(
        db.transaction(async (tx) => {
          await tx.exec(sql.insert, [101, `${CANARY}-undone`]);
          throw new Error(CANARY);
        }),
      ),
  },
  'a transaction whose statement fails': {
    run: ({ db, sql }) => failing(db.transaction((tx) => tx.exec(sql.insert, [1, KNOWN]))),
  },
  'a transaction that is run twice': {
    run: ({ db, sql }) => {
      let runs = 0;
      return db.transaction(async (tx) => {
        runs += 1;
        if (runs === 1) await tx.exec('call otel_conflict()');
        await tx.query(sql.select, [CANARY]);
      });
    },
  },
  'a transaction that is begun and ended by hand': {
    run: async ({ db, sql }) => {
      const tx = await db.begin();
      await tx.query(sql.select, [CANARY]);
      await tx.commit();
    },
  },
  'a batch': {
    run: ({ db, sql }) =>
      db.batch(
        sql.insert,
        [1, 2, 3].map((at) => [200 + at, `${CANARY}-batch-${at}`]),
      ),
  },
  'a large batch': {
    run: ({ db, sql }) =>
      db.batch(
        sql.insert,
        Array.from({ length: 50 }, (_, at) => [300 + at, `${CANARY}-large-${at}`]),
      ),
  },
  'a batch of one': { run: ({ db, sql }) => db.batch(sql.insert, [[400, `${CANARY}-one`]]) },
  'a batch that fails': {
    run: ({ db, sql }) =>
      failing(
        db.batch(
          sql.insert,
          [2, 1].map((at) => [400 + at, at === 1 ? KNOWN : CANARY]),
        ),
      ),
  },
  'a stored procedure': { run: ({ db }) => db.exec('call otel_touch(7)') },
  'a stream': {
    run: async ({ db, sql }) => {
      for await (const _row of db.stream(sql.select, [KNOWN])) continue;
    },
  },
  'statements at once on one connection': {
    runtime: { pool: { maxSize: 1 } },
    run: ({ db, sql, sdk }) =>
      Promise.all([1, 2, 3].map((at) => sdk.inSpan(`caller ${at}`, () => db.query(sql.select, [CANARY])))),
  },
  'a health check': { run: ({ db }) => db.healthCheck() },
  'the first connection': { isCold: true, run: ({ db }) => db.query('select 1') },
  'a server that is not there': {
    isCold: true,
    runtime: { query: { retry: false }, pool: { acquireTimeout: 900, connectTimeout: 900 } },
    run: async ({ db, proxy }) => {
      await proxy.setMode('refuse');
      await failing(db.query('select 1'));
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof SCENARIOS;

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as ScenarioName[];

/** That it fails is what is asked for; how, is in the spans. */
async function failing(work: Promise<unknown>): Promise<void> {
  let isDone = false;
  try {
    await work;
    isDone = true;
  } catch {
    // As it should be.
  }
  if (isDone) throw new Error('It should have failed.');
}
