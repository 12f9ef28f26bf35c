/**
 * An Oracle server that stands still: it takes what is sent and answers nothing, not even a break. The library has no deadline for
 * that (its `callTimeout` and `close()` wait with it), so the runtime's own have to hold, whatever the connection was doing; the
 * connection is given up, and said to be.
 */
import { spawn } from 'node:child_process';
import type { CloseReason, FluxorError } from 'fluxor-db';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OracleHouse, OracleSite } from './oracle-house.js';
import { PROFILES, SLACK_MS, startOracleSite } from './oracle-house.js';
import { failure } from './proxied-database.js';

const INSERT = 'insert into things values (:1)';
const LIMIT_MS = 200;
/** What a statement that was stopped is given, before its connection is given up. */
const CANCEL_GRACE_MS = 2_000;
const MANY = 'select level as n from dual connect by level <= 5000';

describe.each(PROFILES)('a frozen Oracle %s', (profile) => {
  let site: OracleSite;
  beforeAll(async () => {
    site = await startOracleSite(profile);
  });
  afterEach(async () => {
    await site.server.fault('clear');
    await site.server.fault('thaw');
    await site.empty();
  });
  afterAll(() => site.stop());

  /**
   * With one connection that is there, and is lent again unasked: after a pause of the machine the proof of life would find it
   * frozen, and not the statement.
   */
  async function open(options: Parameters<OracleSite['open']>[0] = {}): Promise<OracleHouse> {
    const pool = { maxSize: 1, validation: { bypass: '1m' }, ...options.pool } as const;
    const house = site.openBehindTheGate({ ...options, pool });
    await house.ask(1);
    return house;
  }

  const freeze = async (house: OracleHouse): Promise<void> => {
    for (const sid of await house.sids()) await site.server.fault('freeze', sid);
  };

  /** It is told of, and another one takes its place. `reset-failed`: it never came to rest after the break. */
  async function expectGivenUp(house: OracleHouse, reason: CloseReason = 'reset-failed'): Promise<void> {
    await expect.poll(() => house.closed.length, { timeout: CANCEL_GRACE_MS + 10_000 }).toBeGreaterThan(0);
    expect(new Set(house.closed)).toEqual(new Set([reason]));
    await house.check();
  }

  it.each([
    ['a write', { text: INSERT, readOnly: false }, 'unknown', false],
    ['a declared read', { text: 'select id from things where id = :1', readOnly: true }, 'not-applied', true],
  ] as const)('a statement ends within its limit: %s', async (_case, { text, readOnly }, outcome, retryable) => {
    await using house = await open();
    await freeze(house);
    const { error, afterMs } = await failure(house.db.query(text, [1], { timeout: LIMIT_MS, readOnly }));
    expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'statement', outcome, retryable });
    expect(afterMs).toBeGreaterThanOrEqual(LIMIT_MS - 1);
    expect(afterMs).toBeLessThan(LIMIT_MS + SLACK_MS);
    await expectGivenUp(house);
    expect(await site.ids()).toEqual([]);
  });

  it('a signal ends a statement as a limit does', async () => {
    await using house = await open();
    await freeze(house);
    const controller = new AbortController();
    const stopped = failure(house.db.exec(INSERT, [1], { signal: controller.signal }));
    await expect.poll(() => house.db.stats().inUse).toBe(1);
    controller.abort();
    const { error, afterMs } = await stopped;
    expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'unknown' });
    expect(afterMs).toBeLessThan(SLACK_MS);
    await expectGivenUp(house);
  });

  it('in the middle of a stream', async () => {
    await using house = await open();
    const read = async (): Promise<void> => {
      let seen = 0;
      for await (const _row of house.db.stream(MANY, [], { batchSize: 100, timeout: 1_000 })) {
        seen += 1;
        if (seen === 150) await freeze(house);
      }
    };
    const { error, afterMs } = await failure(read());
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(afterMs).toBeLessThan(1_000 + SLACK_MS);
    await expectGivenUp(house);
  });

  it('under a stream that is left: leaving it is not held up for ever', async () => {
    await using house = await open();
    for await (const _row of house.db.stream(MANY, [], { batchSize: 100 })) {
      await freeze(house);
      break;
    }
    // Its end costs no round trip, so nobody has noticed yet: the next statement does.
    expect((await failure(house.db.exec(INSERT, [1], { timeout: LIMIT_MS }))).error.code).toBe('TIMEOUT');
    await expectGivenUp(house);
  });

  it('in the middle of a batch: all of it is gone with its connection, and nobody claims more', async () => {
    await using house = await open();
    async function* sets(): AsyncGenerator<[number]> {
      for (let id = 1; id <= 20_000; id += 1) {
        // Behind the first chunk (4,096 sets), which the slowest machine has sent long before the limit.
        if (id === 4_500) await freeze(house);
        yield [id];
      }
    }
    const { error, afterMs } = await failure(house.db.batch(INSERT, sets(), { timeout: 5_000 }));
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(['not-applied', 'unknown']).toContain(error.outcome);
    expect(afterMs).toBeLessThan(5_000 + CANCEL_GRACE_MS + SLACK_MS);
    await expectGivenUp(house);
    await expect.poll(() => site.ids()).toEqual([]);
  });

  it('in the middle of connecting', async () => {
    // Time enough to come as far as the logon; and callers have more, so that nobody else's limit is met in the same moment.
    await using house = site.openBehindTheGate({ pool: { connectTimeout: '2s', acquireTimeout: '20s' } });
    const held = await site.server.hold('logon');
    const connecting = failure(house.db.connect());
    await held.reached;
    const { error, afterMs } = await connecting;
    expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'connect', outcome: 'not-sent' });
    expect(afterMs).toBeLessThan(2_000 + SLACK_MS);
    await house.check();
  });

  it('after the login, before the session is set up', async () => {
    await using house = site.openBehindTheGate({ pool: { connectTimeout: '300ms', acquireTimeout: '20s' } });
    await site.server.hold('execute', 'time_zone');
    const { error, afterMs } = await failure(house.db.connect());
    expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'connect', outcome: 'not-sent' });
    expect(afterMs).toBeLessThan(300 + SLACK_MS);
    await house.check();
  });

  it('in COMMIT: its outcome is unknown, and it is not made again', async () => {
    const pool = { maxSize: 1, validation: { bypass: '1m' } } as const;
    await using house = site.open({ pool, query: { retry: { initialBackoff: '1ms' } } });
    // What comes before COMMIT must not use up the limit: neither connecting nor a machine that is busy elsewhere.
    await house.ask(1);
    let runs = 0;
    const commit = house.db.transaction(
      async (tx) => {
        runs += 1;
        await tx.exec(INSERT, [runs]);
        await freeze(house);
      },
      { timeout: 2_000 },
    );
    const { error } = await failure(commit);
    expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown', retryable: false });
    expect(runs).toBe(1);
    await expectGivenUp(house, 'discarded');
  });

  it('in a ROLLBACK that its caller asked for: the transaction ends, and nothing of it is kept', async () => {
    await using house = await open({ query: { timeout: '500ms' } });
    const tx = await house.db.begin();
    await tx.exec(INSERT, [1], { timeout: '20s' });
    await freeze(house);
    await tx.rollback().catch((error: FluxorError) => expect(error.outcome).not.toBe('applied'));
    await expectGivenUp(house, 'discarded');
    await expect.poll(() => site.ids()).toEqual([]);
  });

  it('in the rollback of a session that comes back with a transaction', async () => {
    await using house = await open({ pool: { maxSize: 1 } });
    await house.db.use(async (session) => {
      const tx = await session.begin();
      await tx.exec(INSERT, [1]);
      await freeze(house);
    });
    // Off the caller's path, with a limit of its own.
    await expect.poll(() => house.closed, { timeout: 20_000 }).toHaveLength(1);
    await house.check();
    await expect.poll(() => site.ids()).toEqual([]);
  });

  it('in the proof of life before it is lent: another one is lent instead', async () => {
    await using house = await open({ pool: { maxSize: 2, validation: { bypass: 0, timeout: '1s' } } });
    await freeze(house);
    expect(await house.ask(2)).toBe(2);
    await expect.poll(() => house.closed).toEqual(['validation-failed']);
    await house.check();
  });

  it('in a proof of life by a statement', async () => {
    const validation = { bypass: 0, timeout: '1s', query: 'select 1 from dual' } as const;
    await using house = await open({ pool: { maxSize: 2, validation } });
    await freeze(house);
    expect(await house.ask(2)).toBe(2);
    await expect.poll(() => house.closed).toEqual(['validation-failed']);
    await house.check();
  });

  it('all of a pool: callers are told in time, one after the other, and it heals', async () => {
    await using house = await open({ pool: { maxSize: 4 } });
    await house.fill();
    await freeze(house);
    const ends = await Promise.all(
      Array.from({ length: 8 }, (_, n) => failure(house.db.exec(INSERT, [n], { timeout: 500 }))),
    );
    for (const { error, afterMs } of ends) {
      expect(error.code).toBe('TIMEOUT');
      expect(afterMs).toBeLessThan(500 + SLACK_MS);
    }
    await expectGivenUp(house);
  });

  it('that is frozen for a moment only loses nobody: what was asked is answered', async () => {
    await using house = await open();
    await freeze(house);
    const asked = house.ask(7);
    await expect.poll(() => house.db.stats().inUse).toBe(1);
    await site.server.fault('thaw');
    expect(await asked).toBe(7);
    expect(house.closed).toEqual([]);
    await house.check();
  });

  it('idle, when the runtime disconnects: that ends although close() does not', async () => {
    await using house = await open({ pool: { maxSize: 2 } });
    await house.check();
    await freeze(house);
    await house.db.disconnect({ timeout: 200 });
    expect(house.db.stats()).toMatchObject({ total: 0, closing: 0 });
    expect(new Set(house.closed)).toEqual(new Set(['shutdown']));
  });

  it('at work, when the runtime disconnects: its caller is told, and that ends, too', async () => {
    await using house = await open();
    await freeze(house);
    const asked = failure(house.db.exec(INSERT, [1]));
    await expect.poll(() => house.db.stats().inUse).toBe(1);
    await house.db.disconnect({ timeout: 200 });
    expect((await asked).error).toMatchObject({ code: 'CANCELLED', reason: 'runtime', outcome: 'unknown' });
    expect(house.db.stats()).toMatchObject({ total: 0, closing: 0 });
  });

  it('keeps no process alive that has disconnected from it: no socket, no timer is left', async () => {
    const at = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
    const program = `
      import { createRuntime } from ${at('index.ts')};
      import { oracle } from ${at('driver/oracle/index.ts')};
      const db = createRuntime({ driver: oracle({ url: ${JSON.stringify(site.server.url)} }), pool: { maxSize: 2 } });
      await db.query('select 1 from dual');
      const asked = db.query('select pause(600, 1) from dual', [], { timeout: 300 }).catch((error) => error.code);
      setTimeout(() => process.send('asked'), 100);
      const ended = await asked;
      await db.disconnect({ timeout: 200 });
      process.send(ended, () => process.disconnect());
    `;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const told: unknown[] = [];
    child.on('message', (message) => {
      told.push(message);
      if (message === 'asked') void site.server.fault('freeze');
    });
    const exitCode = await new Promise((resolve) => child.once('exit', resolve));
    expect([told, exitCode]).toEqual([['asked', 'TIMEOUT'], 0]);
  });
});
