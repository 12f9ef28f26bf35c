/** pg-pool, with a stub in place of pg's client. */
import { EventEmitter } from 'node:events';
import Pool from 'pg-pool';
import type { Peer } from '../harness/peer.js';
import { ACQUIRE_TIMEOUT_MS, versionOf } from '../harness/peer.js';
import type { StubServer } from '../harness/stub-server.js';

/** What pg-pool asks of a client. `_queryable` and `_ending` are the fields of pg's own that it looks at on release. */
interface PoolClient extends EventEmitter {
  release(): void;
}

export const peer: Peer = {
  name: 'pg-pool',
  version: versionOf('pg-pool'),
  settings: 'connectionTimeoutMillis 10 s, idle timeout 10 s (its default)',
  lacks:
    'look at the connection on borrow, cancelling, limit of the line, limit of creations at once, reset of unclean returns',
  open(server, size) {
    const pool = new Pool<PoolClient>({
      Client: clientOf(server),
      max: size,
      connectionTimeoutMillis: ACQUIRE_TIMEOUT_MS,
    });
    return {
      acquire: () => pool.connect(),
      release: (client: PoolClient) => client.release(),
      connectionOf: (client: PoolClient) => client,
      close: () => pool.end(),
    };
  },
};

function clientOf(server: StubServer): new () => PoolClient {
  return class StubClient extends EventEmitter {
    isOpen = false;
    readonly _queryable = true;
    readonly _ending = false;

    connect(done: () => void): void {
      void server.waitToConnect().then(() => {
        this.isOpen = true;
        server.open += 1;
        done();
      });
    }

    isConnected(): boolean {
      return this.isOpen;
    }

    end(done?: () => void): void {
      server.disconnect(this);
      done?.();
    }

    /** Replaced by the pool at every loan. */
    release(): void {
      throw new Error('not lent');
    }
  };
}
