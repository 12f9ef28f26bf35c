/**
 * One stream between its user and its connection: it takes the road when the first row is asked for, keeps what the road
 * lent, reads page after page, and gives everything back at the end, whichever that is. Made by executors, one for each
 * `stream()`; row-stream.ts hands the rows on.
 *
 * For the gate and the pool it is one call from its first page to its end. Repeated is the first page alone, by the rules of
 * a statement: nobody has seen a row by then.
 * Invariants: the lease is given back once; a time limit bounds each wait for the database, never the time that the consumer
 * takes; nothing here refers to what user code holds, or a dropped stream would never be found.
 * Over 300 lines because a stream ends in seven ways, and that each gives everything back once is seen only side by side.
 */
import type { Connection } from '../connection/connection.js';
import { ANSWER_GRACE_MS } from '../connection/connection-options.js';
import type { StatementCall } from '../connection/statement-call.js';
import { StatementCursor } from '../connection/statement-cursor.js';
import type { CursorPage, Field } from '../driver/query.js';
import type { FluxorError, Outcome } from '../errors/fluxor-error.js';
import { isFluxorError } from '../errors/fluxor-error.js';
import { CancelledError } from '../errors/timeout-error.js';
import type { Pass } from '../gate/gate.js';
import { onAbort } from '../kernel/abort-listener.js';
import type { Lease } from '../pool/lease.js';
import type { Call } from './call.js';
import type { Statement, StatementParams } from './executor.js';
import type { House } from './house.js';
import type { StreamOptions } from './query-options.js';
import type { RowPage, RowSource } from './row-stream.js';
import type { Pages, StreamPlan, StreamWay } from './stream-plan.js';
import { StreamMeter } from './stream-meter.js';
import { planStream } from './stream-plan.js';

/** What an open stream has in its hands. */
interface Hold {
  readonly call: Call;
  readonly pages: Pages;
  readonly cursor: StatementCursor;
  readonly tenure: number | undefined;
  /** Absent in a session or transaction, whose lease it is. */
  readonly lease: Lease<Connection> | undefined;
  readonly pass: Pass | undefined;
}

export class StreamSource implements RowSource {
  readonly #house: House;
  readonly #way: StreamWay;
  readonly #plan: StreamPlan | { readonly error: unknown };
  #state: 'new' | 'reading' | 'paused' | 'ended' = 'new';
  #hold: Hold | undefined;
  #rows = 0;
  readonly #meter: StreamMeter;
  #stopListening: (() => void) | undefined;
  /** Pending while the cursor is being closed. */
  #closing: Promise<void> | undefined;
  /** Why it ended between two pages. */
  #stopped: FluxorError | undefined;

  /** Never throws: what is wrong with the statement is said when its first row is asked for. */
  constructor(
    house: House,
    way: StreamWay,
    sql: Statement<unknown>,
    params: StatementParams | undefined,
    options: StreamOptions | undefined,
  ) {
    this.#house = house;
    this.#meter = new StreamMeter(house.parts.meter, house.parts.config.clock);
    this.#way = way;
    try {
      this.#plan = planStream(house, way, sql, params, options ?? {});
    } catch (error) {
      this.#plan = { error };
    }
  }

  get fields(): readonly Field[] {
    return this.#hold?.cursor.fields ?? [];
  }

  get isStopped(): boolean {
    return 'query' in this.#plan && this.#plan.signal?.aborted === true;
  }

  watch(handle: object): void {
    this.#house.watchStream(handle, this);
  }

  async read(): Promise<RowPage> {
    if ('error' in this.#plan) throw this.#plan.error;
    await this.#closing;
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#state === 'ended') throw this.#cancelled('applied');
    const isFirst = this.#state === 'new';
    this.#state = 'reading';
    try {
      const page = isFirst ? await this.#open(this.#plan) : await this.#readNext(this.#plan);
      this.#rows += page.rows.length;
      if (page.isDone) this.#complete(page.rowsAffected);
      else this.#pause(this.#plan);
      return page;
    } catch (error) {
      this.#letGo();
      throw error;
    }
  }

  /**
   * Resolves when the server has closed the cursor, or did not within the usual grace: then the connection is dealt with off
   * the caller's path.
   * @throws what became of a statement that may have changed something and was never confirmed.
   */
  async close(): Promise<void> {
    if (this.#state === 'paused') this.#closing = this.#closeEarly();
    this.#state = 'ended';
    await this.#closing;
  }

  /** What user code held is gone. */
  onDropped(): void {
    if (this.#state !== 'paused') return;
    const { lease, call } = this.#hold ?? {};
    if (lease === undefined || call === undefined) return void this.close().catch(ignore);
    this.#meter.completed(call, this.#rows, 0);
    this.#letGo();
    this.#house.parts.pool.dropped(lease);
  }

  async #open(plan: StreamPlan): Promise<CursorPage> {
    const { parts } = this.#house;
    const { inside, outer } = this.#way;
    const { options } = plan;
    const call = this.#house.newCall({
      kind: 'statement',
      startedAt: parts.config.clock.now(),
      timeoutMs: plan.timeoutMs,
      outer,
      signal: plan.signal,
      work: (self) => this.#readFirst(plan, self),
      query: plan.query,
      isIdempotent: options.idempotent,
      isReadOnly: options.readOnly,
      name: options.name,
      holding: { holder: 'stream', label: options.name, priority: options.priority },
      retry: inside === undefined ? this.#house.retryFor(options.retry) : undefined,
      inside,
    });
    const page = await (inside === undefined ? parts.road.travel(call) : parts.road.travelInside(call));
    this.#meter.noteFirst(call);
    return page as CursorPage;
  }

  async #readFirst(plan: StreamPlan, call: Call): Promise<CursorPage> {
    const pages = this.#way.pagesOf(call);
    const { tenure } = pages;
    const cursor = new StatementCursor(plan.query, plan.batchSize);
    const page = await pages.readPage(cursor, { ...call.toStatementCall(), tenure });
    this.#hold = { call, pages, cursor, tenure, lease: call.lease, pass: call.pass ?? this.#way.inside?.pass };
    return page;
  }

  async #readNext(plan: StreamPlan): Promise<CursorPage> {
    const hold = this.#held();
    const startedAt = this.#house.parts.config.clock.now();
    const generation = hold.pass?.generation ?? 0;
    try {
      const page = await hold.pages.readPage(hold.cursor, this.#callWithin(plan.timeoutMs, plan.signal, startedAt));
      this.#meter.notePage(startedAt);
      return page;
    } catch (error) {
      this.#meter.notePage(startedAt);
      throw this.#failed(error, hold, startedAt, generation);
    }
  }

  /** One wait: until its own limit, or the surrounding one where that is sooner. */
  #callWithin(timeoutMs: number, signal: AbortSignal | undefined, now: number): StatementCall {
    const { call, tenure } = this.#held();
    const { outer } = this.#way;
    const own = { deadlineAt: now + timeoutMs, timeoutMs, phase: 'statement' } as const;
    const isBoundByOuter = outer !== undefined && outer.deadlineAt < own.deadlineAt;
    const limits = isBoundByOuter ? ({ ...outer, phase: 'transaction' } as const) : own;
    return { ...call.toStatementCall(), ...limits, signal, tenure, isContinued: true };
  }

  #pause({ signal }: StreamPlan): void {
    this.#state = 'paused';
    if (signal === undefined || this.#stopListening !== undefined) return;
    if (signal.aborted) this.#onAbort();
    else this.#stopListening = onAbort(signal, () => this.#onAbort());
  }

  /** While a page is on its way, the connection stops it, and its rejection is the end. */
  #onAbort(): void {
    if (this.#state !== 'paused') return;
    const hold = this.#held();
    this.#closing = this.#closeCursor().then(
      () => this.#stop('applied', hold),
      (error: unknown) => this.#stop(isFluxorError(error) ? error.outcome : 'unknown', hold),
    );
  }

  #stop(outcome: Outcome, hold: Hold): void {
    const { isReadOnly } = hold.call;
    this.#stopped = this.#cancelled(isReadOnly && outcome === 'unknown' ? 'not-applied' : outcome);
    hold.lease?.release();
    this.#tellFailed(this.#stopped, hold);
  }

  async #closeEarly(): Promise<void> {
    const hold = this.#held();
    try {
      await this.#closeCursor();
    } catch (error) {
      // What only reads has lost nothing, and of a transaction the end decides.
      const isLost = isFluxorError(error) && error.outcome === 'unknown';
      if (isLost && !hold.call.isReadOnly && this.#way.isTransaction !== true) {
        hold.lease?.release();
        this.#tellFailed(error, hold);
        throw error;
      }
    }
    hold.lease?.release();
    this.#tellCompleted(0, hold);
  }

  async #closeCursor(): Promise<void> {
    const { pages, cursor } = this.#held();
    this.#letGo();
    const now = this.#house.parts.config.clock.now();
    await pages.closeCursor(cursor, this.#callWithin(cursor.closeGraceMs, undefined, now));
  }

  #complete(rowsAffected: number): void {
    const hold = this.#held();
    this.#letGo();
    hold.lease?.release();
    this.#tellCompleted(rowsAffected, hold);
  }

  #failed(error: unknown, hold: Hold, startedAt: number, generation: number): unknown {
    const { call, pages, cursor, lease, pass } = hold;
    this.#letGo();
    // Taken away by a shutdown, or as a leak: its user has done nothing wrong.
    const known = lease?.isReleased === true ? this.#takenAway(error) : error;
    if (lease !== undefined) lease.release();
    // A value that could not be read has ended the stream, but not its portal.
    else pages.closeCursor(cursor, this.#callWithin(ANSWER_GRACE_MS, undefined, startedAt)).catch(ignore);
    if (!isFluxorError(known)) {
      this.#meter.failed(call, known);
      return known;
    }
    const { connectionId, name, query } = call;
    const durationMs = this.#house.parts.config.clock.now() - startedAt;
    pass?.record(generation, known.breaker, {
      error: known,
      connectionId,
      durationMs,
      fingerprint: name ?? query.text,
    });
    this.#tellFailed(known, hold);
    return atReader(known);
  }

  #letGo(): void {
    this.#state = 'ended';
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #held(): Hold {
    if (this.#hold === undefined) throw new Error('bug: a stream without a connection');
    return this.#hold;
  }

  #cancelled(outcome: Outcome): CancelledError {
    const cause: unknown = 'query' in this.#plan ? this.#plan.signal?.reason : undefined;
    const text = 'the caller aborted the stream between two pages; its cursor was closed';
    return new CancelledError('caller', text, { outcome, cause, context: this.#hold?.call.context ?? {} });
  }

  #takenAway(error: unknown): unknown {
    if (!isFluxorError(error, 'LEASE_RELEASED')) return error;
    const text =
      'the connection of the stream was taken away: the runtime disconnected, or the stream was reclaimed as a leak';
    const { isReadOnly, context } = this.#held().call;
    return new CancelledError('runtime', text, { outcome: isReadOnly ? 'not-applied' : 'unknown', context });
  }

  #tellCompleted(rowsAffected: number, { call }: Hold): void {
    this.#meter.completed(call, this.#rows, rowsAffected);
    this.#house.parts.hub.tell('query:completed', { ...this.#facts(call), rows: this.#rows, rowsAffected });
  }

  #tellFailed(error: FluxorError, { call }: Hold): void {
    error.fillContext(call.context);
    this.#meter.failed(call, error);
    this.#house.parts.hub.tell('query:failed', { ...this.#facts(call), error });
  }

  /** `durationMs` of the whole stream, with the time that its consumer took. */
  #facts({ id: queryId, name, connectionId = 0, startedAt }: Call) {
    const durationMs = this.#house.parts.config.clock.now() - startedAt;
    return { queryId, connectionId, durationMs, ...(name === undefined ? {} : { name }) };
  }
}

/** From here the frames lead to the loop that asked for the page; from where the error was made they lead nowhere. */
function atReader(error: FluxorError): FluxorError {
  Error.captureStackTrace(error, atReader);
  return error;
}

function ignore(): void {
  // Nobody waits for it; the pool deals with the connection either way.
}
