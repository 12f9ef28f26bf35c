/**
 * PostgreSQL's types: text from the wire → JavaScript values, and JavaScript values → parameters. Lossless by default,
 * and what comes back depends on the column's type only, never on the value. Shared with the pglite room.
 * The table for people is docs/reference/types.md; the contract suite checks it on every server.
 * OIDs are those of PostgreSQL's pg_type.dat; types without an entry come back as the text the server wrote.
 */
import { QueryError } from '../../errors/query-error.js';
import { isExactAsNumber } from '../exact-number.js';
import type { TypeConfig } from '../query.js';
import { parseArrayText } from './postgres-arrays.js';
import { parseDate, parseTimestamp, timestampText } from './postgres-time.js';

export type Decode = (text: string) => unknown;

interface TypeRow {
  readonly name: string;
  readonly oid: number;
  readonly arrayOid: number;
  readonly decode: (types: TypeConfig) => Decode;
}

const asText: Decode = (text) => text;
const text = (): Decode => asText;
const number = (): Decode => Number;
const json = (types: TypeConfig): Decode => (types.json === 'string' ? asText : (JSON.parse as Decode));

const TYPES: readonly TypeRow[] = [
  { name: 'bool', oid: 16, arrayOid: 1000, decode: () => (value) => value === 't' },
  { name: 'bytea', oid: 17, arrayOid: 1001, decode: () => decodeBytea },
  { name: 'char', oid: 18, arrayOid: 1002, decode: text },
  { name: 'name', oid: 19, arrayOid: 1003, decode: text },
  { name: 'int8', oid: 20, arrayOid: 1016, decode: int64 },
  { name: 'int2', oid: 21, arrayOid: 1005, decode: number },
  { name: 'int4', oid: 23, arrayOid: 1007, decode: number },
  { name: 'text', oid: 25, arrayOid: 1009, decode: text },
  { name: 'oid', oid: 26, arrayOid: 1028, decode: number },
  { name: 'xid', oid: 28, arrayOid: 1011, decode: number },
  { name: 'json', oid: 114, arrayOid: 199, decode: json },
  { name: 'xml', oid: 142, arrayOid: 143, decode: text },
  { name: 'cidr', oid: 650, arrayOid: 651, decode: text },
  { name: 'float4', oid: 700, arrayOid: 1021, decode: number },
  { name: 'float8', oid: 701, arrayOid: 1022, decode: number },
  { name: 'money', oid: 790, arrayOid: 791, decode: text },
  { name: 'macaddr', oid: 829, arrayOid: 1040, decode: text },
  { name: 'inet', oid: 869, arrayOid: 1041, decode: text },
  { name: 'bpchar', oid: 1042, arrayOid: 1014, decode: text },
  { name: 'varchar', oid: 1043, arrayOid: 1015, decode: text },
  { name: 'date', oid: 1082, arrayOid: 1182, decode: (types) => (types.date === 'Date' ? parseDate : asText) },
  { name: 'time', oid: 1083, arrayOid: 1183, decode: text },
  { name: 'timestamp', oid: 1114, arrayOid: 1115, decode: () => parseTimestamp },
  { name: 'timestamptz', oid: 1184, arrayOid: 1185, decode: () => parseTimestamp },
  { name: 'interval', oid: 1186, arrayOid: 1187, decode: text },
  { name: 'timetz', oid: 1266, arrayOid: 1270, decode: text },
  { name: 'bit', oid: 1560, arrayOid: 1561, decode: text },
  { name: 'varbit', oid: 1562, arrayOid: 1563, decode: text },
  { name: 'numeric', oid: 1700, arrayOid: 1231, decode: decimal },
  { name: 'uuid', oid: 2950, arrayOid: 2951, decode: text },
  { name: 'pg_lsn', oid: 3220, arrayOid: 3221, decode: text },
  { name: 'jsonb', oid: 3802, arrayOid: 3807, decode: json },
  { name: 'int4range', oid: 3904, arrayOid: 3905, decode: text },
  { name: 'numrange', oid: 3906, arrayOid: 3907, decode: text },
  { name: 'tsrange', oid: 3908, arrayOid: 3909, decode: text },
  { name: 'tstzrange', oid: 3910, arrayOid: 3911, decode: text },
  { name: 'daterange', oid: 3912, arrayOid: 3913, decode: text },
  { name: 'int8range', oid: 3926, arrayOid: 3927, decode: text },
  { name: 'xid8', oid: 5069, arrayOid: 271, decode: int64 },
];

const NAMES: ReadonlyMap<number, string> = new Map(
  TYPES.flatMap((row): [number, string][] => [
    [row.oid, row.name],
    [row.arrayOid, `${row.name}[]`],
  ]),
);

/** The type's name, or its OID as text where this table has none (enums, domains' base types, extensions). */
export function typeName(oid: number): string {
  return NAMES.get(oid) ?? String(oid);
}

/** One decoder per OID, made once per connection. */
export function decodersFor(types: TypeConfig): ReadonlyMap<number, Decode> {
  const decoders = new Map<number, Decode>();
  for (const row of TYPES) {
    const decode = row.decode(types);
    decoders.set(row.oid, decode);
    decoders.set(row.arrayOid, (value) => parseArrayText(value, decode));
  }
  return decoders;
}

function int64(types: TypeConfig): Decode {
  if (types.bigint === 'string') return asText;
  if (types.bigint === 'bigint') return BigInt;
  return (value) => {
    const result = Number(value);
    if (Number.isSafeInteger(result)) return result;
    throw doesNotFit("a 64-bit integer beyond 2^53 does not fit a number; use types.bigint: 'bigint' or 'string'");
  };
}

function decimal(types: TypeConfig): Decode {
  if (types.decimal === 'string') return asText;
  return (value) => {
    if (isExactAsNumber(value)) return Number(value);
    throw doesNotFit("a numeric value would change as a number; use types.decimal: 'string'");
  };
}

function doesNotFit(message: string): QueryError {
  return new QueryError('data', message, { outcome: 'applied', breaker: 'success' });
}

/** `\x00ff`, and the `escape` format of servers that still set `bytea_output` so (PostgreSQL manual, 8.4.2). */
function decodeBytea(value: string): Buffer {
  if (value.startsWith('\\x')) return Buffer.from(value.slice(2), 'hex');
  const latin1 = value.replace(/\\(\\|[0-7]{3})/g, (_, escaped: string) =>
    escaped === '\\' ? '\\' : String.fromCharCode(parseInt(escaped, 8)),
  );
  return Buffer.from(latin1, 'latin1');
}

/**
 * A parameter as PostgreSQL's text format wants it; bytes stay a Buffer (the wire sends them binary).
 * Arrays become PostgreSQL arrays, other objects JSON: for a JSON array, pass `JSON.stringify(array)`.
 */
export function encodeValue(value: unknown): string | Buffer | null {
  if (value === null) return null;
  switch (typeof value) {
    case 'undefined':
      throw cannotSend('undefined cannot be a parameter; say null for NULL');
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      return encodeObject(value);
    default:
      throw cannotSend(`a ${typeof value} cannot be a parameter`);
  }
}

function encodeObject(value: object): string | Buffer {
  if (value instanceof Date) return timestampText(value);
  if (Buffer.isBuffer(value)) return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (Array.isArray(value)) return encodeArray(value);
  // As JSON they would all be `{}`.
  if (value instanceof Map || value instanceof Set || value instanceof RegExp) {
    throw cannotSend(`a ${value.constructor.name} cannot be a parameter`);
  }
  return encodeJson(value);
}

function encodeArray(values: readonly unknown[]): string {
  // Not `values.map`, which leaves the holes of a sparse array out.
  const parts = Array.from(values, (value) => {
    if (value === null || value === undefined) return 'NULL';
    if (Array.isArray(value)) return encodeArray(value);
    // As JSON they would all be `{}`.
    if (value instanceof Map || value instanceof Set || value instanceof RegExp) {
      throw cannotSend(`a ${value.constructor.name} cannot be a parameter`);
    }
    const encoded = encodeValue(value);
    return quoteElement(Buffer.isBuffer(encoded) ? hexText(encoded) : (encoded ?? ''));
  });
  return `{${parts.join(',')}}`;
}

/** PostgreSQL manual, 8.15.6: inside quotes only `"` and `\` are special. */
function quoteElement(element: string): string {
  return `"${element.replace(/["\\]/g, '\\$&')}"`;
}

export function hexText(bytes: Buffer): string {
  return `\\x${bytes.toString('hex')}`;
}

function encodeJson(value: object): string {
  let text: unknown;
  try {
    text = JSON.stringify(value);
  } catch {
    // The cause is left out on purpose: V8's message for a cycle names properties of the value.
    throw cannotSend('an object parameter cannot be written as JSON (a cycle, or a bigint inside)');
  }
  // A `toJSON` may answer undefined, whatever the signature of `stringify` says; it must not become NULL in silence.
  if (typeof text !== 'string') throw cannotSend('an object parameter whose toJSON() answers nothing cannot be sent');
  return text;
}

function cannotSend(message: string): QueryError {
  return new QueryError('data', message, { outcome: 'not-sent', breaker: 'ignore' });
}
