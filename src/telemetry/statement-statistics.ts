/**
 * What is known of every statement by its shape: how often, how long, how many rows, which errors. One book for a runtime,
 * in about 2 MB when it is full of statements of a usual length: 1,000 shapes of at most 4,096 characters, and texts of at
 * most two million together, which as a rule are the program's own and take nothing.
 *
 *     text ──► (2,000 texts remembered) ──► entry of its shape        a shape that finds no room takes the place of the one
 *                                             │ seen least recently     seen least recently, whose counts go on in `other`
 *                                             ▼
 *                                           other
 *
 * Invariants: no count is ever lost, those of statements that are in flight while their entry is given up among them; the
 * sums over all entries and `other` only grow. Refuses to know SQL: how a text gets its shape is handed in.
 */
import type { BucketHistogram } from '../kernel/bucket-histogram.js';
import { LogHistogram } from '../kernel/log-histogram.js';
import type { Operation } from '../sql/operation.js';

/** What a text is called by. */
export interface StatementShape {
  /** Without values, safe to show. */
  readonly fingerprint: string;
  readonly operation: Operation;
}

export const MAX_FINGERPRINTS = 1_000;
/** In each of two generations, as in the book of prepared statements. */
const GENERATION = 1_000;
/** Characters of all texts of a generation: generated statements are long, and each is another one. */
const GENERATION_LENGTH = 1_000_000;
/** A longer text is rarely the same twice, and would fill memory. */
const MAX_TEXT_LENGTH = 10_240;
/** What is shown of a shape. */
const MAX_FINGERPRINT_LENGTH = 4_096;

/** The durations of all statements of one operation. */
export interface OperationMeter {
  readonly success: BucketHistogram;
  readonly failure: BucketHistogram;
}

/** The counts of one shape. Written by the meter, read by reports. */
export class StatementEntry {
  readonly fingerprint: string;
  readonly operation: Operation;
  readonly durations = new LogHistogram();
  failed = 0;
  slow = 0;
  rows = 0;
  rowsAffected = 0;
  inFlight = 0;
  maxInFlight = 0;
  /** Spent in lines, of all durations together. Milliseconds. */
  waitedMs = 0;
  /** By error code; absent while there was none. */
  errors: Map<string, number> | undefined = undefined;
  lastErrorCode: string | undefined = undefined;
  /** Monotonic milliseconds. */
  firstSeenAt: number;
  lastSeenAt: number;
  /** Where its operation is counted; known from the first end on. */
  ofOperation: OperationMeter | undefined = undefined;
  /** Where its counts go on, once it was given up. */
  heir: StatementEntry | undefined = undefined;

  constructor({ fingerprint, operation }: StatementShape, now: number) {
    this.fingerprint = fingerprint;
    this.operation = operation;
    this.firstSeenAt = this.lastSeenAt = now;
  }

  countError(code: string): void {
    this.failed += 1;
    this.lastErrorCode = code;
    this.errors ??= new Map<string, number>();
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  /** Takes over everything; what is still in flight there will end here. */
  inherit(from: StatementEntry): void {
    from.heir = this;
    this.durations.merge(from.durations);
    this.failed += from.failed;
    this.slow += from.slow;
    this.rows += from.rows;
    this.rowsAffected += from.rowsAffected;
    this.inFlight += from.inFlight;
    this.maxInFlight = Math.max(this.maxInFlight, from.maxInFlight);
    this.waitedMs += from.waitedMs;
    this.firstSeenAt = Math.min(this.firstSeenAt, from.firstSeenAt);
    this.lastSeenAt = Math.max(this.lastSeenAt, from.lastSeenAt);
    this.lastErrorCode = from.lastErrorCode ?? this.lastErrorCode;
    for (const [code, count] of from.errors ?? []) {
      this.errors ??= new Map<string, number>();
      this.errors.set(code, (this.errors.get(code) ?? 0) + count);
    }
  }
}

export class StatementStatistics {
  readonly #shapeOf: (text: string) => StatementShape;
  readonly #entries = new Map<string, StatementEntry>();
  /** Made with the first that finds no room. */
  #other: StatementEntry | undefined;
  #young = new Map<string, StatementEntry>();
  #youngLength = 0;
  #old = new Map<string, StatementEntry>();

  constructor(shapeOf: (text: string) => StatementShape) {
    this.#shapeOf = shapeOf;
  }

  /** The entry that a call of `text` is counted in. */
  of(text: string, now: number): StatementEntry {
    const known = this.#young.get(text);
    if (known !== undefined && known.heir === undefined) return known;
    return this.#lookFurther(text, now);
  }

  /** The fingerprint of a text that was seen lately; counts nothing. */
  fingerprintOf(text: string): string | undefined {
    return (this.#young.get(text) ?? this.#old.get(text))?.fingerprint;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What was given up, as one. */
  get other(): StatementEntry | undefined {
    return this.#other;
  }

  /** In no order; without `other`. */
  entries(): IterableIterator<StatementEntry> {
    return this.#entries.values();
  }

  #lookFurther(text: string, now: number): StatementEntry {
    if (text.length > MAX_TEXT_LENGTH) return this.#entryOf(text, now);
    const old = this.#old.get(text);
    const entry = old === undefined || old.heir !== undefined ? this.#entryOf(text, now) : old;
    if (this.#young.size >= GENERATION || this.#youngLength >= GENERATION_LENGTH) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngLength = 0;
    }
    this.#old.delete(text);
    this.#young.set(text, entry);
    this.#youngLength += text.length;
    return entry;
  }

  #entryOf(text: string, now: number): StatementEntry {
    const shape = this.#shapeOf(text);
    const fingerprint = cut(shape.fingerprint);
    const known = this.#entries.get(fingerprint);
    if (known !== undefined) return known;
    if (this.#entries.size >= MAX_FINGERPRINTS) this.#giveUpOldest(now);
    const entry = new StatementEntry({ ...shape, fingerprint }, now);
    this.#entries.set(fingerprint, entry);
    return entry;
  }

  /** Looked for only where a new shape finds no room, which costs more to read than all entries to look at. */
  #giveUpOldest(now: number): void {
    let oldest: StatementEntry | undefined;
    for (const entry of this.#entries.values()) {
      if (oldest === undefined || entry.lastSeenAt < oldest.lastSeenAt) oldest = entry;
    }
    if (oldest === undefined) return;
    this.#entries.delete(oldest.fingerprint);
    this.#other ??= new StatementEntry({ fingerprint: 'other', operation: 'other' }, now);
    this.#other.inherit(oldest);
  }
}

function cut(fingerprint: string): string {
  return fingerprint.length > MAX_FINGERPRINT_LENGTH
    ? `${fingerprint.slice(0, MAX_FINGERPRINT_LENGTH - 1)}…`
    : fingerprint;
}
