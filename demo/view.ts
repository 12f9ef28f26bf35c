/**
 * What the acts of the demo may show, and which of the two views shows it: a picture that is redrawn in place where
 * there is a terminal (live-view.ts), lines where there is none (plain-view.ts).
 * Invariant: after `close` a view is silent, so that nothing is drawn over the last words.
 */
import { LiveView } from './live-view.js';
import { PlainView } from './plain-view.js';
import type { Figures } from './statistics.js';

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly rowsPerSecond: number;
}

export interface View {
  /** The beginning of an act. */
  heading(text: string): void;
  say(text: string): void;
  progress(progress: Progress): void;
  /** Called every TICK_MS; `status` is what the workload is going through, such as "running". */
  figures(figures: Figures, status: string): void;
  /** The terminal is as it was before. */
  close(lastWords?: string): void;
}

export function chooseView(isPlain: boolean): View {
  const isTerminal = process.stdout.isTTY && process.env['TERM'] !== 'dumb';
  return isPlain || !isTerminal ? new PlainView(process.stdout) : new LiveView(process.stdout);
}
