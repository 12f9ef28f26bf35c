import oracledb from 'oracledb';
import { describe, expect, it } from 'vitest';
import { OracleCursor } from './oracle-cursor.js';
import type { OracleClientConnection, OracleModule } from './oracle-module.js';
import type { OracleCursorPort } from './oracle-port.js';

const module: OracleModule = oracledb as never;

/** A session outside a transaction, on which `execute` leaves something open. */
function bench(execute: () => Promise<unknown>) {
  const log: string[] = [];
  let isOpen = false;
  const end = (word: string) => {
    log.push(word);
    isOpen = false;
    return Promise.resolve();
  };
  const client = {
    execute: () => {
      isOpen = true;
      return execute();
    },
    commit: () => end('commit'),
    rollback: () => end('rollback'),
  } as unknown as OracleClientConnection;
  const port = {
    module,
    client,
    types: {},
    hasSqlBoolean: true,
    call: <T>(work: (to: OracleClientConnection) => Promise<T>) => work(client),
    isInTransaction: () => isOpen,
    hold: () => log.push('hold'),
    release: () => log.push('release'),
    untilReady: () => Promise.resolve(),
  } as unknown as OracleCursorPort;
  return { log, cursor: new OracleCursor(port, { text: 'begin p; end;', values: [], rowMode: 'object' }) };
}

describe('a cursor outside a transaction', () => {
  it('commits what its statement has left open', async () => {
    const { log, cursor } = bench(() => Promise.resolve({ rowsAffected: 0 }));
    expect(await cursor.read(10)).toEqual({ rows: [], isDone: true, rowsAffected: 0 });
    expect(log).toEqual(['hold', 'commit', 'release']);
  });

  it('undoes what a statement that failed has left, and says again why', async () => {
    const { log, cursor } = bench(() => Promise.reject(new Error('ORA-20000: half of it')));
    await expect(cursor.read(10)).rejects.toThrow('half of it');
    expect(log).toEqual(['hold', 'rollback', 'release']);
    await expect(cursor.read(10)).rejects.toThrow('half of it');
    await cursor.close();
    expect(log).toEqual(['hold', 'rollback', 'release']);
  });
});
