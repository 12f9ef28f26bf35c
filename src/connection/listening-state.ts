/**
 * The life of the session that listens, as a state machine: its phases with what each of them holds, and the legal moves.
 * Docs draw the same table. listening-session.ts makes the moves.
 */
import type { DriverNotification } from '../driver/driver.js';
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Timer } from '../kernel/clock.js';
import type { TransitionTable } from '../kernel/transitions.js';
import type { ListeningLink } from './listening-link.js';

export type ListeningState = 'idle' | 'connecting' | 'listening' | 'waiting' | 'closed';

export const LISTENING_TRANSITIONS: TransitionTable<ListeningState> = {
  idle: ['connecting', 'closed'],
  connecting: ['listening', 'waiting', 'idle', 'closed'],
  listening: ['waiting', 'idle', 'closed'],
  waiting: ['connecting', 'idle', 'closed'],
  closed: [],
};

/** One login, and telling the server every channel after it. */
export interface Attempt {
  readonly abort: AbortController;
  readonly startedAt: number;
  /** Channels to be looked at: whether the server knows of them what the book says. */
  readonly changed: Set<string>;
  /** What came while channels were still being told. */
  readonly early: DriverNotification[];
  lostBecause?: FluxorError;
}

export function newAttempt(channels: readonly string[], now: number): Attempt {
  return { abort: new AbortController(), startedAt: now, changed: new Set(channels), early: [] };
}

export interface Listening {
  readonly name: 'listening';
  readonly attempt: Attempt;
  readonly link: ListeningLink;
  keepalive: Timer;
  isPingDue: boolean;
  isWorking: boolean;
}

export type ListeningPhase =
  | { readonly name: 'idle' | 'closed' }
  | { readonly name: 'connecting'; readonly attempt: Attempt }
  | Listening
  | { readonly name: 'waiting'; readonly timer: Timer };
