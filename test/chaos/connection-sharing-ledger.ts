/**
 * What has really become of each statement, by its text, in connection-sharing-simulation.ts; and whether what its caller
 * has heard is true of it.
 */
import type { FluxorError } from '../../src/errors/fluxor-error.js';
import { isFluxorError } from '../../src/errors/fluxor-error.js';

/** A stale statement is sent again by the connection at most this often. */
const STALE_AGAIN = 3;

/** `hangs`: until a cancel ends it. */
export type Fate = 'applied' | 'refused' | 'hangs';

/** Of what is prepared under a name, and was not as the server has it now. */
export class StaleError extends Error {
  /** Nobody has asked to stop anything since it was sent, and it had been prepared anew before. */
  readonly isHopeless: boolean;

  constructor(isHopeless: boolean) {
    super('the prepared statement is stale');
    this.isHopeless = isHopeless;
  }
}

/** Whoever sent a statement, and has heard of it. */
export interface Hearer {
  readonly text: string;
  readonly deadlineAt: number;
  readonly isReadOnly: boolean;
  readonly abort: AbortController;
  readonly server: { readonly isClosed: boolean };
  /** `undefined`: it succeeded. */
  readonly error: unknown;
}

export class SharingLedger {
  readonly fates = new Map<string, Fate>();
  readonly sent = new Map<string, number>();
  readonly applied = new Map<string, number>();
  /** How often it was sent in vain, as its client knows. */
  readonly undone = new Map<string, number>();
  readonly refused = new Set<string>();
  readonly misuse: string[] = [];
  /** Callers who have their answer. */
  readonly answered = new Set<string>();
  readonly counts = { hit: 0, missed: 0, undelivered: 0, stale: 0, healed: 0 };
  chanceOfStale = 0;
  /** Its caller has stopped it, or its time is over, or its loan. */
  isStopped: (text: string) => boolean = () => false;
  readonly #timesStale = new Map<string, number>();

  knows(text: string): boolean {
    return this.fates.has(text);
  }

  foundStale(text: string): void {
    const times = (this.#timesStale.get(text) ?? 0) + 1;
    this.#timesStale.set(text, times);
    if (times > 1 + STALE_AGAIN)
      this.misuse.push(`${text} was sent again, although it had been stale ${times - 1} times`);
  }

  /** The lies in what somebody has heard. */
  lies(hearer: Hearer, now: number): string[] {
    const { text, error } = hearer;
    const [sent, applied] = [this.#sent(text), this.#applied(text)];
    const heard = error === undefined ? [applied !== 1 && 'that it succeeded'] : this.#liesOf(hearer, error, now);
    return heard.filter((lie) => lie !== false).map((lie) => `${text} heard ${lie}: sent ${sent}, applied ${applied}`);
  }

  #liesOf(hearer: Hearer, error: unknown, now: number): (string | false)[] {
    if (!isFluxorError(error)) return ['an error from outside the house'];
    const { text, isReadOnly } = hearer;
    const { code, outcome } = error;
    const applied = this.#applied(text);
    const isLoss = ['TIMEOUT', 'CANCELLED', 'CONNECTION'].includes(code);
    return [
      outcome === 'not-sent' && this.#sent(text) > (this.undone.get(text) ?? 0) && 'that it was not sent',
      outcome === 'not-applied' && applied > 0 && !isReadOnly && 'that it was not applied',
      outcome === 'applied' && applied !== 1 && 'that it was applied',
      outcome === 'unknown' && !isLoss && `that nothing is known of a ${code}`,
      ...this.#liesOfReason(hearer, error, now),
    ];
  }

  #liesOfReason({ text, abort, deadlineAt, server }: Hearer, error: FluxorError, now: number): (string | false)[] {
    const { code, reason, cause } = error;
    const isCured = cause instanceof StaleError && !cause.isHopeless && this.#sent(text) <= STALE_AGAIN;
    return [
      reason === 'administrator' && 'of a cancel that was meant for another',
      reason === 'caller' && !abort.signal.aborted && 'that it aborted',
      code === 'TIMEOUT' && now < deadlineAt && 'that its time was over',
      code === 'CONNECTION' && !server.isClosed && 'that the connection is lost',
      code === 'CONSTRAINT' && !this.refused.has(text) && 'that it was refused',
      isCured && 'that it is stale',
    ];
  }

  #sent(text: string): number {
    return this.sent.get(text) ?? 0;
  }

  #applied(text: string): number {
    return this.applied.get(text) ?? 0;
  }
}
