/**
 * Oracle statements that are stopped: a break is meant for one statement and may hit another one, since it is answered on the line
 * where the next call reads. So many are stopped around the moment of their answers, and everybody else is watched. And what is stopped,
 * left or failed leaves no cursor open at the server.
 */
import { isFluxorError } from 'fluxor-db';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OracleHouse, OracleSite } from './oracle-house.js';
import { PROFILES, startOracleSite } from './oracle-house.js';
import { failure } from './proxied-database.js';

const INSERT = 'insert into things values (:1)';
const PAUSE = 'select pause(:1, :2) from dual';
const STOPS = new Set(['TIMEOUT', 'CANCELLED']);
/** Each stop takes its time, most of it spent waiting: four times that on a machine that is four times slower. */
const STORM_LIMIT_MS = 180_000;
/** Cursors that the library keeps for statements that may come again. */
const KEPT_STATEMENTS = 10;

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    (error: unknown) => (isFluxorError(error) && STOPS.has(error.code) ? error.code : String(error)),
  );

describe.each(PROFILES)('a storm of cancels on Oracle %s', (profile) => {
  let site: OracleSite;
  beforeAll(async () => {
    site = await startOracleSite(profile, { maxOpenCursors: 90 });
  });
  afterEach(async () => {
    await site.server.fault('clear');
    await site.empty();
  });
  afterAll(() => site.stop());

  const key = (house: OracleHouse, n: number) =>
    house.db.queryRow<{ KEY: string }>('select :1 as key, pause(:2, 1) as paused from dual', [
      String(n),
      n % 2 === 0 ? 0 : 0.002,
    ]);

  const storm = '300 timeouts aimed at running statements, among 64 tasks over 10 connections, kill nobody else’s';
  it(storm, { timeout: STORM_LIMIT_MS }, async () => {
    await using house = site.openBehindTheGate({ pool: { maxSize: 10, maxWaiting: 5_000, acquireTimeout: '30s' } });
    await house.fill();
    let isOver = false;
    let answered = 0;
    let cancelled = 0;
    using _listener = house.db.on('query:cancelled', () => (cancelled += 1));
    const innocents = Array.from({ length: 64 }, async (_, task) => {
      for (let n = 0; !isOver; n += 1) {
        const wanted = task * 1_000_000 + n;
        const row = await key(house, wanted);
        if (row?.KEY !== String(wanted)) throw new Error(`asked for ${wanted}, got ${row?.KEY}`);
        answered += 1;
      }
    });
    // On a machine that is busy elsewhere they would only wait in the line for as long: then their limit gets longer.
    let limitMs = 50;
    const victims = Array.from({ length: 10 }, async () => {
      const ends: string[] = [];
      for (let n = 0; cancelled < 300 && !isOver; n += 1) {
        const before = cancelled;
        // Every fourth ends around the moment of its timeout.
        const seconds = n % 4 === 0 ? (0.9 * limitMs) / 1_000 : 30;
        ends.push(await codeOf(house.db.query(PAUSE, [seconds, 1], { timeout: limitMs, priority: 'high' })));
        if (cancelled === before) limitMs = Math.min(1_000, limitMs + 5);
      }
      return ends;
    });
    const all = Promise.all(innocents);
    // One that failed is told at the end; until then the others go on.
    all.catch(() => (isOver = true));
    const ends = (await Promise.all(victims)).flat();
    isOver = true;
    await all;
    // Not all of them were told of a stop that had begun: some answers came within the grace.
    expect(ends.filter((end) => end !== 'TIMEOUT' && end !== 'answered')).toEqual([]);
    expect(cancelled).toBeGreaterThanOrEqual(300);
    expect(answered).toBeGreaterThan(0);
    // Stopping costs no connection, but for one now and then (the next test).
    expect(house.closed.length).toBeLessThanOrEqual(300 / 64);
    await house.check();
  });

  it('a break that crosses its answer hits nobody, nor does it leave cursors: every moment of a statement', async () => {
    await using house = site.openBehindTheGate({ pool: { maxSize: 1 } });
    await house.ask(0);
    const ends = new Set<string>();
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    // Turns of the loop until an answer is there: every twelfth is left alone and tells; a machine that is slow needs more of them.
    let turnsOfAnswer = 0;
    for (let n = 0; n < 200; n += 1) {
      const controller = new AbortController();
      let isOver = false;
      const call = codeOf(house.db.query('select :1 as key from dual', [n], { signal: controller.signal })).finally(
        () => (isOver = true),
      );
      const moment = n % 12;
      if (moment === 0) {
        for (turnsOfAnswer = 0; !isOver; turnsOfAnswer += 1) await turn();
      } else {
        // From its first turn to two tenths past the one in which the answer is awaited.
        const turns = Math.round(((moment - 1) / 8) * turnsOfAnswer);
        for (let passed = 0; passed < turns && !isOver; passed += 1) await turn();
      }
      controller.abort();
      ends.add(await call);
      expect(await house.ask(n)).toBe(n);
    }
    expect([...ends].sort()).toEqual(['CANCELLED', 'answered']);
    // Given up each time that 64 calls were broken off, and for nothing else.
    expect(house.closed.length).toBeLessThanOrEqual(200 / 64);
    expect(new Set(house.lost)).toEqual(new Set(house.closed.length === 0 ? [] : ['CONNECTION lost']));
    await house.check();
  });

  it('aborted in flight, it is stopped at the server; a query has changed nothing, a write may have', async () => {
    await using house = site.openBehindTheGate({ pool: { maxSize: 1 } });
    const outcomeOf = async (text: string): Promise<string> => {
      const controller = new AbortController();
      const stopped = failure(house.db.exec(text, [], { signal: controller.signal }));
      await house.untilRunning('(30');
      controller.abort();
      const { error } = await stopped;
      expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller' });
      await house.check();
      return error.outcome;
    };
    expect(await outcomeOf('insert into things select pause(30, 1) from dual')).toBe('unknown');
    expect(await outcomeOf('begin dbms_session.sleep(30); end;')).toBe('unknown');
    // The server's word is waited for for 100 ms, in which the machine may stand still.
    const ofQuery = () => outcomeOf('select pause(30, 1) from dual');
    await expect.poll(ofQuery, { timeout: 30_000 }).toBe('not-applied');
    await expect.poll(() => site.ids()).toEqual([]);
    expect(house.closed).toEqual([]);
  });

  it('aborted in a transaction, the statement is undone, and so is the transaction', async () => {
    await using house = site.openBehindTheGate({ pool: { maxSize: 1 } });
    const tx = await house.db.begin();
    await tx.exec(INSERT, [1]);
    const { error } = await failure(tx.query('select pause(30, 1) from dual', [], { timeout: 100 }));
    expect(error.code).toBe('TIMEOUT');
    await tx.rollback().catch(() => undefined);
    expect(await site.ids()).toEqual([]);
    await house.check();
  });

  it('a break that the server answers late is waited for, and hits nobody', async () => {
    // Lent unasked, or after a pause of the machine the proof of life would find it frozen, and not the statement.
    await using house = site.openBehindTheGate({ pool: { maxSize: 1, validation: { bypass: '1m' } } });
    await house.ask(0);
    await site.server.fault('freeze', await house.sid());
    const stopped = failure(house.db.exec(INSERT, [1], { timeout: 50 }));
    expect((await stopped).error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    const next = house.ask(5);
    await site.server.fault('thaw');
    expect(await next).toBe(5);
    expect(house.closed).toEqual([]);
    await house.check();
  });

  describe('what is left open at the server', () => {
    const openCursors = async (house: OracleHouse): Promise<number> => {
      // What was left is closed with the next call.
      await house.ask(1);
      const { sessions } = await site.server.look();
      return sessions.find(({ endToEnd }) => endToEnd['module'] === house.name)?.openCursors ?? -1;
    };
    const open = (): OracleHouse =>
      site.openBehindTheGate({ pool: { maxSize: 1 }, query: { statementCache: { perConnection: KEPT_STATEMENTS } } });
    const rows = (n: number): string => `select level as n, ${n} as own from dual connect by level <= 500`;

    it('by streams that were left early: nothing but what is kept to be used again', async () => {
      await using house = open();
      for (let n = 0; n < 120; n += 1) {
        for await (const _row of house.db.stream(rows(n), [], { batchSize: 10 })) break;
      }
      expect(await openCursors(house)).toBeLessThanOrEqual(KEPT_STATEMENTS + 1);
      await house.check();
    });

    it('by streams that failed and streams that were stopped', async () => {
      await using house = open();
      for (let n = 0; n < 110; n += 1) {
        const read = async (signal?: AbortSignal, abort?: () => void): Promise<void> => {
          let seen = 0;
          const options = { batchSize: 10, ...(signal && { signal }) };
          for await (const _row of house.db.stream(rows(n), [], options)) {
            seen += 1;
            if (seen === 15) abort?.();
          }
        };
        if (n % 2 === 0) {
          await site.server.fail(1_555, { on: 'fetch' });
          expect((await failure(read())).error).toMatchObject({ vendorCode: 1_555 });
        } else {
          const controller = new AbortController();
          expect((await failure(read(controller.signal, () => controller.abort()))).error.code).toBe('CANCELLED');
        }
      }
      expect(await openCursors(house)).toBeLessThanOrEqual(KEPT_STATEMENTS + 1);
      await house.check();
    });

    it('by statements that were stopped, and statements that failed', async () => {
      await using house = open();
      for (let n = 0; n < 110; n += 1) {
        const text = `select pause(30, ${n}) from dual`;
        if (n % 7 === 0) expect((await failure(house.db.query(text, [], { timeout: 30 }))).error.code).toBe('TIMEOUT');
        else expect((await failure(house.db.query(`select ${n} / 0 from dual`))).error.vendorCode).toBe(1_476);
      }
      expect(await openCursors(house)).toBeLessThanOrEqual(KEPT_STATEMENTS + 1);
      await house.check();
    });

    it('by batches that failed', async () => {
      await using house = open();
      for (let n = 0; n < 110; n += 1) {
        const sets = [[n], [null]] as const;
        const { error } = await failure(house.db.batch(`insert /* ${n} */ into things values (:1)`, sets));
        expect(error).toMatchObject({ code: 'CONSTRAINT', outcome: 'not-applied' });
      }
      expect(await openCursors(house)).toBeLessThanOrEqual(KEPT_STATEMENTS + 1);
      expect(await site.ids()).toEqual([]);
      await house.check();
    });

    it('by more statements than are kept, in one session', async () => {
      await using house = open();
      for (let n = 0; n < 150; n += 1) await house.db.query(`select ${n} from dual`);
      expect(await openCursors(house)).toBeLessThanOrEqual(KEPT_STATEMENTS + 1);
    });
  });

  describe('an announced end of the session (in-band notification)', () => {
    it('drains connections that are idle, and nobody hears of it', async () => {
      await using house = site.openBehindTheGate({ pool: { maxSize: 4 } });
      await house.fill();
      for (const sid of await house.sids()) await site.server.fault('notify', sid, 12_752);
      await expect.poll(() => house.lost).toHaveLength(4);
      await expect.poll(() => house.sids()).toEqual([]);
      await house.check();
    });

    it('comes into a transaction: it ends first, or is run again, and is there once', async () => {
      await using house = site.open({ pool: { maxSize: 2 }, query: { retry: { initialBackoff: '1ms' } } });
      let isTold = false;
      await house.db.transaction(async (tx) => {
        await tx.exec(INSERT, [1]);
        if (!isTold) await site.server.fault('notify', await house.sid(), 12_752);
        isTold = true;
        await tx.exec(INSERT, [2]);
      });
      expect(await site.ids()).toEqual([1, 2]);
      await expect.poll(() => house.lost).toHaveLength(1);
      await house.check();
    });
  });

  it('a second execution sends no text, whoever asks on the connection', async () => {
    await using house = site.openBehindTheGate({ pool: { maxSize: 1 } });
    const text = 'select cast(:1 as number(9)) as again from dual';
    for (let n = 0; n < 5; n += 1) await house.db.query(text, [n]);
    await house.db.transaction(async (tx) => tx.query(text, [5]));
    const calls = (await house.callsOf('as again')).map(({ sqlSent }) => sqlSent === true);
    expect(calls).toEqual([true, false, false, false, false, false]);
  });

  it('fifty sessions at once: each with its own rows, each ended', async () => {
    await using house = site.openBehindTheGate({ pool: { maxSize: 50, acquireTimeout: '60s', connectTimeout: '30s' } });
    await house.fill();
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => house.ask(n)))).toEqual(numbers);
    await house.check();
  });
});
