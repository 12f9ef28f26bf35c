import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstWord, firstWords } from './first-words.js';

describe('how a statement begins', () => {
  it.each([
    ['select 1', 'select'],
    ['  COMMIT', 'commit'],
    ['-- a note\n/* another /* nested */ */ end', 'end'],
    ['((select 1) union (select 2))', 'select'],
    ['/* a */ select case when true then 1 /* b */ end', 'select'],
    ["'commit'", ''],
    ['"commit"', ''],
    ['', ''],
    ['/* commit', ''],
  ])('%s', (text, word) => {
    expect(firstWord('postgres', text)).toBe(word);
  });

  it('gives as many words as are asked for, while nothing else comes between', () => {
    expect(firstWords('postgres', 'prepare /* x */ transaction $1', 2)).toEqual(['prepare', 'transaction']);
    expect(firstWords('postgres', 'prepare "transaction"', 2)).toEqual(['prepare']);
  });

  it('does not change with the comments in front, whatever is in them', () => {
    const comment = fc.string({ maxLength: 20 }).map((inside) => `/*${inside.replace(/[/*]/g, '-')}*/ `);
    fc.assert(
      fc.property(fc.array(comment, { maxLength: 60 }), (comments) => {
        expect(firstWord('postgres', `${comments.join('')}commit`)).toBe('commit');
      }),
    );
  });

  it('reads a banner of a hundred comments at once', () => {
    const banner = '/* ------ */\n'.repeat(100);
    expect(firstWord('postgres', `${banner}show time zone`)).toBe('show');
  });
});
