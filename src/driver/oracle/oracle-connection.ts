/**
 * One session with an Oracle database over a single `oracledb` connection (never its pool). Made by oracle-driver.ts, lent by the
 * pool; oracle-wire.ts knows what is on the connection.
 *
 * Invariants:
 * - outside a transaction each statement is one of its own: a change carries its COMMIT, what a failed one left is rolled back,
 *   and the locks of a SELECT … FOR UPDATE go with its answer;
 * - nothing that a break may have hidden is called not applied (the library drops an answer that crosses the break).
 * Refuses to know: deadlines, retries, who is asking.
 *
 * Over 300 lines, because what a statement means for the transaction around it, and how it is run for that, is read side by side.
 */
import type { SessionEffects } from '../../sql/session-effects.js';
import { SESSION_EFFECTS } from '../../sql/session-effects.js';
import type { DriverBatch, DriverBatchResult } from '../batch.js';
import type { ConnectRequest, DriverConnection, SessionState } from '../driver.js';
import type { DriverCursor, DriverQuery, DriverResult } from '../query.js';
import type { AttachedReadMeans } from './oracle-attached-reads.js';
import { AttachedReads } from './oracle-attached-reads.js';
import { OracleAttachments } from './oracle-attachments.js';
import { OracleBatch } from './oracle-batch.js';
import { isSyntaxError } from './oracle-codes.js';
import { OracleCursor } from './oracle-cursor.js';
import { readUtc } from './oracle-dates.js';
import { noteNothingApplied } from './oracle-errors.js';
import { osonDecoder } from './oracle-lobs.js';
import type { OracleClientConnection, OracleModule } from './oracle-module.js';
import { OracleLtxid, isOutcomeMark } from './oracle-outcome.js';
import type { OracleBatchPort, OracleCursorPort, OracleTypeConfig } from './oracle-port.js';
import { OracleReaders } from './oracle-readers.js';
import { executeQuery } from './oracle-result.js';
import { oraNumberOf } from './oracle-room-errors.js';
import type { OracleSessionConfig } from './oracle-session.js';
import { SessionChanges, introduce, setUpText, undoText } from './oracle-session.js';
import type { OracleSocket } from './oracle-socket.js';
import type { StatementFacts } from './oracle-transactions.js';
import { factsOf } from './oracle-transactions.js';
import { OracleWire } from './oracle-wire.js';
import { TransactionWitness, isWitness } from './oracle-witness.js';

/** Idle milliseconds before the first TCP keepalive probe: half of the 60 s after which common load balancers drop a flow. */
const TCP_KEEPALIVE_MS = 30_000;

/** Node's timers hold no more, 24 days: the library's would go off at once, and break every call. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** From here on SQL knows BOOLEAN. */
const VERSION_23 = 23_00_00_00_00;

/**
 * `sid,serial#`, as ALTER SYSTEM KILL SESSION takes it. The server says both at the login, too, but the library keeps them from us.
 * Everybody may ask so; where somebody has taken that away, the sid alone has to do.
 */
const ASK_SESSION = "select sys_context('userenv', 'sid') || ',' || dbms_debug_jdwp.current_session_serial() from dual";
const ASK_SID = "select sys_context('userenv', 'sid') from dual";

/** Beyond it all are forgotten. */
const MOST_KNOWN = 200;

/** Statements without an answer of their own, as the library runs them by calls. */
const PLAIN_END = /^\s*(?:commit|rollback)(?:\s+work)?\s*$/i;

export interface OracleConnectionConfig extends OracleSessionConfig {
  readonly types: OracleTypeConfig;
  readonly reads: AttachedReadMeans;
}

export class OracleConnection implements DriverConnection {
  readonly #wire: OracleWire;
  readonly #config: OracleSessionConfig;
  readonly #setUp: string;
  readonly #changes: SessionChanges;
  /** Statements that change nothing of the session that could not be undone: they need not be looked at again. */
  readonly #harmless = new Map<string, StatementFacts>();
  readonly #witness = new TransactionWitness();
  readonly #ltxid = new OracleLtxid();
  readonly #port: OracleCursorPort & OracleBatchPort;
  #sessionId = '';
  #limitMs = 0;
  /** What the session began with. */
  #firstLimitMs = 0;
  #batch: OracleBatch | undefined;

  /** Takes over what the library has opened, or rejects with its own error; an aborted signal ends it at once. */
  static async open(
    module: OracleModule,
    client: OracleClientConnection,
    socket: OracleSocket,
    config: OracleConnectionConfig,
    request: Pick<ConnectRequest, 'signal' | 'onLost' | 'statementLimitMs'>,
  ): Promise<OracleConnection> {
    let isOpen = false;
    const connection = new OracleConnection(module, client, socket, config, (error) => {
      // Until then it is the rejection of the connect.
      if (isOpen) request.onLost(error);
    });
    const giveUp = () => connection.destroy();
    request.signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (request.signal.aborted) giveUp();
      socket.keepAlive(TCP_KEEPALIVE_MS);
      await connection.#begin(request.statementLimitMs ?? 0);
      isOpen = true;
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      request.signal.removeEventListener('abort', giveUp);
    }
  }

  private constructor(
    module: OracleModule,
    client: OracleClientConnection,
    socket: OracleSocket,
    config: OracleConnectionConfig,
    onLost: (error: unknown) => void,
  ) {
    this.#config = config;
    this.#setUp = setUpText(config.settings, config.schema);
    this.#changes = new SessionChanges(config);
    const attachments = new OracleAttachments(
      new AttachedReads(config.reads, {
        limitMs: () => this.#limitMs,
        isInTransaction: () => this.#wire.isInTransaction,
        abandon: () => this.#wire.abandon(),
      }),
    );
    const wire = new OracleWire(client, socket, {
      onLost: (error) => {
        attachments.detach();
        onLost(error);
      },
      onBreak: () => this.#ltxid.noteBreak(client.ltxid),
    });
    this.#wire = wire;
    const readsUtc = readUtc(client);
    this.#port = {
      module,
      client,
      types: config.types,
      readsUtc,
      readers: new OracleReaders({ types: config.types, readsUtc, decodeOson: osonDecoder(client) }),
      hasSqlBoolean: client.oracleServerVersion >= VERSION_23,
      attachments,
      call: (work) => wire.callAfterBreaks(work),
      isInTransaction: () => wire.isInTransaction,
      hold: () => wire.hold(),
      release: () => wire.release(),
      untilReady: () => wire.untilReady(),
    };
  }

  get state(): SessionState {
    return this.#wire.state;
  }

  get sessionId(): string {
    return this.#sessionId;
  }

  get bytesWritten(): number {
    return this.#wire.bytesWritten;
  }

  get statementLimitMs(): number {
    return this.#limitMs;
  }

  get hasOpenResults(): boolean {
    return this.#port.attachments.isOpen;
  }

  execute(query: DriverQuery): Promise<DriverResult> {
    return this.#wire.work(() => this.#execute(query));
  }

  openCursor(query: DriverQuery): DriverCursor {
    return new OracleCursor(this.#portFor(this.#begun(query.text)), query);
  }

  runBatch(batch: DriverBatch): Promise<DriverBatchResult> {
    return this.#wire.work(() => {
      this.#batch = new OracleBatch(this.#portFor(this.#begun(batch.text)), batch);
      return this.#batch.run();
    });
  }

  async limitStatements(ms: number): Promise<void> {
    this.#wire.client.callTimeout = ms > LONGEST_TIMER_MS ? 0 : Math.ceil(ms);
    this.#limitMs = ms;
  }

  untilReady(): Promise<void> {
    return this.#wire.untilReady();
  }

  cancel(): Promise<void> {
    this.#batch?.stop();
    return this.#wire.cancel();
  }

  async ping(query?: string): Promise<void> {
    const wire = this.#wire;
    wire.hold();
    try {
      const isProved = await wire.absorb();
      if (query !== undefined) await this.#ask(query);
      else if (!isProved) await wire.call((client) => client.ping());
    } finally {
      wire.release();
    }
  }

  /** Ends with an error where the session would keep something: the pool makes another one then. */
  async reset(left: SessionEffects): Promise<void> {
    this.#port.attachments.detach();
    if (!this.#changes.canUndo) throw new Error('what was changed in the session cannot be undone, so it ends');
    if ((left & (SESSION_EFFECTS.settings | SESSION_EFFECTS.unknown)) === 0) return;
    const undo = undoText(left, this.#setUp);
    introduce(this.#wire.client, this.#config);
    await this.limitStatements(this.#firstLimitMs);
    await this.#wire.work(() => this.#ask(undo));
    this.#changes.clear();
  }

  close(): Promise<void> {
    this.#port.attachments.detach();
    return this.#wire.close();
  }

  destroy(): void {
    this.#wire.destroy();
    this.#port.attachments.detach();
  }

  async #begin(limitMs: number): Promise<void> {
    introduce(this.#wire.client, this.#config);
    this.#firstLimitMs = limitMs;
    await this.limitStatements(limitMs);
    await this.#wire.work(() => this.#ask(this.#setUp));
    this.#sessionId = String(await this.#wire.work(() => this.#askSession()));
  }

  async #askSession(): Promise<unknown> {
    try {
      return await this.#ask(ASK_SESSION);
    } catch (error) {
      // Not to be read, not to be run, not to be found.
      if (![904, 942, 1031, 6550, 6553].includes(oraNumberOf(error) ?? 0)) throw error;
      return this.#ask(ASK_SID);
    }
  }

  /** The first value of a statement of our own. */
  async #ask(text: string): Promise<unknown> {
    const { rows } = await executeQuery(this.#port, { text, values: [], rowMode: 'array' }, false);
    return (rows[0] as readonly unknown[] | undefined)?.[0];
  }

  async #execute(query: DriverQuery): Promise<DriverResult> {
    const { text } = query;
    if (isWitness(text)) {
      await this.#witness.run(text, this.#port);
      return done('BEGIN');
    }
    if (isOutcomeMark(text)) return this.#ltxid.answer(this.#wire.client.ltxid);
    const facts = this.#begun(text);
    switch (facts.kind) {
      case 'plain-begin':
        await this.#leaveOpenChanges();
        this.#wire.beginTransaction();
        return done(facts.command);
      case 'release':
        return done(facts.command);
      case 'begin': {
        await this.#leaveOpenChanges();
        const result = await executeQuery(this.#port, query, false);
        this.#wire.beginTransaction();
        return result;
      }
      case 'commit':
      case 'rollback':
        return this.#endTransaction(query, facts);
      case 'session':
      case 'private':
        return executeQuery(this.#port, query, false);
      default:
        if (!this.#wire.hasBegun) return this.#runAlone(query, facts);
        return this.#following(facts, () => executeQuery(this.#port, query, false));
    }
  }

  /** It is about to be sent. */
  #begun(text: string): StatementFacts {
    const known = this.#harmless.get(text);
    if (known !== undefined) return known;
    const facts = factsOf(text);
    this.#changes.note(text, facts.kind);
    if (this.#changes.canUndo) {
      if (this.#harmless.size >= MOST_KNOWN) this.#harmless.clear();
      this.#harmless.set(text, facts);
    }
    return facts;
  }

  /** For a statement that is run call by call. */
  #portFor(facts: StatementFacts): OracleCursorPort & OracleBatchPort {
    const port = this.#port;
    if (facts.kind !== 'definition' && facts.kind !== 'program') return port;
    return { ...port, call: (work) => this.#following(facts, () => port.call(work)) };
  }

  async #endTransaction(query: DriverQuery, facts: StatementFacts): Promise<DriverResult> {
    const wire = this.#wire;
    const hadChanges = wire.hasOpenChanges;
    try {
      const isPlain = PLAIN_END.test(query.text);
      if (!isPlain) await executeQuery(this.#port, query, false);
      else if (facts.kind === 'commit') await wire.call((client) => client.commit());
      else await wire.call((client) => client.rollback());
      wire.endTransaction();
      return done(facts.command);
    } catch (error) {
      // ORA-02091: it was rolled back instead.
      if (hadChanges && !wire.hasOpenChanges) wire.endTransaction();
      throw error;
    }
  }

  /** Of a statement inside a transaction: has it ended that? */
  async #following<T>(facts: StatementFacts, act: () => Promise<T>): Promise<T> {
    const wire = this.#wire;
    const hadChanges = wire.hasOpenChanges;
    const bytesBefore = wire.bytesWritten;
    let isUnderstood = true;
    try {
      return await act();
    } catch (error) {
      isUnderstood = !isSyntaxError(oraNumberOf(error) ?? 0);
      throw error;
    } finally {
      // A definition ends the transaction, unless it was not even understood. A program has ended it where changes are gone; what
      // else it may have done is asked for by oracle-witness.ts.
      const mayEnd = hadChanges ? isEnding(facts) : facts.kind === 'definition' && isUnderstood;
      const wasSent = wire.bytesWritten !== bytesBefore;
      if (mayEnd && wasSent && !wire.hasOpenChanges) wire.endTransaction();
    }
  }

  async #runAlone(query: DriverQuery, facts: StatementFacts): Promise<DriverResult> {
    const wire = this.#wire;
    try {
      const result = await executeQuery(this.#port, query, facts.kind === 'change' || facts.kind === 'program');
      await this.#leaveOpenChanges();
      return result;
    } catch (error) {
      const isQuery = facts.kind === 'query';
      if (isQuery && !wire.isOver && !wire.hasOpenChanges) noteNothingApplied(error);
      // The next statement would commit it.
      if (!wire.isOver && wire.hasOpenChanges) await this.#undo();
      throw error;
    }
  }

  /** Never rejects: the error of the statement says more. A break that was meant for the statement may hit the first one. */
  async #undo(): Promise<void> {
    const roll = () => this.#wire.work(() => this.#wire.call((client) => client.rollback()));
    await roll().catch(roll).catch(ignore);
  }

  /** What a statement outside a transaction has opened at the server: locks of a SELECT, a database link. */
  async #leaveOpenChanges(): Promise<void> {
    const wire = this.#wire;
    if (!wire.hasBegun && wire.hasOpenChanges) await wire.call((client) => client.commit());
  }
}

/** What it ends, it commits, or has committed midway. */
function isEnding({ kind }: StatementFacts): boolean {
  return kind === 'definition' || kind === 'program';
}

function done(command: string): DriverResult {
  return { rows: [], fields: [], rowsAffected: 0, command };
}

function ignore(): void {
  // Whoever has the connection next finds that it is in a transaction.
}
