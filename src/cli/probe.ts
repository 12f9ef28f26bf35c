/**
 * One question after the other on one session, each of which may be refused without harm to the rest. Used by the facts files of
 * the databases. Answers come as texts with names in lower case, whatever the database makes of them.
 * Invariant: an error that ends the session, or the time that is up, ends the examination; anything else is noted and passed over.
 */
import type { FluxorError } from '../index.js';
import { isFluxorError } from '../index.js';

/** One row, as texts. */
export type Answer = Readonly<Record<string, string | null>>;

/** What a probe needs of a session. */
export interface Asked {
  query(text: string): Promise<readonly object[]>;
}

export class Probe {
  readonly #session: Asked;
  readonly #unread: string[] = [];

  constructor(session: Asked) {
    this.#session = session;
  }

  /** What could not be had. */
  get unread(): readonly string[] {
    return this.#unread;
  }

  /** `what` names the question where it is refused. */
  async rows(what: string, text: string): Promise<readonly Answer[]> {
    try {
      return (await this.#session.query(text)).map(asTexts);
    } catch (error) {
      if (!isFluxorError(error) || isTheEnd(error)) throw error;
      this.#unread.push(`${what} (${error.reason ?? error.code})`);
      return [];
    }
  }

  /** The first of `texts` that is not refused. */
  async firstOf(what: string, texts: readonly string[]): Promise<readonly Answer[] | undefined> {
    const noted = this.#unread.length;
    for (const text of texts) {
      const before = this.#unread.length;
      const rows = await this.rows(what, text);
      if (this.#unread.length > before) continue;
      this.#unread.length = noted;
      return rows;
    }
    this.#unread.length = Math.min(this.#unread.length, noted + 1);
    return undefined;
  }

  async row(what: string, text: string): Promise<Answer> {
    return (await this.rows(what, text))[0] ?? {};
  }

  /** Of two columns, the first of which is the name. */
  async pairs(what: string, text: string): Promise<Answer> {
    const rows = await this.rows(what, text);
    return Object.fromEntries(
      rows.map((row) => Object.values(row)).map(([name, value]) => [(name ?? '').toLowerCase(), value ?? null]),
    );
  }
}

function isTheEnd({ isConnectionFatal, code }: FluxorError): boolean {
  return isConnectionFatal || code !== 'QUERY';
}

function asTexts(row: object): Answer {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), asText(value)]));
}

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (typeof value === 'string') return value;
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

/** Leaves out what is not there, so that facts never say `undefined`. */
export function known<T extends object>(facts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof known<T>
  >;
}

export function numberIn(text: string | null | undefined): number | undefined {
  if (text === null || text === undefined || text.trim() === '') return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

/** `on`, `1`, `t`, `true`, `yes`. */
export function isOn(text: string | null | undefined): boolean | undefined {
  return text === null || text === undefined ? undefined : /^(on|1|t|true|yes|y)$/i.test(text);
}

export function textIn(text: string | null | undefined): string | undefined {
  return text === null || text === '' ? undefined : text;
}
