/**
 * A real PostgreSQL, MySQL or MariaDB server for this run alone, in a temporary folder, on a free port of 127.0.0.1. Its break-down is a
 * SIGKILL for all of its processes. Of Oracle, which cannot be installed so, there is a test server: private-wire-server.ts.
 * Invariant: neither a process nor the folder is left, also when the demo is interrupted while the server is still
 * being made.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MysqlServer } from '../test/servers/mysql-server.js';
import { PostgresServer, ServerUnavailable } from '../test/servers/postgres-server.js';
import { descendantsOf, signalAll } from '../test/servers/processes.js';
import type { Product } from './arguments.js';
import type { Cleanup } from './cleanup.js';
import { DemoFailure } from './cleanup.js';
import type { DemoDatabase } from './database.js';
import { openDoor } from './doors.js';
import type { PrivateServer } from './private-server.js';
import { DOWN_MS } from './private-server.js';
import { startWireServer } from './private-wire-server.js';

const KILL_INTERVAL_MS = 20;

/** The server from the first moment on, before it is there. */
interface Making {
  server?: Promise<PrivateServer>;
}

const NAMES = { postgres: 'PostgreSQL', mysql: 'MySQL', mariadb: 'MariaDB' } as const;

export async function startPrivateDatabase(
  product: Product,
  cleanup: Cleanup,
  say: (text: string) => void,
): Promise<DemoDatabase> {
  const making: Making = {};
  cleanup.add({
    what: 'the private server',
    clean: async () => (await settled(making))?.remove(),
    cleanNow: () => removeNow(making),
  });
  making.server = startServer(product, say);
  try {
    const { title, url, breakDown } = await making.server;
    return { title, driver: openDoor(url, 'fluxor-demo'), table: 'cities', breakDown };
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error;
    throw new DemoFailure(`${error.message}. With --url the demo uses a server of yours.`, { cause: error });
  }
}

async function startServer(product: Product, onProgress: (text: string) => void): Promise<PrivateServer> {
  if (product === 'oracle') return startWireServer(onProgress);
  if (product === 'postgres') return serverOf(product, await PostgresServer.start({ major: 18, onProgress }));
  return serverOf(product, await MysqlServer.start({ product, onProgress }));
}

function serverOf(product: keyof typeof NAMES, server: PostgresServer | MysqlServer): PrivateServer {
  return {
    title: `${NAMES[product]} ${server.version} on ${server.host}:${server.port}, in a temporary folder`,
    // The same address with the product's own scheme, which chooses the client library.
    url: server.url.replace(/^\w+/, product),
    breakDown: async (say) => {
      say('kill -9: every process of the server at once');
      await server.kill();
      await sleep(DOWN_MS);
      say('the server starts again and recovers from its log');
      await server.start();
    },
    remove: () => server.remove(),
    removeSync: () => server.removeSync(),
  };
}

/** The programs that make a server clean up after themselves when they die; so they are made to, until none is left. */
async function removeNow(making: Making): Promise<void> {
  const killing = setInterval(() => signalAll(descendantsOf(process.pid), 'SIGKILL'), KILL_INTERVAL_MS);
  const server = await settled(making);
  clearInterval(killing);
  server?.removeSync();
}

/** The server, once it is there; `undefined` when there will never be one. */
async function settled({ server }: Making): Promise<PrivateServer | undefined> {
  return server?.catch(() => undefined);
}
