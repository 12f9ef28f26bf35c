/**
 * Finds out what became of a COMMIT whose answer was lost: asks the database on other connections, again and again with
 * growing pauses, also while it restarts, until it knows or its time is up. One per runtime; a transaction that wants it
 * takes a finder, which the state machine (connection/transaction-control.ts) calls.
 *
 * Past the gate: a breaker opened by the same outage must not keep us from the answer. The pool paces what is opened anew.
 * Invariants: it answers what the driver has proved, never what is probable; every question has a deadline, and so has the
 * whole; each connection asked goes back.
 */
import type { Connection } from '../connection/connection.js';
import type { StatementCall } from '../connection/statement-call.js';
import type { FoundOutcome, OutcomeFinder } from '../connection/outcome-finder.js';
import type { TransactionStatements } from '../driver/driver.js';
import type { OutcomeProtocol, OutcomeSource, OutcomeTicket } from '../driver/outcome.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { Pool } from '../pool/pool.js';
import type { Hub } from '../telemetry/hub.js';
import type { Answer } from './outcome-errors.js';
import { rolledBackError, unresolvedError } from './outcome-errors.js';
import { OutcomeMarker } from './outcome-marker.js';
import type { RunInside } from './outcome-marker.js';

export interface OutcomePorts {
  /** The runtime's. */
  readonly name: string;
  readonly words: TransactionStatements;
  readonly pool: Pick<Pool<Connection>, 'acquire'>;
  readonly clock: Clock;
  readonly hub: Hub;
}

export interface TransactionFacts {
  readonly transactionId: number;
  readonly connectionId: number;
  /** The transaction's own; `Infinity` for none. */
  readonly deadlineAt: number;
}

/** How long a lost answer is asked for at least: a restart with recovery takes seconds. */
const RESOLVE_MS = 30_000;
const PAUSE_FIRST_MS = 10;
const PAUSE_MAX_MS = 500;
/** For one try, connection included: the one that is lent may be as dead as the one that was lost. */
const TRY_MS = 2_000;
/** In progress for so long, the COMMIT is not on its way to the server any more, and holds locks there. */
const PATIENCE_MS = 1_000;

export class OutcomeResolver {
  readonly #protocol: OutcomeProtocol;
  readonly #marker: OutcomeMarker;
  readonly #ports: OutcomePorts;

  constructor(protocol: OutcomeProtocol, ports: OutcomePorts) {
    this.#protocol = protocol;
    this.#marker = new OutcomeMarker(protocol, ports.words);
    this.#ports = ports;
  }

  /** For one transaction. `giveBack` is called before anybody is asked: the pool may have room for one connection only. */
  finderFor(about: TransactionFacts, giveBack: () => void): OutcomeFinder {
    let ticket: OutcomeTicket | undefined;
    let drawnAt = 0;
    return {
      prepare: async (run: RunInside) => {
        drawnAt = this.#ports.clock.now();
        ticket = await this.#marker.draw(run);
        return ticket !== undefined;
      },
      find: (lost) => {
        giveBack();
        return this.#find(new Search(this.#protocol, this.#ports, ticket ?? [], drawnAt), about, lost);
      },
    };
  }

  async #find(search: Search, about: TransactionFacts, lost: FluxorError): Promise<FoundOutcome> {
    const { clock, hub } = this.#ports;
    const startedAt = clock.now();
    const giveUpAt = Math.max(startedAt + RESOLVE_MS, about.deadlineAt === Infinity ? 0 : about.deadlineAt);
    const answer = await search.run(giveUpAt);
    const fate = answer.fate === 'committed' || answer.fate === 'rolled-back' ? answer.fate : 'unknown';
    const { attempts } = search;
    const durationMs = clock.now() - startedAt;
    const { transactionId, connectionId } = about;
    hub.tell('transaction:resolved', { transactionId, connectionId, fate, durationMs, attempts });
    if (fate === 'committed') return { fate };
    const error = fate === 'rolled-back' ? rolledBackError(lost) : unresolvedError(lost, answer, attempts, durationMs);
    return { fate, error };
  }
}

/** The questions about one transaction. */
class Search {
  attempts = 0;
  readonly #protocol: OutcomeProtocol;
  readonly #ports: OutcomePorts;
  readonly #ticket: OutcomeTicket;
  readonly #drawnAt: number;
  #inProgressSince: number | undefined;

  constructor(protocol: OutcomeProtocol, ports: OutcomePorts, ticket: OutcomeTicket, drawnAt: number) {
    this.#protocol = protocol;
    this.#ports = ports;
    this.#ticket = ticket;
    this.#drawnAt = drawnAt;
  }

  async run(giveUpAt: number): Promise<Answer> {
    const { clock } = this.#ports;
    for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
      this.attempts += 1;
      const answer = await this.#try(Math.min(clock.now() + TRY_MS, giveUpAt));
      if (isFinal(answer) || clock.now() + pauseMs >= giveUpAt) return answer;
      // Not over the runtime's deadlines: they end with the runtime, and this must settle nevertheless.
      await new Promise<void>((resolve) => clock.setTimer(pauseMs, resolve));
    }
  }

  async #try(deadlineAt: number): Promise<Answer> {
    try {
      await using lease = await this.#ports.pool.acquire({ deadlineAt, priority: 'high' });
      lease.resource.beginTenure();
      const source = this.#sourceOn(lease.resource, deadlineAt);
      const fate = await this.#protocol.fateOf(this.#ticket, source);
      if (fate === 'in-progress') await this.#hurry(source);
      else this.#inProgressSince = undefined;
      return { fate };
    } catch (error) {
      return { fate: 'not-asked', error };
    }
  }

  /** A session whose client is gone would hold the transaction, and its locks, until TCP notices: for hours. */
  async #hurry(source: OutcomeSource): Promise<void> {
    const now = this.#ports.clock.now();
    this.#inProgressSince ??= now;
    if (now - this.#inProgressSince < PATIENCE_MS) return;
    // Without the right to end it we can only wait.
    await this.#protocol.endSession?.(this.#ticket, source).catch(() => undefined);
  }

  #sourceOn(connection: Connection, deadlineAt: number): OutcomeSource {
    const call: StatementCall = {
      deadlineAt,
      timeoutMs: TRY_MS,
      signal: undefined,
      phase: 'statement',
      isReadOnly: true,
      isSafeToRepeat: true,
      inTransaction: false,
      askedReadOnly: false,
      context: { runtime: this.#ports.name, connectionId: connection.id },
      tenure: connection.tenure,
    };
    return {
      sessionId: connection.sessionId,
      isOlder: connection.openedAt < this.#drawnAt,
      ask: (query: DriverQuery): Promise<DriverResult> => connection.execute(query, call),
    };
  }
}

/** A runtime that has been disconnected has nobody left to ask. */
function isFinal(answer: Answer): boolean {
  if (answer.fate === 'not-asked') return isFluxorError(answer.error, 'RUNTIME_CLOSED');
  return answer.fate !== 'in-progress';
}
