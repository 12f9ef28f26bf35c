/**
 * JavaScript values as parameters, in a form that each client library turns into the binary protocol: bigint → BIGINT, number →
 * DOUBLE, string → VARCHAR, Buffer → BLOB, Date → DATETIME.
 * Whole numbers go as BIGINT: as DOUBLE they would lose digits in sums, be `5.0` in JSON, and be refused behind LIMIT.
 */
import { QueryError } from '../../errors/query-error.js';
import { assertSendable } from './mysql-time.js';

export type MysqlParameter = null | string | bigint | number | Buffer | Date;

const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;
export const MAX_INT64 = 2n ** 63n - 1n;

/** @throws QueryError for what cannot be sent. Says what kind of value it is, never the value. */
export function encodeParameter(value: unknown): MysqlParameter {
  if (value === null) return null;
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return encodeNumber(value);
    case 'bigint':
      // Larger ones only a DECIMAL can hold, and that is sent as its text.
      return value >= MIN_INT64 && value <= MAX_UINT64 ? value : String(value);
    case 'boolean':
      return value ? 1n : 0n;
    case 'object':
      return encodeObject(value);
    case 'undefined':
      throw cannotSend('undefined cannot be a parameter; say null for NULL');
    default:
      throw cannotSend(`a ${typeof value} cannot be a parameter`);
  }
}

function encodeNumber(value: number): bigint | number {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return BigInt(value);
  if (Number.isFinite(value)) return value;
  throw cannotSend('NaN and Infinity cannot be parameters: MySQL has no such numbers');
}

function encodeObject(value: object): MysqlParameter {
  if (value instanceof Date) return assertSendable(value);
  if (Buffer.isBuffer(value)) return value;
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  // As JSON they would all be `{}`.
  if (value instanceof Map || value instanceof Set || value instanceof RegExp) {
    throw cannotSend(`a ${value.constructor.name} cannot be a parameter`);
  }
  return encodeJson(value);
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
