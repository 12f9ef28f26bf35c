/**
 * JSON both ways: as text, and as values of Oracle's own binary form (OSON), which knows dates and bytes as well.
 *
 * The library writes and reads the dates within as local time, whatever its connection was told (oracle-dates.ts); of what it does
 * not know (Map, `toJSON`) it makes empty objects, and of NaN bytes that are no number. So everything is put right before it sees it.
 * Invariant: an error says what kind of value it is, never the value.
 */
import { localAsUtc, readableDate, sendableDate } from './oracle-dates.js';
import type { OracleModule } from './oracle-module.js';
import { cannotSend } from './oracle-room-errors.js';

/** @throws QueryError for what JSON cannot say. */
export function jsonText(value: object): string {
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

/** What `JSON.stringify` would write, with dates, bytes, vectors and intervals as what they are. @throws QueryError as it does. */
export function jsonToSend(value: unknown, module: OracleModule): unknown {
  const sent = new JsonWalk(module).of(value);
  if (sent === undefined) throw cannotSend('undefined, a function or a symbol cannot be sent as JSON');
  return sent;
}

/** Oracle's own limit; far beyond, the stack of this process would be another. */
const MOST_LEVELS = 1_024;

class JsonWalk {
  readonly #module: OracleModule;
  /** Around the value at hand: one that holds itself has no end. */
  readonly #around = new Set<object>();

  constructor(module: OracleModule) {
    this.#module = module;
  }

  /** `undefined` for what has no place in JSON. */
  of(value: unknown): unknown {
    switch (typeof value) {
      case 'object':
        return value === null ? null : this.#ofObject(value);
      case 'number':
        if (Number.isFinite(value)) return value;
        throw cannotSend('NaN and the infinities cannot be sent as JSON');
      case 'bigint':
        throw cannotSend('a bigint cannot be sent as JSON');
      case 'function':
      case 'symbol':
        return undefined;
      default:
        return value;
    }
  }

  #ofObject(value: object): unknown {
    if (value instanceof Date) return sendableDate(value);
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return Buffer.from(value);
    const { IntervalDS, IntervalYM, JsonId, SparseVector, BaseDbObject } = this.#module;
    if ([IntervalDS, IntervalYM, JsonId, SparseVector].some((known) => value instanceof known)) return value;
    if (ArrayBuffer.isView(value)) return isVector(value) ? value : bytesOf(value);
    if ([Map, Set, RegExp, Promise, BaseDbObject].some((unknown) => value instanceof unknown))
      throw cannotSend(`a ${value.constructor.name} cannot be sent as JSON`);
    if (this.#around.has(value)) throw cannotSend('an object that holds itself cannot be sent as JSON');
    if (this.#around.size === MOST_LEVELS) throw cannotSend('JSON of more than 1,024 levels cannot be sent');
    this.#around.add(value);
    const sent = this.#inside(value);
    this.#around.delete(value);
    return sent;
  }

  #inside(value: object): unknown {
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') return this.of(toJSON.call(value, ''));
    if (Array.isArray(value)) return value.map((one) => this.of(one) ?? null);
    const members = Object.entries(value).map(([name, one]) => [name, this.of(one)] as const);
    return Object.fromEntries(members.filter(([, one]) => one !== undefined));
  }
}

function isVector(view: ArrayBufferView): boolean {
  return view instanceof Float32Array || view instanceof Float64Array || view instanceof Int8Array;
}

/** Of a plain Uint8Array the library would make a vector of bits. */
function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/**
 * What the library has read, with its dates as UTC. An hour that a change of clocks skips in the zone of this process has become
 * another one by then. Works in place.
 */
export function jsonReceived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (value instanceof Date) return readableDate(localAsUtc(value));
  const members = value as Record<string, unknown>;
  for (const name of Object.keys(members)) {
    const member = members[name];
    if (typeof member === 'object') members[name] = jsonReceived(member);
  }
  return value;
}
