/**
 * A wire server in a child process: for tests of memory, of a stalled event loop, and of time, where driver and server
 * must not share a loop. The same faults, by orders; the same observations, by asking. It ends with `stop()`, with this
 * process, or after its lifetime, whichever comes first.
 */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FaultPoint, FaultRule, InstanceState } from './faults.js';
import type { Counters, SessionView, WireCall } from './observation.js';
import type { OracleServerOptions } from './server.js';

export interface ProcessOptions extends Omit<OracleServerOptions, 'backend'> {
  /** A module (its path) that exports `openBackend(options)`, and what to give to it. */
  readonly backend: { readonly module: string; readonly options?: unknown };
  /** Milliseconds after which the process ends by itself. Default five minutes. */
  readonly lifetimeMs?: number;
}

/** A rule that can be sent: `match` is the source of a pattern, case aside. */
export type SentRule = Omit<FaultRule, 'match' | 'until' | 'onTaken'> & { readonly match?: string };

/** Methods of `Faults` that take and give plain data. */
export type PlainFault =
  | 'clear'
  | 'refuse'
  | 'blackHole'
  | 'setInstance'
  | 'redirect'
  | 'kill'
  | 'cut'
  | 'cutAll'
  | 'freeze'
  | 'thaw'
  | 'readOnly'
  | 'notify'
  | 'stopListening'
  | 'listenAgain';

export type Order = { readonly id: number } & (
  | { readonly do: 'inject'; readonly rule: SentRule }
  | { readonly do: 'hold'; readonly hold: number; readonly on: FaultPoint | FaultPoint[]; readonly match?: string }
  | { readonly do: 'reached' | 'release'; readonly hold: number }
  | { readonly do: 'fault'; readonly name: PlainFault; readonly args: readonly unknown[] }
  | { readonly do: 'look' | 'forget-calls' | 'stop' }
);

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export interface Observed {
  readonly calls: readonly WireCall[];
  readonly counters: Counters;
  readonly protocolErrors: readonly string[];
  readonly sessions: readonly SessionView[];
  readonly connections: number;
}

interface Address {
  readonly port: number;
  readonly url: string;
  readonly connectString: string;
  readonly user: string;
  readonly password: string;
}

type Unsent<Message> = Message extends unknown ? Omit<Message, 'id'> : never;

/** Compiled where this file is. */
const IS_COMPILED = import.meta.url.endsWith('.js');
const PROGRAM = fileURLToPath(new URL(IS_COMPILED ? './serve.js' : './serve.ts', import.meta.url));

const DEFAULT_LIFETIME_MS = 300_000;
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 5_000;

/** Rejects when the process ends before it serves, with what it had to say. */
export async function startOracleProcess(options: ProcessOptions): Promise<OracleProcess> {
  const settings = JSON.stringify({ lifetimeMs: DEFAULT_LIFETIME_MS, ...options });
  const child = fork(PROGRAM, [settings], {
    execArgv: IS_COMPILED ? [] : ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  const orders = new Orders(child);
  const address = (await orders.started(START_LIMIT_MS)) as Address;
  return new OracleProcess(child, orders, address);
}

export class OracleProcess {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  readonly connectString: string;
  readonly user: string;
  readonly password: string;
  readonly #child: ChildProcess;
  readonly #orders: Orders;
  #lastHold = 0;

  constructor(child: ChildProcess, orders: Orders, address: Address) {
    this.#child = child;
    this.#orders = orders;
    this.pid = child.pid ?? 0;
    this.port = address.port;
    this.url = address.url;
    this.connectString = address.connectString;
    this.user = address.user;
    this.password = address.password;
  }

  async inject(rule: SentRule): Promise<void> {
    await this.#orders.send({ do: 'inject', rule });
  }

  /** An ORA code for the next execution, or whatever else `rule` names. */
  async fail(code: number, rule: Partial<SentRule> = {}): Promise<void> {
    await this.inject({ on: 'execute', ...rule, error: { code } });
  }

  /** The next such call stands until it is released. */
  async hold(
    on: FaultPoint | FaultPoint[],
    match?: string,
  ): Promise<{ readonly reached: Promise<void>; release(): Promise<void> }> {
    const hold = (this.#lastHold += 1);
    await this.#orders.send({ do: 'hold', hold, on, ...(match === undefined ? {} : { match }) });
    const reached = this.#orders.send({ do: 'reached', hold }).then(() => undefined);
    // A call that never comes is the business of whoever waits for it.
    reached.catch(() => undefined);
    return { reached, release: async () => void (await this.#orders.send({ do: 'release', hold })) };
  }

  async fault(name: PlainFault, ...args: unknown[]): Promise<void> {
    await this.#orders.send({ do: 'fault', name, args });
  }

  async setInstance(state: InstanceState): Promise<void> {
    await this.fault('setInstance', state);
  }

  async look(): Promise<Observed> {
    return (await this.#orders.send({ do: 'look' })) as Observed;
  }

  async forgetCalls(): Promise<void> {
    await this.#orders.send({ do: 'forget-calls' });
  }

  /** Gives the process a short time to end by itself. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.#orders.send({ do: 'stop' }).catch(() => this.#child.kill('SIGKILL'));
    await gone;
    clearTimeout(kill);
  }
}

/** Questions and answers over the channel. All that waits fails when the process ends. */
class Orders {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #lastId = 0;
  #complaint = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => (this.#complaint += chunk.toString()));
    child.on('message', (reply: Reply) => this.#take(reply));
    child.on('exit', (code) => this.#end(code));
    child.on('error', () => this.#end(null));
  }

  /** The first word of the process is its address, with the id 0. */
  async started(limitMs: number): Promise<unknown> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), limitMs);
    try {
      return await this.#answerTo(0);
    } finally {
      clearTimeout(timer);
    }
  }

  async send(order: Unsent<Order>): Promise<unknown> {
    const id = (this.#lastId += 1);
    const answer = this.#answerTo(id);
    if (!this.#child.connected) this.#end(this.#child.exitCode);
    else this.#child.send({ ...order, id });
    return answer;
  }

  #answerTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #take({ id, value, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }

  #end(code: number | null): void {
    const error = new Error(`The wire server's process ended (${String(code)}). ${this.#complaint}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
