/** The real driver against a wire server, for the tests of that server: everything opened here is ended after each test. */
import oracledb from 'oracledb';
import { afterEach, expect } from 'vitest';
import type { OracleServer, OracleServerOptions } from './server.js';
import { startOracleServer } from './server.js';
import { ScriptedBackend } from './scripted-backend.js';

/** What these tests use of the driver, whose own types are not installed. */
export interface DriverConnection {
  readonly transactionInProgress: boolean;
  readonly oracleServerVersionString: string;
  readonly ltxid: Buffer | undefined;
  callTimeout: number;
  currentSchema: string;
  module: string;
  action: string;
  clientId: string;
  isHealthy(): boolean;
  execute(sql: string, binds?: unknown, options?: object): Promise<DriverResult>;
  executeMany(sql: string, rows: unknown, options?: object): Promise<DriverResult>;
  getStatementInfo(sql: string): Promise<{ metaData?: { name: string }[]; bindNames?: string[] }>;
  queryStream(sql: string, binds?: unknown, options?: object): AsyncIterable<unknown[]>;
  createLob(type: unknown): Promise<DriverLob>;
  runPipeline(pipeline: unknown, continueOnError: boolean): Promise<DriverResult[]>;
  changePassword(user: string, old: string, next: string): Promise<void>;
  ping(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  break(): Promise<void>;
  close(): Promise<void>;
}

export interface DriverLob extends AsyncIterable<Buffer | string> {
  readonly length: number;
  getData(): Promise<Buffer | string>;
  write(data: string): void;
  end(data: string): void;
  once(event: string, listener: (...args: unknown[]) => void): void;
  destroy(): void;
}

export interface DriverResultSet extends AsyncIterable<unknown[]> {
  readonly metaData: { name: string }[];
  getRows(count?: number): Promise<unknown[][]>;
  close(): Promise<void>;
}

export interface DriverResult {
  readonly rows?: unknown[][];
  readonly metaData?: { name: string; precision?: number; scale?: number; nullable: boolean; dbTypeName: string }[];
  readonly rowsAffected?: number;
  readonly lastRowid?: string;
  readonly outBinds?: unknown;
  readonly implicitResults?: unknown[][][] | DriverResultSet[];
  readonly batchErrors?: { offset: number; message: string }[];
  readonly dmlRowCounts?: number[];
  readonly resultSet?: DriverResultSet;
  readonly warning?: { message: string };
}

export interface DriverError extends Error {
  readonly errorNum?: number;
  readonly code?: string;
  readonly offset?: number;
}

/** The package without its types: what is used of it is above, and constants by their names. */
export const driver = oracledb as Record<string, unknown> & {
  getConnection(options: object): Promise<DriverConnection>;
  createPool(
    options: object,
  ): Promise<{ getConnection(): Promise<DriverConnection>; close(seconds: number): Promise<void> }>;
  Pipeline: new () => Record<string, (...args: unknown[]) => void>;
  IntervalDS: new (parts: object) => object;
  IntervalYM: new (parts: object) => object;
};

/** Of every test of this kind: a wrong byte shows as a call that never ends. */
export const TIME_LIMIT_MS = 20_000;

const opened: DriverConnection[] = [];
const started: OracleServer[] = [];

export interface Bench {
  readonly server: OracleServer;
  readonly backend: ScriptedBackend;
  readonly connect: (options?: object) => Promise<DriverConnection>;
}

export async function startBench(options: Partial<OracleServerOptions> = {}): Promise<Bench> {
  const backend = new ScriptedBackend();
  const server = await startOracleServer({ backend, ...options });
  started.push(server);
  return {
    server,
    backend,
    connect: async (more = {}) => {
      const { user, password, connectString } = server;
      const connection = await driver.getConnection({ user, password, connectString, ...more });
      opened.push(connection);
      return connection;
    },
  };
}

/** A frozen session is thawed, as the driver's `close()` would wait for it for ever. */
afterEach(async () => {
  for (const server of started) {
    server.faults.clear();
    server.faults.thaw();
  }
  await Promise.allSettled(opened.splice(0).map((connection) => connection.close()));
  for (const server of started.splice(0)) {
    await server.stop();
    expect(server.connections).toBe(0);
    expect(server.observed.protocolErrors).toEqual([]);
  }
});

export async function errorOf(work: Promise<unknown>): Promise<DriverError> {
  try {
    await work;
  } catch (error) {
    return error as DriverError;
  }
  throw new Error('It did not fail.');
}

/** The first ORA number in a message: the driver keeps it there when it makes an error of its own of it. */
export function oraIn(error: DriverError): number {
  return Number(/ORA-(\d+)/.exec(error.message)?.[1] ?? error.errorNum);
}
