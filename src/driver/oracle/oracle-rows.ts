/**
 * Rows of Oracle, by the columns of their result. LOBs and cursors among the columns are named, and left for whoever can read them.
 */
import { RawRowReader } from '../raw-rows.js';
import type { OracleMetadata } from './oracle-module.js';
import type { Reading } from './oracle-types.js';
import { decoderOf, fieldOf, ORACLE_TYPES } from './oracle-types.js';

export class OracleRowReader extends RawRowReader {
  /** Columns whose values may be LOBs of the library. */
  readonly lobs: readonly number[];
  /** Columns whose values are result sets of the library (`cursor(select …)`). */
  readonly cursors: readonly number[];

  constructor(columns: readonly OracleMetadata[], reading: Reading) {
    super(
      columns.map((column) => fieldOf(column, reading.types)),
      columns.map((column) => decoderOf(column, reading)),
    );
    this.lobs = positionsOf(columns, isLob);
    this.cursors = positionsOf(columns, (num) => num === ORACLE_TYPES.cursor);
  }
}

function isLob(num: number): boolean {
  return num === ORACLE_TYPES.clob || num === ORACLE_TYPES.nclob || num === ORACLE_TYPES.blob;
}

function positionsOf(columns: readonly OracleMetadata[], test: (num: number) => boolean): number[] {
  return columns.flatMap(({ dbType }, at) => (test(dbType.num) ? [at] : []));
}
