/** Opens driver connections for the contract and closes every one of them, whatever a test did to it. */
import type { ConnectRequest, Driver, DriverConnection, DriverResult, TypeOptions } from 'fluxor-db';
import type { Words } from './words.js';

export interface OpenedSession {
  readonly connection: DriverConnection;
  /** Every call of `onLost`. */
  readonly losses: unknown[];
}

export class ContractSessions {
  readonly driver: Driver;
  readonly #opened: DriverConnection[] = [];

  constructor(driver: Driver) {
    this.driver = driver;
  }

  open(types: TypeOptions = {}): Promise<OpenedSession> {
    return this.#open(this.driver, types);
  }

  /** With more in the request than its types. */
  openWith(request: Partial<ConnectRequest>): Promise<OpenedSession> {
    return this.#open(this.driver, {}, request);
  }

  /** By another way; the same one where there is none. */
  openOther(driver = this.driver): Promise<OpenedSession> {
    return this.#open(driver, {});
  }

  async #open(driver: Driver, types: TypeOptions, request: Partial<ConnectRequest> = {}): Promise<OpenedSession> {
    const losses: unknown[] = [];
    const connection = await driver.connect({
      signal: new AbortController().signal,
      types: { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed', ...types },
      onLost: (error) => losses.push(error),
      ...request,
    });
    this.#opened.push(connection);
    return { connection, losses };
  }

  /** Ends one session gently, so that an embedded database can lend its only one again. */
  async close(session: OpenedSession): Promise<void> {
    await session.connection.close();
    session.connection.destroy();
  }

  async closeAll(): Promise<void> {
    for (const connection of this.#opened.splice(0)) {
      if (connection.state !== 'closed') await connection.close();
      connection.destroy();
    }
    await this.driver.close();
  }
}

export function run(
  connection: DriverConnection,
  text: string,
  values: readonly unknown[] = [],
): Promise<DriverResult> {
  return connection.execute({ text, values, rowMode: 'array' });
}

/** Whether a statement with this word runs at the server now. */
export async function isRunning({ connection }: OpenedSession, words: Words, marker: string): Promise<boolean> {
  return (await run(connection, words.running(marker))).rows.length === 1;
}

/** The server's name for the session; behind a pooler, of the one that it has for this transaction. */
export async function nameOf({ connection }: OpenedSession, words: Words): Promise<string> {
  return String(((await run(connection, `select ${words.sessionId}`)).rows as [[number | bigint | string]])[0][0]);
}

/** The error a statement raises, once the server is ready again. */
export async function failureOf(
  connection: DriverConnection,
  text: string,
  values: readonly unknown[] = [],
): Promise<unknown> {
  const error = await run(connection, text, values).then(
    () => undefined,
    (raised: unknown) => raised,
  );
  await connection.untilReady().catch(() => undefined);
  if (error === undefined) throw new Error(`no error from: ${text}`);
  return error;
}
