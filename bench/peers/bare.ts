/** Not a pool but the least one could do: a stack, a line, one promise. No guard of any kind; the ceiling of the table. */
import type { Peer } from '../harness/peer.js';
import type { StubConnection } from '../harness/stub-server.js';

export const peer: Peer = {
  name: 'bare',
  version: '-',
  settings: 'none',
  lacks: 'everything',
  open(server, size) {
    const idle: StubConnection[] = [];
    const ring: ((connection: StubConnection) => void)[] = [];
    let head = 0;
    let opened = 0;
    return {
      acquire(): Promise<StubConnection> {
        const connection = idle.pop();
        if (connection !== undefined) return Promise.resolve(connection);
        if (opened < size) {
          opened += 1;
          return server.connect();
        }
        return new Promise((resolve) => ring.push(resolve));
      },
      release(connection: StubConnection): void {
        const next = ring[head];
        if (next === undefined) return void idle.push(connection);
        head += 1;
        if (head === 1_024) {
          ring.splice(0, head);
          head = 0;
        }
        next(connection);
      },
      connectionOf: (connection: StubConnection) => connection,
      close: async () => idle.forEach((connection) => server.disconnect(connection)),
    };
  },
};
