/**
 * What the borrowers of one connection may have left behind in its session, and what of it has to be undone before it is
 * lent again. Used by connection.ts: told of every statement, asked at every release.
 */
import type { DriverConnection } from '../driver/driver.js';
import type { ReleasePolicy } from '../pool/pool-options.js';
import type { SessionEffects } from '../sql/session-effects.js';
import { SESSION_EFFECTS } from '../sql/session-effects.js';

export class SessionCare {
  readonly #native: DriverConnection;
  #left: SessionEffects = 0;
  /** Lent for arbitrary statements since the last reset: it matters where every such loan ends with one. */
  #isTouched = false;

  constructor(native: DriverConnection) {
    this.#native = native;
  }

  /** The next borrower may run anything. */
  touch(): void {
    this.#isTouched = true;
  }

  /** Only then does the policy have a say. */
  get isTouched(): boolean {
    return this.#isTouched;
  }

  /** A statement with these effects is about to be sent. */
  note(effects: SessionEffects): void {
    this.#left |= effects;
  }

  needsReset(policy: ReleasePolicy): boolean {
    if (this.#isTouched && policy === 'reset') return true;
    if (this.#native.hasOpenResults === true) return true;
    // A pooler's server process is somebody else's after every transaction: only what it reports has followed the session.
    return (this.#left !== 0 && this.#native.isPooled !== true) || this.#native.hasChangedSettings === true;
  }

  /** What is to be undone now. `unknown` stands for everything but the prepared statements. */
  toUndo(policy: ReleasePolicy): SessionEffects {
    if (!this.needsReset(policy)) return 0;
    const full = this.#isTouched && policy === 'reset' ? SESSION_EFFECTS.unknown : 0;
    const reported = this.#native.hasChangedSettings === true ? SESSION_EFFECTS.settings | SESSION_EFFECTS.role : 0;
    const open = this.#native.hasOpenResults === true ? SESSION_EFFECTS.cursors : 0;
    return this.#left | full | reported | open;
  }

  /** All of it has been undone. */
  undone(): void {
    this.#left = 0;
    this.#isTouched = false;
  }
}
