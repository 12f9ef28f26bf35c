import { describe, expect, it } from 'vitest';
import { SESSION_EFFECTS } from '../sql/session-effects.js';
import { StatementBook } from './statement-book.js';
import { StatementCache } from './statement-cache.js';

const CACHE = { perConnection: 3, total: 100 };

/** A connection that notes what it was told to forget. */
function connection(book: StatementBook, isPooled = false) {
  const forgotten: string[] = [];
  const cache = new StatementCache({ isPooled, forget: (name) => forgotten.push(name) }, book);
  return { cache, forgotten, run: (text: string) => cache.use(book.look(text)) };
}

describe('the book of statements', () => {
  it('names a text with its second sighting, on whatever connection', () => {
    const book = new StatementBook('postgres', CACHE);
    const [one, other] = [connection(book), connection(book)];
    expect(one.run('select 1')).toBeUndefined();
    expect(other.run('select 1')).toMatch(/^fluxor_[0-9a-f]{40}$/);
    expect(one.run('select 1')).toBe(other.run('select 1'));
  });

  it('gives two texts two names, and one text the same name in every process', () => {
    const nameIn = (book: StatementBook, text: string) => [0, 1].map(() => book.look(text).name).at(-1);
    const [here, elsewhere] = [new StatementBook('postgres', CACHE), new StatementBook('postgres', CACHE)];
    expect(nameIn(here, 'select 1')).toBe(nameIn(elsewhere, 'select 1'));
    expect(nameIn(here, 'select 1')).not.toBe(nameIn(here, 'select 2'));
  });

  it.each(['begin', 'set x to 1', 'call p()', 'do $$ begin end $$', 'create table t ()', 'explain select 1', ''])(
    'does not name what gains nothing by it: %s',
    (text) => {
      const book = new StatementBook('postgres', CACHE);
      expect([1, 2, 3].map(() => book.look(text).name)).toEqual([undefined, undefined, undefined]);
    },
  );

  it.each(['  SELECT 1', '/* a */ with x as (select 1) select * from x', '-- b\n(values (1))', 'merge into t'])(
    'names what is planned, behind comments and parentheses too: %s',
    (text) => {
      const book = new StatementBook('postgres', CACHE);
      expect([1, 2].map(() => book.look(text).name).at(-1)).toBeDefined();
    },
  );

  it('knows what a statement leaves in its session', () => {
    const book = new StatementBook('postgres', CACHE);
    expect(book.look('set search_path to a').effects).toBe(SESSION_EFFECTS.settings);
    expect(book.look('set search_path to a').effects).toBe(SESSION_EFFECTS.settings);
    expect(book.look('select 1').effects).toBe(0);
  });

  it('forgets what is not seen again while thousands of others come, and prepares none of them', () => {
    const book = new StatementBook('postgres', CACHE);
    const { run, cache } = connection(book);
    run('select 0');
    for (let n = 1; n <= 5_000; n += 1) run(`select ${n}`);
    expect(cache.size).toBe(0);
    expect(run('select 0')).toBeUndefined();
  });

  it('keeps a busy text while thousands of others come', () => {
    const book = new StatementBook('postgres', CACHE);
    const { run } = connection(book);
    for (let n = 1; n <= 5_000; n += 1) {
      run(`select ${n}`);
      if (n % 500 === 0) run('select busy');
    }
    expect(run('select busy')).toBeDefined();
  });

  it('reads a very long text anew each time and does not name it', () => {
    const book = new StatementBook('postgres', CACHE);
    const text = `select '${'x'.repeat(10_000)}'`;
    expect([1, 2, 3].map(() => book.look(text).name)).toEqual([undefined, undefined, undefined]);
  });
});

describe("a connection's prepared statements", () => {
  /** Sees each text twice. */
  const admit = (book: StatementBook, ...texts: string[]) => texts.forEach((text) => book.look(text));

  it('keeps the most recently used, and closes the others at the server', () => {
    const book = new StatementBook('postgres', CACHE);
    const { run, cache, forgotten } = connection(book);
    admit(book, 'select 1', 'select 2', 'select 3', 'select 4');
    const [first, second] = ['select 1', 'select 2', 'select 3'].map(run);
    run('select 1');
    expect([run('select 4'), run('select 4')]).toEqual([undefined, expect.any(String)]);
    expect(forgotten).toEqual([second]);
    expect([cache.size, run('select 1')]).toEqual([3, first]);
    expect(book.counts).toEqual({ hits: 2, misses: 5, prepared: 3, evicted: 1, healed: 0 });
  });

  it('is used for most of a working set that is one too large, in whatever order it comes', () => {
    const book = new StatementBook('postgres', { perConnection: 20, total: 100 });
    const { run, forgotten } = connection(book);
    const texts = Array.from({ length: 21 }, (_, n) => `select ${n}`);
    for (let round = 0; round < 50; round += 1) texts.forEach(run);
    // Once each prepared the one that the next needed, and closed the one before: no hit at all.
    expect(book.counts.hits).toBe(48 * 20);
    expect(forgotten).toEqual([]);
  });

  it('is used for a new working set as soon as that comes again', () => {
    const book = new StatementBook('postgres', { perConnection: 20, total: 100 });
    const { run } = connection(book);
    const set = (letter: string) => Array.from({ length: 20 }, (_, n) => `select ${letter}${n}`);
    for (const letter of ['a', 'b']) {
      for (let round = 0; round < 3; round += 1) set(letter).forEach(run);
    }
    expect(book.counts).toMatchObject({ hits: 40, evicted: 20 });
  });

  it('keeps to the budget of all connections, of which one that comes late gets its share', () => {
    const book = new StatementBook('postgres', { perConnection: 10, total: 10 });
    const [one, other] = [connection(book), connection(book)];
    const texts = Array.from({ length: 10 }, (_, n) => `select ${n}`);
    for (let round = 0; round < 3; round += 1) texts.forEach(one.run);
    expect([one.cache.size, other.cache.size]).toEqual([10, 0]);
    for (let round = 0; round < 3; round += 1) texts.forEach(other.run);
    expect([one.cache.size, other.cache.size, book.counts.prepared]).toEqual([5, 5, 10]);
    for (let round = 0; round < 3; round += 1) [one, other].forEach(({ run }) => texts.forEach(run));
    // Neither takes from the other any more.
    expect([one.cache.size, other.cache.size, book.counts.evicted]).toEqual([5, 5, 5]);
    one.cache.clear();
    for (let round = 0; round < 2; round += 1) texts.forEach(other.run);
    expect([other.cache.size, book.counts.prepared, book.holders.size]).toEqual([10, 10, 1]);
  });

  it('gives its part of the budget back once, however often it is told that it has ended', () => {
    const book = new StatementBook('postgres', CACHE);
    const { run, cache } = connection(book);
    admit(book, 'select 1');
    run('select 1');
    cache.clear();
    cache.clear();
    expect(book.counts.prepared).toBe(0);
  });

  it('prepares nothing through a pooler, nor where it is turned off', () => {
    const book = new StatementBook('postgres', CACHE);
    const off = new StatementBook('postgres', false);
    const [pooled, idle] = [connection(book, true), connection(off)];
    for (let n = 0; n < 3; n += 1)
      expect([pooled.run('select 1'), idle.run('select 1')]).toEqual([undefined, undefined]);
    expect([book.counts.misses, off.counts.misses]).toEqual([0, 0]);
  });
});
