/**
 * The statements of one session on their way: sent in the order in which they are asked for, behind those in flight, each with
 * its own answer. Used by mariadb-connection.ts.
 *
 * The connector (3.5) writes every command at once with its option `pipelining`, and gives the answers out in order; but to
 * execute a statement it needs the number that the answer to its COM_STMT_PREPARE brings. So whoever comes behind a text that
 * is being prepared waits here: nobody overtakes anybody.
 * Invariants: one run's fate is its own; what was stale, or more than the server will hold, is prepared anew, once, and goes
 * behind the others, if it is still wanted: nothing of it was carried out; a run is settled exactly once, also by a loss.
 */
import { isFluxorError } from '../../errors/fluxor-error.js';
import type { Flavour } from '../mysql-server/mysql-flavour.js';
import type { Kinds } from '../mysql-server/mysql-prepared.js';
import { PreparedStatements, isNotBegun, kindsOf, wrongCountError } from '../mysql-server/mysql-prepared.js';
import type { TextFacts } from '../mysql-server/mysql-texts.js';
import { TextBook } from '../mysql-server/mysql-texts.js';
import type { MysqlTypeConfig } from '../mysql-server/mysql-types.js';
import type { InFlight } from '../driver.js';
import type { DriverQuery, DriverResult } from '../query.js';
import type { ClientColumn, ClientData, ClientMeta } from './mariadb-module.js';
import type { ReaderSource } from './mariadb-results.js';
import { ResultReader, resultOf } from './mariadb-results.js';
import type { MariadbSettlement } from './mariadb-settlement.js';
import { KeptStatement } from './mariadb-statements.js';
import type { ClientValue } from './mariadb-values.js';
import { clientValues } from './mariadb-values.js';
import type { AnswerWaiter, MariadbWire } from './mariadb-wire.js';

export interface MariadbPipelinePorts {
  readonly wire: MariadbWire;
  readonly settlement: MariadbSettlement;
  readonly flavour: Flavour;
  readonly types: MysqlTypeConfig;
  /** How many statements the session keeps prepared. */
  readonly maxPrepared: number;
  readonly onHealed: (() => void) | undefined;
}

/** One run of a statement, from its call to its answer. */
class StatementRun implements AnswerWaiter, ReaderSource {
  readonly query: DriverQuery;
  readonly facts: TextFacts;
  readonly values: ClientValue[];
  readonly inFlight: InFlight | undefined;
  kept: KeptStatement | undefined;
  isRepeated = false;
  readonly answer: Promise<DriverResult>;
  resolve!: (result: DriverResult) => void;
  reject!: (error: unknown) => void;
  readonly #pipeline: MariadbPipeline;

  constructor(
    pipeline: MariadbPipeline,
    query: DriverQuery,
    facts: TextFacts,
    values: ClientValue[],
    inFlight: InFlight | undefined,
  ) {
    this.#pipeline = pipeline;
    this.query = query;
    this.facts = facts;
    this.values = values;
    this.inFlight = inFlight;
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  succeed(data: ClientData, meta: ClientMeta, hasOutParameters: boolean): void {
    this.#pipeline.succeed(this, data, meta, hasOutParameters);
  }

  fail(error: unknown): void {
    this.#pipeline.fail(this, error);
  }

  readerFor(columns: readonly ClientColumn[]): ResultReader {
    return this.#pipeline.readerFor(columns, this.kept);
  }
}

export class MariadbPipeline implements ReaderSource {
  readonly #ports: MariadbPipelinePorts;
  readonly #wire: MariadbWire;
  readonly #statements: PreparedStatements<KeptStatement>;
  readonly #texts = new TextBook();
  /** Behind a text that is being prepared. */
  readonly #waiting: StatementRun[] = [];
  #isPreparing = false;

  constructor(ports: MariadbPipelinePorts) {
    this.#ports = ports;
    this.#wire = ports.wire;
    this.#statements = new PreparedStatements(ports.maxPrepared);
  }

  /** Rejects with a QueryError for a value that cannot be sent; nothing has been then. */
  send(query: DriverQuery, inFlight?: InFlight): Promise<DriverResult> {
    try {
      const values = clientValues(query.values);
      const facts = this.factsOf(query.text);
      const { settlement } = this.#ports;
      if (settlement.isBusy) this.#wire.gather();
      // What its OUT parameters are is told by flags that say not whose they are.
      if (facts.command === 'CALL') settlement.enterAlone();
      else settlement.enter();
      const run = new StatementRun(this, query, facts, values, inFlight);
      this.#startInTurn(run);
      return run.answer;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  factsOf(text: string): TextFacts {
    return this.#texts.look(this.#wire.info.database, text);
  }

  /** For whoever has the session alone. Rejects with a QueryError where the number of values is wrong. */
  async prepared(text: string, values: readonly ClientValue[]): Promise<KeptStatement> {
    const { key } = this.factsOf(text);
    const kinds = kindsOf(this.#ports.flavour, text, values);
    const kept = this.#statements.get(key, kinds) ?? this.#keep(key, kinds, await this.#wire.prepare(text));
    const wanted = kept.prepared.parameterCount;
    if (values.length === wanted) return kept;
    this.release(kept);
    throw wrongCountError(values.length, wanted);
  }

  /** A run of it has ended. */
  release(kept: KeptStatement): void {
    this.#statements.release(kept);
  }

  /** What an error says is in the way of the next run. */
  clearAfter(text: string, error: unknown): void {
    this.#statements.clearAfter(this.factsOf(text).key, error);
  }

  /** The server has forgotten all that was prepared. */
  forgetAll(): void {
    this.#statements.forgetAll();
  }

  readerFor(columns: readonly ClientColumn[], kept?: KeptStatement): ResultReader {
    if (kept?.reader?.fits(columns) === true) return kept.reader;
    const reader = new ResultReader(columns, this.#ports.types);
    if (kept !== undefined) kept.reader = reader;
    return reader;
  }

  /** By its run. */
  succeed(run: StatementRun, data: ClientData, meta: ClientMeta, hasOutParameters: boolean): void {
    const { command, isPlain } = run.facts;
    if (run.kept !== undefined) this.release(run.kept);
    if (run.isRepeated) this.#ports.onHealed?.();
    this.#ports.settlement.succeed(isPlain);
    try {
      run.resolve(resultOf({ data, meta, hasOutParameters }, command, run.query.rowMode, run));
    } catch (error) {
      run.reject(error);
    }
  }

  /** By its run. `wasPreparing`: nobody has been sent behind it, so it goes behind nobody. */
  fail(run: StatementRun, error: unknown, wasPreparing = false): void {
    const { kept, facts, inFlight } = run;
    const { settlement } = this.#ports;
    run.kept = undefined;
    if (kept !== undefined) this.release(kept);
    this.#statements.clearAfter(facts.key, error, kept);
    if (!run.isRepeated && isNotBegun(facts.command, error) && (wasPreparing || inFlight?.goBehind() !== false)) {
      run.isRepeated = true;
      return this.#startInTurn(run);
    }
    const known = isFluxorError(error) ? settlement.leave() : settlement.fail(facts.isPlain);
    if (known === undefined) run.reject(error);
    else void known.then(() => run.reject(error));
  }

  #startInTurn(run: StatementRun): void {
    if (this.#isPreparing) this.#waiting.push(run);
    else this.#start(run);
  }

  #start(run: StatementRun): void {
    if (run.values.length === 0) return this.#wire.sendText(run.query.text, run);
    const kinds = kindsOf(this.#ports.flavour, run.query.text, run.values);
    const kept = this.#statements.get(run.facts.key, kinds);
    if (kept === undefined) void this.#prepare(run, kinds);
    else this.#execute(run, kept);
  }

  async #prepare(run: StatementRun, kinds: Kinds | undefined): Promise<void> {
    this.#isPreparing = true;
    try {
      const kept = this.#keep(run.facts.key, kinds, await this.#wire.prepare(run.query.text));
      this.#isPreparing = false;
      this.#execute(run, kept);
    } catch (error) {
      this.#isPreparing = false;
      this.fail(run, error, true);
    }
    if (this.#waiting.length > 0) this.#wire.gather();
    while (!this.#isPreparing) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#start(next);
    }
  }

  #execute(run: StatementRun, kept: KeptStatement): void {
    const wanted = kept.prepared.parameterCount;
    run.kept = kept;
    if (run.values.length === wanted) this.#wire.sendPrepared(kept.prepared, run.values, kept.execution, run);
    else this.fail(run, wrongCountError(run.values.length, wanted));
  }

  #keep(key: string, kinds: Kinds | undefined, prepared: KeptStatement['prepared']): KeptStatement {
    const kept = new KeptStatement(prepared);
    this.#statements.add(key, kept, kinds);
    return kept;
  }
}
