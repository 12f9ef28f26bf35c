/**
 * What became of a statement that failed, as the error its caller hears. Used by connection.ts, one for each connection.
 * Invariants: what the socket has taken decides whether a statement was sent; what may have committed midway is `unknown`;
 * what an error says about the other connections is told once, however often and for whomever it is read.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { DriverConnection, FailureSituation } from '../driver/driver.js';
import type { CreateRequest } from '../pool/resource-factory.js';
import type { Classify } from './classifier.js';
import type { MindfulDriver } from './lease-errors.js';
import { mayCommitInside } from './lease-errors.js';
import type { RunningStatement } from './running-statement.js';
import type { StatementCall } from './statement-call.js';

export class StatementFailures {
  readonly #native: DriverConnection;
  readonly #classify: Classify;
  readonly #driver: MindfulDriver;
  readonly #onSiblings: CreateRequest['onSiblings'];
  readonly #told = new WeakSet();

  /** `onSiblings` hears of every error that says something about the other connections too. */
  constructor(
    native: DriverConnection,
    classify: Classify,
    driver: MindfulDriver,
    onSiblings: CreateRequest['onSiblings'],
  ) {
    this.#native = native;
    this.#classify = classify;
    this.#driver = driver;
    this.#onSiblings = onSiblings;
  }

  /** Of a statement on the wire. `isFirstLoan`: the connection was opened for this very loan. */
  ofRunning(error: unknown, { call, text, bytesBefore }: RunningStatement, isFirstLoan: boolean): FluxorError {
    // Less than before: what waited in memory was dropped with the socket. No number at all proves nothing.
    const wasNotSent = this.#native.bytesWritten <= bytesBefore;
    const wasSent = call.isContinued === true || !wasNotSent;
    const known = isFluxorError(error) ? error : this.of(error, call, wasSent, isFirstLoan);
    if (wasSent && known.outcome === 'not-applied' && mayCommitInside(this.#driver, call, text))
      known.raiseOutcome('unknown');
    return known;
  }

  of(error: unknown, call: StatementCall, wasSent: boolean, isFirstLoan: boolean): FluxorError {
    const situation: FailureSituation = {
      phase: call.phase === 'commit' ? 'commit' : 'statement',
      wasSent,
      isReadOnly: call.isReadOnly,
      isSafeToRepeat: call.isSafeToRepeat,
      inTransaction: call.inTransaction,
      askedReadOnly: call.askedReadOnly,
      context: call.context,
      ...(isFirstLoan ? { isFirstLoan } : {}),
    };
    const classified = this.#classify(error, situation);
    if (classified.siblings !== 'keep' && !this.#wasTold(error)) this.#onSiblings(classified.siblings, classified);
    return classified;
  }

  /** A loss is one error for all that were in flight, and is read again for each, and for whoever was stopped. */
  #wasTold(error: unknown): boolean {
    if (typeof error !== 'object' || error === null) return false;
    if (this.#told.has(error)) return true;
    this.#told.add(error);
    return false;
  }
}
