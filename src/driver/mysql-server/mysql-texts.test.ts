import { describe, expect, it } from 'vitest';
import { TextBook } from './mysql-texts.js';

describe('what is known of a text', () => {
  it('is its verb, whether it is plain, and a key that is another one in another database', () => {
    const book = new TextBook();
    const facts = book.look('shop', 'select 1');
    expect(facts).toMatchObject({ command: 'SELECT', isPlain: true });
    expect(book.look('shop', 'call tidy()')).toMatchObject({ command: 'CALL', isPlain: false });
    expect(book.look('store', 'select 1').key).not.toBe(facts.key);
  });

  it('is read once', () => {
    const book = new TextBook();
    expect(book.look('shop', 'select 1')).toBe(book.look('shop', 'select 1'));
  });

  it('is forgotten when there are too many, and when the database is another one', () => {
    const book = new TextBook();
    const first = book.look('shop', 'select 0');
    for (let n = 1; n <= 1_000; n += 1) book.look('shop', `select ${n}`);
    const again = book.look('shop', 'select 0');
    expect(again).not.toBe(first);
    book.look('store', 'select 0');
    expect(book.look('shop', 'select 0')).not.toBe(again);
  });

  // Was: a session that loaded 1,000 texts of a megabyte held all of them.
  it('is not kept of a long one: those are made anew for each run', () => {
    const book = new TextBook();
    const long = `insert into t values (${'1'.repeat(10_000)})`;
    expect(book.look('shop', long)).toMatchObject({ command: 'INSERT', isPlain: true });
    expect(book.look('shop', long)).not.toBe(book.look('shop', long));
  });
});
