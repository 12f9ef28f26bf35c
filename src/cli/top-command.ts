/**
 * `fluxor top`: looks at an interval and draws, or looks once and prints. A source that is lost is said to be lost, above what was
 * seen last, and asked again; one that never gave anything and will not is the end.
 */
import { ConfigError } from '../index.js';
import type { TopOptions } from './command-line.js';
import { issueLines } from './config-report.js';
import type { DiagnosticsSample } from './diagnostics-source.js';
import { DiagnosticsSource, SourceError } from './diagnostics-source.js';
import { diagnosticsLines, ratesOf } from './diagnostics-view.js';
import { formatLength } from './format.js';
import { buildConfig, NO_URL, readVariables, urlOf, wrongOptions } from './given-config.js';
import type { Outside, Screen } from './outside.js';
import { EXIT } from './outside.js';
import type { ServerSample } from './server-sample.js';
import { ServerSource } from './server-source.js';
import { serverLines } from './server-view.js';
import type { Paint } from './terminal.js';
import { painter, printable } from './terminal.js';
import { TopScreen } from './top-screen.js';

/** How many rates the bars show at most. */
const HISTORY = 120;
/** What is printed where there is no window. */
const PRINTED = { columns: 200, rows: 60 } as const;

/** One source, and how what it gives is drawn. */
interface Watched<T> {
  readonly source: { readonly title: string; look(): Promise<T>; close(): Promise<void> };
  lines(sample: T, previous: T | undefined, room: { readonly columns: number; readonly rows: number }): string[];
}

export async function runTop(options: TopOptions, outside: Outside, paint: Paint): Promise<number> {
  const { err } = outside;
  try {
    const variables = readVariables(outside, options.envFile);
    const url = urlOf(options.url, variables);
    if (url === undefined) {
      err.write(`${NO_URL}\n`);
      return EXIT.usage;
    }
    if (/^https?:/i.test(url)) {
      const parsed = URL.canParse(url) ? new URL(url) : undefined;
      if (parsed === undefined) {
        err.write('the URL of the diagnostics cannot be read\n');
        return EXIT.usage;
      }
      const token = options.token ?? (variables['FLUXOR_TOKEN'] || undefined);
      return await watch(
        runtimeWatched(new DiagnosticsSource(outside, parsed, token, options.timeoutMs), paint),
        options,
        outside,
      );
    }
    const config = buildConfig(options.url, variables, undefined);
    // What else is in the way of the driver is told of by the first look.
    const wrong = await config.driver.load().then(() => undefined, wrongOptions);
    if (wrong !== undefined) throw wrong;
    return await watch(serverWatched(new ServerSource(outside, config, options.timeoutMs), paint), options, outside);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    err.write(`${issueLines(error, outside.isErrTerminal ? paint : painter(false)).join('\n')}\n`);
    return EXIT.usage;
  }
}

function runtimeWatched(source: DiagnosticsSource, paint: Paint): Watched<DiagnosticsSample> {
  const history: number[] = [];
  let counted: DiagnosticsSample | undefined;
  return {
    source,
    lines: (sample, previous, room) => {
      // A picture that is drawn anew for another window is no new rate.
      if (counted !== sample && previous !== undefined)
        history.push(Math.max(0, ratesOf(sample, previous)?.queries ?? 0));
      counted = sample;
      if (history.length > HISTORY) history.shift();
      return diagnosticsLines({ title: source.title, sample, previous, history, ...room }, paint);
    },
  };
}

function serverWatched(source: ServerSource, paint: Paint): Watched<ServerSample> {
  return {
    source,
    lines: (sample, previous, { rows }) => serverLines({ title: source.title, sample, previous, rows }, paint),
  };
}

async function watch<T>(watched: Watched<T>, options: TopOptions, outside: Outside): Promise<number> {
  const { screen } = outside;
  try {
    if (options.isOnce || screen === undefined) return await once(watched, outside);
    return await new Live(watched, options, outside, screen).run();
  } finally {
    await watched.source.close();
  }
}

async function once<T>(watched: Watched<T>, { out, err, signal }: Outside): Promise<number> {
  try {
    const sample = await watched.source.look();
    out.write(`${watched.lines(sample, undefined, PRINTED).join('\n')}\n`);
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    err.write(`${printable(watched.source.title)}: ${textOf(error)}\n`);
    return EXIT.problem;
  }
}

class Live<T> {
  readonly #watched: Watched<T>;
  readonly #outside: Outside;
  readonly #intervalMs: number;
  readonly #screen: TopScreen;
  readonly #isQuit: Promise<void>;
  #quit: () => void = () => undefined;
  #hasQuit = false;
  #sample: T | undefined;
  #previous: T | undefined;
  #lost: { readonly text: string; readonly sinceAt: number } | undefined;

  constructor(watched: Watched<T>, { intervalMs }: TopOptions, outside: Outside, screen: Screen) {
    this.#watched = watched;
    this.#outside = outside;
    this.#intervalMs = intervalMs;
    this.#isQuit = new Promise((resolve) => (this.#quit = resolve));
    const onQuit = (isInterrupt: boolean): void => {
      this.#hasQuit = true;
      this.#quit();
      if (isInterrupt) outside.interrupt();
    };
    outside.signal.addEventListener('abort', () => this.#quit(), { once: true });
    this.#screen = new TopScreen(screen, onQuit, () => this.#draw());
  }

  async run(): Promise<number> {
    const { signal, err } = this.#outside;
    try {
      this.#screen.draw([`${printable(this.#watched.source.title)}`, '', 'looking …']);
      for (;;) {
        const nextAt = this.#outside.clock.now() + this.#intervalMs;
        const end = await Promise.race([this.#look(), this.#isQuit]);
        if (end !== undefined) {
          this.#screen.close();
          err.write(`${printable(this.#watched.source.title)}: ${end}\n`);
          return EXIT.problem;
        }
        if (!this.#hasQuit && !signal.aborted) this.#draw();
        await this.#pauseUntil(nextAt);
        if (signal.aborted) return EXIT.interrupted;
        if (this.#hasQuit) return EXIT.ok;
      }
    } finally {
      this.#screen.close();
    }
  }

  /** Why there is no use in looking again; `undefined` where there is. */
  async #look(): Promise<string | undefined> {
    try {
      const sample = await this.#watched.source.look();
      [this.#previous, this.#sample, this.#lost] = [this.#sample, sample, undefined];
      return undefined;
    } catch (error) {
      const text = textOf(error);
      if (this.#sample === undefined && error instanceof SourceError && error.isFinal) return text;
      this.#lost = { text, sinceAt: this.#lost?.sinceAt ?? this.#outside.clock.now() };
      return undefined;
    }
  }

  #draw(): void {
    const lost = this.#lost;
    const notice =
      lost === undefined
        ? []
        : [
            `lost for ${formatLength(Math.round(this.#outside.clock.now() - lost.sinceAt))}: ${lost.text}. Asking again.`,
            '',
          ];
    const { columns, rows } = this.#screen;
    const room = { columns, rows: rows - notice.length };
    this.#screen.draw([...notice, ...(this.#sample === undefined ? [] : this.#lines(this.#sample, room))]);
  }

  /** What came from elsewhere may be of any shape inside. */
  #lines(sample: T, room: { readonly columns: number; readonly rows: number }): string[] {
    try {
      return this.#watched.lines(sample, this.#previous, room);
    } catch {
      return ['what came cannot be shown: it is not complete'];
    }
  }

  async #pauseUntil(at: number): Promise<void> {
    const { clock } = this.#outside;
    let timer: { cancel(): void } | undefined;
    const pause = new Promise<void>((resolve) => (timer = clock.setTimer(Math.max(0, at - clock.now()), resolve)));
    await Promise.race([pause, this.#isQuit]);
    timer?.cancel();
  }
}

/** Errors of sources speak for themselves; of others nothing is shown but that there was one. */
function textOf(error: unknown): string {
  return printable(error instanceof SourceError ? error.message : 'what came cannot be read');
}
