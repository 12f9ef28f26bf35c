/**
 * A port for a server that will be stopped and started again on it. It lies below the range from which systems choose
 * the ports of outgoing connections (32768 and up on Linux): while the server is down, a client that keeps trying to
 * connect to a port of that range gets it one day as its own port, connects to itself, and the server can't come back.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const PORTS = { from: 10_240, below: 32_768 } as const;

/** A port of 127.0.0.1 that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(PORTS.from, PORTS.below);
    if (await isFree(port)) return port;
  }
  throw new Error(`Found no free port between ${PORTS.from} and ${PORTS.below} in 100 attempts.`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
