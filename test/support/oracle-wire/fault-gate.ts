/** Where calls of one session meet the faults that wait for them. What is waited for here ends with the session. */
import { OraError } from './backend.js';
import type { FaultPoint, FaultRule, Faults } from './faults.js';
import { textOfCode } from './faults.js';
import type { SessionView } from './observation.js';
import { Cut } from './session-context.js';

export interface FaultGatePort {
  view(): SessionView;
  /** Throws when the call was interrupted, its session killed, or the connection is gone. */
  assertGoingOn(): void;
}

export class FaultGate {
  readonly #faults: Faults;
  readonly #port: FaultGatePort;
  #wake: (() => void) | null = null;

  constructor(faults: Faults, port: FaultGatePort) {
    this.#faults = faults;
    this.#port = port;
  }

  /** The rule that was taken, for what it says of the answer. Throws its error, or a `Cut`. */
  async meet(point: FaultPoint, sql: string): Promise<FaultRule | null> {
    const rule = this.#faults.take(point, sql, () => this.#port.view());
    if (rule === null) return null;
    // Who has ended already wakes nobody up any more.
    this.#port.assertGoingOn();
    if (rule.delayMs !== undefined) await this.#wait(rule.delayMs);
    if (rule.until !== undefined) await this.#wait(rule.until);
    this.#port.assertGoingOn();
    if (rule.drop === 'before') throw new Cut();
    if (rule.error !== undefined) {
      throw new OraError(rule.error.code, rule.error.message ?? textOfCode(rule.error.code));
    }
    return rule;
  }

  /** Ends what is waited for: no timer outlives it. */
  wake(): void {
    this.#wake?.();
  }

  async #wait(what: number | Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (typeof what === 'number') timer = setTimeout(resolve, what);
      else void what.then(resolve);
    });
    clearTimeout(timer);
    this.#wake = null;
  }
}
