/** Servers that are no database: one that says a greeting and closes, one that takes connections and says nothing. */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

export interface SmallServer extends AsyncDisposable {
  readonly port: number;
  connections(): number;
}

/** Takes connections, and says `greeting`; says nothing without one. */
export async function talkingServer(greeting: string | undefined): Promise<SmallServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    if (greeting === undefined) return void socket.resume();
    socket.resume().end(greeting);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function silentServer(): Promise<SmallServer> {
  return talkingServer(undefined);
}
