/** The driver's own call, awaited directly: what the others are measured against. No guard of any kind. */
import type { DriverResult } from '../../../src/driver/query.js';
import type { GuardPeer } from './guarded.js';
import { SQL } from './guarded.js';

export const peer: GuardPeer = {
  name: 'bare',
  version: '-',
  settings: 'none',
  lacks: 'everything',
  guards: [],
  limit: Infinity,
  async open(server) {
    const connection = server.connect();
    return {
      run: (id) => connection.execute({ text: SQL, values: [id], rowMode: 'object' }),
      rowsOf: (answer: DriverResult) => answer.rows,
      close: () => connection.close(),
    };
  },
};
