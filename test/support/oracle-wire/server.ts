// The listener and the per-connection session loop.
import * as net from 'node:net';
import * as tls from 'node:tls';
import { EventEmitter } from 'node:events';
import { randomBytes } from 'node:crypto';
import { Reader, Writer } from './wire.js';
import * as tns from './tns.js';
import * as ttc from './ttc.js';
import { FN, FV, MSG, OPT, LOB_OP } from './ttc.js';
import { LogonExchange, makeVerifier, type Verifier, type VerifierKind } from './auth.js';
import { OraError, type BindSpec, type Column, type SqlBackend, type SqlCursor, type SqlResult, type SqlSession, type SqlValue } from './backend.js';
import { parseStatement, type ParsedStatement } from './sql-scan.js';
import * as v from './values.js';
import { T } from './values.js';

export interface Profile { name: string; tnsVersion: number; fieldVersion: number; fastAuth: boolean; endOfRequest: boolean; versionNo: number; banner: string }
const BANNER = 'x86_64/Linux 2.4.xx';
export const PROFILES: Record<'23ai' | '21c' | '19c', Profile> = {
  '23ai': { name: '23ai', tnsVersion: 319, fieldVersion: 24, fastAuth: true, endOfRequest: true, versionNo: (23 << 24) | (4 << 16) | (24 << 4) | 5, banner: BANNER },
  '21c': { name: '21c', tnsVersion: 318, fieldVersion: 16, fastAuth: false, endOfRequest: false, versionNo: (21 << 24) | (3 << 16), banner: BANNER },
  '19c': { name: '19c', tnsVersion: 318, fieldVersion: 12, fastAuth: false, endOfRequest: false, versionNo: (19 << 24) | (3 << 16), banner: BANNER },
};

export interface ServerOptions {
  backend: SqlBackend;
  users: Record<string, string>;
  services?: string[];
  profile?: keyof typeof PROFILES;
  verifier?: VerifierKind;
  /** Send BREAK/RESET markers ahead of every error, as real servers do. */
  errorMarkers?: boolean;
  /** Use bit vectors to leave out column values equal to the previous row. */
  compressRows?: boolean;
  /** Ask the client to flush before RETURNING values are sent. */
  flushOutBinds?: boolean;
  maxSessions?: number;
  maxOpenCursors?: number;
  /** Serve TCPS with this certificate. */
  tls?: { key: string; cert: string };
}

export type FaultPoint = 'connect' | 'logon' | 'execute' | 'fetch' | 'commit' | 'rollback' | 'ping' | 'lob' | 'logoff';
export interface FaultRule {
  on: FaultPoint | FaultPoint[];
  match?: RegExp | ((sql: string, s: SessionView) => boolean);
  /** Let this many matches pass first. */
  skip?: number;
  times?: number;
  delayMs?: number;
  error?: { code: number; message: string };
  /** Cut the socket: before running the call, after running it (answer lost), or half way through the answer. */
  drop?: 'before' | 'after' | 'mid-answer';
}
export interface SessionView { sid: number; serial: number; user: string; schema: string; sql: string; inTransaction: boolean; calls: number; openCursors: number; endToEnd: Record<string, string> }
export interface WireEvent { sid: number; op: string; sql?: string; sqlSent?: boolean; cursorId?: number; rows?: number; iterations?: number }

const CANCELLED = () => new OraError(1013, 'user requested cancel of current operation');

export class OracleWireServer extends EventEmitter {
  readonly profile: Profile;
  readonly sessions = new Map<number, WireSession>();
  readonly stats = { connects: 0, logons: 0, parses: 0, executes: 0, reexecutes: 0, fetches: 0, roundTrips: 0, bytesIn: 0, bytesOut: 0 };
  private readonly verifiers = new Map<string, Verifier>();
  private readonly listener: net.Server;
  private readonly sockets = new Set<net.Socket>();
  private faults: FaultRule[] = [];
  private refuseCode: number | null = null;
  private nextSid = 100;
  scn = 2_000_000;
  /** One-shot: the next connect is answered with a REDIRECT to this address. */
  redirectTo: { host: string; port: number } | null = null;
  port = 0;

  constructor(readonly opts: ServerOptions) {
    super();
    this.profile = PROFILES[opts.profile ?? '23ai'];
    for (const [user, password] of Object.entries(opts.users)) this.setPassword(user, password);
    this.listener = opts.tls ? tls.createServer(opts.tls, (s) => { s.setNoDelay(true); this.accept(s); }) : net.createServer({ noDelay: true }, (s) => this.accept(s));
  }
  setPassword(user: string, password: string) {
    this.opts.users[user.toUpperCase()] = password;
    this.verifiers.set(user.toUpperCase(), makeVerifier(password, this.opts.verifier ?? '12c'));
  }
  verifierFor(user: string): { v: Verifier; known: boolean } {
    const found = this.verifiers.get(user);
    return found ? { v: found, known: true } : { v: makeVerifier(randomBytes(12).toString('hex'), this.opts.verifier ?? '12c'), known: false };
  }
  async listen(port = 0, host = '127.0.0.1'): Promise<number> {
    await new Promise<void>((res, rej) => { this.listener.once('error', rej); this.listener.listen(port, host, res); });
    return (this.port = (this.listener.address() as net.AddressInfo).port);
  }
  async close() {
    this.listener.close();
    for (const s of this.sockets) s.destroy();
    await Promise.all([...this.sessions.values()].map((s) => s.ended));
    await this.opts.backend.close();
  }

  // ---- fault injection --------------------------------------------------
  /** New connections are answered with a REFUSE carrying this code (null = accept again). */
  refuseNew(code: number | null) { this.refuseCode = code; }
  inject(rule: FaultRule): () => void {
    this.faults.push(rule);
    return () => { this.faults = this.faults.filter((r) => r !== rule); };
  }
  clearFaults() { this.faults = []; this.refuseCode = null; }
  /** ALTER SYSTEM KILL SESSION: current or next call fails with ORA-00028, then the link is cut. */
  async killSession(sid: number) { await this.sessions.get(sid)?.kill(new OraError(28, 'your session has been killed')); }
  /** Cuts the TCP connection without a word. */
  dropConnection(sid: number) { this.sessions.get(sid)?.destroy(); }
  async setReadOnly(sid: number, on: boolean) { await this.sessions.get(sid)?.setReadOnly(on); }
  freeze(sid: number) { this.sessions.get(sid)?.freeze(); }
  /** In-band notification on an idle link (seen by the driver's health check). */
  notifyInBand(sid: number, code: number) { this.sessions.get(sid)?.sendControl(code); }
  /** Stops listening (the next connect gets ECONNREFUSED) but keeps live sessions. */
  stopListening() { return new Promise<void>((r) => { this.listener.close(() => r()); r(); }); }

  takeFault(point: FaultPoint, sql: string, view: SessionView): FaultRule | undefined {
    const i = this.faults.findIndex((f) => (Array.isArray(f.on) ? f.on : [f.on]).includes(point) &&
      (!f.match || (f.match instanceof RegExp ? f.match.test(sql) : f.match(sql, view))));
    if (i < 0) return undefined;
    const rule = this.faults[i];
    if (rule.skip) { rule.skip--; return undefined; }
    if (rule.times !== undefined && --rule.times <= 0) this.faults.splice(i, 1);
    return rule;
  }
  record(e: WireEvent) { this.emit('wire', e); }

  private accept(socket: net.Socket) {
    this.stats.connects++;
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    const sid = this.nextSid++;
    const session = new WireSession(this, socket, sid, this.refuseCode);
    this.sessions.set(sid, session);
    void session.ended.then(() => this.sessions.delete(sid));
  }
}

interface Lob { id: number; blob: boolean; nchar: boolean; data: Buffer; temp: boolean }   // CLOB data is UTF-16BE
interface Cursor {
  id: number; st: ParsedStatement; binds: ttc.BindMeta[]; defines: ttc.BindMeta[] | null; dirs: number[] | null;
  columns: Column[] | null; shape: string; rows: SqlValue[][] | null; at: number; fetched: number;
}

class WireSession {
  readonly ended: Promise<void>;
  private finish!: () => void;
  private readonly splitter = new tns.PacketSplitter();
  private parts: Buffer[] = [];
  private queue: Buffer[] = [];
  private busy = false;
  private accepted = false;
  private connectText = '';
  private expectConnectData = 0;
  private clientVersion = 0;
  private sdu = 8192;
  private endOfRequest = false;
  private flagsRequests = false;
  private fv: number;
  private logon: LogonExchange | null = null;
  private sql: SqlSession | null = null;
  private user = '';
  schema = '';
  private service = '';
  readonly serial = 1 + Math.floor(Math.random() * 60000);
  private seq = 0;
  private calls = 0;
  private token = 0;
  private currentSql = '';
  private cursors = new Map<number, Cursor>();
  private nextCursor = 1;
  private lobs = new Map<number, Lob>();
  private nextLob = 1;
  private endToEnd: Record<string, string> = {};
  private interrupted = false;
  private awaitingReset: (() => void) | null = null;
  private killed: OraError | null = null;
  private pendingFlush: Writer | null = null;
  private closing = false;

  constructor(private readonly srv: OracleWireServer, private readonly socket: net.Socket, readonly sid: number, private readonly refuse: number | null) {
    this.fv = srv.profile.fieldVersion;
    this.ended = new Promise((r) => { this.finish = r; });
    socket.on('data', (b) => { this.srv.stats.bytesIn += b.length; this.onData(b); });
    socket.on('error', () => {});
    socket.on('close', () => void this.shutdown());
  }

  view(): SessionView {
    return { sid: this.sid, serial: this.serial, user: this.user, schema: this.schema, sql: this.currentSql, inTransaction: this.sql?.inTransaction ?? false,
      calls: this.calls, openCursors: this.cursors.size, endToEnd: this.endToEnd };
  }
  /** Network partition: nothing is read or answered any more, the TCP link stays up. */
  freeze() { this.frozen = true; }
  private frozen = false;
  destroy() { this.socket.resetAndDestroy?.() ?? this.socket.destroy(); }
  async setReadOnly(on: boolean) { await this.sql?.setReadOnly(on); }
  sendControl(code: number) { this.write(tns.buildControlError(code, this.splitter.large)); }
  async kill(err: OraError) {
    this.killed = err;
    if (this.busy) { this.interrupted = true; await this.sql?.cancel(); }
  }
  private async shutdown() {
    if (this.closing) return;
    this.closing = true;
    this.awaitingReset?.();
    const s = this.sql;
    if (s) { if (this.busy) await s.cancel().catch(() => {}); await s.close().catch(() => {}); }
    this.sql = null;
    this.finish();
  }

  // ---- packets ----------------------------------------------------------
  private write(b: Buffer) {
    if (this.socket.destroyed || this.frozen) return;
    this.srv.stats.bytesOut += b.length;
    this.socket.write(b);
  }
  private onData(chunk: Buffer) {
    if (this.frozen) return;
    try {
      this.splitter.push(chunk);
      for (let p = this.splitter.next(); p; p = this.splitter.next()) this.onPacket(p);
    } catch (e) {
      this.srv.emit('protocolError', e);
      this.socket.destroy();
    }
  }
  private onPacket(p: tns.Packet) {
    if (!this.accepted) return this.onConnectPacket(p);
    if (p.type === tns.PKT.MARKER) return this.onMarker(p.body[2]);
    if (p.type !== tns.PKT.DATA) throw new Error(`unexpected packet type ${p.type}`);
    const flags = p.body.readUInt16BE(0);
    if (flags & tns.DATA_FLAG.EOF) { this.socket.end(); return; }
    if (this.awaitingReset) return;                       // data ahead of the reset is void
    this.parts.push(Buffer.from(p.body.subarray(2)));
    // node-oracledb flags the last packet of a request, and its other packets need not be full;
    // a client that never sets the flag ends a request with a packet shorter than the SDU
    if (flags & tns.DATA_FLAG.END_OF_REQUEST) this.flagsRequests = true;
    else if (this.flagsRequests || p.raw.length >= this.sdu || flags & 0x20) return;
    this.queue.push(this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts));
    this.parts = [];
    void this.pump();
  }
  private onConnectPacket(p: tns.Packet) {
    if (this.expectConnectData && p.type === tns.PKT.DATA) {
      this.connectText += p.body.subarray(2).toString('latin1');
      if (this.connectText.length < this.expectConnectData) return;
      void this.answerConnect();
      return;
    }
    if (p.type !== tns.PKT.CONNECT) throw new Error(`expected CONNECT, got ${p.type}`);
    const c = tns.parseConnect(p);
    this.sdu = Math.max(512, Math.min(c.sdu, 65535));
    this.clientVersion = c.version;
    this.connectText = c.data;
    if (c.overflow) { this.expectConnectData = c.dataLength; return; }
    void this.answerConnect();
  }
  private async answerConnect() {
    try { await this.arm('connect', this.connectText); } catch (e) { if (e instanceof OraError) { this.write(tns.buildRefuse(e.code)); this.socket.end(); } else this.destroy(); return; }
    if (this.closing) return;
    const o = this.srv.opts;
    this.service = tns.descriptorValue(this.connectText, 'SERVICE_NAME') ?? tns.descriptorValue(this.connectText, 'SID') ?? '';
    if (this.srv.redirectTo) {
      const to = this.srv.redirectTo;
      this.srv.redirectTo = null;
      this.write(tns.buildRedirect(`(ADDRESS=(PROTOCOL=TCP)(HOST=${to.host})(PORT=${to.port}))`, this.connectText));
      this.socket.end();
      return;
    }
    let refuse = this.refuse;
    if (refuse === null && o.services && !o.services.some((s) => s.toUpperCase() === this.service.toUpperCase()))
      refuse = /\(\s*SID\s*=/i.test(this.connectText) ? 12505 : 12514;
    if (refuse === null && o.maxSessions && this.srv.sessions.size > o.maxSessions) refuse = 12516;
    if (refuse !== null) { this.write(tns.buildRefuse(refuse)); this.socket.end(); return; }
    const p = this.srv.profile, version = Math.min(p.tnsVersion, this.clientVersion);
    this.endOfRequest = p.endOfRequest && version >= 319;
    this.write(tns.buildAccept({ version, sdu: this.sdu, tdu: 65535, endOfRequest: this.endOfRequest, fastAuth: p.fastAuth && version >= 318 }));
    this.accepted = true;
    this.splitter.large = version >= 315;
  }

  // ---- break / reset ----------------------------------------------------
  private onMarker(kind: number) {
    if (kind === tns.MARK.RESET) { const r = this.awaitingReset; this.awaitingReset = null; r?.(); return; }
    this.parts = [];
    if (this.busy) { this.interrupted = true; void this.sql?.cancel(); return; }
    void this.exclusive(() => this.fail(CANCELLED()));     // a break on an idle line still gets its ORA-01013
  }
  /** BREAK + RESET, then wait until the client has drained the line. */
  private async markers() {
    this.write(Buffer.concat([tns.buildMarker(tns.MARK.BREAK, this.splitter.large), tns.buildMarker(tns.MARK.RESET, this.splitter.large)]));
    await new Promise<void>((r) => { this.awaitingReset = r; if (this.closing) r(); });
  }

  // ---- request pump -----------------------------------------------------
  private async exclusive(fn: () => Promise<void>) {
    this.busy = true;
    try { await fn(); } finally { this.busy = false; }
    void this.pump();
  }
  private async pump() {
    if (this.busy) return;
    this.busy = true;
    try {
      for (let req = this.queue.shift(); req && !this.closing; req = this.queue.shift()) {
        this.srv.stats.roundTrips++;
        this.interrupted = false;
        await this.handle(new Reader(req));
      }
    } catch (e) {
      this.srv.emit('protocolError', e);
      this.socket.destroy();
    } finally { this.busy = false; }
  }

  private endOfResponse(w: Writer) { if (this.endOfRequest) w.u8(MSG.END_OF_REQUEST); }
  private respond(w: Writer, end = true) {
    if (end) this.endOfResponse(w);
    let head: Buffer = w.done();
    if (this.token) { const t = new Writer(16); t.u8(MSG.TOKEN).ub8(this.token); head = Buffer.concat([t.done(), head]); }
    this.write(Buffer.concat(tns.buildData(head, this.sdu, this.splitter.large, this.endOfRequest)));
  }
  private status(): number { return 1 | (this.sql?.inTransaction ? ttc.CALL_TXN_IN_PROGRESS : 0); }
  private nextSeq() { return (this.seq = (this.seq + 1) & 0xffff); }
  private endCall(w: Writer, e: Omit<ttc.CallEnd, 'callStatus' | 'seq'>) { ttc.writeCallEnd(w, { callStatus: this.status(), seq: this.nextSeq(), call: this.calls & 0xff, ...e }, this.fv); }

  private async fail(err: OraError, extra: Partial<ttc.CallEnd> = {}, cursorId = 0) {
    const interrupted = this.interrupted;
    if (this.killed) { err = this.killed; }
    if ((this.srv.opts.errorMarkers ?? true) || interrupted || err.code === 1013) if (!this.token) await this.markers();
    const w = new Writer();
    this.endCall(w, { code: err.code, message: err.message + '\n', position: err.position, cursorId, ...extra });
    this.respond(w);
    if (this.killed) this.socket.end();
  }

  private async handle(r: Reader) {
    const first = r.peek();
    if (first === MSG.FLUSH_OUT_BINDS) { const w = this.pendingFlush; this.pendingFlush = null; if (w) this.respond(w); return; }
    if (first === MSG.FAST_AUTH || first === MSG.PROTOCOL || first === MSG.DATA_TYPES) return this.negotiate(r);
    const pig = ttc.readPiggybacks(r, this.fv);
    if (pig.unknown !== undefined) return this.fail(new OraError(3115, `unsupported piggyback function ${pig.unknown}`));
    for (const id of pig.closeCursors) this.cursors.delete(id);
    for (const id of pig.cancelCursors) { const c = this.cursors.get(id); if (c) c.rows = null; }
    for (const loc of pig.freeLobs) { const lob = this.lobOf(loc); if (lob?.temp) this.lobs.delete(lob.id); }
    Object.assign(this.endToEnd, pig.endToEnd);
    const type = r.u8();
    if (type !== MSG.FUNCTION && type !== MSG.ONEWAY) throw new Error(`unexpected message type ${type}`);
    const h = ttc.readFunctionHeader(r, this.fv);
    this.token = h.token;
    this.calls++;
    if (h.fn === FN.AUTH_ONE || h.fn === FN.AUTH_TWO) return this.authenticate(h.fn, r);
    if (!this.sql) return this.fail(new OraError(1012, 'not logged on'));
    if (this.killed) return this.fail(this.killed);
    if (pig.schema) await this.setSchema(pig.schema);
    switch (h.fn) {
      case FN.EXECUTE: return this.guard('execute', () => this.onExecute(r));
      case FN.REEXECUTE: case FN.REEXECUTE_FETCH: return this.guard('execute', () => this.onReexecute(r, h.fn === FN.REEXECUTE_FETCH));
      case FN.FETCH: return this.guard('fetch', () => this.onFetch(r));
      case FN.LOB_OP: return this.guard('lob', () => this.onLobOp(r));
      case FN.COMMIT: return this.guard('commit', async () => { this.srv.record({ sid: this.sid, op: 'commit' }); await this.sql!.commit(); return this.ok(); });
      case FN.ROLLBACK: return this.guard('rollback', async () => { this.srv.record({ sid: this.sid, op: 'rollback' }); await this.sql!.rollback(); return this.ok(); });
      case FN.PING: return this.guard('ping', async () => { this.srv.record({ sid: this.sid, op: 'ping' }); return this.ok(); });
      case FN.PIPELINE_END: return this.guard('ping', async () => this.ok());
      case FN.LOGOFF: return this.guard('logoff', async () => { await this.sql!.rollback().catch(() => {}); return this.ok(); });
      case FN.SESSION_RELEASE: return;
      default: return this.fail(new OraError(3115, `unsupported network datatype or representation (function ${h.fn})`));
    }
  }
  private ok(): Writer { const w = new Writer(); ttc.writeStatus(w, this.status(), this.nextSeq()); return w; }

  /** Runs a call with fault rules, interrupts and error reporting around it. */
  private async guard(point: FaultPoint, run: () => Promise<Writer | null>) {
    let out: Writer | null;
    let fault: FaultRule | undefined;
    try {
      // execute reads its SQL first: the rule is looked up inside through `arm`
      if (point !== 'execute') fault = await this.arm(point, this.currentSql);
      else this.armExecute = true;
      out = await run();
      fault ??= this.armed;
      if (this.interrupted) throw CANCELLED();
    } catch (e) {
      this.armed = undefined; this.armExecute = false;
      if (e instanceof Dropped) { this.destroy(); return; }
      const err = e instanceof OraError ? e : new OraError(600, `internal error code, arguments: [${(e as Error).message}]`);
      if (!(e instanceof OraError)) this.srv.emit('protocolError', e);
      const f = e as { failExtra?: Partial<ttc.CallEnd>; cursorId?: number };
      return this.fail(this.interrupted && err.code !== 28 ? CANCELLED() : err, f.failExtra, f.cursorId ?? 0);
    }
    this.armed = undefined; this.armExecute = false;
    if (fault?.drop === 'after') { this.destroy(); return; }
    if (fault?.drop === 'mid-answer' && out) {
      this.endOfResponse(out);
      const all = Buffer.concat(tns.buildData(out.done(), this.sdu, this.splitter.large, this.endOfRequest));
      this.socket.write(all.subarray(0, Math.max(9, all.length >> 1)), () => this.destroy());
      return;
    }
    if (out) this.respond(out);
  }
  private armExecute = false;
  private armed: FaultRule | undefined;
  private async arm(point: FaultPoint, sql: string): Promise<FaultRule | undefined> {
    const f = this.srv.takeFault(point, sql, this.view());
    if (!f) return undefined;
    if (f.delayMs) await this.sleep(f.delayMs);
    if (f.drop === 'before') throw new Dropped();
    if (f.error) throw new OraError(f.error.code, f.error.message);
    return f;
  }
  private async sleep(ms: number) {
    const until = Date.now() + ms;
    while (Date.now() < until && !this.interrupted && !this.closing && !this.killed) await new Promise((r) => setTimeout(r, Math.min(5, until - Date.now())));
    if (this.closing) throw new Dropped();
    if (this.interrupted) throw CANCELLED();
  }

  // ---- negotiation and logon --------------------------------------------
  private negotiate(r: Reader) {
    const p = this.srv.profile;
    const w = new Writer(4096);
    let fast = false;
    if (r.peek() === MSG.FAST_AUTH) { r.u8(); r.skip(3); fast = true; }
    if (r.peek() === MSG.PROTOCOL) {
      r.u8(); r.u8();
      while (r.u8() !== 0) { /* version list */ }
      r.cstr();
      ttc.writeProtocolReply(w, p.banner, p.fieldVersion);
      if (!fast) return this.respondPlain(w);
      r.u16(); r.u8(); r.u16(); r.u8();
    }
    if (r.peek() === MSG.DATA_TYPES) {
      r.u8();
      const dt = ttc.readDataTypes(r);
      this.fv = Math.min(p.fieldVersion, dt.caps[7] ?? p.fieldVersion);
      this.endOfRequest &&= ((dt.caps[40] ?? 0) & 0x20) !== 0;      // only for clients that announce it
      ttc.writeDataTypesReply(w, dt.types, dt.zoneMin !== null, 0);
      if (!fast) return this.respondPlain(w);
    }
    const msgType = r.u8(), fn = r.u8();
    r.u8();
    if (msgType !== MSG.FUNCTION || fn !== FN.AUTH_ONE) throw new Error('fast auth without a logon call');
    return this.authOne(r, w);
  }
  /** Protocol and data-type replies carry no end-of-request marker when sent on their own. */
  private respondPlain(w: Writer) { this.write(Buffer.concat(tns.buildData(w.done(), this.sdu, this.splitter.large, false))); }

  private async authenticate(fn: number, r: Reader) { return fn === FN.AUTH_ONE ? this.authOne(r, new Writer()) : this.authTwo(r); }

  private async authOne(r: Reader, w: Writer) {
    const req = ttc.readAuth(r);
    this.user = req.user.replace(/^"(.*)"$/, '$1');
    if (!/^".*"$/.test(req.user)) this.user = this.user.toUpperCase();
    for (const [k, val] of req.pairs) this.endToEnd[k] = val;
    const { v: verifier, known } = this.srv.verifierFor(this.user);
    this.logon = new LogonExchange(verifier, known);
    ttc.writeAuthPairs(w, this.logon.challenge());
    ttc.writeStatus(w, this.status(), this.nextSeq());
    this.respond(w);
  }
  private async authTwo(r: Reader) {
    const req = ttc.readAuth(r);
    const change = req.pairs.get('AUTH_NEWPASSWORD');
    if (this.sql && change) return this.changePassword(req);
    try {
      await this.arm('logon', '');
      const proof = this.logon?.verify(req.pairs) ?? null;
      if (!proof) { await this.fail(new OraError(1017, 'invalid credential or not authorized; logon denied')); this.socket.end(); return; }
      if (change) { const pw = this.logon!.decryptPassword(change); if (pw) this.srv.setPassword(this.user, pw); }
      this.schema = this.user;
      this.sql = await this.srv.opts.backend.openSession({ sid: this.sid, serial: this.serial, user: this.user, schema: this.schema, service: this.service });
      const alter = req.pairs.get('AUTH_ALTER_SESSION')?.replace(/\0+$/, '') ?? '';
      const tz = /TIME_ZONE\s*=\s*'([^']+)'/i.exec(alter);
      if (tz) this.sql.setTimeZone?.(tz[1]);
      this.srv.stats.logons++;
      this.srv.record({ sid: this.sid, op: 'logon' });
      const w = new Writer();
      ttc.writeAuthPairs(w, [
        ['AUTH_SVR_RESPONSE', proof, 0], ['AUTH_VERSION_STRING', `- Production`, 0], ['AUTH_VERSION_SQL', '26', 0],
        ['AUTH_VERSION_NO', String(this.srv.profile.versionNo), 0], ['AUTH_SESSION_ID', String(this.sid), 0], ['AUTH_SERIAL_NUM', String(this.serial), 0],
        ['AUTH_MAX_OPEN_CURSORS', String(this.srv.opts.maxOpenCursors ?? 300), 0], ['AUTH_MAX_IDEN_LENGTH', '128', 0], ['AUTH_INSTANCENAME', 'WIRE', 0], ['AUTH_DBNAME', 'WIREPDB1', 0],
        ['AUTH_SC_SERVICE_NAME', this.service, 0], ['AUTH_SC_DBUNIQUE_NAME', 'WIRE', 0], ['AUTH_SC_REAL_DBUNIQUE_NAME', 'WIRE', 0], ['AUTH_SC_DB_DOMAIN', '', 0],
        ['AUTH_USER_ID', '101', 0], ['AUTH_NLS_LXLAN', 'AMERICAN', 0], ['AUTH_NLS_LXCTERRITORY', 'AMERICA', 0],
      ]);
      ttc.writeStatus(w, this.status(), this.nextSeq());
      this.respond(w);
    } catch (e) {
      if (e instanceof Dropped) return this.destroy();
      await this.fail(e instanceof OraError ? e : new OraError(1034, `the Oracle instance is not available for use: ${(e as Error).message}`));
      this.socket.end();
    }
  }
  private async changePassword(req: ttc.AuthRequest) {
    const old = this.logon?.decryptPassword(req.pairs.get('AUTH_PASSWORD') ?? ''), next = this.logon?.decryptPassword(req.pairs.get('AUTH_NEWPASSWORD') ?? '');
    if (old !== this.srv.opts.users[this.user] || !next) return this.fail(new OraError(28008, 'invalid old password'));
    this.srv.setPassword(this.user, next);
    const w = new Writer();
    ttc.writeAuthPairs(w, []);
    ttc.writeStatus(w, this.status(), this.nextSeq());
    this.respond(w);
  }
  private async setSchema(name: string) {
    const q = /[^A-Za-z0-9_$#]/.test(name) ? `"${name}"` : name;
    await this.runSql(parseStatement(`ALTER SESSION SET CURRENT_SCHEMA = ${q}`), [], [[]], false, false);
    this.schema = name.toUpperCase();
  }

  // ---- execute ----------------------------------------------------------
  private isReturn(sql: string | null, id: number) { return sql ? parseStatement(sql) : this.cursors.get(id)?.st; }

  private async onExecute(r: Reader): Promise<Writer | null> {
    let parsed: ParsedStatement | undefined;
    const stOf = (sql: string | null, id: number) => (parsed ??= this.isReturn(sql, id));
    const req = ttc.readExecute(r, this.fv,
      (sql, id, i) => !stOf(sql, id)?.returnBinds.has(i), (sql, id) => stOf(sql, id)?.kind === 'plsql');
    let cur = this.cursors.get(req.cursorId);
    if (req.sql !== null) {
      this.srv.stats.parses++;
      const st = parsed ?? parseStatement(req.sql);
      if (cur) this.cursors.delete(cur.id);
      cur = { id: cur?.id ?? this.allocCursor(), st, binds: [], defines: null, dirs: null, columns: null, shape: '', rows: null, at: 0, fetched: 0 };
      this.cursors.set(cur.id, cur);
    }
    if (!cur) throw new OraError(1001, 'invalid cursor');
    this.currentSql = cur.st.sql;
    this.srv.stats.executes++;
    this.srv.record({ sid: this.sid, op: req.options & OPT.DEFINE ? 'define' : 'execute', sql: cur.st.sql, sqlSent: req.sql !== null, cursorId: cur.id, iterations: req.rows.length || req.execCount });
    if (req.binds.length) { cur.binds = req.binds; cur.dirs = null; }
    if (req.defines.length) {
      cur.defines = req.defines;
      const w = new Writer();
      if (req.options & OPT.FETCH) return this.rowsResponse(w, cur, req.numIters, false);
      this.endCall(w, { cursorId: cur.id });
      return w;
    }
    if (!(req.options & (OPT.EXECUTE | OPT.PARSE)) && cur.rows)  // first fetch of a REF CURSOR
      return this.rowsResponse(new Writer(16384), cur, req.options & OPT.FETCH ? req.numIters : 0, false);
    if (!(req.options & OPT.EXECUTE)) {                    // parse / describe only
      const w = new Writer();
      try {
        const cols = await this.sql!.describe(cur.st);
        if (cur.st.kind === 'query') ttc.writeDescribe(w, (cur.columns = cols), this.fv, randomBytes(16));
      } catch (e) { throw this.forget(cur, e); }
      this.endCall(w, { cursorId: cur.id });
      return w;
    }
    return this.run(cur, req.rows, {
      autoCommit: (req.options & OPT.COMMIT) !== 0, batchErrors: (req.options & OPT.BATCH_ERRORS) !== 0,
      rowCounts: (req.execFlags & ttc.EXEC_FLAG.DML_ROWCOUNTS) !== 0, fetch: (req.options & OPT.FETCH) !== 0 ? req.numIters : 0, iterations: req.execCount,
    });
  }
  private async onReexecute(r: Reader, fetch: boolean): Promise<Writer | null> {
    const id = r.ub4(), iters = r.ub4();
    r.ub4();
    const flags2 = r.ub4();
    const cur = this.cursors.get(id);
    if (!cur) throw new OraError(1001, 'invalid cursor');
    this.currentSql = cur.st.sql;
    this.srv.stats.reexecutes++;
    const metas = cur.binds.map((meta, index) => ({ meta, index }))
      .filter((b) => !cur.st.returnBinds.has(b.index) && cur.dirs?.[b.index] !== ttc.DIR.OUT);
    const rows: ttc.BindValue[][] = [];
    while (r.left > 0 && r.peek() === MSG.ROW_DATA) { r.u8(); rows.push(ttc.readBindRow(r, metas, cur.binds.length, cur.st.kind === 'plsql')); }
    this.srv.record({ sid: this.sid, op: 'reexecute', sql: cur.st.sql, sqlSent: false, cursorId: id, iterations: rows.length || iters });
    return this.run(cur, rows, { autoCommit: !fetch && (flags2 & 1) !== 0, batchErrors: false, rowCounts: false, fetch: fetch ? iters : 0, iterations: fetch ? 1 : iters });
  }
  private allocCursor() {
    if (this.cursors.size >= (this.srv.opts.maxOpenCursors ?? 300)) throw new OraError(1000, 'maximum open cursors exceeded');
    while (this.cursors.has(this.nextCursor) || this.nextCursor > 60000) this.nextCursor = this.nextCursor > 60000 ? 1 : this.nextCursor + 1; return this.nextCursor++;
  }
  /** A statement that failed to parse leaves no cursor behind. */
  private forget(cur: Cursor, e: unknown) { if (e instanceof OraError && !cur.columns) this.cursors.delete(cur.id); return e; }

  private bindSpecs(cur: Cursor): BindSpec[] {
    return cur.binds.map((b, i) => ({ name: cur.st.binds[i] ?? String(i + 1), type: b.type, maxSize: b.maxSize, csfrm: b.csfrm, isArray: (b.flags & 0x40) !== 0, isReturn: cur.st.returnBinds.has(i) }));
  }
  private toValue(m: ttc.BindMeta, b: ttc.BindValue): SqlValue | SqlValue[] {
    if (b === null) return null;
    if (Array.isArray(b)) return b.map((x) => this.toValue(m, x) as SqlValue);
    if (!Buffer.isBuffer(b)) {
      if ('locator' in b) { const lob = this.lobOf(b.locator); if (!lob) throw new OraError(22275, 'invalid LOB locator specified'); return lob.blob ? lob.data : utf16(lob.data); }
      return null;                                         // REF CURSOR placeholder
    }
    switch (m.type) {
      case T.NUMBER: case T.INTEGER: return v.decodeNumber(b);
      case T.VARCHAR: case T.CHAR: case T.LONG: case T.ROWID: case T.UROWID: return m.csfrm === 2 ? utf16(b) : b.toString('utf8');
      case T.RAW: case T.LONG_RAW: return b;
      case T.DATE: case T.TIMESTAMP: case T.TIMESTAMP_TZ: case T.TIMESTAMP_LTZ: return v.decodeDate(b);
      case T.BINARY_DOUBLE: return v.decodeDouble(b);
      case T.BINARY_FLOAT: return v.decodeFloat(b);
      case T.BOOLEAN: return b[b.length - 1] === 1;
      case T.INTERVAL_DS: return v.decodeIntervalDS(b);
      case T.INTERVAL_YM: return v.decodeIntervalYM(b);
      default: throw new OraError(3115, `unsupported network datatype or representation (bind type ${m.type})`);
    }
  }
  private runSql(st: ParsedStatement, binds: BindSpec[], rows: (SqlValue | SqlValue[])[][], autoCommit: boolean, batchErrors: boolean): Promise<SqlResult> {
    if (!this.sql) throw new Dropped();
    return this.sql.execute({ statement: st, binds, rows, autoCommit, batchErrors });
  }

  private async run(cur: Cursor, rawRows: ttc.BindValue[][], o: { autoCommit: boolean; batchErrors: boolean; rowCounts: boolean; fetch: number; iterations: number }): Promise<Writer | null> {
    if (this.armExecute) { this.armExecute = false; this.armed = await this.arm('execute', cur.st.sql); }
    const binds = this.bindSpecs(cur);
    const rows = rawRows.map((row) => row.map((b, i) => this.toValue(cur.binds[i], b)));
    while (rows.length < Math.max(1, cur.st.kind === 'query' ? 1 : o.iterations)) rows.push(new Array(binds.length).fill(null));
    let res: SqlResult;
    try {
      res = await this.runSql(cur.st, binds, rows, o.autoCommit && cur.st.kind !== 'query', o.batchErrors);
    } catch (e) { throw this.forget(cur, e); }
    if (this.interrupted) throw CANCELLED();
    if (res.currentSchema) this.schema = res.currentSchema;
    const w = new Writer(res.rows ? 16384 : 512);

    if (res.columns) {                                     // a query
      const shape = JSON.stringify(res.columns);
      if (shape !== cur.shape) { ttc.writeDescribe(w, res.columns, this.fv, randomBytes(16)); cur.shape = shape; cur.defines = null; }
      cur.columns = res.columns; cur.rows = [...(res.rows as Iterable<SqlValue[]> ?? [])]; cur.at = 0; cur.fetched = 0;
      const needsDefine = !cur.defines && res.columns.some((c) => c.type === T.CLOB || c.type === T.BLOB || c.type === T.JSON);
      return this.rowsResponse(w, cur, needsDefine ? 0 : o.fetch, true);
    }

    let rowCount = (res.rowCounts ?? []).reduce((a, b) => a + b, 0);
    const end: Partial<ttc.CallEnd> = { cursorId: cur.id, rowCount, batchErrors: res.batchErrors, sqlType: SQL_TYPE[cur.st.verb] ?? 0 };
    if (res.outDirs) {                                     // PL/SQL with binds
      cur.dirs = res.outDirs.map((d) => (d === 'in' ? ttc.DIR.IN : d === 'out' ? ttc.DIR.OUT : ttc.DIR.INOUT));
      ttc.writeIoVector(w, cur.dirs);
      for (const vals of res.outValues ?? []) {
        if (!cur.dirs.some((d) => d !== ttc.DIR.IN)) break;
        w.u8(MSG.ROW_DATA);
        cur.dirs.forEach((d, i) => { if (d !== ttc.DIR.IN) this.writeOutBind(w, cur.binds[i], vals[i]); });
      }
    }
    if (cur.st.returnBinds.size && res.returning) {
      const idx = [...cur.st.returnBinds];
      const body = this.srv.opts.flushOutBinds ? new Writer() : w;
      if (this.srv.opts.flushOutBinds) w.u8(MSG.FLUSH_OUT_BINDS);
      for (const iter of res.returning) {
        body.u8(MSG.ROW_DATA);
        idx.forEach((b, k) => {
          const vals = iter[k] ?? [];
          body.ub4(vals.length);
          for (const x of vals) { this.writeValue(body, cur.binds[b].type, x, cur.binds[b].csfrm, cur.binds[b].maxSize); body.sb4(0); }
        });
      }
      if (this.srv.opts.flushOutBinds) {
        ttc.writeReturnParams(body, { scn: ++this.srv.scn, cursorId: cur.id, rowCounts: o.rowCounts ? res.rowCounts : null });
        this.endCall(body, end);
        this.pendingFlush = body;
        this.write(Buffer.concat(tns.buildData(w.done(), this.sdu, this.splitter.large, this.endOfRequest)));
        return null;
      }
    }
    if (res.implicitResults?.length) {
      w.u8(MSG.IMPLICIT_RESULTS).ub4(res.implicitResults.length);
      for (const c of res.implicitResults) { w.u8(0); this.writeNestedCursor(w, c, false); }
    }
    if (res.partial) {
      const err = res.partial.error as OraError & { failExtra?: Partial<ttc.CallEnd>; cursorId?: number };
      err.failExtra = { rowCount: res.partial.rowCount };
      err.cursorId = cur.id;
      throw err;
    }
    if (res.warning) { const m = Buffer.from(res.warning.message + '\n'); w.u8(MSG.WARNING).ub2(res.warning.code).ub2(m.length).ub2(0).bytes(m); }
    ttc.writeReturnParams(w, { scn: ++this.srv.scn, cursorId: cur.id, rowCounts: o.rowCounts ? res.rowCounts : null, keywords: res.currentSchema ? [{ text: res.currentSchema, num: 168 }] : [] });
    this.endCall(w, end);
    if (cur.st.kind === 'ddl') this.cursors.delete(cur.id);
    return w;
  }

  // ---- rows -------------------------------------------------------------
  private async onFetch(r: Reader): Promise<Writer> {
    const id = r.ub4(), n = r.ub4();
    const cur = this.cursors.get(id);
    if (!cur) throw new OraError(1001, 'invalid cursor');
    this.currentSql = cur.st.sql;
    this.srv.stats.fetches++;
    if (!cur.rows) throw new OraError(1002, 'fetch out of sequence');
    this.srv.record({ sid: this.sid, op: 'fetch', sql: cur.st.sql, cursorId: id, rows: n });
    return this.rowsResponse(new Writer(16384), cur, n, false);
  }
  private rowsResponse(w: Writer, cur: Cursor, n: number, executed: boolean): Writer {
    const cols = cur.columns!, rows = cur.rows! as SqlValue[][];
    const take = Math.min(n, rows.length - cur.at);
    let done = false;
    if (n > 0) {
      if (take > 0) {
        ttc.writeRowHeader(w, cols.length, n, executed);
        let prev: Buffer[] | null = null;
        const dup = this.srv.opts.compressRows ?? true;
        for (let i = 0; i < take; i++) prev = this.writeRow(w, cur, rows[cur.at + i], dup ? prev : null, i > 0 && dup);
        cur.at += take;
        cur.fetched += take;
      }
      done = take < n;
    }
    if (executed) ttc.writeReturnParams(w, { scn: this.srv.scn, cursorId: cur.id });
    const end: Partial<ttc.CallEnd> = { cursorId: cur.id, rowCount: cur.fetched, sqlType: 3 };
    if (done) { end.code = 1403; end.message = 'ORA-01403: no data found\n'; cur.rows = []; cur.at = 0; }
    this.endCall(w, end);
    return w;
  }
  private writeRow(w: Writer, cur: Cursor, row: SqlValue[], prev: Buffer[] | null, compress: boolean): Buffer[] {
    const cols = cur.columns!;
    const enc: Buffer[] = [];
    for (let c = 0; c < cols.length; c++) {
      const tmp = scratch;
      tmp.truncate(0);
      const def = cur.defines?.[c];
      const type = def?.type ?? cols[c].type;
      if (!def && ttc.bufferSize(cols[c]) === 0 && type !== T.LONG && type !== T.LONG_RAW) { enc.push(EMPTY); continue; }
      this.writeValue(tmp, type, row[c] ?? null, cols[c].csfrm ?? 1, def?.maxSize ?? ttc.bufferSize(cols[c]), true, !!def);
      if (type === T.LONG || type === T.LONG_RAW) tmp.sb4(row[c] == null ? -1 : 0).ub4(row[c] == null ? 1405 : 0);
      enc.push(Buffer.from(tmp.done()));
    }
    if (compress && prev) {
      const sent = enc.map((e, i) => !e.equals(prev[i]) || cols[i].type === T.CLOB || cols[i].type === T.BLOB);
      if (sent.includes(false)) {
        ttc.writeBitVector(w, sent);
        w.u8(MSG.ROW_DATA);
        enc.forEach((e, i) => { if (sent[i]) w.raw(e); });
        return enc;
      }
    }
    w.u8(MSG.ROW_DATA);
    for (const e of enc) w.raw(e);
    return enc;
  }
  private writeOutBind(w: Writer, m: ttc.BindMeta, val: SqlValue | SqlValue[] | undefined) {
    const one = (x: SqlValue) => {
      if (m.type === T.CURSOR) { if (x && typeof x === 'object' && 'rows' in x) this.writeNestedCursor(w, x as SqlCursor, true); else w.u8(0); w.sb4(0); return; }
      this.writeValue(w, m.type, x, m.csfrm, m.maxSize);
      w.sb4(x === null && m.type === T.BOOLEAN ? -1 : 0);
    };
    if ((m.flags & 0x40) !== 0) { const a = Array.isArray(val) ? val : []; w.ub4(a.length); a.forEach(one); return; }
    one((val ?? null) as SqlValue);
  }
  private writeNestedCursor(w: Writer, c: SqlCursor, sized: boolean) {
    const id = this.allocCursor();
    this.cursors.set(id, { id, st: parseStatement('SELECT'), binds: [], defines: null, dirs: null, columns: c.columns, shape: JSON.stringify(c.columns), rows: [...(c.rows as Iterable<SqlValue[]>)], at: 0, fetched: 0 });
    if (sized) w.u8(1);
    ttc.writeDescribeBody(w, c.columns, this.fv);
    w.ub2(id);
  }

  private writeValue(w: Writer, type: number, x: SqlValue, csfrm: number, maxSize: number, inFetch = false, lobSizes = true) {
    if (x === null || x === undefined) {
      w.u8(0);
      return;
    }
    switch (type) {
      case T.NUMBER: case T.INTEGER: w.bytes(v.encodeNumber(typeof x === 'boolean' ? Number(x) : (x as string | number | bigint))); break;
      case T.VARCHAR: case T.CHAR: case T.LONG: {
        const s = Buffer.isBuffer(x) ? x.toString('hex').toUpperCase() : textOf(x);
        const b = csfrm === 2 ? Buffer.from(s, 'utf16le').swap16() : Buffer.from(s);
        if (!inFetch && b.length > maxSize) throw new OraError(6502, 'PL/SQL: value or conversion error: character string buffer too small');
        w.bytes(b);
        break;
      }
      case T.RAW: case T.LONG_RAW: w.bytes(Buffer.isBuffer(x) ? x : Buffer.from(String(x))); break;
      case T.DATE: case T.TIMESTAMP: case T.TIMESTAMP_TZ: case T.TIMESTAMP_LTZ: {
        let p = typeof x === 'string' ? v.isoToDate(x) : (x as v.DateParts);
        if (type === T.TIMESTAMP_TZ || type === T.TIMESTAMP_LTZ) p = v.shiftDate(p, -(p.offsetMin ?? 0));   // fields travel in UTC
        w.bytes(v.encodeDate(type === T.DATE ? { ...p, nanos: 0 } : p, type));
        break;
      }
      case T.BINARY_DOUBLE: w.bytes(v.encodeDouble(Number(x))); break;
      case T.BINARY_FLOAT: w.bytes(v.encodeFloat(Number(x))); break;
      case T.BOOLEAN: w.bytes(x === true || x === 'true' || x === 1 ? Buffer.from([1, 1]) : Buffer.from([0])); break;
      case T.INTERVAL_DS: w.bytes(v.encodeIntervalDS(x as v.IntervalDS)); break;
      case T.INTERVAL_YM: w.bytes(v.encodeIntervalYM(x as v.IntervalYM)); break;
      case T.ROWID: case T.UROWID: {
        if (!inFetch) { w.bytes(Buffer.from(String(x))); break; }
        const r = v.stringToRowid(String(x)) ?? { object: 0, file: 0, block: 0, slot: 0 };
        w.u8(14).ub4(r.object).ub2(r.file).u8(0).ub4(r.block).ub2(r.slot);
        break;
      }
      case T.CLOB: case T.BLOB: {
        const lob = this.newLob(type === T.BLOB, Buffer.isBuffer(x) ? x : Buffer.from(textOf(x), 'utf16le').swap16(), false, csfrm === 2);
        const loc = this.locator(lob);
        w.ub4(loc.length);
        if (lobSizes) w.ub8(lob.blob ? lob.data.length : lob.data.length / 2).ub4(8132);   // only for clients that asked to prefetch
        w.bytes(loc);
        break;
      }
      default: throw new OraError(3115, `unsupported network datatype or representation (type ${type})`);
    }
  }

  // ---- LOBs -------------------------------------------------------------
  private newLob(blob: boolean, data: Buffer, temp: boolean, nchar = false): Lob {
    const lob = { id: this.nextLob++, blob, nchar, data, temp };
    this.lobs.set(lob.id, lob);
    return lob;
  }
  private locator(lob: Lob): Buffer {
    const b = Buffer.alloc(40);
    b.writeUInt16BE(38, 0); b.writeUInt16BE(4, 2);
    b[4] = lob.blob ? 0x01 : 0x02;
    b[5] = 0x08;
    b[6] = lob.blob ? 0 : 0x80;                            // character data travels as UTF-16
    b[7] = lob.temp ? 0x01 : 0;
    b.writeUInt32BE(lob.id, 10);
    b.writeUInt32BE(this.sid, 14);
    return b;
  }
  private lobOf(loc: Buffer): Lob | undefined { return loc.length >= 18 ? this.lobs.get(loc.readUInt32BE(10)) : undefined; }

  private async onLobOp(r: Reader): Promise<Writer> {
    const q = ttc.readLobOp(r);
    this.srv.record({ sid: this.sid, op: 'lob', rows: q.op });
    const w = new Writer(4096);
    if (q.op === LOB_OP.CREATE_TEMP) {
      const lob = this.newLob(q.destOffset === T.BLOB, Buffer.alloc(0), true, q.sourceOffset === 2);
      w.u8(MSG.PARAMETER).raw(this.locator(lob)).ub2(873).u8(0);
    } else {
      const lob = q.locator ? this.lobOf(q.locator) : undefined;
      if (!lob) throw new OraError(22275, 'invalid LOB locator specified');
      const unit = lob.blob ? 1 : 2;
      let amount = 0, flag = 0;
      switch (q.op) {
        case LOB_OP.READ: {
          const from = (q.sourceOffset - 1) * unit;
          const part = lob.data.subarray(from, from + q.amount * unit);
          if (part.length) { w.u8(MSG.LOB_DATA).bytes(part); amount = part.length / unit; }
          break;
        }
        case LOB_OP.WRITE: {
          if (!lob.temp) throw new OraError(22920, 'row containing the LOB value is not locked');
          const data = q.data ?? Buffer.alloc(0);
          const bytes = lob.blob || lob.nchar || this.wireIsUtf16(q.locator!) ? data : Buffer.from(data.toString('utf8'), 'utf16le').swap16();
          const from = (q.sourceOffset - 1) * unit;
          const size = Math.max(lob.data.length, from + bytes.length);
          const next = Buffer.alloc(size);
          lob.data.copy(next);
          bytes.copy(next, from);
          lob.data = next;
          break;
        }
        case LOB_OP.TRIM: lob.data = lob.data.subarray(0, q.amount * unit); amount = q.amount; break;
        case LOB_OP.GET_LENGTH: amount = lob.data.length / unit; break;
        case LOB_OP.GET_CHUNK_SIZE: amount = 8132; break;
        case LOB_OP.FREE_TEMP: this.lobs.delete(lob.id); break;
        case LOB_OP.IS_OPEN: flag = 0; break;
        case LOB_OP.OPEN: case LOB_OP.CLOSE: break;
        default: throw new OraError(3115, `unsupported LOB operation ${q.op}`);
      }
      w.u8(MSG.PARAMETER).raw(q.locator!);
      if (q.sendAmount) w.ub8(amount);
      if (q.op === LOB_OP.IS_OPEN) w.u8(flag);
    }
    this.endCall(w, {});
    return w;
  }
  private wireIsUtf16(loc: Buffer) { return (loc[6] & 0x80) !== 0; }
}

class Dropped extends Error {}
const SQL_TYPE: Record<string, number> = { CREATE: 1, INSERT: 2, SELECT: 3, UPDATE: 6, DELETE: 7, DROP: 12, ALTER: 15, BEGIN: 47, DECLARE: 47, MERGE: 189 };
const EMPTY = Buffer.alloc(0);
const scratch = new Writer(8192);
const utf16 = (b: Buffer) => Buffer.from(b).swap16().toString('utf16le');
function textOf(x: SqlValue): string {
  if (x && typeof x === 'object' && 'year' in x) return v.dateToIso(x as v.DateParts);
  return typeof x === 'boolean' ? (x ? 'TRUE' : 'FALSE') : String(x);
}

/** The state of an instance that is not open, as a client meets it. */
export interface OracleFaults {
  inject(rule: FaultRule): () => void;
  clear(): void;
  refuse(code: number | null): void;
  redirect(to: { host: string; port: number }): void;
  kill(sid: number): Promise<void>;
  cut(sid: number): void;
  freeze(sid: number): void;
  readOnly(sid: number, on: boolean): Promise<void>;
  notify(sid: number, code: number): void;
}
export interface OracleServer {
  readonly port: number;
  readonly url: string;
  readonly connectString: string;
  readonly user: string;
  readonly password: string;
  readonly faults: OracleFaults;
  readonly sessions: ReadonlyMap<number, { readonly sid: number }>;
  readonly calls: readonly WireEvent[];
  readonly protocolErrors: readonly unknown[];
  stop(): Promise<void>;
}
export async function startOracleServer(options: Omit<ServerOptions, 'users'> & { users?: Record<string, string>; port?: number }): Promise<OracleServer> {
  const users = options.users ?? { scott: 'tiger' };
  const srv = new OracleWireServer({ ...options, users: { ...users } });
  const calls: WireEvent[] = [], protocolErrors: unknown[] = [];
  srv.on('wire', (e: WireEvent) => calls.push(e));
  srv.on('protocolError', (e) => protocolErrors.push(e));
  const port = await srv.listen(options.port ?? 0);
  const [user, password] = Object.entries(users)[0]!;
  const service = options.services?.[0] ?? 'FREEPDB1';
  return {
    port, user, password, calls, protocolErrors, sessions: srv.sessions,
    url: `oracle://${user}:${password}@127.0.0.1:${port}/${service}`,
    connectString: `127.0.0.1:${port}/${service}`,
    faults: {
      inject: (rule) => srv.inject(rule), clear: () => srv.clearFaults(), refuse: (code) => srv.refuseNew(code),
      redirect: (to) => { srv.redirectTo = to; }, kill: (sid) => srv.killSession(sid), cut: (sid) => srv.dropConnection(sid),
      freeze: (sid) => srv.freeze(sid), readOnly: (sid, on) => srv.setReadOnly(sid, on), notify: (sid, code) => srv.notifyInBand(sid, code),
    },
    stop: () => srv.close(),
  };
}
