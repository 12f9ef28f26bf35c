/**
 * Reads what a user wrote into options, one field at a time, and collects everything that is wrong instead of stopping
 * at the first: "refuse, don't repair, and say it all at once". Each room's `resolveXOptions` works through one of these.
 * Knows nothing of what the options mean.
 */
import { DURATION_FORMS, parseDuration } from './duration.js';

/** One thing wrong with the options. */
export interface OptionIssue {
  /** Where, as the user would write it: `pool.maxSize`. */
  readonly path: string;
  /** What was there, shortened and printable. Never the value of a secret. */
  readonly got: string;
  /** What belongs there. */
  readonly expected: string;
}

type Fields = Readonly<Record<string, unknown>>;

export class OptionReader {
  readonly #fields: Fields;
  readonly #path: string;
  readonly #issues: OptionIssue[];
  readonly #known = new Set<string>();

  /** `source` is what the user gave for `path`; `undefined` means "all defaults". */
  constructor(source: unknown, path: string, issues: OptionIssue[]) {
    this.#path = path;
    this.#issues = issues;
    if (source === undefined) this.#fields = {};
    else if (isFields(source)) this.#fields = source;
    else {
      this.#fields = {};
      issues.push({ path: path === '' ? 'options' : path, got: show(source), expected: 'an object' });
    }
  }

  has(name: string): boolean {
    this.#known.add(name);
    return this.#fields[name] !== undefined;
  }

  /** The raw value, for fields that the caller checks by itself. */
  raw(name: string): unknown {
    this.#known.add(name);
    return this.#fields[name];
  }

  integer(name: string, fallback: number, bounds: { readonly min: number; readonly max?: number }): number {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    const max = bounds.max ?? Number.MAX_SAFE_INTEGER;
    if (typeof value === 'number' && Number.isInteger(value) && value >= bounds.min && value <= max) return value;
    const upper = bounds.max === undefined ? 'or more' : `to ${groupDigits(bounds.max)}`;
    return this.refuse(name, `a whole number, ${bounds.min} ${upper}`, fallback);
  }

  /** Milliseconds; `false` reads as `Infinity` ("never") where `canBeFalse`. */
  duration(
    name: string,
    fallback: number,
    bounds: { readonly minMs: number; readonly maxMs?: number; readonly canBeFalse?: boolean },
  ): number {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (value === false && bounds.canBeFalse === true) return Infinity;
    const ms = parseDuration(value);
    if (ms !== undefined && ms >= bounds.minMs && ms <= (bounds.maxMs ?? Infinity)) return ms;
    const range = bounds.maxMs === undefined ? `at least ${bounds.minMs} ms` : `${bounds.minMs} to ${bounds.maxMs} ms`;
    const never = bounds.canBeFalse === true ? ', or false for never' : '';
    return this.refuse(name, `a duration of ${range} (${DURATION_FORMS})${never}`, fallback);
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.raw(name);
    if (value === undefined || typeof value === 'boolean') return value ?? fallback;
    return this.refuse(name, 'true or false', fallback);
  }

  text(name: string, fallback: string): string;
  text(name: string, fallback: undefined): string | undefined;
  text(name: string, fallback: string | undefined): string | undefined {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (typeof value === 'string' && value !== '') return value;
    return this.refuse(name, 'a non-empty string', fallback);
  }

  oneOf<const T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.raw(name);
    if (value === undefined) return fallback;
    if (choices.includes(value as T)) return value as T;
    return this.refuse(name, `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`, fallback);
  }

  /** A nested group of options. */
  group(name: string): OptionReader {
    return new OptionReader(this.raw(name), this.#at(name), this.#issues);
  }

  /** Notes that `name` is wrong and answers the fallback, so that reading goes on and finds the rest. */
  refuse<T>(name: string, expected: string, fallback: T): T {
    this.#known.add(name);
    this.#issues.push({ path: this.#at(name), got: show(this.#fields[name]), expected });
    return fallback;
  }

  /** Call last: every field nobody asked for is refused, with the nearest known name. */
  refuseUnknown(): void {
    for (const name of Object.keys(this.#fields)) {
      if (this.#known.has(name) || this.#fields[name] === undefined) continue;
      const nearest = nearestName(name, [...this.#known]);
      const expected =
        nearest === undefined ? `one of ${[...this.#known].join(', ')}` : `did you mean ${this.#at(nearest)}?`;
      // The value of an unknown field is not shown: it may be a misspelt password.
      this.#issues.push({ path: this.#at(name), got: 'an unknown option', expected });
    }
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

/** `10000` → `'10,000'`. By hand: asking the language for it loads its tables, some 20 ms at a program's start. */
export function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The known name closest to `name`, if any is close enough to be meant (a third of its letters may differ). */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (best === undefined || distance < best.distance) best = { name: candidate, distance };
  }
  return best !== undefined && best.distance <= Math.max(2, Math.ceil(name.length / 3)) ? best.name : undefined;
}

/** Levenshtein's distance, two rows at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  // A connection URL in the wrong place holds a password: `postgres(process.env.DATABASE_URL)`.
  if (typeof value === 'string' && /@|:\/\//.test(value)) return 'a text that looks like a URL';
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}…` : value}'`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
