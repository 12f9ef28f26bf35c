/**
 * The demo's "Oracle": no Oracle Database, but the wire-level test server of test/support/oracle-wire in a process of its own, with a
 * private PostgreSQL behind it that answers the SQL. The runtime and the client library `oracledb` are the real ones. Its break-down
 * cuts every connection and closes the listener; the process stays, because the data is its own.
 * Invariant: neither of the two servers is left, nor is the first when the second does not start.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PostgresServer } from '../test/servers/postgres-server.js';
import { signalAll } from '../test/servers/processes.js';
import type { OracleProcess } from '../test/support/oracle-wire/oracle-process.js';
import { startOracleProcess } from '../test/support/oracle-wire/oracle-process.js';
import type { PrivateServer } from './private-server.js';
import { DOWN_MS } from './private-server.js';

const BACKEND = fileURLToPath(new URL('../test/support/oracle-wire/engine/open-backend.ts', import.meta.url));

/** Longer than the longest demo; it ends with the demo anyway. */
const LIFETIME_MS = 2 * 60 * 60 * 1_000;

export async function startWireServer(onProgress: (text: string) => void): Promise<PrivateServer> {
  const postgres = await PostgresServer.start({ major: 18, onProgress });
  try {
    const backend = { module: BACKEND, options: { url: postgres.url } };
    return serverOf(await startOracleProcess({ backend, lifetimeMs: LIFETIME_MS }), postgres);
  } catch (error) {
    await postgres.remove();
    throw error;
  }
}

function serverOf(wire: OracleProcess, postgres: PostgresServer): PrivateServer {
  return {
    title:
      `Oracle's protocol on 127.0.0.1:${wire.port}: a wire-level test server, not an Oracle Database.\n` +
      `PostgreSQL ${postgres.version} behind it answers the SQL; the client library oracledb is the real one`,
    url: wire.url,
    breakDown: async (say) => {
      say('the listener is closed, and every connection cut');
      await wire.fault('stopListening');
      await wire.fault('cutAll');
      await sleep(DOWN_MS);
      say('the wire server listens again');
      await wire.fault('listenAgain');
    },
    remove: async () => {
      await wire.stop();
      await postgres.remove();
    },
    removeSync: () => {
      signalAll([wire.pid], 'SIGKILL');
      postgres.removeSync();
    },
  };
}
