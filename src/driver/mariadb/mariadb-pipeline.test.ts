/** The order in which runs leave, on a wire that writes it down and answers when the test says so. */
import { describe, expect, it } from 'vitest';
import { createDeferred } from '../../kernel/deferred.js';
import { nextTurn } from '../../kernel/next-turn.js';
import { flavourOf } from '../mysql-server/mysql-flavour.js';
import type { ClientPrepared } from './mariadb-module.js';
import { MariadbPipeline } from './mariadb-pipeline.js';
import { MariadbSettlement } from './mariadb-settlement.js';
import type { AnswerWaiter, MariadbWire } from './mariadb-wire.js';

const STALE = Object.assign(new Error('Prepared statement needs to be re-prepared'), {
  errno: 1615,
  sqlState: 'HY000',
});
const TOO_MANY = Object.assign(new Error("more than max_prepared_stmt_count statements (current value: '1')"), {
  errno: 1461,
  sqlState: '42000',
});
const OK = { affectedRows: 1, insertId: 0 };

function noted() {
  const log: string[] = [];
  const prepares: ReturnType<typeof createDeferred<ClientPrepared>>[] = [];
  const waiting: AnswerWaiter[] = [];
  let healed = 0;
  const wire = {
    info: { database: 'shop', status: 2, threadId: 1, serverVersion: null },
    isInTransaction: false,
    isAutocommitting: true,
    isClosed: false,
    gather: () => undefined,
    prepare: (text: string) => {
      log.push(`prepare ${text}`);
      const prepared = createDeferred<ClientPrepared>();
      prepares.push(prepared);
      return prepared.promise;
    },
    sendText: (text: string, waiter: AnswerWaiter) => {
      log.push(text);
      waiting.push(waiter);
    },
    sendPrepared: ({ id }: { id: string }, values: readonly unknown[], _cast: unknown, waiter: AnswerWaiter) => {
      log.push(`${id} ${values.join()}`);
      waiting.push(waiter);
    },
  };
  const settlement = new MariadbSettlement(wire as unknown as MariadbWire);
  const pipeline = new MariadbPipeline({
    wire: wire as unknown as MariadbWire,
    settlement,
    flavour: flavourOf('10.11.19-MariaDB'),
    types: { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed', zeroDates: 'error' },
    maxPrepared: 10,
    onHealed: () => (healed += 1),
  });
  const send = (text: string, ...values: unknown[]) => pipeline.send({ text, values, rowMode: 'array' });
  /** Asked for by somebody who notes each question, and says the same each time. */
  const sendFor = (isWanted: boolean, text: string, ...values: unknown[]) =>
    pipeline.send({ text, values, rowMode: 'array' }, { goBehind: () => log.push('asks') > 0 && isWanted });
  const answer = (id: string, parameterCount = 1) => {
    prepares.shift()?.resolve({ id, parameterCount, columns: [], close: () => log.push(`close ${id}`) } as never);
    return Promise.resolve().then(() => undefined);
  };
  return {
    ...{ log, prepares, waiting, settlement, send, sendFor, answer },
    end: () => waiting.shift()?.succeed(OK, [], false),
    failNext: (error: unknown) => waiting.shift()?.fail(error),
    healed: () => healed,
  };
}

describe('the statements of a session', () => {
  it('leave in the order in which they were asked for, also behind one that has to be prepared', async () => {
    const { log, send, answer, end } = noted();
    const running = [send('a', 1), send('b'), send('a', 2), send('c', 3), send('a', 4), send('d')];
    expect(log).toEqual(['prepare a']);
    await answer('A');
    expect(log.splice(0)).toEqual(['prepare a', 'A 1', 'b', 'A 2', 'prepare c']);
    await answer('C');
    expect(log).toEqual(['C 3', 'A 4', 'd']);
    for (const _ of running) end();
    expect((await Promise.all(running)).length).toBe(6);
  });

  it('go on when one of them cannot be prepared', async () => {
    const { log, prepares, send, answer, end, settlement } = noted();
    const wrong = send('wrong', 1);
    const running = [send('b'), send('a', 2)];
    prepares.shift()?.reject(new Error('no such table'));
    await expect(wrong).rejects.toThrow('no such table');
    expect(log).toEqual(['prepare wrong', 'b', 'prepare a']);
    await answer('A');
    for (const _ of running) end();
    await Promise.all(running);
    expect(settlement.isBusy).toBe(false);
  });

  it('that are stale are prepared once for all runs, which go behind the others', async () => {
    const { log, send, answer, end, failNext, healed } = noted();
    const first = send('select a', 1);
    await answer('A');
    end();
    await first;
    log.splice(0);
    const running = [send('select a', 2), send('b'), send('select a', 3)];
    failNext(STALE);
    end();
    failNext(STALE);
    expect(log.splice(0)).toEqual(['A 2', 'b', 'A 3', 'close A', 'prepare select a']);
    const late = send('d');
    await answer('A2');
    expect(log).toEqual(['A2 2', 'A2 3', 'd']);
    for (const _ of [1, 2, 3]) end();
    await Promise.all([...running, late]);
    expect(healed()).toBe(2);
  });

  // Sent once more, it was carried out after its caller had heard that it was stopped; and nobody knew that it had moved.
  it.each([true, false])('that are stale go behind the others if they are still wanted: %s', async (isWanted) => {
    const { log, send, sendFor, answer, end, failNext, healed } = noted();
    const first = send('select a', 1);
    await answer('A');
    end();
    await first;
    log.splice(0);
    const stale = sendFor(isWanted, 'select a', 2);
    const other = send('b');
    failNext(STALE);
    expect(log).toEqual(['A 2', 'b', 'close A', 'asks', ...(isWanted ? ['prepare select a'] : [])]);
    end();
    await other;
    if (!isWanted) return expect(stale).rejects.toBe(STALE);
    await answer('A2');
    end();
    expect([await stale, healed()]).toMatchObject([{ command: 'SELECT' }, 1]);
  });

  it('that could not be prepared go behind nobody: those after them have not been sent', async () => {
    const { log, prepares, send, sendFor, answer, end, settlement } = noted();
    const running = [sendFor(true, 'select a', 1), send('b')];
    prepares.shift()?.reject(TOO_MANY);
    await nextTurn();
    expect(log).toEqual(['prepare select a', 'prepare select a']);
    await answer('A');
    expect(log.slice(2)).toEqual(['A 1', 'b']);
    for (const _ of running) end();
    await Promise.all(running);
    expect(settlement.isBusy).toBe(false);
  });

  it('that are stale again fail with that', async () => {
    const { send, answer, failNext, settlement } = noted();
    const running = send('update t set n = ?', 1);
    await answer('A');
    failNext(STALE);
    await answer('A2');
    failNext(STALE);
    await expect(running).rejects.toBe(STALE);
    expect(settlement.isBusy).toBe(false);
  });

  it('that have a wrong number of values are not sent, and the session is ready', async () => {
    const { log, send, answer, settlement } = noted();
    const wrong = send('a', 1, 2);
    await answer('A');
    await expect(wrong).rejects.toMatchObject({ code: 'QUERY', outcome: 'not-applied' });
    await expect(send('a', () => 1)).rejects.toMatchObject({ code: 'QUERY', outcome: 'not-sent' });
    expect([log, settlement.isBusy]).toEqual([['prepare a'], false]);
  });

  it('call a procedure alone', async () => {
    const { send, end } = noted();
    const calling = send('call p()');
    await expect(send('b')).rejects.toThrow('bug: a statement while');
    end();
    expect(await calling).toMatchObject({ command: 'CALL', rowsAffected: 1 });
    const other = send('b');
    await expect(send('/* now */ call p()')).rejects.toThrow('bug: others are in flight');
    end();
    await other;
  });
});
