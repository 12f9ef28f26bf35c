/** What is being done, on one line that is written over, on the other output: where that is no terminal, nothing is written. */
import type { Outside } from './outside.js';
import { CLEAR_TO_END_OF_LINE, rowsUp } from './terminal.js';

export class Progress {
  readonly #outside: Outside | undefined;
  #isShown = false;

  /** Without an outside it is silent. */
  constructor(outside: Outside | undefined) {
    this.#outside = outside?.isErrTerminal === true ? outside : undefined;
  }

  show(doing: string): void {
    if (this.#outside === undefined) return;
    this.#isShown = true;
    this.#outside.err.write(`${rowsUp(0)}${doing} …${CLEAR_TO_END_OF_LINE}`);
  }

  clear(): void {
    if (this.#isShown) this.#outside?.err.write(`${rowsUp(0)}${CLEAR_TO_END_OF_LINE}`);
    this.#isShown = false;
  }
}
