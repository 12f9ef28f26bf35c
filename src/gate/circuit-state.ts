/**
 * What a circuit can be, and the legal moves between. Moves are made in circuit-machine.ts and nowhere else;
 * docs/state-machines.md draws the table.
 *
 *     closed ──the trip rule──► open ──its time is over, a call──► half-open ──enough successes──► closed
 *                                ▲                                   │
 *                                └──── a failure, or a hung probe ───┘       by hand: forced-open, disabled, metrics-only
 */
import type { TransitionTable } from '../kernel/transitions.js';
import type { CircuitTrial } from './circuit-trial.js';

/** The last failure that counted. `error` is gone after a restart; code and reason survive in a snapshot. */
export interface LastFailure {
  readonly error: unknown;
  readonly code: string | undefined;
  readonly reason: string | undefined;
}

/** Why the circuit opened. It is kept while it is half-open, for a failed trial opens it again. */
export interface Opening {
  /** In words, with the numbers: `5 failures in a row`. */
  readonly why: string;
  readonly last: LastFailure | undefined;
  /** How often it has opened again since it was last closed; 0 for the first time. */
  readonly reopens: number;
}

export type CircuitSituation =
  | { readonly name: 'closed'; readonly sinceAt: number }
  | { readonly name: 'open'; readonly sinceAt: number; readonly untilAt: number; readonly opening: Opening }
  | { readonly name: 'half-open'; readonly sinceAt: number; readonly trial: CircuitTrial; readonly opening: Opening }
  | { readonly name: 'forced-open'; readonly sinceAt: number; readonly reason: string | undefined }
  | { readonly name: 'disabled'; readonly sinceAt: number }
  | { readonly name: 'metrics-only'; readonly sinceAt: number };

/**
 * `closed`: calls pass, failures are counted. `open`: calls are refused. `half-open`: a few calls pass, to find out.
 * By hand: `forced-open` refuses until told otherwise, `disabled` passes everything and counts nothing, `metrics-only`
 * passes everything, counts, and tells when it would have opened.
 */
export type CircuitState = CircuitSituation['name'];

export const CIRCUIT_TRANSITIONS: TransitionTable<CircuitState> = {
  // Not to half-open: a trial is for a circuit that has been open.
  closed: ['open', 'forced-open', 'disabled', 'metrics-only'],
  open: ['half-open', 'closed', 'forced-open', 'disabled', 'metrics-only'],
  'half-open': ['closed', 'open', 'forced-open', 'disabled', 'metrics-only'],
  // Not to open: what a person has forced, no failure and no passing of time takes back.
  'forced-open': ['closed', 'disabled', 'metrics-only'],
  disabled: ['closed', 'forced-open', 'metrics-only'],
  'metrics-only': ['closed', 'forced-open', 'disabled'],
};
