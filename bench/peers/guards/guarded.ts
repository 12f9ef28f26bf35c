/** A guarded call as the bench sees it: the same few acts for everybody, so that one loop can drive and prove them all. */
import type { FakeServer } from './fake-server.js';

/** What the bench proves of whoever claims it, before anything is timed; see proof.ts. */
export type Guard = 'deadline' | 'retry' | 'breaker' | 'rate' | 'limit' | 'metrics';

/** What the proofs change; everything else is as it is measured. */
export interface Settings {
  /** The longest a call may take. */
  readonly timeoutMs: number;
  /** Calls per second, for those who limit that. */
  readonly perSecond: number;
}

/** So many that none is ever refused; the most that ours takes. */
export const MEASURED: Settings = { timeoutMs: 30_000, perSecond: 1_000_000 };

/** A call with everything around it, ready to be made. `A` is what it answers. */
export interface GuardedCall<A = unknown> {
  run(id: number): Promise<A>;
  rowsOf(answer: A): readonly unknown[];
  /** Calls that the metrics have counted, for those who keep metrics. */
  counted?(): number;
  close(): Promise<void>;
}

export interface GuardPeer {
  readonly name: string;
  readonly version: string;
  readonly settings: string;
  /** What the whole road has on and this one has not. Empty for ours. */
  readonly lacks: string;
  readonly guards: readonly Guard[];
  /** How many of its calls may run at once, for those who limit that. */
  readonly limit: number;
  open(server: FakeServer, settings: Settings): Promise<GuardedCall>;
}

/** Ours by default, but for the number of connections, and given to everybody. */
export const CONNECTIONS = 10;
export const RETRIES = 3;
/** Failures in a row that open the breaker. */
export const FAILURES = 5;
export const RESET_MS = 60_000;
export const QUEUE = 1_000;

export const SQL = 'select id, name from users where id = $1';
