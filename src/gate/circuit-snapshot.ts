/** What a circuit breaker takes through a restart: plain JSON, with lengths of time in place of moments. */
import { ConfigError } from '../errors/config-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';
import type { CircuitSituation, CircuitState, Opening } from './circuit-state.js';
import { CIRCUIT_TRANSITIONS } from './circuit-state.js';
import type { CircuitTotals } from './circuit-tally.js';
import { newTally } from './circuit-tally.js';
import type { TripRuleMemory } from './trip-rule.js';

export interface CircuitSnapshot {
  readonly version: 1;
  readonly state: CircuitState;
  /** For `open`: milliseconds until a call may find out. */
  readonly remainingMs?: number;
  /** For `open` and `half-open`: why it opened, what the last failure was, and how often it had opened again. */
  readonly opening?: {
    readonly why: string;
    readonly code?: string;
    readonly reason?: string;
    readonly reopens: number;
  };
  /** For `forced-open`: what the person said. */
  readonly reason?: string;
  readonly totals: CircuitTotals;
  /** What the trip rule remembers. */
  readonly rule: TripRuleMemory;
}

/** The part of a snapshot that is the state. */
export function saveSituation(situation: CircuitSituation, now: number): Partial<CircuitSnapshot> {
  if (situation.name === 'forced-open') return situation.reason === undefined ? {} : { reason: situation.reason };
  if (situation.name === 'half-open') return { opening: saveOpening(situation.opening) };
  if (situation.name !== 'open') return {};
  return { opening: saveOpening(situation.opening), remainingMs: Math.max(0, situation.untilAt - now) };
}

function saveOpening({ why, last, reopens }: Opening): NonNullable<CircuitSnapshot['opening']> {
  const code = last?.code === undefined ? {} : { code: last.code };
  const reason = last?.reason === undefined ? {} : { reason: last.reason };
  return { why, reopens, ...code, ...reason };
}

/** The way back; the error itself did not survive. */
export function loadOpening(opening: NonNullable<CircuitSnapshot['opening']>): Opening {
  const { why, code, reason, reopens } = opening;
  return { why, reopens, last: code === undefined ? undefined : { error: undefined, code, reason } };
}

const LONGEST_MS = Number.MAX_SAFE_INTEGER;

/** A snapshot comes from a file, and files are edited. @throws ConfigError with everything that is wrong with it. */
export function checkSnapshot(snapshot: unknown): asserts snapshot is CircuitSnapshot {
  const issues: OptionIssue[] = [];
  const reader = new OptionReader(snapshot, 'snapshot', issues);
  if (snapshot === undefined) issues.push({ path: 'snapshot', got: 'undefined', expected: 'an object' });
  if (reader.raw('version') !== 1) reader.refuse('version', '1', 1);
  const state = reader.raw('state');
  if (typeof state !== 'string' || !Object.hasOwn(CIRCUIT_TRANSITIONS, state)) {
    reader.refuse('state', `one of ${Object.keys(CIRCUIT_TRANSITIONS).join(', ')}`, undefined);
  }
  if (state === 'open' && !isLength(reader.raw('remainingMs'))) reader.refuse('remainingMs', 'milliseconds', 0);
  if (state === 'open' || state === 'half-open') checkOpening(reader.group('opening'));
  reader.text('reason', undefined);
  const totals = reader.group('totals');
  for (const name of Object.keys(newTally()))
    if (!totals.has(name) || !isLength(totals.raw(name))) totals.refuse(name, 'a count', 0);
  if (!isMemory(reader.raw('rule'))) reader.refuse('rule', 'what a trip rule remembers', undefined);
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
}

function checkOpening(opening: OptionReader): void {
  if (typeof opening.raw('why') !== 'string') opening.refuse('why', 'a text', '');
  if (!isLength(opening.raw('reopens'))) opening.refuse('reopens', 'a count', 0);
  opening.text('code', undefined);
  opening.text('reason', undefined);
}

function isMemory(value: unknown): value is TripRuleMemory {
  const memory = (value ?? {}) as { kind?: unknown; agesMs?: unknown; slots?: unknown; calls?: unknown };
  if (memory.kind === 'in-a-row') return isListOf(memory.agesMs, isLength);
  if (memory.kind === 'calls') return isListOf(memory.calls, (call) => isLength(call) && call <= 3);
  return memory.kind === 'time' && isListOf(memory.slots, (slot) => isListOf(slot, isLength) && slot.length === 4);
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[];
function isListOf(value: unknown, isItem: (item: unknown) => boolean): value is unknown[];
function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LONGEST_MS;
}
