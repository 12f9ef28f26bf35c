/** Sessions of the Oracle room without a runtime above them, on the wire server. For the tests of the room itself. */
import type { ConnectRequest, Driver, DriverConnection } from '../../src/driver/driver.js';
import type { OracleOptions } from '../../src/driver/oracle/index.js';
import { oracle } from '../../src/driver/oracle/index.js';
import type { DriverResult } from '../../src/driver/query.js';
import type { OracleServer } from '../support/oracle-wire/server.js';

const TYPES = { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' } as const;

export class OracleSessions {
  readonly losses: unknown[] = [];
  readonly #server: OracleServer;
  readonly #open: DriverConnection[] = [];

  constructor(server: OracleServer) {
    this.#server = server;
  }

  driver(options: OracleOptions = {}): Driver {
    return oracle({ url: this.#server.url, ...options });
  }

  /** Ended by `endAll`. */
  async connect(options: OracleOptions = {}, more: Partial<ConnectRequest> = {}): Promise<DriverConnection> {
    const connection = await this.driver(options).connect(this.request(more));
    this.#open.push(connection);
    return connection;
  }

  request(more: Partial<ConnectRequest> = {}): ConnectRequest {
    const onLost = (error: unknown) => void this.losses.push(error);
    return { signal: new AbortController().signal, types: TYPES, onLost, ...more };
  }

  endAll(): void {
    for (const connection of this.#open.splice(0)) connection.destroy();
    this.losses.length = 0;
  }
}

export function run(
  connection: DriverConnection,
  text: string,
  values: readonly unknown[] = [],
): Promise<DriverResult> {
  return connection.execute({ text, values, rowMode: 'array' });
}

/** As the wire server numbers its sessions. */
export function sidOf(connection: DriverConnection): number {
  return Number(connection.sessionId);
}

/** What a promise rejects with. */
export async function failure(work: Promise<unknown>): Promise<Error & { code?: string; errorNum?: number }> {
  return work.then(
    () => new Error('it did not fail'),
    (error: unknown) => error as Error,
  );
}
