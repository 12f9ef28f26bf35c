/**
 * An Oracle listener or instance that does not serve: by the real client library over the wire server. Each trouble ends in the error
 * that says what to do, within its deadline, and when it is over the pool serves everybody again.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OracleSite } from './oracle-house.js';
import { PROFILES, SLACK_MS, startOracleSite } from './oracle-house.js';
import { failure } from './proxied-database.js';

const INSERT = 'insert into things values (:1)';
/** Callers, once the first attempt to connect has said what is wrong: that may take longer where the machine is busy. */
const IMPATIENT = { acquireTimeout: '500ms' } as const;
/** A connection that is there is lent unasked, also after a pause of the machine: its statement is to find out. */
const UNASKED = { validation: { bypass: '1m' } } as const;

describe.each(PROFILES)('an outage of Oracle %s', (profile) => {
  let site: OracleSite;
  beforeAll(async () => {
    site = await startOracleSite(profile);
  });
  afterEach(async () => {
    await site.server.fault('clear');
    await site.server.fault('listenAgain').catch(() => undefined);
    await site.empty();
  });
  afterAll(() => site.stop());

  describe('for new connections', () => {
    it('a listener that takes them and never answers: the deadline is kept, and the socket is let go', async () => {
      await using house = site.openBehindTheGate({ pool: { connectTimeout: '200ms' } });
      await site.server.fault('blackHole', true);
      const first = await failure(house.db.connect());
      expect(first.error).toMatchObject({ code: 'TIMEOUT', phase: 'connect', outcome: 'not-sent' });
      expect(first.afterMs).toBeLessThan(200 + SLACK_MS);
      house.db.pool.reconfigure(IMPATIENT);
      const { error, afterMs } = await failure(house.ask(1));
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'connect', outcome: 'not-sent', retryable: true });
      expect(afterMs).toBeLessThan(500 + SLACK_MS);
      const observers = site.observer.stats().total;
      await expect.poll(async () => (await site.server.look()).connections).toBeLessThanOrEqual(observers + 1);
      await house.check();
    });

    it.each([
      [12_514, 'unknown-database'],
      [12_505, 'unknown-database'],
      [12_516, 'too-many-connections'],
      [12_520, 'too-many-connections'],
      [12_541, 'refused'],
      [12_528, 'starting-up'],
    ])('refused by the listener with ORA-%i: %s, not sent, and served when it is over', async (number, reason) => {
      await using house = site.openBehindTheGate();
      await site.server.fault('refuse', number);
      const expected = { code: 'CONNECTION', reason, vendorCode: number, outcome: 'not-sent', retryable: true };
      expect((await failure(house.db.connect())).error).toMatchObject(expected);
      house.db.pool.reconfigure(IMPATIENT);
      const { error, afterMs } = await failure(house.ask(1));
      expect(error).toMatchObject(expected);
      expect(afterMs).toBeLessThan(500 + SLACK_MS);
      await house.check();
    });

    it('nobody listens: refused, and waiting callers are served when somebody does again', async () => {
      await using house = site.openBehindTheGate({ pool: { acquireTimeout: '20s' } });
      await site.server.fault('stopListening');
      const expected = { code: 'CONNECTION', reason: 'refused', outcome: 'not-sent', retryable: true };
      expect((await failure(house.db.connect())).error).toMatchObject(expected);
      const answers = Promise.all([1, 2, 3].map((n) => house.ask(n)));
      await expect.poll(() => house.db.stats().waiting).toBe(3);
      await site.server.fault('listenAgain');
      expect(await answers).toEqual([1, 2, 3]);
      await house.check();
    });

    it.each([
      ['starting', 1_033, 'starting-up'],
      ['shutting-down', 1_090, 'shutting-down'],
      ['down', 1_034, 'starting-up'],
    ] as const)('an instance that is %s (ORA-0%i): %s, and served when it is open', async (state, number, reason) => {
      await using house = site.openBehindTheGate();
      await site.server.setInstance(state);
      const expected = { code: 'CONNECTION', reason, vendorCode: number, outcome: 'not-sent', retryable: true };
      expect((await failure(house.db.connect())).error).toMatchObject(expected);
      house.db.pool.reconfigure(IMPATIENT);
      const { error, afterMs } = await failure(house.ask(1));
      expect(error).toMatchObject(expected);
      expect(afterMs).toBeLessThan(500 + SLACK_MS);
      await house.check();
    });

    it('a login that stands still counts into the deadline of connecting', async () => {
      await using house = site.openBehindTheGate({ pool: { connectTimeout: '300ms' } });
      const held = await site.server.hold('logon');
      const { error, afterMs } = await failure(house.db.connect());
      expect(error).toMatchObject({ code: 'TIMEOUT', phase: 'connect', outcome: 'not-sent' });
      expect(afterMs).toBeLessThan(300 + SLACK_MS);
      await held.release();
      await house.check();
    });
  });

  describe('for connections that are there', () => {
    it.each([
      ['starting', 1_033, 'starting-up'],
      ['shutting-down', 1_089, 'shutting-down'],
      ['down', 1_034, 'starting-up'],
    ] as const)(
      'an instance that is %s: none of them is lent again once it has said so, and all are served afterwards',
      async (state, number, reason) => {
        await using house = site.openBehindTheGate({ pool: { ...UNASKED, maxSize: 4 } });
        await house.fill();
        // Time enough for an attempt to connect to fail, and less than the second after which nobody waits any more.
        house.db.pool.reconfigure({ acquireTimeout: '900ms' });
        await site.server.setInstance(state);
        const { error, afterMs } = await failure(house.db.exec(INSERT, [1]));
        expect(error).toMatchObject({ code: 'CONNECTION', reason, vendorCode: number });
        expect(afterMs).toBeLessThan(500 + SLACK_MS);
        const rest = await Promise.all([1, 2, 3, 4].map((n) => failure(house.db.exec(INSERT, [n]))));
        expect(rest.map(({ error: { code } }) => code)).toEqual(Array.from({ length: 4 }, () => 'CONNECTION'));
        await house.check();
        expect(await site.ids()).toEqual([]);
      },
    );

    it('a restart under callers who wait: each of them is served by the time it is open again', async () => {
      await using house = site.openBehindTheGate({ pool: { maxSize: 4, acquireTimeout: '20s' } });
      const running = [1, 2, 3, 4].map((n) => failure(house.db.query('select pause(30, :1) from dual', [n])));
      await house.untilRunning('pause(30', 4);
      await site.server.setInstance('down');
      await site.server.fault('cutAll');
      for (const { error } of await Promise.all(running)) {
        expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', outcome: 'unknown', retryable: false });
      }
      const answers = Promise.all(Array.from({ length: 12 }, (_, n) => house.ask(n)));
      await expect.poll(() => house.db.stats().waiting).toBe(12);
      await site.server.setInstance('open');
      expect(await answers).toEqual(Array.from({ length: 12 }, (_, n) => n));
      await house.check();
    });

    it('a restart while all are idle: nobody hears of it', async () => {
      await using house = site.openBehindTheGate({ pool: { maxSize: 4 } });
      await house.fill();
      await site.server.fault('cutAll');
      await expect.poll(() => house.lost).toHaveLength(4);
      await house.check();
      expect(new Set(house.closed)).toEqual(new Set(['broken']));
    });

    it('a standby (ORA-16000): the write is refused as such, connections go, reads go on, and writes when it is over', async () => {
      await using house = site.openBehindTheGate({ pool: { maxSize: 2 } });
      await house.check();
      await site.server.setInstance('read-only');
      const before = await house.sids();
      const { error } = await failure(house.db.exec(INSERT, [1]));
      expect(error).toMatchObject({
        code: 'TRANSACTION',
        reason: 'read-only',
        vendorCode: 16_000,
        outcome: 'not-applied',
      });
      expect(await house.ask(5)).toBe(5);
      await expect.poll(async () => (await house.sids()).filter((sid) => before.includes(sid))).toEqual([]);
      await site.server.setInstance('open');
      await house.db.exec(INSERT, [2]);
      expect(await site.ids()).toEqual([2]);
      await house.check();
    });

    it('a standby, to a transaction with retries: it is run again on another connection, and is there once', async () => {
      await using house = site.open({
        pool: { maxSize: 2 },
        query: { retry: { maxRetries: 5, initialBackoff: '50ms' } },
      });
      await site.server.setInstance('read-only');
      let runs = 0;
      await house.db.transaction(async (tx) => {
        runs += 1;
        if (runs === 2) await site.server.setInstance('open');
        await tx.exec(INSERT, [runs]);
      });
      expect([runs, await site.ids()]).toEqual([2, [2]]);
      await house.check();
    });
  });

  describe('for one session that an administrator kills (ORA-00028)', () => {
    it('idle: its next caller is told, and nobody is lent it again', async () => {
      await using house = site.openBehindTheGate({ pool: { ...UNASKED, maxSize: 2 } });
      await house.ask(1);
      await site.server.fault('kill', await house.sid());
      const { error } = await failure(house.db.exec(INSERT, [1]));
      expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', vendorCode: 28 });
      expect(house.lost).toEqual(['CONNECTION lost']);
      await house.check();
      expect(await site.ids()).toEqual([]);
    });

    it('idle, and validated before it is lent: nobody hears of it', async () => {
      await using house = site.openBehindTheGate({ pool: { maxSize: 2, validation: { bypass: 0 } } });
      await house.ask(1);
      const killed = await house.sid();
      await site.server.fault('kill', killed);
      expect(await house.ask(2)).toBe(2);
      expect(await house.sids()).not.toContain(killed);
      await house.check();
    });

    it('under its statement: unknown for a write, repeatable for a declared read', async () => {
      await using house = site.openBehindTheGate({ pool: { maxSize: 1 } });
      for (const [readOnly, outcome, retryable] of [
        [false, 'unknown', false],
        [true, 'not-applied', true],
      ] as const) {
        const running = failure(house.db.query('select pause(30, 1) from dual', [], { readOnly }));
        await house.untilRunning('pause(30');
        await site.server.fault('kill', await house.sid());
        const { error } = await running;
        expect(error).toMatchObject({ code: 'CONNECTION', reason: 'lost', vendorCode: 28, outcome, retryable });
        await house.check();
      }
    });

    it('in a transaction: nothing of it is kept, and with retries it is run again as a whole', async () => {
      await using house = site.open({ pool: { maxSize: 2 }, query: { retry: { initialBackoff: '1ms' } } });
      let runs = 0;
      await house.db.transaction(async (tx) => {
        runs += 1;
        await tx.exec(INSERT, [runs]);
        if (runs === 1) await site.server.fault('kill', await house.sid());
        await tx.exec(INSERT, [10 + runs]);
      });
      expect([runs, await site.ids()]).toEqual([2, [2, 12]]);
      await house.check();
    });
  });
});
