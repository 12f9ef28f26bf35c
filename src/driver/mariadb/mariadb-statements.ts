/**
 * The prepared statements of one session, most recently used last, closed at the server when they are too many. In the place of
 * the connector's own cache, which can neither drop the one that has gone stale nor keep two of one text.
 *
 * Two of one text, because MySQL (9.7) gives a placeholder the type of the value that came first, where nothing else says what
 * it is (`json_array(?)`, `select ?`), and reads what comes later as that: after a number, the text 'xy' is 0. So a run is given
 * a statement that has seen values of the same kinds only. MariaDB reads each run's values anew.
 * Refuses to know: results.
 */
import { MAX_INT64 } from '../mysql-server/mysql-values.js';
import type { ClientPrepared } from './mariadb-module.js';
import type { ResultReader } from './mariadb-results.js';
import type { ClientValue } from './mariadb-values.js';

export interface KeptStatement {
  readonly prepared: ClientPrepared;
  /** What its columns were when it ran last. */
  reader: ResultReader | undefined;
  /** For each placeholder the kind of its values; a null fits any. `undefined` where the server does not mind. */
  readonly kinds: Kinds | undefined;
}

type Kind = 'whole' | 'fraction' | 'huge' | 'text' | 'bytes' | 'date';
export type Kinds = (Kind | undefined)[];

/** Of one text, at most: a statement whose values come in more combinations is prepared anew now and then. */
const MAX_VARIANTS = 4;

export class MariadbStatements {
  readonly #limit: number;
  readonly #kept = new Map<string, KeptStatement[]>();
  #count = 0;

  /** `limit`: how many are kept; 0 closes each after its use. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Names of tables mean those of the database that was chosen when it was prepared. */
  static keyOf(database: string | undefined, text: string): string {
    return `${database ?? ''}|${text}`;
  }

  get(key: string, kinds: Kinds | undefined): KeptStatement | undefined {
    const variants = this.#kept.get(key);
    const found = variants?.find((statement) => takes(statement.kinds, kinds));
    if (variants === undefined || found === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, variants);
    return found;
  }

  add(key: string, prepared: ClientPrepared, kinds: Kinds | undefined): KeptStatement {
    const statement = { prepared, reader: undefined, kinds };
    if (this.#limit === 0) return statement;
    const variants = this.#kept.get(key) ?? [];
    this.#kept.delete(key);
    this.#kept.set(key, variants);
    variants.push(statement);
    this.#count += 1;
    if (variants.length > MAX_VARIANTS) this.#closeFirst(variants);
    this.#evict();
    return statement;
  }

  /** Its run has ended. */
  release({ prepared }: KeptStatement): void {
    if (this.#limit === 0) prepared.close();
  }

  /** Those of this text are of no use any more. */
  drop(key: string): void {
    const variants = this.#kept.get(key) ?? [];
    while (variants.length > 0) this.#closeFirst(variants);
    this.#kept.delete(key);
  }

  /** Gives all of them back to the server. */
  closeAll(): void {
    for (const key of [...this.#kept.keys()]) this.drop(key);
  }

  /** The server has forgotten them already. */
  forgetAll(): void {
    this.#kept.clear();
    this.#count = 0;
  }

  #evict(): void {
    for (const [key, variants] of this.#kept) {
      while (this.#count > this.#limit && variants.length > 0) this.#closeFirst(variants);
      if (variants.length === 0) this.#kept.delete(key);
      if (this.#count <= this.#limit) return;
    }
  }

  #closeFirst(variants: KeptStatement[]): void {
    variants.shift()?.prepared.close();
    this.#count -= 1;
  }
}

export function kindsOf(values: readonly ClientValue[]): Kinds {
  return values.map((value) => {
    if (value === null) return undefined;
    switch (typeof value) {
      case 'bigint':
        return value > MAX_INT64 ? 'huge' : 'whole';
      case 'number':
        return 'fraction';
      case 'string':
        return 'text';
      default:
        return value instanceof Date ? 'date' : 'bytes';
    }
  });
}

/** Where it does, the kinds that were open are decided by this run. */
function takes(known: Kinds | undefined, kinds: Kinds | undefined): boolean {
  if (known === undefined || kinds === undefined) return true;
  const isFit = kinds.every((kind, at) => kind === undefined || known[at] === undefined || known[at] === kind);
  if (isFit) for (const [at, kind] of kinds.entries()) known[at] ??= kind;
  return isFit;
}
