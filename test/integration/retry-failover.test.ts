/**
 * A failover as clients see it: the server behind the address becomes read-only, and new connections reach another one.
 * The old primary is a private server that is told to be read-only; the new one is each server of the matrix.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { DBRuntime, FluxorEvents } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { PostgresServer } from '../servers/postgres-server.js';

const TABLE = 'create table moved (id int primary key, run int not null)';

/** An address whose new connections go where it was last told; the old ones stay where they are. */
class MovingAddress implements AsyncDisposable {
  target: { readonly host: string; readonly port: number };
  readonly host = '127.0.0.1';
  readonly #server = createServer((client) => {
    const upstream = connect(this.target);
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
  });

  static async start(url: string): Promise<MovingAddress> {
    const address = new MovingAddress(url);
    await new Promise<void>((resolve) => address.#server.listen(0, address.host, resolve));
    return address;
  }

  private constructor(url: string) {
    this.target = targetOf(url);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function targetOf(url: string): MovingAddress['target'] {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

for (const { name, url } of inject('postgresServers')) {
  describe(`a failover to ${name}`, () => {
    let old: PostgresServer;
    let atOld: DBRuntime;
    let atNew: DBRuntime;
    beforeAll(async () => {
      old = await PostgresServer.start({ major: 18 });
      atOld = createRuntime({ driver: postgres({ url: old.url }), gate: { circuitBreaker: false } });
      atNew = createRuntime({ driver: postgres({ url }), gate: { circuitBreaker: false } });
    });
    afterAll(async () => {
      await atNew.exec('drop table if exists moved');
      await Promise.all([atOld.disconnect(), atNew.disconnect()]);
      await old.remove();
    });
    const demote = async (isReadOnly: boolean) => {
      await atOld.exec(`alter system set default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`);
      await atOld.query('select pg_reload_conf()');
      await expect
        .poll(() => atOld.queryValue("select current_setting('default_transaction_read_only')"))
        .toBe(isReadOnly ? 'on' : 'off');
    };
    beforeEach(async () => {
      await demote(false);
      for (const db of [atOld, atNew]) {
        await db.exec('drop table if exists moved');
        await db.exec(TABLE);
      }
    });
    const rowsAt = async (db: DBRuntime) =>
      (await db.query<{ id: number; run: number }>('select id, run from moved order by id')).map(({ id, run }) => [
        id,
        run,
      ]);

    /** A runtime with four connections to the old primary, which has just stopped to be one. */
    const moved = async () => {
      const address = await MovingAddress.start(old.url);
      const db = createRuntime({
        driver: postgres({ url, host: address.host, port: address.port }),
        pool: { maxSize: 4, warmUp: false },
        query: { retry: { initialBackoff: '5ms', maxBackoff: '5ms' } },
      });
      // Not by four calls at once: whoever is answered soon lends a connection to those that would have opened another.
      await db.pool.warmUp({ connections: 4 });
      const evicted: FluxorEvents['pool:evicted'][] = [];
      db.on('pool:evicted', (fact) => evicted.push(fact));
      await demote(true);
      address.target = targetOf(url);
      const close = async () => {
        await db.disconnect();
        await address[Symbol.asyncDispose]();
      };
      return { db, evicted, [Symbol.asyncDispose]: close };
    };

    it('takes a write to the new primary, and closes what leads to the old one', async () => {
      await using house = await moved();
      expect(await house.db.exec('insert into moved values (1, 1)')).toEqual({ rowsAffected: 1 });
      expect([await rowsAt(atOld), await rowsAt(atNew)]).toEqual([[], [[1, 1]]]);
      expect(house.evicted).toMatchObject([{ reason: 'siblings' }]);
      await expect.poll(() => house.db.stats().totals.closed).toBe(4);
      const port = targetOf(url).port;
      const ports = await Promise.all(
        [1, 2, 3, 4].map(() => house.db.queryValue('select inet_server_port() from pg_sleep(0.05)')),
      );
      expect(new Set(ports)).toEqual(new Set([port]));
      expect(house.db.gate.stats().circuit.state).toBe('closed');
    });

    it('takes a whole transaction along, its first run undone', async () => {
      await using house = await moved();
      const ports: unknown[] = [];
      await house.db.transaction(async (tx) => {
        ports.push(await tx.queryValue('select inet_server_port()'));
        await tx.exec('insert into moved values (1, $1)', [tx.attempt]);
      });
      expect(ports).toEqual([old.port, targetOf(url).port]);
      expect([await rowsAt(atOld), await rowsAt(atNew)]).toEqual([[], [[1, 2]]]);
    });

    it('serves forty writers at once without one error', async () => {
      await using house = await moved();
      const ids = Array.from({ length: 40 }, (_, id) => id);
      await Promise.all(ids.map((id) => house.db.exec('insert into moved values ($1, 1)', [id])));
      expect((await rowsAt(atNew)).map(([id]) => id)).toEqual(ids);
      expect(await rowsAt(atOld)).toEqual([]);
    });
  });
}
