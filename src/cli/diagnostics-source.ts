/**
 * Where `fluxor top` gets the diagnostics of a runtime from: a URL that answers with what `db.diagnostics()` gives, as JSON.
 * Invariants: the token goes to the host that was named and to no other (redirects are refused); what is shown of the URL has neither
 * user nor query; an answer of another schema, or of another kind, is refused in words.
 */
import type { Diagnostics } from '../index.js';
import { ConfigError } from '../index.js';
import type { Outside } from './outside.js';

/** As they come out of JSON: what is not finite has become null. */
export type DiagnosticsSample = Diagnostics;

/** Why there is no look this time; the text is for people and quotes nothing that was sent. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  /** Asking again will not help. */
  readonly isFinal: boolean;

  constructor(text: string, isFinal: boolean) {
    super(text);
    this.isFinal = isFinal;
  }
}

/** A thousand statements take a third of it. */
const MOST_BYTES = 32 * 1024 * 1024;

export class DiagnosticsSource {
  readonly #outside: Outside;
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;
  /** Ends the look that is under way. */
  #stop: () => void = () => undefined;

  /** @throws ConfigError when the token or the user of the URL are nothing that could be sent. */
  constructor(outside: Outside, url: URL, token: string | undefined, timeoutMs: number) {
    this.#outside = outside;
    this.#timeoutMs = timeoutMs;
    this.#url = new URL(url);
    const [username, password] = [decoded(url.username), decoded(url.password)];
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
      const expected = 'printable characters of ASCII, without blanks';
      throw ConfigError.fromIssues([{ path: 'token', got: 'characters that no header can have', expected }]);
    }
    // `fetch` refuses URLs with a user in them.
    [this.#url.username, this.#url.password] = ['', ''];
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    const authorization = token !== undefined ? `Bearer ${token}` : username !== '' ? `Basic ${basic}` : undefined;
    this.#headers = { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) };
  }

  /** For people. */
  get title(): string {
    return `${this.#url.origin}${this.#url.pathname}`;
  }

  async look(): Promise<DiagnosticsSample> {
    return checkDiagnostics(readJson(await this.#fetch()));
  }

  /** An answer that is under way is waited for no longer. */
  close(): Promise<void> {
    this.#stop();
    return Promise.resolve();
  }

  async #fetch(): Promise<string> {
    const { clock, signal, fetch } = this.#outside;
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    this.#stop = abort;
    const timer = clock.setTimer(this.#timeoutMs, abort);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const response = await fetch(this.#url, {
        headers: this.#headers,
        redirect: 'manual',
        signal: controller.signal,
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new SourceError(statusText(response.status), response.status < 500 && response.status !== 429);
      }
      return await textOf(response);
    } catch (error) {
      if (error instanceof SourceError) throw error;
      throw new SourceError(controller.signal.aborted ? 'no answer in time' : reachText(error), false);
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', abort);
    }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    const got = "a '%' that begins no percent-encoded character";
    throw ConfigError.fromIssues([{ path: 'url', got, expected: "'%25' for a '%' in user and password" }]);
  }
}

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new SourceError('the answer is longer than any diagnostics', true);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function statusText(status: number): string {
  if (status === 401 || status === 403)
    return `refused (HTTP ${status}): is the token right? It is taken from FLUXOR_TOKEN or --token`;
  if (status === 404) return 'nothing there (HTTP 404): is this the URL of the diagnostics?';
  if (status >= 300 && status < 400) return `redirected (HTTP ${status}): name the URL that it leads to`;
  return `HTTP ${status}`;
}

/** By Node's code; texts of errors quote addresses. */
function reachText(error: unknown): string {
  const cause = (error as { cause?: { code?: unknown } }).cause;
  const code = typeof cause?.code === 'string' ? cause.code : undefined;
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the name of the host is unknown';
  return code === undefined ? 'cannot be reached' : `cannot be reached (${code.slice(0, 60)})`;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new SourceError('the answer is no JSON: is this the URL of the diagnostics?', true);
  }
}

/** Objects and lists that the view goes into. What is in them is shown as it is, or left out. */
const OBJECTS = ['pool', 'metrics', 'gate', 'process', 'driver'] as const;
const LISTS = ['statements', 'slow', 'errors', 'waiters', 'connections'] as const;

/** @throws SourceError when it is none, or of a later version. */
export function checkDiagnostics(value: unknown): DiagnosticsSample {
  if (typeof value !== 'object' || value === null || !('schema' in value)) {
    throw new SourceError('the answer is no diagnostics: it has no schema', true);
  }
  if (value.schema !== 1) {
    const shown = typeof value.schema === 'number' ? String(value.schema) : 'unknown';
    throw new SourceError(
      `the diagnostics have schema ${shown}, and this fluxor reads schema 1: use the version of the service`,
      true,
    );
  }
  const found = value as Record<string, unknown>;
  const wrong = [
    ...OBJECTS.filter((name) => typeof found[name] !== 'object' || found[name] === null),
    ...LISTS.filter((name) => !Array.isArray(found[name])),
  ];
  if (wrong.length > 0) throw new SourceError(`the diagnostics are incomplete: ${wrong.join(', ')}`, true);
  return value as DiagnosticsSample;
}
