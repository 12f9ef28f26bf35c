/**
 * Batches on MySQL and MariaDB that are stopped at any moment, and whole pools that are: what the caller was told is looked at
 * afterwards, and nothing of a batch that was stopped stays.
 */
import type { DBRuntime, FluxorError, RuntimeOptions } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { startTcpProxy } from 'fluxor-db/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MODES } from './batch-targets.js';
import { BEHIND_THE_GATE, failure } from './proxied-database.js';
import type { RoadOptions } from './proxied-targets.js';
import { proxiedTargets } from './proxied-targets.js';

const targets = proxiedTargets().filter(({ begin }) => begin === 'start transaction');

/** Nothing that was stopped is on its way any more. */
const untilSettled = async (db: DBRuntime): Promise<void> => {
  const unsettled = () => {
    const { inUse, waiting, creating, checking, resetting, closing } = db.stats();
    return inUse + waiting + creating + checking + resetting + closing;
  };
  await expect.poll(unsettled, { timeout: 8_000 }).toBe(0);
};

describe.each(targets)('a batch that is stopped on $name', (target) => {
  const table = `stopped_${target.name.replace(/\W/g, '_')}`;
  const text = `insert into ${table} (grp, n) values (?, ?)`;
  let observer: DBRuntime;
  const runtime = (options: Omit<RuntimeOptions, 'driver'> = {}, road: RoadOptions = {}) =>
    createRuntime({ driver: target.makeDriver(road), ...BEHIND_THE_GATE, ...options });
  const count = async (grp = 0) =>
    Number(await observer.queryValue(`select count(*) from ${table} where grp = ?`, [grp]));
  beforeAll(async () => {
    observer = runtime({ pool: { maxSize: 1 } });
    await observer.exec(`drop table if exists ${table}`);
    await observer.exec(`create table ${table} (grp int, n int)`);
  });
  beforeEach(() => observer.exec(`delete from ${table}`));
  afterAll(async () => {
    await observer.exec(`drop table ${table}`);
    await observer.disconnect();
  });

  for (const mode of MODES) {
    it(`by the end of its session keeps nothing, and says so (${mode})`, async () => {
      await using db = runtime({ pool: { maxSize: 2 } });
      for (let round = 0; round < 3; round += 1) {
        const session = await db.acquire();
        const sets = function* () {
          for (let n = 0; n < 3_000; n += 1) {
            // In the middle of a piece, with others sent before it.
            if (n === 700 + round * 90) session.release();
            yield [0, n];
          }
        };
        const { error } = await failure(session.batch(text, sets(), { mode }));
        expect(error).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'not-applied' });
        expect(await count()).toBe(0);
      }
    });

    it(`by disconnect() keeps nothing (${mode})`, async () => {
      const db = runtime();
      let closing: Promise<void> | undefined;
      const sets = async function* () {
        for (let n = 0; n < 20_000; n += 1) {
          if (n === 3_000) closing = db.disconnect({ timeout: 20 });
          if (n > 3_000 && n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
          yield [0, n];
        }
      };
      const { error } = await failure(db.batch(text, sets(), { mode, timeout: '60s' }));
      await closing;
      expect(['not-sent', 'not-applied']).toContain(error.outcome);
      await expect.poll(() => count()).toBe(0);
    });
  }

  it('by its deadline, with its last piece on a slow road, is what it was said to be afterwards', async () => {
    const { hostname, port } = new URL(target.url);
    const proxy = await startTcpProxy({ target: { host: hostname, port: Number(port) } });
    const timeouts = Array.from({ length: 16 }, (_, at) => 250 + at * 40);
    const pool = { maxSize: timeouts.length, warmUp: false } as const;
    const db = runtime({ pool }, { host: proxy.host, port: proxy.port });
    try {
      const all = () => Promise.all(timeouts.map(() => db.query('select sleep(1)')));
      await all();
      // Longer in all than a caller waits for what has become of a stopped statement.
      proxy.delay(75);
      const told = timeouts.map((timeout, grp) =>
        db
          .batch(
            text,
            Array.from({ length: 32 }, (_, n) => [grp, n]),
            { timeout },
          )
          .then(
            () => 'applied',
            ({ outcome }: FluxorError) => outcome,
          ),
      );
      const outcomes = await Promise.all(told);
      await untilSettled(db);
      for (const [grp, outcome] of outcomes.entries()) {
        const rows = await count(grp);
        expect([outcome, rows]).toEqual([outcome, outcome === 'unknown' ? rows : outcome === 'applied' ? 32 : 0]);
        expect([0, 32]).toContain(rows);
      }
      expect(outcomes).toContain('not-applied');
    } finally {
      await db.disconnect({ timeout: 100 });
      await proxy.close();
    }
  });

  it('leaves a session in which what comes next is kept', async () => {
    await using db = runtime({ pool: { maxSize: 1 } });
    await db.use(async (session) => {
      for (let round = 0; round < 10; round += 1) {
        const controller = new AbortController();
        const sets = function* () {
          for (let n = 0; ; n += 1) {
            if (n === 600 + round * 37) controller.abort();
            yield [0, n];
          }
        };
        const { error } = await failure(session.batch(text, sets(), { signal: controller.signal }));
        expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-applied' });
        await session.exec(text, [1, round]);
        expect([await count(), await count(1)]).toEqual([0, round + 1]);
      }
    });
  });

  it('says what stays of one whose own statement commits', async () => {
    await using db = runtime();
    await db.exec(`drop table if exists ${table}_made`);
    const { error } = await failure(db.batch(`create table ${table}_made as select ? as n`, [[1], [2]]));
    expect(error).toMatchObject({ outcome: 'applied', retryable: false, context: { paramSet: 1 } });
    expect(await db.queryValue(`select count(*) from ${table}_made`).then(Number)).toBe(1);
    await db.exec(`drop table ${table}_made`);
  });

  it('is one of 40 that time out together on a slow road, and each keeps its connection', async () => {
    const { hostname, port } = new URL(target.url);
    const proxy = await startTcpProxy({ target: { host: hostname, port: Number(port) } });
    const many = Array.from({ length: 40 }, (_, at) => at);
    const pool = { maxSize: many.length, warmUp: false } as const;
    const db = runtime({ pool }, { host: proxy.host, port: proxy.port });
    const holder = await observer.acquire();
    try {
      await Promise.all(many.map(() => db.query('select sleep(1)')));
      const { created } = db.stats().totals;
      expect(created).toBe(many.length);
      // Not sleep(), whose sleepers share one lock: MariaDB tries for it up to 2 s for each KILL.
      const waiting = `select get_lock('${table}', 20)`;
      await holder.query(`select get_lock('${table}', 0)`);
      // One KILL after the other would take 3 s, of the 2 s that each has; all together, they leave time for a slow machine.
      proxy.delay(40);
      const ends = await Promise.all(many.map(() => failure(db.query(waiting, [], { timeout: 500 }))));
      expect(new Set(ends.map(({ error }) => error.code))).toEqual(new Set(['TIMEOUT']));
      await untilSettled(db);
      proxy.clearFaults();
      expect(await Promise.all(many.map((n) => db.queryValue('select ? + 1', [n]).then(Number)))).toEqual(
        many.map((n) => n + 1),
      );
      expect(db.stats()).toMatchObject({ total: many.length, totals: { created } });
    } finally {
      holder.release();
      await db.disconnect({ timeout: 100 });
      await proxy.close();
    }
  });
});
