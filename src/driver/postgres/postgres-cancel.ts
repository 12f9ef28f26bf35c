/** A CancelRequest, on a socket of its own (PostgreSQL manual, 54.2.8). Used by postgres-connection.ts. */
import type { PgClient, PgModule, PgWire } from './postgres-module.js';

/**
 * Resolves when the request can hit no later statement: the server signals the backend before it closes the request's
 * socket, so "closed" means delivered. `open` holds the sockets that are still under way, for whoever gives them up.
 */
export function cancelOverTheWire(pg: PgModule, client: PgClient, ssl: unknown, open: Set<PgWire>): Promise<void> {
  const { processID, secretKey, host, port } = client;
  return new Promise((resolve, reject) => {
    const wire = new pg.Connection({ ssl });
    open.add(wire);
    const send = () => wire.cancel(processID ?? 0, secretKey);
    wire.on('error', (error) => {
      wire.stream.destroy();
      reject(error);
    });
    wire.on('end', () => {
      open.delete(wire);
      resolve();
    });
    wire.on('connect', () => (ssl === undefined || ssl === false ? send() : wire.requestSsl()));
    wire.on('sslconnect', send);
    if (host.startsWith('/')) wire.connect(`${host}/.s.PGSQL.${port}`);
    else wire.connect(port, host);
  });
}
