/** Sessions of the mariadb connector for the tests of its room, each of them closed at the end, whatever a test did to it. */
import type { ConnectRequest, Driver, DriverConnection, DriverResult } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import type { MysqlOptions } from 'fluxor-db/mariadb';
import type { MysqlTarget } from '../servers/mysql-targets.js';

export interface RoomSession {
  readonly connection: DriverConnection;
  /** Every call of `onLost`. */
  readonly losses: unknown[];
  run(text: string, values?: readonly unknown[], rowMode?: 'array' | 'object'): Promise<DriverResult>;
  /** The only value of the only row. */
  value(text: string, values?: readonly unknown[]): Promise<unknown>;
  /** The connector's own error. */
  failure(text: string, values?: readonly unknown[]): Promise<RoomFailure>;
}

export interface RoomFailure {
  readonly errno?: number;
  readonly code?: unknown;
  readonly sqlState?: string;
  readonly fatal?: boolean;
  readonly message: string;
  readonly stack: string;
}

export class RoomSessions implements AsyncDisposable {
  readonly driver: Driver;
  readonly isMariaDb: boolean;
  readonly #opened: DriverConnection[] = [];
  readonly #drivers: Driver[] = [];
  readonly #target: MysqlTarget;

  constructor(target: MysqlTarget, options: MysqlOptions = {}) {
    this.#target = target;
    this.isMariaDb = target.product === 'mariadb';
    this.driver = this.#make({ url: target.url, ...options });
  }

  open(request: Partial<ConnectRequest> = {}): Promise<RoomSession> {
    return this.#open(this.driver, request);
  }

  /** By another login, or with other options. */
  openWith(options: MysqlOptions): Promise<RoomSession> {
    return this.#open(this.#make({ url: this.#target.url, ...options }), {});
  }

  openAdmin(): Promise<RoomSession> {
    return this.openWith({ url: this.#target.adminUrl ?? this.#target.url });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#opened) connection.destroy();
    await Promise.all(this.#drivers.map((driver) => driver.close()));
  }

  #make(options: MysqlOptions): Driver {
    const driver = mariadb(options);
    this.#drivers.push(driver);
    return driver;
  }

  async #open(driver: Driver, request: Partial<ConnectRequest>): Promise<RoomSession> {
    const losses: unknown[] = [];
    const connection = await driver.connect({
      signal: new AbortController().signal,
      types: { bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' },
      onLost: (error) => losses.push(error),
      ...request,
    });
    this.#opened.push(connection);
    const run: RoomSession['run'] = (text, values = [], rowMode = 'array') =>
      connection.execute({ text, values, rowMode });
    return {
      connection,
      losses,
      run,
      value: async (text, values) => ((await run(text, values)).rows[0] as unknown[])[0],
      failure: async (text, values) => {
        const error = await run(text, values).then(
          () => undefined,
          (raised: unknown) => raised,
        );
        if (error === undefined) throw new Error(`no error from: ${text}`);
        return error as RoomFailure;
      },
    };
  }
}
