/**
 * What the bank's clerks were told about each transfer, and nothing else: no look into the database, none into the
 * runtime. audit.ts compares it with what is there.
 */
import type { ErrorCode, FluxorError } from 'fluxor-db';
import { isFluxorError } from 'fluxor-db';

/** What the caller knows: `kept` and `absent` are claims that can be checked, `unknown` is none. */
export type Claim = 'kept' | 'absent' | 'unknown';

/** How it was made: one statement on its own, or a transaction. */
export type Unit = 'statement' | 'transaction';

export interface Begun {
  readonly id: number;
  readonly unit: Unit;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
}

export interface Entry extends Begun {
  readonly claim: Claim;
  /** The run of the transaction function that began last; 1 for a statement. */
  readonly attempt: number;
  readonly endedAt: number;
  /** Absent where it succeeded. */
  readonly error?: FluxorError;
}

/** What a storm can do to a transfer. Anything else, such as a constraint or a fault of SQL, is a bug. */
const EXPECTED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONNECTION',
  'TIMEOUT',
  'TRANSACTION',
  'OUTCOME_UNKNOWN',
  'CIRCUIT_OPEN',
  'POOL_EXHAUSTED',
]);

export class Ledger {
  readonly entries = new Map<number, Entry>();
  /** What should not happen to anybody, whatever the weather. */
  readonly surprises: string[] = [];
  /** Of the successful ones, when the last one was told; monotonic milliseconds. */
  lastSuccessAt = 0;
  #nextId = 1;

  begin(unit: Unit): Begun {
    return { id: this.#nextId++, unit, startedAt: performance.now() };
  }

  succeeded(begun: Begun, attempt: number): void {
    this.lastSuccessAt = this.#note(begun, 'kept', attempt);
  }

  failed(begun: Begun, attempt: number, error: unknown): void {
    if (!isFluxorError(error)) {
      this.surprises.push(`${begun.unit} ${begun.id}: an error of no known kind: ${String(error)}`);
      this.#note(begun, 'unknown', attempt);
      return;
    }
    const { code, reason, message } = error;
    if (!EXPECTED.has(code)) this.surprises.push(`${begun.unit} ${begun.id}: ${code} (${reason}): ${message}`);
    this.#note(begun, claimOf(error), attempt, error);
  }

  count(claim: Claim): number {
    let count = 0;
    for (const entry of this.entries.values()) if (entry.claim === claim) count += 1;
    return count;
  }

  get longestMs(): number {
    let longest = 0;
    for (const { startedAt, endedAt } of this.entries.values()) longest = Math.max(longest, endedAt - startedAt);
    return Math.round(longest);
  }

  /** How long after a moment the first transfer succeeded; `undefined` if none did. */
  firstSuccessAfter(at: number): number | undefined {
    let first = Infinity;
    for (const { claim, endedAt } of this.entries.values())
      if (claim === 'kept' && endedAt > at) first = Math.min(first, endedAt);
    return first === Infinity ? undefined : Math.round(first - at);
  }

  #note(begun: Begun, claim: Claim, attempt: number, error?: FluxorError): number {
    const endedAt = performance.now();
    this.entries.set(begun.id, { ...begun, claim, attempt, endedAt, ...(error === undefined ? {} : { error }) });
    return endedAt;
  }

  /** How often each code and reason ended a transfer. */
  get endings(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { error, unit } of this.entries.values()) {
      if (error === undefined) continue;
      const name = `${unit}: ${error.code}${error.reason === undefined ? '' : `/${error.reason}`} ${error.outcome}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
}

function claimOf({ outcome }: FluxorError): Claim {
  if (outcome === 'unknown') return 'unknown';
  return outcome === 'applied' ? 'kept' : 'absent';
}
