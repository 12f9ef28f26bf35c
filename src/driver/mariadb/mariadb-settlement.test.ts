/** Where the server has left a session, whoever ended in whichever order; the flags of the last answer are all that is known. */
import { describe, expect, it } from 'vitest';
import { createDeferred } from '../../kernel/deferred.js';
import { MariadbSettlement } from './mariadb-settlement.js';
import type { MariadbWire } from './mariadb-wire.js';

function settled() {
  const wire = {
    isInTransaction: false,
    isAutocommitting: true,
    isClosed: false,
    isLost: false,
    pings: [] as ReturnType<typeof createDeferred<undefined>>[],
    ping() {
      const ping = createDeferred<undefined>();
      this.pings.push(ping);
      return ping.promise;
    },
    destroy() {
      this.isClosed = this.isLost = true;
    },
    explain: () => new Error('lost'),
  };
  const settlement = new MariadbSettlement(wire as unknown as MariadbWire);
  const enter = (times: number) => Array.from({ length: times }).forEach(() => settlement.enter());
  return { wire, settlement, enter };
}

describe('the settlement of a session', () => {
  it('looks at the flags when the last of them has ended, and not before', () => {
    const { wire, settlement, enter } = settled();
    enter(2);
    wire.isInTransaction = true;
    settlement.succeed(true);
    expect([settlement.isBusy, settlement.isInTransaction]).toEqual([true, false]);
    settlement.succeed(true);
    expect([settlement.isBusy, settlement.isInTransaction]).toEqual([false, true]);
  });

  it('believes no flags after an error, and asks nobody where it cannot have begun or ended anything', () => {
    const { wire, settlement, enter } = settled();
    enter(2);
    // The connector's invention.
    wire.isInTransaction = true;
    expect([settlement.fail(true), settlement.fail(true)]).toEqual([undefined, undefined]);
    expect([settlement.isBusy, settlement.isInTransaction, wire.pings.length]).toEqual([false, false, 0]);
  });

  it.each([
    ['DDL that failed', (settlement: MariadbSettlement) => settlement.fail(false)],
    ['a begin', (settlement: MariadbSettlement) => settlement.succeed(false)],
  ])('asks the server when %s was among those before the error', async (_name, before) => {
    const { wire, settlement, enter } = settled();
    enter(2);
    expect(before(settlement)).toBeUndefined();
    const known = settlement.fail(true);
    expect(wire.pings.length).toBe(1);
    expect(settlement.isBusy).toBe(true);
    wire.isInTransaction = true;
    wire.pings[0]?.resolve(undefined);
    await known;
    expect([settlement.isBusy, settlement.isInTransaction]).toEqual([false, true]);
  });

  it('asks nobody when the last of them was answered: its flags are the truth', () => {
    const { wire, settlement, enter } = settled();
    enter(2);
    void settlement.fail(false);
    settlement.succeed(true);
    expect([settlement.isBusy, wire.pings.length]).toEqual([false, 0]);
    enter(1);
    expect(settlement.fail(true)).toBeUndefined();
    expect(wire.pings.length).toBe(0);
  });

  it('asks for what ended without a word to the server, if an error before it could have ended a transaction', async () => {
    const { wire, settlement, enter } = settled();
    enter(2);
    void settlement.fail(false);
    const known = settlement.leave();
    expect(wire.pings.length).toBe(1);
    wire.pings[0]?.resolve(undefined);
    await known;
    expect(settlement.isBusy).toBe(false);
  });

  it('is not ready by the answer to its question while others are behind it', async () => {
    const { wire, settlement, enter } = settled();
    enter(1);
    const known = settlement.fail(false);
    enter(1);
    wire.pings[0]?.resolve(undefined);
    await known;
    expect(settlement.isBusy).toBe(true);
    const ready = settlement.untilReady();
    settlement.succeed(true);
    await ready;
    expect(settlement.isBusy).toBe(false);
  });

  it('destroys a session that cannot say where it is', async () => {
    const { wire, settlement, enter } = settled();
    enter(1);
    const known = settlement.fail(false);
    wire.pings[0]?.reject(new Error('no answer'));
    await known;
    expect(wire.isClosed).toBe(true);
    await expect(settlement.untilReady()).rejects.toThrow('lost');
  });

  it('gives the session to one alone, or to several, and never to both', () => {
    const { settlement, enter } = settled();
    settlement.enterAlone();
    expect(() => settlement.enter()).toThrow('bug: a statement while');
    expect(() => settlement.enterAlone()).toThrow('bug: others are in flight');
    settlement.succeed(false);
    enter(1);
    expect(() => settlement.enterAlone()).toThrow('bug: others are in flight');
    settlement.succeed(true);
    expect(() => settlement.assertNobody()).not.toThrow();
  });

  it('tells those who wait when it is ready, or lost', async () => {
    const { settlement, enter } = settled();
    await settlement.untilReady();
    enter(2);
    const waiting = settlement.untilReady();
    settlement.succeed(true);
    settlement.lose(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
  });
});
