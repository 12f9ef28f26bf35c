/** A world for one run of `fluxor`: strings, a clock that stands still, and a terminal that remembers what was written. */
import type { Outside, Screen } from '../../src/cli/outside.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

export interface CliWorldOptions {
  readonly env?: Outside['env'];
  readonly files?: Readonly<Record<string, string>>;
  readonly hasScreen?: boolean;
  readonly fetch?: typeof fetch;
}

export class CliWorld {
  readonly clock = new FakeClock();
  readonly controller = new AbortController();
  readonly screen = new FakeScreen();
  readonly outside: Outside;
  out = '';
  err = '';

  constructor({ env = {}, files = {}, hasScreen = false, fetch }: CliWorldOptions = {}) {
    this.outside = {
      env,
      clock: this.clock,
      out: { write: (text) => void (this.out += text) },
      err: { write: (text) => void (this.err += text) },
      screen: hasScreen ? this.screen : undefined,
      isErrTerminal: hasScreen,
      signal: this.controller.signal,
      fetch: fetch ?? (() => Promise.reject(new Error('nobody is there'))),
      readFile: (path) => {
        const text = files[path];
        if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
        return text;
      },
      interrupt: () => this.controller.abort(),
    };
  }
}

class FakeScreen implements Screen {
  columns = 100;
  rows = 30;
  text = '';
  hasKeys = false;
  #told: (key: string) => void = () => undefined;
  #resized: () => void = () => undefined;

  write(text: string): void {
    this.text += text;
  }

  onResize(told: () => void): void {
    this.#resized = told;
  }

  readKeys(told: (key: string) => void): { stop(): void } {
    this.#told = told;
    this.hasKeys = true;
    return { stop: () => void (this.hasKeys = false) };
  }

  press(key: string): void {
    this.#told(key);
  }

  resize(columns: number, rows: number): void {
    [this.columns, this.rows] = [columns, rows];
    this.#resized();
  }

  /** The lines of the last picture, without escape codes. */
  get picture(): readonly string[] {
    const last = this.text.slice(this.text.lastIndexOf('\u001b[H') + 3);
    return last.replace(/\u001b\[[?\d;]*[A-Za-z]/g, '').split('\r\n');
  }
}
