/**
 * What goes wrong on demand. Rules wait for a call (the first rule that matches is taken); the other faults hold from when
 * they are set. No fault is left to chance, and `hold` needs no time at all: the call stands until the test lets it go.
 */
import { OraError } from './backend.js';
import type { SessionView } from './observation.js';

export type FaultPoint =
  /** CONNECT: ahead of ACCEPT. `match` sees the connect data. */
  'connect' | 'logon' | 'execute' | 'fetch' | 'commit' | 'rollback' | 'ping' | 'lob' | 'logoff';

export interface FaultRule {
  readonly on: FaultPoint | readonly FaultPoint[];
  /** Of the SQL text; of the last one, for calls that have none. Any call without it. */
  readonly match?: RegExp | ((sql: string, session: SessionView) => boolean);
  /** So many matches pass first. Default 0. */
  readonly skip?: number;
  /** Taken so often. Default 1; Infinity until it is withdrawn. */
  readonly times?: number;
  /** Milliseconds before all else. */
  readonly delayMs?: number;
  /** The call waits for this before all else. */
  readonly until?: Promise<void>;
  /** What the call answers instead of being run. For `connect`, the code of the refusal. */
  readonly error?: { readonly code: number; readonly message?: string };
  /** The socket is cut: ahead of the call, after it was run (its answer is lost), or half way through its answer. */
  readonly drop?: 'before' | 'after' | 'mid-answer';
  /** Called when the rule is taken. */
  readonly onTaken?: () => void;
}

/** What the whole instance says: at the logon, and to the calls of sessions that are there. */
export type InstanceState = 'open' | 'read-only' | 'starting' | 'shutting-down' | 'down';

export interface HeldCall {
  /** Resolves when a call stands there. */
  readonly reached: Promise<void>;
  release(): void;
}

export interface SessionHandle {
  kill(): Promise<void>;
  cut(): void;
  freeze(): void;
  thaw(): void;
  setReadOnly(on: boolean): Promise<void>;
  sendControl(code: number): void;
}

export interface FaultPort {
  session(sid: number): SessionHandle | undefined;
  allSessions(): Iterable<SessionHandle>;
  setListening(on: boolean): Promise<void>;
}

interface Armed {
  readonly rule: FaultRule;
  toSkip: number;
  left: number;
}

const TEXTS: Readonly<Record<number, string>> = {
  1: 'unique constraint violated',
  28: 'your session has been killed',
  54: 'resource busy and acquire with NOWAIT specified or timeout expired',
  60: 'deadlock detected while waiting for resource',
  600: 'internal error code, arguments: [wire], [], []',
  942: 'table or view does not exist',
  1012: 'not logged on',
  1013: 'user requested cancel of current operation',
  1017: 'invalid credential or not authorized; logon denied',
  1033: 'ORACLE initialization or shutdown in progress',
  1034: 'the Oracle instance is not available for use',
  1089: 'immediate shutdown or close in progress - no operations are permitted',
  1090: 'shutdown in progress - connection is not permitted',
  1092: 'ORACLE instance terminated. Disconnection forced',
  2396: 'exceeded maximum idle time, please connect again',
  3113: 'end-of-file on communication channel',
  3114: 'not connected to ORACLE',
  3135: 'connection lost contact',
  8177: "can't serialize access for this transaction",
  12571: 'TNS:packet writer failure',
  16000: 'database or pluggable database open for read-only access',
  28000: 'The account is locked.',
};

export function textOfCode(code: number): string {
  return TEXTS[code] ?? 'an error that a test asked for';
}

export class Faults {
  /** New connections are refused with this code. */
  refusal: number | null = null;
  /** New connections are taken and never answered. */
  isBlackHole = false;
  instance: InstanceState = 'open';
  #redirect: { readonly host: string; readonly port: number } | null = null;
  #rules: Armed[] = [];
  readonly #port: FaultPort;

  constructor(port: FaultPort) {
    this.#port = port;
  }

  /** Withdraws the rule again when called. */
  inject(rule: FaultRule): () => void {
    const armed: Armed = { rule, toSkip: rule.skip ?? 0, left: rule.times ?? 1 };
    this.#rules.push(armed);
    return () => {
      this.#rules = this.#rules.filter((other) => other !== armed);
    };
  }

  /** The next call (an execution, unless `on` says otherwise) answers this ORA code. */
  fail(code: number, options: Partial<FaultRule> & { message?: string } = {}): () => void {
    const { message = textOfCode(code), ...rest } = options;
    return this.inject({ on: 'execute', ...rest, error: { code, message } });
  }

  /** An error for a backend to throw, with the text that the code has. */
  errorOf(code: number, message = textOfCode(code), position = 0): OraError {
    return new OraError(code, message, position);
  }

  /** The transaction is committed, and nobody hears of it. */
  loseCommitAnswer(): () => void {
    return this.inject({ on: 'commit', drop: 'after' });
  }

  /** The next matching call stands until it is let go, cancelled or cut. */
  hold(on: FaultRule['on'], match?: FaultRule['match']): HeldCall {
    let release = (): void => undefined;
    let reach = (): void => undefined;
    const until = new Promise<void>((resolve) => (release = resolve));
    const reached = new Promise<void>((resolve) => (reach = resolve));
    this.inject({ on, ...(match === undefined ? {} : { match }), until, onTaken: () => reach() });
    return { reached, release };
  }

  /** Takes back all rules, and whatever meets new connections. Frozen and killed sessions stay as they are. */
  clear(): void {
    this.#rules = [];
    this.refusal = null;
    this.#redirect = null;
    this.isBlackHole = false;
    this.instance = 'open';
  }

  /** 12514, 12516, 12541… for every new connection; null takes them again. */
  refuse(code: number | null): void {
    this.refusal = code;
  }

  /** New connections are taken and never answered. */
  blackHole(on: boolean): void {
    this.isBlackHole = on;
  }

  setInstance(state: InstanceState): void {
    this.instance = state;
  }

  /** The next connection is sent there. */
  redirect(to: { readonly host: string; readonly port: number }): void {
    this.#redirect = to;
  }

  takeRedirect(): { readonly host: string; readonly port: number } | null {
    const to = this.#redirect;
    this.#redirect = null;
    return to;
  }

  /** ALTER SYSTEM KILL SESSION: the running or the next call fails with ORA-00028, then the connection ends. */
  async kill(sid: number): Promise<void> {
    await this.#port.session(sid)?.kill();
  }

  /** Cuts the TCP connection without a word. */
  cut(sid: number): void {
    this.#port.session(sid)?.cut();
  }

  cutAll(): void {
    for (const session of this.#port.allSessions()) session.cut();
  }

  /** Nothing is read and nothing written any more; the TCP connection stays. All sessions without an argument. */
  freeze(sid?: number): void {
    for (const session of this.#chosen(sid)) session.freeze();
  }

  /** What had come meanwhile is read, what had been answered is written. */
  thaw(sid?: number): void {
    for (const session of this.#chosen(sid)) session.thaw();
  }

  /** This session alone is told that it may only read; see also `setInstance('read-only')`. */
  async readOnly(sid: number, on: boolean): Promise<void> {
    await this.#port.session(sid)?.setReadOnly(on);
  }

  /** In-band notification: the client sees it at its next look, its connection is no longer healthy. */
  notify(sid: number, code: number): void {
    this.#port.session(sid)?.sendControl(code);
  }

  /** New connections meet a closed port; sessions stay. */
  async stopListening(): Promise<void> {
    await this.#port.setListening(false);
  }

  async listenAgain(): Promise<void> {
    await this.#port.setListening(true);
  }

  take(point: FaultPoint, sql: string, view: () => SessionView): FaultRule | null {
    if (this.#rules.length === 0) return null;
    const armed = this.#rules.find(({ rule }) => isFor(rule, point) && matches(rule, sql, view));
    if (armed === undefined) return null;
    if (armed.toSkip > 0) {
      armed.toSkip -= 1;
      return null;
    }
    armed.left -= 1;
    if (armed.left <= 0) this.#rules = this.#rules.filter((other) => other !== armed);
    armed.rule.onTaken?.();
    return armed.rule;
  }

  #chosen(sid: number | undefined): Iterable<SessionHandle> {
    if (sid === undefined) return this.#port.allSessions();
    const session = this.#port.session(sid);
    return session === undefined ? [] : [session];
  }
}

function isFor({ on }: FaultRule, point: FaultPoint): boolean {
  return typeof on === 'string' ? on === point : on.includes(point);
}

function matches({ match }: FaultRule, sql: string, view: () => SessionView): boolean {
  if (match === undefined) return true;
  return match instanceof RegExp ? match.test(sql) : match(sql, view());
}
