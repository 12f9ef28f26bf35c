/**
 * What the bank's clerks were told about each transfer, and nothing else: no look into the database, none into the
 * runtime. audit.ts compares it with what is there.
 */
import type { ErrorCode, FluxorError } from 'fluxor-db';
import { isFluxorError } from 'fluxor-db';

/** What the caller knows: `kept` and `absent` are claims that can be checked, `unknown` is none. */
export type Claim = 'kept' | 'absent' | 'unknown';

export interface Entry {
  readonly id: number;
  readonly claim: Claim;
  /** The run of the transaction function that began last; 1 for a statement. */
  readonly attempt: number;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
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

  newId(): number {
    return this.#nextId++;
  }

  succeeded(id: number, attempt: number, startedAt: number): void {
    const endedAt = performance.now();
    this.lastSuccessAt = endedAt;
    this.entries.set(id, { id, claim: 'kept', attempt, startedAt, endedAt });
  }

  failed(id: number, attempt: number, startedAt: number, error: unknown): void {
    const endedAt = performance.now();
    if (!isFluxorError(error)) {
      this.surprises.push(`transfer ${id}: an error of no known kind: ${String(error)}`);
      this.entries.set(id, { id, claim: 'unknown', attempt, startedAt, endedAt });
      return;
    }
    if (!EXPECTED.has(error.code))
      this.surprises.push(`transfer ${id}: ${error.code} (${error.reason}): ${error.message}`);
    this.entries.set(id, { id, claim: claimOf(error), attempt, startedAt, endedAt, error });
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

  /** How often each code and reason ended a transfer. */
  get endings(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { error } of this.entries.values()) {
      if (error === undefined) continue;
      const name = `${error.code}${error.reason === undefined ? '' : `/${error.reason}`} ${error.outcome}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
}

function claimOf({ outcome }: FluxorError): Claim {
  if (outcome === 'unknown') return 'unknown';
  return outcome === 'applied' ? 'kept' : 'absent';
}
