/**
 * The live picture: a screen of its own, redrawn as a whole, and left as it was found. Used by top-command.ts.
 * Invariants: no line is wider and no picture higher than the window; the cursor, the screen and the keys are given back by `close`,
 * which may be called at any moment and twice.
 */
import type { Screen } from './outside.js';
import {
  CLEAR_BELOW,
  CLEAR_TO_END_OF_LINE,
  cut,
  ENTER_SCREEN,
  HIDE_CURSOR,
  HOME,
  LEAVE_SCREEN,
  NO_WRAP,
  SHOW_CURSOR,
  WRAP,
} from './terminal.js';

export class TopScreen {
  readonly #screen: Screen;
  readonly #keys: { stop(): void };
  #isClosed = false;

  /** `onQuit`: q, Escape or Ctrl-C was pressed. `onResize`: the picture has to be drawn anew. */
  constructor(screen: Screen, onQuit: (isInterrupt: boolean) => void, onResize: () => void) {
    this.#screen = screen;
    screen.write(`${ENTER_SCREEN}${HIDE_CURSOR}${NO_WRAP}${HOME}${CLEAR_BELOW}`);
    // Several keys may come at once; what has an Escape and more is a key such as an arrow, and means nothing here.
    this.#keys = screen.readKeys((keys) => {
      if (keys.includes('\u0003')) onQuit(true);
      else if (keys === '\u001b' || (!keys.includes('\u001b') && /q/i.test(keys))) onQuit(false);
    });
    screen.onResize(() => {
      if (!this.#isClosed) onResize();
    });
  }

  get columns(): number {
    // One column less than there are: a line that fills the last one makes some terminals wrap.
    return Math.max(20, this.#screen.columns - 1);
  }

  get rows(): number {
    return Math.max(5, this.#screen.rows - 1);
  }

  draw(lines: readonly string[]): void {
    if (this.#isClosed) return;
    const visible = lines.slice(0, this.rows).map((line) => `${cut(line, this.columns)}${CLEAR_TO_END_OF_LINE}\r\n`);
    this.#screen.write(`${HOME}${visible.join('')}${CLEAR_BELOW}`);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#keys.stop();
    this.#screen.write(`${WRAP}${SHOW_CURSOR}${LEAVE_SCREEN}`);
  }
}
