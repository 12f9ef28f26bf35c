/** A KILL that reaches the server when the statement it was meant for is over: held back on its way until that is certain. */
import { setTimeout as pause } from 'node:timers/promises';
import { mariadb } from 'fluxor-db/mariadb';
import { mysql } from 'fluxor-db/mysql';
import { describe, expect, inject, it } from 'vitest';
import { ContractSessions, run } from '../contract/contract-session.js';
import { RequestRelay } from './request-relay.js';

const pairs = inject('mysqlServers').flatMap((server) =>
  Object.entries({ mysql2: mysql, mariadb }).map(([client, make]) => ({
    name: `${client} × ${server.name}`,
    make,
    url: server.url,
  })),
);
const isKill = (chunk: Buffer): boolean => /kill query/i.test(chunk.toString('latin1'));
/** More than one piece off the socket, so that it is not over when it is left; and read to its end well within a KILL's 2 s. */
const ROWS =
  'with recursive r as (select 1 as n union all select n + 1 from r where n < 900) ' +
  "select a.n, repeat('x', 50) from r a, r b limit 40000";

describe.each(pairs)('$name', ({ make, url }) => {
  it('a stream that is left is over when its KILL has been answered, however late, and no other statement meets it', async () => {
    await using relay = await RequestRelay.start(url, isKill);
    const observer = new ContractSessions(make({ url }));
    const sessions = new ContractSessions(make({ url, host: '127.0.0.1', port: relay.port }));
    try {
      const [{ connection }, outside] = [await sessions.open(), await observer.open()];
      const resting = `select count(*) from information_schema.processlist
        where id = ${connection.sessionId} and command = 'Sleep'`;
      const isResting = async () => Number((await run(outside.connection, resting)).rows.flat()[0]);
      let [held, killed, late] = [0, 0, 0];
      // Where this process was kept waiting, the rows may all be here before they are left: then no KILL is sent. A server that
      // has not sent them all in a second gets it before it is late: the runtime waits 2 s for its answer.
      while (late < 3) {
        relay.onRequest = async (kill) => {
          held += 1;
          const waitUntil = performance.now() + 1_000;
          let count = await isResting();
          while (count === 0 && performance.now() < waitUntil) {
            await pause(5);
            count = await isResting();
          }
          killed += 1;
          late += count;
          kill.forward();
        };
        const cursor = connection.openCursor?.({ text: ROWS, values: [], rowMode: 'array' });
        await cursor?.read(1);
        await cursor?.close();
        expect(killed).toBe(held);
        for (const value of [1, 2]) {
          expect((await run(connection, 'select 1 + ?', [value])).rows.flat().map(Number)).toEqual([1 + value]);
        }
        expect(killed).toBe(held);
      }
      expect(connection.state).toBe('idle');
    } finally {
      await sessions.closeAll();
      await observer.closeAll();
    }
  });
});
