import oracledb from 'oracledb';
import { describe, expect, it } from 'vitest';
import { OracleAttachments } from './oracle-attachments.js';
import type { OracleMetadata, OracleModule, OracleResultSet, OracleTypeName } from './oracle-module.js';
import type { OraclePort } from './oracle-port.js';
import { DEFAULT_ORACLE_TYPES } from './oracle-port.js';
import { OracleRowSource, readerFor, readRows } from './oracle-row-source.js';

const module: OracleModule = oracledb as never;

const column = (name: string, type: OracleTypeName, more: Partial<OracleMetadata> = {}): OracleMetadata => ({
  name,
  dbType: module[type],
  dbTypeName: module[type].columnTypeName,
  ...more,
});

/** A result set of the library that gives its rows as they are asked for, and counts how often it is closed. */
class Rows implements OracleResultSet {
  readonly metaData: readonly OracleMetadata[];
  closed = 0;
  readonly #rows: unknown[][];

  constructor(metaData: readonly OracleMetadata[], rows: unknown[][]) {
    this.metaData = metaData;
    this.#rows = [...rows];
  }

  getRows(count = 0): Promise<unknown[]> {
    return Promise.resolve(this.#rows.splice(0, count));
  }

  getRow(): Promise<unknown> {
    return Promise.resolve(this.#rows.shift());
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }
}

const port = {
  module,
  client: { decodeOSON: () => ({}) },
  types: { bigint: 'bigint', decimal: 'number', date: 'string', json: 'parsed', ...DEFAULT_ORACLE_TYPES },
  readsUtc: true,
  hasSqlBoolean: true,
  attachments: new OracleAttachments({ run: (read) => read() }),
  call: (work: () => Promise<unknown>) => work(),
} as unknown as OraclePort;

const NUMBER = column('N', 'DB_TYPE_NUMBER', { precision: 9, scale: 0 });
const numbers = (count: number): Rows =>
  new Rows(
    [NUMBER],
    Array.from({ length: count }, (_, n) => [String(n)]),
  );

describe('a source of rows', () => {
  it('gives them page by page, and closes its cursor with the last page', async () => {
    const native = numbers(5);
    const source = new OracleRowSource(port, native, 'object');
    expect(await source.read(3)).toEqual({ rows: [{ N: 0 }, { N: 1 }, { N: 2 }], isDone: false });
    expect(native.closed).toBe(0);
    expect(await source.read(3)).toEqual({ rows: [{ N: 3 }, { N: 4 }], isDone: true });
    source.close();
    expect(native.closed).toBe(1);
  });

  it('gives as many as are wanted, and says whether these were all', async () => {
    const source = new OracleRowSource(port, numbers(2_500), 'array');
    expect((await source.readAll(1_200)).isDone).toBe(false);
    const rest = await source.readAll();
    expect([rest.rows.length, rest.rows[0], rest.isDone]).toEqual([1_300, [1_200], true]);
  });

  it('reads what a cursor in a column holds, whole, and closes that too', async () => {
    const inner = numbers(1_200);
    const native = new Rows(
      [NUMBER, column('ITEMS', 'DB_TYPE_CURSOR')],
      [
        ['1', inner],
        ['2', null],
      ],
    );
    const { rows } = await new OracleRowSource(port, native, 'object').readAll();
    const [first, second] = rows as { N: number; ITEMS: unknown[] | null }[];
    expect([first?.N, first?.ITEMS?.length, first?.ITEMS?.at(-1), inner.closed]).toEqual([1, 1_200, { N: 1_199 }, 1]);
    expect(second).toEqual({ N: 2, ITEMS: null });
  });

  it('closes its cursor at a value that cannot be read', async () => {
    const native = new Rows(
      [column('D', 'DB_TYPE_NUMBER', { precision: 0, scale: -127 })],
      [['12345678901234567890.5']],
    );
    await expect(new OracleRowSource(port, native, 'object').readAll()).rejects.toMatchObject({
      code: 'QUERY',
      reason: 'data',
      outcome: 'applied',
    });
    expect(native.closed).toBe(1);
  });
});

describe('rows that the library has read by itself', () => {
  it('hold the rows of cursors, decoded as theirs', async () => {
    const metadata = [NUMBER, column('ITEMS', 'DB_TYPE_CURSOR', { metaData: [NUMBER] })];
    const raw = [
      ['1', [['10'], ['11']]],
      ['2', null],
      ['3', []],
    ];
    const rows = await readRows(port, readerFor(port, metadata), raw, { rowMode: 'object', metadata });
    expect(rows).toEqual([
      { N: 1, ITEMS: [{ N: 10 }, { N: 11 }] },
      { N: 2, ITEMS: null },
      { N: 3, ITEMS: [] },
    ]);
  });

  it('are there at once where there is nothing to be read by the connection', () => {
    expect(readRows(port, readerFor(port, [NUMBER]), [['7']], { rowMode: 'array' })).toEqual([[7]]);
  });
});

describe('what hangs on a session', () => {
  it('is let go of at once, and reads no more', () => {
    const attachments = new OracleAttachments({ run: (read) => read() });
    const told: string[] = [];
    const attached = (name: string) => ({ detach: () => void told.push(name) });
    const [one, two] = [attached('one'), attached('two')];
    attachments.add(one);
    attachments.add(two);
    attachments.delete(one);
    expect(attachments.isOpen).toBe(true);
    attachments.detach();
    attachments.detach();
    expect([told, attachments.isOpen]).toEqual([['two'], false]);
  });
});
