/** Where a number ends, and what only begins like one. The table of MySQL's ways was asked of MySQL 9.7 and MariaDB 10.11. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classify } from './classify.js';
import type { Dialect } from './dialect.js';
import { fingerprint } from './fingerprint.js';
import { tokenize } from './lexer.js';
import { tokenText } from './token.js';

/** `kind text` of every token that is not whitespace. */
function shown(dialect: Dialect, text: string): string[] {
  return tokenize(dialect, text)
    .filter((piece) => piece.kind !== 'whitespace')
    .map((piece) => `${piece.kind} ${tokenText(text, piece)}`);
}

/**
 * MySQL's own lexer, written down once more: what may begin with a digit, a dollar or a dot, the first that fits.
 */
const FORMS = [
  /^0x[0-9a-fA-F]+(?![\w$\u0080-\uffff])/,
  /^0b[01]+(?![\w$\u0080-\uffff])/,
  /^\d+[eE][+-]?\d+/,
  /^\d+\.\d*(?:[eE][+-]?\d+)?/,
  /^\.\d+(?:[eE][+-]?\d+)?/,
  /^\d+(?![\w$\u0080-\uffff])/,
];
const NAME = /^[\w$\u0080-\uffff]+/;

function readByForms(text: string): string {
  const number = FORMS.map((form) => form.exec(text)?.[0]).find((found) => found !== undefined);
  return number === undefined ? `word ${NAME.exec(text)?.[0] ?? ''}` : `number ${number}`;
}

describe('in MySQL', () => {
  it.each([
    ['1e5for update', 'number 1e5', 'word for', 'word update'],
    ['1e5from t', 'number 1e5', 'word from', 'word t'],
    ['1e+5in(1)', 'number 1e+5', 'word in', 'punctuation (', 'number 1', 'punctuation )'],
    ['1e5e5', 'number 1e5', 'word e5'],
    ['1e5_x', 'number 1e5', 'word _x'],
    ['1e5$x', 'number 1e5', 'word $x'],
    ['1ex', 'word 1ex'],
    ['1e-x', 'word 1e', 'operator -', 'word x'],
    ['1.e5', 'number 1.e5'],
    ['1.e5for', 'number 1.e5', 'word for'],
    ['1.for', 'number 1.', 'word for'],
    ['1.5for', 'number 1.5', 'word for'],
    ['1.5_000', 'number 1.5', 'word _000'],
    ['1.$x', 'number 1.', 'word $x'],
    ['.5for', 'number .5', 'word for'],
    ['1.0éin', 'number 1.0', 'word éin'],
    ['5_000(1)', 'word 5_000', 'punctuation (', 'number 1', 'punctuation )'],
    ['1for update', 'word 1for', 'word update'],
    ['1$in', 'word 1$in'],
    ['1éin', 'word 1éin'],
    ['$in(1)', 'word $in', 'punctuation (', 'number 1', 'punctuation )'],
    ['0x1f', 'number 0x1f'],
    ['0x1for update', 'word 0x1for', 'word update'],
    ['0x', 'word 0x'],
    ['0b1', 'number 0b1'],
    ['0b12', 'word 0b12'],
    ['0b1in', 'word 0b1in'],
    ['0o17', 'word 0o17'],
    ['db.1e5in(1)', 'word db', 'punctuation .', 'word 1e5in', 'punctuation (', 'number 1', 'punctuation )'],
    ['db.0x1', 'word db', 'punctuation .', 'word 0x1'],
    ['db. 1in', 'word db', 'punctuation .', 'word 1in'],
    ['db .1in', 'word db', 'number .1', 'word in'],
    ['`db`.1in', 'quoted-identifier `db`', 'number .1', 'word in'],
    ['1_0.5in', 'word 1_0', 'punctuation .', 'word 5in'],
    ['t.1.2in', 'word t', 'punctuation .', 'word 1', 'punctuation .', 'word 2in'],
    ['\\Nfor update', 'number \\N', 'word for', 'word update'],
    ['\\n', 'operator \\', 'word n'],
  ])('%s', (text, ...tokens) => {
    expect(shown('mysql', text)).toEqual(tokens);
  });

  it('a number ends where one of its forms ends, and what has no form is a name', () => {
    const starts = fc.constantFrom('0', '1', '12', '0x', '0b', '.5', '1.', '0.', '12.7', '$');
    const pieces = fc.constantFrom(
      '0',
      '1',
      '7',
      '10',
      'e',
      'E5',
      'e+5',
      'e-',
      'x',
      'b',
      'f',
      '_',
      '$',
      'é',
      'for',
      'in',
    );
    fc.assert(
      fc.property(starts, fc.array(pieces, { maxLength: 6 }), (start, glued) => {
        const text = start + glued.join('');
        expect(shown('mysql', text)[0]).toBe(readByForms(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('nothing of a number is ever shown as if it were a name', () => {
    const shapes = [
      '987e5for',
      '987.65for',
      '.987for',
      '987.65.43for',
      '0x987',
      '0X987',
      '987e5.43for',
      'true.987',
      ':a.987',
    ];
    expect(shapes.filter((text) => /9|43/.test(fingerprint('mysql', `select ${text} update`)))).toEqual([]);
    expect(fingerprint('mysql', 'select 1e5for update')).toBe('select ?for update');
    expect(fingerprint('mysql', 'select \\N, 5_000(1), 2fa')).toBe('select ?, 5_000(?), 2fa');
  });

  it('whatever is glued to a number hides neither a lock, nor a variable, nor a call', () => {
    const number = fc.constantFrom(
      '1',
      '12',
      '1.',
      '1.5',
      '.5',
      '1e5',
      '1E-5',
      '1.e5',
      '0x1',
      '0b1',
      '5_000',
      '2fa',
      '$a',
      '\\N',
      't.1',
      't.1e5',
    );
    const locks = fc.constantFrom(' for update', ' for share', ' into @a', ' lock in share mode');
    const before = fc.constantFrom('', '1, ', 'a = ', '(1) + ');
    fc.assert(
      fc.property(before, number, locks, fc.boolean(), (start, value, lock, isGlued) => {
        const text = `select ${start}${value}${isGlued ? lock.trimStart() : lock}`;
        // What is one name with the lock's first word is no SQL, or an alias.
        const isName = shown('mysql', text).some((piece) => /^word (?!for|into|lock)\S*(?:for|into|lock)$/.test(piece));
        expect(classify('mysql', text) !== 'read' || isName, text).toBe(true);
      }),
    );
    for (const called of [
      '1in',
      '5_000',
      '0x1for',
      '0b1in',
      '$in',
      '1$in',
      't.1in',
      't.1e5in',
      't.0x1',
      't. 1in',
      '1_0.5in',
    ]) {
      expect(classify('mysql', `select ${called}(1)`), called).toBe('unknown');
    }
  });
});

describe('elsewhere', () => {
  it('digits begin no name, and underscores may stand between them', () => {
    for (const dialect of ['postgres', 'oracle'] as const) {
      expect(shown(dialect, '1for')).toEqual(['number 1', 'word for']);
      expect(shown(dialect, '5_000')).toEqual(['number 5_000']);
      expect(shown(dialect, '0XFF')).toEqual(['number 0XFF']);
      expect(shown(dialect, 't.5')).toEqual(['word t', 'number .5']);
    }
  });
});
