/**
 * One session: requests taken one after the other, each answered once. It owns the order of things (piggybacks, call,
 * fault, answer or error), the line's state (interrupt.ts) and the end of everything it opened. What a call does is in
 * logon.ts, statements.ts and lobs.ts. More than 300 lines because all of them change the one order that is kept here.
 */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SqlSession } from './backend.js';
import { OraError } from './backend.js';
import { descriptorValue } from './codec/connect-packets.js';
import { FUNCTION, MESSAGE } from './codec/ttc-codes.js';
import type { Piggybacks } from './codec/ttc-piggybacks.js';
import { readPiggybacks } from './codec/ttc-piggybacks.js';
import { readFunctionHeader } from './codec/ttc-read.js';
import { Reader, Writer } from './codec/wire.js';
import type { CallPort, EndOfCall, PreparedCall } from './calls.js';
import { CallEnds } from './call-ends.js';
import { CallError } from './calls.js';
import { answerConnect } from './connecting.js';
import { CursorTable } from './cursors.js';
import { Dispatch } from './dispatch.js';
import { FaultGate } from './fault-gate.js';
import type { FaultRule, SessionHandle } from './faults.js';
import { isInterrupted, Line, voidsData } from './interrupt.js';
import { Link } from './link.js';
import { LobTable } from './lobs.js';
import { Logon } from './logon.js';
import type { SessionView, WireCall } from './observation.js';
import type { SessionContext } from './session-context.js';
import { Cut, oraError } from './session-context.js';
import { Statements } from './statements.js';
import { LogicalTransactions } from './transaction-guard.js';

const UNSUPPORTED = 3115;

const ENDED_BY_STATE = { open: null, 'read-only': null, starting: 1033, 'shutting-down': 1089, down: 1034 } as const;

export class Session implements SessionHandle {
  readonly sid: number;
  readonly serial = randomInt(1, 60_000);
  /** Resolves when the socket is closed and the backend has let go. */
  readonly ended: Promise<void>;
  readonly #context: SessionContext;
  readonly #link: Link;
  readonly #line: Line;
  readonly #logon: Logon;
  readonly #cursors: CursorTable;
  readonly #lobs: LobTable;
  readonly #statements: Statements;
  readonly #dispatch: Dispatch;
  readonly #transactions: LogicalTransactions;
  readonly #queue: Buffer[] = [];
  readonly #endToEnd: Record<string, string> = {};
  readonly #gate: FaultGate;
  #onEnded: () => void = () => undefined;
  #sql: SqlSession | null = null;
  #fieldVersion: number;
  #service = '';
  #isPooled = false;
  #schema = '';
  #lastSql = '';
  readonly #ends: CallEnds;
  /** Of the running call, when it is pipelined; else 0. */
  #token = 0;
  #killed: OraError | null = null;
  #flush: Writer | null = null;
  #isPumping = false;

  constructor(context: SessionContext, socket: Socket, sid: number) {
    this.sid = sid;
    this.#context = context;
    this.#fieldVersion = context.profile.fieldVersion;
    this.ended = new Promise((resolve) => (this.#onEnded = resolve));
    this.#logon = new Logon(context);
    this.#gate = new FaultGate(context.faults, { view: () => this.view, assertGoingOn: () => this.#assertGoingOn() });
    this.#cursors = new CursorTable(context.maxOpenCursors);
    this.#lobs = new LobTable(sid);
    this.#line = new Line({
      cancel: () => void this.#interrupt(),
      sendMarkers: () => this.#link.sendMarkers(),
      breakAgain: () => this.#onBreak(),
    });
    this.#link = new Link(socket, context.observation.counters, {
      onConnect: (data) => void this.#connect(data),
      onRequest: (request) => this.#enqueue(request),
      onBreak: () => this.#onBreak(),
      onReset: () => this.#line.apply('reset'),
      isVoid: () => voidsData(this.#line.state),
      onClose: () => void this.#close(),
      onProtocolError: (error) => context.observation.protocolError(error),
    });
    this.#transactions = new LogicalTransactions(context.guard);
    this.#ends = new CallEnds(this.#transactions, {
      isInTransaction: () => this.#sql?.inTransaction ?? false,
      fieldVersion: () => this.#fieldVersion,
    });
    const port = this.#callPort();
    this.#statements = new Statements(port);
    this.#dispatch = new Dispatch(port, this.#statements);
  }

  get isLoggedOn(): boolean {
    return this.#sql !== null;
  }

  get view(): SessionView {
    return {
      sid: this.sid,
      serial: this.serial,
      user: this.#logon.user,
      service: this.#service,
      schema: this.#schema,
      sql: this.#lastSql,
      inTransaction: this.#sql?.inTransaction ?? false,
      calls: this.#ends.calls,
      openCursors: this.#cursors.size,
      openLobs: this.#lobs.size,
      serverKind: this.#isPooled ? 'pooled' : 'dedicated',
      endToEnd: { ...this.#endToEnd },
    };
  }

  async kill(): Promise<void> {
    this.#killed = oraError(28);
    if (this.#line.state === 'running') await this.#interrupt();
  }

  cut(): void {
    this.#link.cut();
  }

  freeze(): void {
    this.#link.freeze();
  }

  thaw(): void {
    this.#link.thaw();
  }

  async setReadOnly(on: boolean): Promise<void> {
    await this.#sql?.setReadOnly(on);
  }

  sendControl(code: number): void {
    this.#link.sendControl(code);
  }

  async #connect(data: string): Promise<void> {
    this.#service = descriptorValue(data, 'SERVICE_NAME') ?? descriptorValue(data, 'SID') ?? '';
    this.#isPooled = /^pooled$/i.test(descriptorValue(data, 'SERVER') ?? '');
    await answerConnect(this.#context, this.#link, this.#gate, { data, service: this.#service });
  }

  #enqueue(request: Buffer): void {
    this.#queue.push(request);
    void this.#pump();
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#queue.length > 0 && this.#line.state === 'idle') {
        const request = this.#queue.shift() ?? Buffer.alloc(0);
        this.#context.observation.counters.roundTrips += 1;
        this.#line.apply('call');
        await this.#handle(new Reader(request));
      }
    } catch (error) {
      this.#context.observation.protocolError(error);
      this.#link.cut();
    } finally {
      this.#isPumping = false;
    }
  }

  /** A break on an idle line ends no call: its error waits for the client's next one. */
  #onBreak(): void {
    if (this.#line.state !== 'idle') return this.#line.apply('break');
    void this.#report(oraError(1013), 'break').then(() => this.#pump());
  }

  /** Ends what the session waits for, and the running statement. */
  async #interrupt(): Promise<void> {
    this.#gate.wake();
    await this.#sql?.cancel().catch(() => undefined);
  }

  async #handle(reader: Reader): Promise<void> {
    const first = reader.peek();
    if (first === MESSAGE.FLUSH_OUT_BINDS) return this.#sendRest();
    if (first === MESSAGE.FAST_AUTH || first === MESSAGE.PROTOCOL || first === MESSAGE.DATA_TYPES) {
      return this.#negotiate(reader);
    }
    const piggybacks = readPiggybacks(reader, this.#fieldVersion);
    if (piggybacks.unknown !== null) {
      return this.#fail(new OraError(UNSUPPORTED, `unsupported piggyback function ${piggybacks.unknown}`));
    }
    const message = reader.u8();
    if (message !== MESSAGE.FUNCTION && message !== MESSAGE.ONE_WAY) throw new Error(`A message of type ${message}.`);
    const { code, token } = readFunctionHeader(reader, this.#fieldVersion);
    this.#token = token;
    this.#ends.calls += 1;
    if (code === FUNCTION.AUTH_ONE) return this.#challenge(reader, new Writer());
    if (code === FUNCTION.AUTH_TWO) return this.isLoggedOn ? this.#changePassword(reader) : this.#welcome(reader);
    const refused = this.#killed ?? (this.isLoggedOn ? this.#stateError(code) : oraError(1012));
    if (refused !== null) return this.#fail(refused);
    await this.#answer(async () => {
      await this.#takePiggybacks(piggybacks);
      return this.#dispatch.prepare(code, reader, this.#lastSql);
    });
  }

  #stateError(code: number): OraError | null {
    const error = ENDED_BY_STATE[this.#context.faults.instance];
    return error === null || code === FUNCTION.LOGOFF ? null : oraError(error);
  }

  async #takePiggybacks(piggybacks: Piggybacks): Promise<void> {
    for (const id of piggybacks.closedCursors) this.#cursors.close(id);
    for (const id of piggybacks.cancelledCursors) this.#cursors.cancel(id);
    for (const locator of piggybacks.freedLobs) this.#lobs.free(locator);
    Object.assign(this.#endToEnd, piggybacks.endToEnd);
    if (Object.keys(piggybacks.endToEnd).length > 0) await this.#sql?.setTracing?.(piggybacks.endToEnd);
    const { schema } = piggybacks;
    if (schema === null) return;
    const name = /[^A-Za-z0-9_$#]/.test(schema) ? `"${schema}"` : schema;
    await this.#statements.runPlain(`ALTER SESSION SET CURRENT_SCHEMA = ${name}`);
    this.#schema = schema.toUpperCase();
  }

  /** A call, the fault that it meets, and its one answer. */
  async #answer(prepare: () => Promise<PreparedCall>): Promise<void> {
    let answer: Writer | null;
    let rule: FaultRule | null;
    let call: PreparedCall | undefined;
    try {
      call = await prepare();
      this.#lastSql = call.sql;
      rule = await this.#gate.meet(call.point, call.sql);
      // A break that came with its call is older than what the backend would be told to cancel.
      this.#assertGoingOn();
      answer = await call.run();
      this.#assertGoingOn();
    } catch (error) {
      if (error instanceof Cut) return this.#link.cut();
      if (!(error instanceof CallError)) call?.forget?.();
      return this.#fail(this.#errorOf(error), error instanceof CallError ? error.end : {});
    }
    if (rule?.drop === 'after') return this.#link.cut();
    if (rule?.drop === 'mid-answer' && answer !== null) return this.#link.sendHalf(answer);
    this.#line.apply('answer');
    if (answer !== null) this.#respond(answer);
  }

  #errorOf(error: unknown): OraError {
    if (this.#killed !== null) return this.#killed;
    if (isInterrupted(this.#line.state)) return oraError(1013);
    if (error instanceof OraError) return error;
    // A backend that is let go of in the middle of a call may fail as it likes.
    if (this.#line.state !== 'closed') this.#context.observation.protocolError(error);
    const text = error instanceof Error ? error.message : String(error);
    return new OraError(600, `internal error code, arguments: [${text}]`);
  }

  #assertGoingOn(): void {
    if (this.#line.state === 'closed') throw new Cut();
    if (this.#killed !== null) throw this.#killed;
    if (isInterrupted(this.#line.state)) throw oraError(1013);
  }

  async #fail(error: OraError, end: EndOfCall = {}): Promise<void> {
    const isPlain = this.#token !== 0 || (!this.#context.errorMarkers && !isInterrupted(this.#line.state));
    await this.#report(error, isPlain ? 'plain-error' : 'error', end);
  }

  async #report(error: OraError, event: 'error' | 'plain-error' | 'break', end: EndOfCall = {}): Promise<void> {
    await this.#line.raise(event);
    if (this.#line.state === 'closed') return;
    const writer = new Writer();
    this.#ends.writeEnd(writer, { ...end, code: error.code, message: `${error.message}\n`, position: error.position });
    this.#respond(writer);
    this.#line.apply('reported');
    if (this.#killed !== null) this.#link.end();
  }

  #respond(writer: Writer): void {
    // What is to be flushed first is no whole answer: it has no end mark.
    if (this.#link.endsAnswers && this.#flush === null) writer.u8(MESSAGE.END_OF_REQUEST);
    const payload = writer.view();
    if (this.#token === 0) return this.#link.send(payload);
    const token = new Writer(16).u8(MESSAGE.TOKEN).ub8(this.#token);
    this.#link.send(Buffer.concat([token.view(), payload]));
  }

  #sendRest(): void {
    const rest = this.#flush;
    this.#flush = null;
    this.#line.apply('answer');
    if (rest !== null) this.#respond(rest);
  }

  #negotiate(reader: Reader): void {
    const writer = new Writer(4096);
    const { authOne } = this.#logon.negotiate(reader, writer, ({ fieldVersion, understandsEndMark }) => {
      this.#fieldVersion = fieldVersion;
      this.#link.endsAnswers &&= understandsEndMark;
    });
    if (authOne) return this.#challenge(reader, writer);
    this.#line.apply('answer');
    this.#link.send(writer.view(), false);
  }

  #challenge(reader: Reader, writer: Writer): void {
    this.#logon.authOne(reader, writer, (pairs) => Object.assign(this.#endToEnd, Object.fromEntries(pairs)));
    this.#line.apply('answer');
    this.#respond(this.#ends.writeStatus(writer));
  }

  async #welcome(reader: Reader): Promise<void> {
    try {
      await this.#gate.meet('logon', '');
      const { proof, zone, pairs } = this.#logon.prove(reader);
      for (const name of ['AUTH_KPPL_CONN_CLASS', 'AUTH_KPPL_PURITY']) {
        const value = pairs.get(name);
        if (value !== undefined) this.#endToEnd[name] = value;
      }
      this.#schema = this.#logon.user;
      const { sid, serial } = this;
      const facts = { sid, serial, user: this.#logon.user, schema: this.#schema, service: this.#service };
      const sql = await this.#context.backend.openSession(facts);
      if (this.#line.state === 'closed') return await sql.close();
      this.#sql = sql;
      if (zone !== null) sql.setTimeZone?.(zone);
      this.#context.observation.counters.logons += 1;
      this.#record({ op: 'logon' });
      const writer = new Writer(1024);
      this.#logon.writeWelcome(writer, proof, facts);
      this.#transactions.begin();
      this.#line.apply('answer');
      this.#respond(this.#ends.writeStatus(writer));
    } catch (error) {
      if (error instanceof Cut) return this.#link.cut();
      await this.#fail(this.#errorOf(error));
      this.#link.end();
    }
  }

  async #changePassword(reader: Reader): Promise<void> {
    this.#record({ op: 'change-password' });
    if (!this.#logon.changePassword(reader)) return this.#fail(new OraError(28008, 'invalid old password'));
    this.#line.apply('answer');
    const writer = new Writer().u8(MESSAGE.PARAMETER).ub2(0);
    this.#respond(this.#ends.writeStatus(writer));
  }

  #callPort(): CallPort {
    const sql = (): SqlSession => {
      if (this.#sql === null) throw new Cut();
      return this.#sql;
    };
    const fieldVersion = (): number => this.#fieldVersion;
    return {
      context: this.#context,
      cursors: this.#cursors,
      lobs: this.#lobs,
      transactions: this.#transactions,
      get sql() {
        return sql();
      },
      get fieldVersion() {
        return fieldVersion();
      },
      record: (call) => this.#record(call),
      writeEnd: (writer, end) => this.#ends.writeEnd(writer, end),
      writeStatus: (writer) => this.#ends.writeStatus(writer),
      onSchema: (schema) => (this.#schema = schema),
      awaitFlush: (rest) => (this.#flush = rest),
    };
  }

  #record(call: Omit<WireCall, 'sid'>): void {
    this.#context.observation.record({ sid: this.sid, ...call });
  }

  async #close(): Promise<void> {
    if (this.#line.state === 'closed') return;
    const wasRunning = this.#line.state !== 'idle';
    this.#line.apply('close');
    this.#gate.wake();
    const sql = this.#sql;
    this.#sql = null;
    if (sql !== null && wasRunning) await sql.cancel().catch(() => undefined);
    await sql?.close().catch(() => undefined);
    this.#cursors.closeAll();
    this.#lobs.closeAll();
    this.#onEnded();
  }
}
