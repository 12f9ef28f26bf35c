/**
 * Draws the ticket of a transaction: the last statement before COMMIT, by which the database can be asked afterwards what
 * became of it. Used by outcome-resolver.ts; what the statement reads is the driver's affair.
 *
 * A server may refuse the best form of it, for want of a right or of a function, and a refused statement fails the whole
 * transaction. So the first ones are tried behind a savepoint, until one has passed: that one is sent bare from then on.
 * Invariant: wanting a ticket never fails a transaction on a server that gives none. Where a right is taken away while we
 * run, one transaction fails, before COMMIT, with an error that lets it run again.
 */
import type { TransactionStatements } from '../driver/driver.js';
import type { OutcomeProtocol, OutcomeTicket } from '../driver/outcome.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';

export type RunInside = (query: DriverQuery) => Promise<DriverResult>;

type SavepointWords = Pick<TransactionStatements, 'savepoint' | 'rollbackTo' | 'releaseSavepoint'>;

const SAVEPOINT = 'fluxor_outcome';

export class OutcomeMarker {
  readonly #protocol: OutcomeProtocol;
  readonly #words: SavepointWords;
  /** The form that has passed. */
  #proven: DriverQuery | 'none' | undefined;

  constructor(protocol: OutcomeProtocol, words: SavepointWords) {
    this.#protocol = protocol;
    this.#words = words;
  }

  /** `undefined` where there is nothing to ask for later, or no way to. Rejects when the transaction cannot go on. */
  async draw(run: RunInside): Promise<OutcomeTicket | undefined> {
    if (this.#proven === 'none') return undefined;
    if (this.#proven === undefined) return this.#try(run);
    try {
      return this.#protocol.ticketOf(await run(this.#proven));
    } catch (error) {
      if (isRefusal(error)) this.#startOver(error);
      throw error;
    }
  }

  /** A right was taken away, perhaps: the next transaction, or the next run of this one, tries behind a savepoint again. */
  #startOver(error: FluxorError): void {
    this.#proven = undefined;
    const { outcome, breaker, isConnectionFatal } = error;
    error.overrule({ decision: 'whole-transaction', outcome, breaker, isConnectionFatal });
  }

  async #try(run: RunInside): Promise<OutcomeTicket | undefined> {
    for (const mark of this.#protocol.marks) {
      await run(plain(this.#words.savepoint(SAVEPOINT)));
      try {
        const result = await run(mark);
        await run(plain(this.#words.releaseSavepoint(SAVEPOINT)));
        this.#proven = mark;
        return this.#protocol.ticketOf(result);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        await run(plain(this.#words.rollbackTo(SAVEPOINT)));
        await run(plain(this.#words.releaseSavepoint(SAVEPOINT)));
      }
    }
    this.#proven = 'none';
    return undefined;
  }
}

/** The server understood and said no; unlike a lost connection or a deadline, it will say so again. */
function isRefusal(error: unknown): error is FluxorError {
  return isFluxorError(error, 'QUERY') && !error.isConnectionFatal;
}

function plain(text: string): DriverQuery {
  return { text, values: [], rowMode: 'array' };
}
