/**
 * What the three databases' SQL looks like as text: how strings, comments and identifiers begin and end, and how a
 * placeholder is written. One table, one row per dialect; the lexer and the template read it, nobody else branches on
 * a dialect's name. MariaDB reads as 'mysql', PGlite as 'postgres'.
 * The servers' default settings are assumed: `standard_conforming_strings = on` in PostgreSQL, neither `ANSI_QUOTES` nor
 * `NO_BACKSLASH_ESCAPES` in MySQL's `sql_mode`. A session that changes them reads some literals differently than we do.
 * Knows no grammar: what a word means is not said here.
 */
import { QueryError } from '../errors/query-error.js';

/** The family of SQL a database speaks. */
export type Dialect = 'postgres' | 'mysql' | 'oracle';

/** How the inside of a '…' literal is read: as it stands, with backslash escapes, or between q'[ … ]' delimiters. */
export type StringBody = 'plain' | 'escaped' | 'delimited';

export interface DialectFacts {
  /** The dialect's proper name, for messages. */
  readonly label: string;
  readonly plainString: StringBody;
  /** Letters glued to the opening quote, in lower case: E'…', N'…', q'[…]'. A longer word is never a prefix. */
  readonly stringPrefixes: Readonly<Record<string, StringBody>>;
  readonly doubleQuoted: 'identifier' | 'string';
  readonly hasBacktickIdentifiers: boolean;
  /** $tag$ … $tag$ */
  readonly hasDollarQuotes: boolean;
  /** U&"…" */
  readonly hasUnicodeIdentifiers: boolean;
  readonly hasNestedComments: boolean;
  readonly hasHashComments: boolean;
  /** MySQL reads `1--1` as 1 − (−1): two dashes open a comment only before whitespace, a control character or the end. */
  readonly dashesNeedSpace: boolean;
  /** PostgreSQL ends a line at CR as well; taking CR for an end elsewhere would bring commented text back to life. */
  readonly lineEnds: '\n' | '\n\r';
  /** Block comments that open with `/*!` or, in MariaDB, `/*M!`: the server runs what is inside. */
  readonly hasExecutableComments: boolean;
  /** `--+ …`; all three know hints in the form of block comments (PostgreSQL by pg_hint_plan). */
  readonly hasDashHints: boolean;
  /** Characters besides letters, digits, `_` and everything above ASCII that may stand inside a word. */
  readonly wordExtras: string;
  /** MySQL: `2fa` is a name, and so is `$fa`. */
  readonly hasDigitWords: boolean;
  readonly hasDollarNames: boolean;
  /** MariaDB, and MySQL of old: `\N` is NULL, whatever is glued to it. */
  readonly hasBackslashNull: boolean;
  /** MySQL: `@user` and `@@system` variables. */
  readonly hasVariables: boolean;
  readonly operatorCharacters: string;
  /** An operator holding one of these may end in + or -; otherwise `=-1` is `=` and `-1` (PostgreSQL's own rule). */
  readonly signKeepers: string;
  readonly identifierQuote: '"' | '`';
  /** Oracle has no way to write the quote inside a quoted identifier: such a name cannot exist there. */
  readonly canDoubleIdentifierQuote: boolean;
  readonly placeholder: '$' | '?' | ':';
  /** The wire counts bind values in 16 bits; one more and the count wraps round to a small number. */
  readonly maxBinds: number;
}

export const DIALECTS: Readonly<Record<Dialect, DialectFacts>> = {
  postgres: {
    label: 'PostgreSQL',
    plainString: 'plain',
    stringPrefixes: { e: 'escaped', b: 'plain', x: 'plain', n: 'plain', 'u&': 'plain' },
    doubleQuoted: 'identifier',
    hasBacktickIdentifiers: false,
    hasDollarQuotes: true,
    hasUnicodeIdentifiers: true,
    hasNestedComments: true,
    hasHashComments: false,
    dashesNeedSpace: false,
    lineEnds: '\n\r',
    hasExecutableComments: false,
    hasDashHints: false,
    wordExtras: '$',
    hasDigitWords: false,
    hasDollarNames: false,
    hasBackslashNull: false,
    hasVariables: false,
    // `?` belongs here: in PostgreSQL it is only ever an operator (?, ?|, ?& of jsonb).
    operatorCharacters: '+-*/<>=~!@#%^&|`?',
    signKeepers: '~!@#%^&|`?',
    identifierQuote: '"',
    canDoubleIdentifierQuote: true,
    placeholder: '$',
    maxBinds: 65_535,
  },
  mysql: {
    label: 'MySQL',
    plainString: 'escaped',
    stringPrefixes: { n: 'escaped', b: 'plain', x: 'plain' },
    doubleQuoted: 'string',
    hasBacktickIdentifiers: true,
    hasDollarQuotes: false,
    hasUnicodeIdentifiers: false,
    hasNestedComments: false,
    hasHashComments: true,
    dashesNeedSpace: true,
    lineEnds: '\n',
    hasExecutableComments: true,
    hasDashHints: false,
    wordExtras: '$',
    hasDigitWords: true,
    hasDollarNames: true,
    hasBackslashNull: true,
    hasVariables: true,
    operatorCharacters: '+-*/<>=~!%^&|',
    signKeepers: '',
    identifierQuote: '`',
    canDoubleIdentifierQuote: true,
    placeholder: '?',
    maxBinds: 65_535,
  },
  oracle: {
    label: 'Oracle',
    plainString: 'plain',
    stringPrefixes: { n: 'plain', u: 'plain', q: 'delimited', nq: 'delimited' },
    doubleQuoted: 'identifier',
    hasBacktickIdentifiers: false,
    hasDollarQuotes: false,
    hasUnicodeIdentifiers: false,
    hasNestedComments: false,
    hasHashComments: false,
    dashesNeedSpace: false,
    lineEnds: '\n',
    hasExecutableComments: false,
    hasDashHints: true,
    wordExtras: '$#',
    hasDigitWords: false,
    hasDollarNames: false,
    hasBackslashNull: false,
    hasVariables: false,
    operatorCharacters: '+-*/<>=~!^|',
    signKeepers: '',
    identifierQuote: '"',
    canDoubleIdentifierQuote: false,
    placeholder: ':',
    maxBinds: 65_535,
  },
};

/** How the `position`-th bind value (from 1) is written: `$1`, `?` or `:1`. */
export function placeholderAt(facts: DialectFacts, position: number): string {
  return facts.placeholder === '?' ? '?' : `${facts.placeholder}${position}`;
}

/**
 * One part of a name, quoted: its case is kept and nothing in it can end the quotes.
 * Throws QueryError('data') for a quote in an Oracle name; empty parts and NUL were refused when the fragment was made.
 */
export function quoteIdentifier(facts: DialectFacts, part: string): string {
  const quote = facts.identifierQuote;
  if (!part.includes(quote)) return `${quote}${part}${quote}`;
  if (facts.canDoubleIdentifierQuote) return `${quote}${part.replaceAll(quote, quote + quote)}${quote}`;
  throw new QueryError('data', `${facts.label} names cannot contain ${quote}; one part given to sql.id() does.`, {
    outcome: 'not-sent',
  });
}
