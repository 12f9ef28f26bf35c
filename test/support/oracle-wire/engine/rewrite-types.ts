/**
 * Oracle's types in PostgreSQL: in CAST and in the definition of a column. What the row description cannot carry (a domain is
 * described as its base) is told by a length or precision that nothing else has; column-types.ts reads it back.
 */
import { OraError } from '../backend.js';
import type { OracleVersion, Rewriter } from './rewriter.js';
import type { TokenReader } from './token-reader.js';

/** An expression cast to CLOB is a varchar of the greatest length there is. */
export const CLOB_LENGTH = 10_485_760;
/** An expression cast to TIMESTAMP WITH LOCAL TIME ZONE has a precision; one WITH TIME ZONE has none, or another. */
export const LOCAL_ZONE_PRECISION = 6;

export interface TypeText {
  readonly text: string;
  /** The index of its last token. */
  readonly last: number;
}

export interface TypePlace {
  readonly in: 'cast' | 'column';
  readonly version: OracleVersion;
  /** GENERATED … AS IDENTITY: PostgreSQL wants an integer. */
  readonly isIdentity?: boolean;
}

/** Of PostgreSQL or others: Oracle does not know them. */
const UNKNOWN = new Set(
  'TEXT BYTEA JSONB UUID SERIAL BIGSERIAL BIGINT TINYINT INT2 INT4 INT8 FLOAT4 FLOAT8 TIMESTAMPTZ TIME DATETIME STRING MONEY INET'.split(
    ' ',
  ),
);
const INTEGERS = new Set(['INTEGER', 'INT', 'SMALLINT', 'PLS_INTEGER', 'BINARY_INTEGER', 'SIMPLE_INTEGER']);

/** The type that begins at `index`; `undefined` where none does. */
export function typeAt(reader: TokenReader, index: number, place: TypePlace): TypeText | undefined {
  const token = reader.at(index);
  if (token?.kind !== 'word') return undefined;
  const open = reader.next(index);
  const hasLength = reader.is(open, '(');
  const last = hasLength ? reader.close(open) : index;
  const values = hasLength ? reader.tokens.slice(open + 1, last).filter(({ kind }) => kind !== 'space') : [];
  const [first, , second] = values.map(({ value }) => value);
  const inColumn = place.in === 'column';
  const plain = (text: string): TypeText => ({ text, last });
  if (UNKNOWN.has(token.value)) throw new OraError(902, 'invalid datatype', token.pos);
  if (INTEGERS.has(token.value)) return plain(place.isIdentity ? 'bigint' : 'numeric(38, 0)');
  switch (token.value) {
    case 'VARCHAR2':
    case 'NVARCHAR2':
    case 'VARCHAR':
      if (first === undefined) throw new OraError(906, 'missing left parenthesis', token.pos);
      return plain(`varchar(${first})${national(token.value, inColumn)}`);
    case 'CHAR':
    case 'NCHAR':
    case 'CHARACTER':
      return plain(`char(${first ?? '1'})${national(token.value, inColumn)}`);
    case 'NUMBER':
    case 'DECIMAL':
    case 'DEC':
    case 'NUMERIC':
      if (place.isIdentity) return plain('bigint');
      if (first === undefined) return plain(token.value === 'NUMBER' ? 'numeric' : 'numeric(38, 0)');
      return plain(
        `numeric(${first === '*' ? '38' : first}, ${numberAfterComma(values.map(({ value }) => value)) ?? second ?? '0'})`,
      );
    case 'FLOAT':
    case 'REAL':
      return plain('numeric');
    case 'DOUBLE':
      return { text: 'numeric', last: reader.is(open, 'PRECISION') ? open : index };
    case 'BINARY_DOUBLE':
      return plain('float8');
    case 'BINARY_FLOAT':
      return plain('float4');
    case 'DATE':
      return plain('ora.odate');
    case 'TIMESTAMP':
      return timestamp(reader, index, last, first, inColumn);
    case 'INTERVAL':
      return interval(reader, index);
    case 'CLOB':
    case 'NCLOB':
      return plain(inColumn ? 'ora.clob' : `varchar(${CLOB_LENGTH})`);
    case 'BLOB':
      return plain('ora.blob');
    case 'RAW':
      return plain('ora.raw');
    case 'LONG':
      return reader.is(open, 'RAW') ? { text: 'ora.raw', last: open } : plain('ora.olong');
    case 'ROWID':
    case 'UROWID':
      return plain('varchar(18)');
    case 'BOOLEAN':
    case 'BOOL':
      if (place.version < 23) throw new OraError(902, 'invalid datatype', token.pos);
      return plain('boolean');
    case 'JSON':
      if (place.version < 23) throw new OraError(902, 'invalid datatype', token.pos);
      return plain('json');
    default:
      return undefined;
  }
}

/** Columns of the national character set are told by their collation: a type of their own would have no length. */
const national = (word: string, inColumn: boolean): string => (inColumn && word.startsWith('N') ? ' COLLATE "C"' : '');

/** A negative scale is two tokens. */
function numberAfterComma(values: readonly string[]): string | undefined {
  const comma = values.indexOf(',');
  return comma < 0 ? undefined : values.slice(comma + 1).join('');
}

function timestamp(
  reader: TokenReader,
  index: number,
  end: number,
  precision: string | undefined,
  inColumn: boolean,
): TypeText {
  // Nanoseconds are nothing that PostgreSQL could keep.
  const digits = precision === undefined ? '' : `(${Math.min(Number(precision), 6)})`;
  const withZone = reader.next(end);
  const zone = reader.sequence(withZone, 'WITH', 'TIME', 'ZONE');
  if (zone >= 0) return { text: `timestamp${digits === '(6)' ? '' : digits} with time zone`, last: zone };
  const local = reader.sequence(withZone, 'WITH', 'LOCAL', 'TIME', 'ZONE');
  if (local >= 0) return { text: inColumn ? 'ora.tsltz' : `timestamptz(${LOCAL_ZONE_PRECISION})`, last: local };
  // The precision 0 is DATE's.
  return { text: digits === '(0)' ? 'timestamp' : `timestamp${digits}`, last: Math.max(index, end) };
}

/** INTERVAL DAY (2) TO SECOND (6), INTERVAL YEAR (4) TO MONTH: PostgreSQL has a precision for seconds only. */
function interval(reader: TokenReader, index: number): TypeText | undefined {
  const field = reader.next(index);
  if (!reader.is(field, 'DAY', 'YEAR')) return undefined;
  const open = reader.next(field);
  const to = reader.is(open, '(') ? reader.next(reader.close(open)) : open;
  const end = reader.next(to);
  if (!reader.is(to, 'TO') || !reader.is(end, 'SECOND', 'MONTH')) return undefined;
  const precision = reader.next(end);
  const last = reader.is(precision, '(') ? reader.close(precision) : end;
  return { text: reader.is(field, 'DAY') ? 'interval day to second' : 'interval year to month', last };
}

/** The types in CAST (… AS …), everywhere in the statement. */
export function castTypes(rewriter: Rewriter): void {
  const { version } = rewriter.options;
  for (let index = 0; index < rewriter.length; index++) {
    const open = rewriter.next(index);
    if (!rewriter.is(index, 'CAST') || !rewriter.is(open, '(')) continue;
    const as = rewriter.find(open + 1, rewriter.close(open), 'AS');
    if (as < 0) continue;
    const at = rewriter.next(as);
    const type = typeAt(rewriter, at, { in: 'cast', version });
    if (type === undefined) throw new OraError(902, 'invalid datatype', rewriter.positionOf(at));
    rewriter.replace(at, type.text);
    rewriter.drop(at + 1, type.last + 1);
    if (!/^(varchar|char)\(/.test(type.text) || rewriter.is(at, 'CLOB', 'NCLOB')) continue;
    // A number as Oracle writes it, and TRUE.
    rewriter.insert(open + 1, 'ora.as_text(');
    rewriter.insert(as, ') ');
  }
}
