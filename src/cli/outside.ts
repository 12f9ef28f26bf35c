/**
 * What a command has of the world: arguments come to it otherwise, everything else through here, so that tests hand in a world
 * of strings and a clock that stands still. Made by fluxor.ts from the process.
 */
import type { Clock } from '../kernel/clock.js';

/** Where text goes. */
export interface Sink {
  write(text: string): void;
}

/** A terminal that can be drawn on. */
export interface Screen extends Sink {
  readonly columns: number;
  readonly rows: number;
  onResize(told: () => void): void;
  /** Keys come as they are typed, several at once too, until `stop` is called, which gives the terminal back as it was. */
  readKeys(told: (keys: string) => void): { stop(): void };
}

export interface Outside {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly out: Sink;
  readonly err: Sink;
  /** `undefined` where the output is no terminal, or a dumb one. */
  readonly screen: Screen | undefined;
  /** The other output can be overwritten: progress is shown in place. */
  readonly isErrTerminal: boolean;
  /** Aborted by Ctrl-C and the like. */
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  readFile(path: string): string;
  /** Ends the command as Ctrl-C does. */
  interrupt(): void;
}

export const EXIT = { ok: 0, problem: 1, usage: 2, interrupted: 130 } as const;
