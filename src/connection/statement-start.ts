/**
 * What comes before a statement on its connection: what is known of its text, the name it is prepared under, and the
 * server's limit that it needs. Used by connection.ts, one for each connection.
 *
 * Invariant: a statement that was stopped before it was sent is not sent, and what was sent on its behalf before it is no
 * sign that it was.
 */
import type { DriverConnection, InFlight } from '../driver/driver.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import type { SessionEffects } from '../sql/session-effects.js';
import { SESSION_EFFECTS } from '../sql/session-effects.js';
import { longerLimit } from './connection-options.js';
import type { RunningStatement } from './running-statement.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { SessionCare } from './session-care.js';
import type { StatementBook, StatementFacts } from './statement-book.js';
import { unknownFacts } from './statement-book.js';
import type { StatementCache } from './statement-cache.js';
import { stopped, stoppedError } from './stop-errors.js';
import type { Begin, CancelShield, Work } from './work.js';

export interface StatementStartPorts {
  readonly book: StatementBook;
  readonly cache: StatementCache;
  readonly care: SessionCare;
  readonly shield: CancelShield;
  /** Who wants to be around calls into the client library. */
  readonly tracing: Tracing | undefined;
}

/** DEALLOCATE ALL and DISCARD ALL take the connection's own prepared statements as well; other texts only seldom say ALL. */
const TAKES_ALL = /\ball\b/i;

export class StatementStart {
  readonly #native: DriverConnection;
  readonly #ports: StatementStartPorts;
  /** What is known of the statement that is about to be sent. */
  #facts: StatementFacts = unknownFacts();

  constructor(native: DriverConnection, ports: StatementStartPorts) {
    this.#native = native;
    this.#ports = ports;
  }

  /** How a single statement is begun. */
  readonly execute: Begin<DriverQuery, DriverResult> = (native, query) =>
    native.execute(query, this.#ports.cache.use(this.#facts));

  /** Sends one that travels with others: it leaves nothing behind, and needs no limit of its own. */
  share(query: DriverQuery, facts: StatementFacts, inFlight: InFlight): Promise<DriverResult> {
    const { tracing, cache } = this.#ports;
    const name = cache.use(facts);
    if (tracing?.isQuiet === true) return this.#shareQuietly(tracing, query, name, inFlight);
    return this.#native.execute(query, name, inFlight);
  }

  /** Begins what `statement` stands for. A throw means that nothing was sent. */
  begin<W extends Work, T>(work: W, begin: Begin<W, T>, statement: RunningStatement<T>): Promise<T> {
    const { tracing } = this.#ports;
    if (tracing?.isQuiet === true) return this.#beginQuietly(tracing, work, begin, statement);
    return this.#begin(work, begin, statement);
  }

  /** A method of its own, as the next: where a function makes a closure of its arguments, every statement pays for it. */
  #shareQuietly(
    tracing: Tracing,
    query: DriverQuery,
    name: string | undefined,
    inFlight: InFlight,
  ): Promise<DriverResult> {
    return tracing.quietly(() => this.#native.execute(query, name, inFlight));
  }

  #beginQuietly<W extends Work, T>(
    tracing: Tracing,
    work: W,
    begin: Begin<W, T>,
    statement: RunningStatement<T>,
  ): Promise<T> {
    return tracing.quietly(() => this.#begin(work, begin, statement));
  }

  #begin<W extends Work, T>(work: W, begin: Begin<W, T>, statement: RunningStatement<T>): Promise<T> {
    const facts = (this.#facts = statement.call.facts ?? this.#ports.book.look(work.text));
    if (facts.effects !== 0) this.#noteEffects(facts.effects, work.text);
    const { isProlonged, timeoutMs } = statement.call;
    const limitMs = longerLimit(this.#native.statementLimitMs, isProlonged === true ? Infinity : timeoutMs);
    return limitMs === undefined
      ? begin(this.#native, work, this.#ports.shield)
      : this.#beginLimited(limitMs, work, begin, statement);
  }

  /** Once, for a call that may last longer than the server's own limit. */
  async #beginLimited<W extends Work, T>(
    limitMs: number,
    work: W,
    begin: Begin<W, T>,
    statement: RunningStatement<T>,
  ): Promise<T> {
    const facts = this.#facts;
    try {
      await this.#native.limitStatements?.(limitMs);
    } finally {
      statement.bytesBefore = this.#native.bytesWritten;
    }
    // A higher limit stays for the calls that come after this one. None at all is put back before the next borrower.
    if (limitMs === 0 && this.#native.state === 'idle') this.#ports.care.note(SESSION_EFFECTS.settings);
    // Who stopped it has answered its caller, or tells them that the runtime did.
    if (statement.isStopped) throw stoppedError(stopped('runtime', statement.call), 'not-sent');
    this.#facts = facts;
    return begin(this.#native, work, this.#ports.shield);
  }

  #noteEffects(effects: SessionEffects, text: string): void {
    this.#ports.care.note(effects);
    if ((effects & SESSION_EFFECTS.prepared) !== 0 && TAKES_ALL.test(text)) this.#ports.cache.clear();
  }
}
