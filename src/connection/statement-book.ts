/**
 * What the runtime knows about the texts of its statements: one book for all its connections, asked once for every
 * statement. It decides which of them are worth preparing; statement-cache.ts keeps what each connection has prepared.
 *
 * Invariants: a text gets a name with its second sighting, on whatever connection, so that thousands of texts which come
 * once each (literals written into the SQL) prepare nothing; one name never stands for two texts, not even in two
 * processes behind one pooler; memory is bounded; values in texts are kept here like the texts, and shown nowhere.
 */
import type { Dialect } from '../sql/dialect.js';
import { firstWord } from '../sql/first-words.js';
import type { SessionEffects } from '../sql/session-effects.js';
import { sessionEffects } from '../sql/session-effects.js';
import type { Pace } from './statement-pace.js';
import { StatementPace } from './statement-pace.js';

/** Options `query.statementCache`, complete. */
export interface StatementCacheConfig {
  /** Prepared statements that one connection keeps. */
  readonly perConnection: number;
  /** Prepared statements that all connections keep together. */
  readonly total: number;
}

export interface StatementFacts extends Pace {
  /** What it may leave behind in its session. */
  readonly effects: SessionEffects;
  /** Under which it is prepared; `undefined` where it is not. */
  readonly name: string | undefined;
  /** By `StatementBook.uses`, on whatever connection; 0 for never. */
  usedAt: number;
  /** It leaves nothing behind, and its error undoes it: others may be in flight on the same connection, if it is short. */
  readonly canTravel: boolean;
}

/** Of a statement that nobody knows anything of. */
export function unknownFacts(effects: SessionEffects = 0): StatementFacts {
  return { effects, name: undefined, usedAt: 0, canTravel: false, ...StatementPace.unknown() };
}

/** A connection with prepared statements. */
export interface StatementHolder {
  readonly size: number;
  /** The one used longest ago is closed. */
  giveOne(): void;
}

/** Since the runtime was made; all but `prepared` only grow. */
export interface StatementCounts {
  /** Ran as what was prepared before. */
  hits: number;
  /** Ran otherwise: for the first time, prepared with it, or never prepared. */
  misses: number;
  /** Prepared on all connections now. */
  prepared: number;
  /** Closed to make room. */
  evicted: number;
  /** Prepared anew, because the server had lost or outgrown them, and run. */
  healed: number;
}

/** In each of two generations: a text that is not seen again while this many others come is forgotten. */
const GENERATION = 1_000;
/** A longer text is rarely the same twice, and would fill memory. */
const MAX_TEXT_LENGTH = 10_000;
/** Only what is planned gains by being prepared, and only of these is it proved that their errors undo them. */
const PLANNED: ReadonlySet<string> = new Set([
  'select',
  'insert',
  'update',
  'delete',
  'with',
  'merge',
  'values',
  'table',
]);

interface Entry extends StatementFacts {
  name: string | undefined;
  readonly isPreparable: boolean;
}

export class StatementBook {
  readonly counts: StatementCounts = { hits: 0, misses: 0, prepared: 0, evicted: 0, healed: 0 };
  /** The time by which statements are old: how many have been run. */
  uses = 0;
  /** The connections that have prepared something. */
  readonly holders = new Set<StatementHolder>();
  /** `false` where nothing is prepared by name: turned off, or the client library's own affair. */
  readonly cache: StatementCacheConfig | false;
  readonly #dialect: Dialect;
  /** Two generations in the place of one ordered list: a sighting moves nothing, and memory is bounded all the same. */
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();

  constructor(dialect: Dialect, cache: StatementCacheConfig | false) {
    this.#dialect = dialect;
    this.cache = cache;
  }

  look(text: string): StatementFacts {
    const known = this.#young.get(text);
    if (known !== undefined) {
      if (known.name === undefined && known.isPreparable) known.name = nameOf(text);
      return known;
    }
    return this.#lookFurther(text);
  }

  /**
   * Everything that all connections may keep is kept: the one with most gives one up for `poor`, unless that has as many.
   * Without it, who comes late would prepare nothing. Answers whether one was given.
   */
  takeOneFor(poor: StatementHolder): boolean {
    let rich: StatementHolder | undefined;
    for (const holder of this.holders) if (rich === undefined || holder.size > rich.size) rich = holder;
    // One more is no more: they would take it from each other in turn.
    if (rich === undefined || rich.size <= poor.size + 1) return false;
    rich.giveOne();
    return true;
  }

  #lookFurther(text: string): StatementFacts {
    if (text.length > MAX_TEXT_LENGTH) return unknownFacts(sessionEffects(this.#dialect, text));
    const old = this.#old.get(text);
    const entry = old ?? this.#newEntry(text);
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#old.delete(text);
    this.#young.set(text, entry);
    return old === undefined ? entry : this.look(text);
  }

  #newEntry(text: string): Entry {
    const effects = sessionEffects(this.#dialect, text);
    const isPlanned = PLANNED.has(firstWord(this.#dialect, text));
    const isPreparable = this.cache !== false && isPlanned;
    return { ...unknownFacts(effects), isPreparable, canTravel: isPlanned && effects === 0 };
  }
}

/**
 * The same for the same text, everywhere: a pooler that nobody told us of may hand a session to another process, and a name
 * that meant something else there would run the wrong statement. Node loads its cryptography with the first digest: it takes
 * 5 ms, a third of what importing the front door may.
 */
function nameOf(text: string): string {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `fluxor_${createHash('sha1').update(text).digest('hex')}`;
}
