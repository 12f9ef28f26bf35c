/**
 * Which words in front of a parenthesis are the grammar's own and can be no function: what query-reader.ts asks. Plain
 * lists, in lower case, from the databases' own:
 * - PostgreSQL 18: `pg_get_keywords()`, categories R (reserved) and C (cannot be the name of a function).
 * - MySQL 8.4: the reference manual, "Keywords and Reserved Words", those marked (R); MariaDB has all of them as keywords,
 *   and neither takes a keyword for the name of a stored function.
 * - Oracle 23ai: the SQL Language Reference, "Oracle SQL Reserved Words".
 * Invariant: a word that a function may bear is in `reserved` of no dialect that allows it; it is a keyword only in the
 * places that PAIRS, BEHIND_PARENTHESIS and `behindValue` name. What is missing makes a statement 'unknown', no more;
 * so words that no query has in front of a parenthesis are left out of the lists of MySQL and Oracle.
 * Knows no functions (known-functions.ts) and no order of words.
 */
import type { Dialect } from './dialect.js';
import type { Words } from './words.js';
import { words } from './words.js';

export interface GrammarWords {
  /** Never the name of a function, wherever it stands, unless a dot or AS stands before it. */
  readonly reserved: Words;
  /** Keywords behind a value, where no call can begin; elsewhere they may be functions. */
  readonly behindValue: Words;
  /** Words that are not reserved and may have an expression behind them: what follows one of them may be a call. */
  readonly prefixes: Words;
}

export const GRAMMAR_WORDS: Readonly<Record<Dialect, GrammarWords>> = {
  postgres: {
    // Of C are left out TREAT, which calls a function with the name of the type, and what stands in no query.
    reserved: words(`
      all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
      current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc
      distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral
      leading limit localtime localtimestamp not null offset on only or order placing primary references returning
      select session_user some symmetric table then to trailing true union unique user using variadic when where
      window with

      between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping int integer
      interval json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar
      json_serialize json_table json_value least national nchar normalize nullif numeric overlay position precision real
      row smallint substring time timestamp trim values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest
      xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`),
    behindValue: words('ilike'),
    prefixes: words(`
      by content document escape first groups ilike is key like next overlaps passing path range ref rows similar
      standalone tablesample value version zone`),
  },
  mysql: {
    reserved: words(`
      all and as asc between bigint binary blob both by case char character check collate column cross dec decimal
      default desc distinct distinctrow div double else except exists float for force from group having ignore in index
      inner int integer intersect interval into is join key keys leading like limit match mod natural not null numeric
      on optimize or order outer over partition procedure range read real regexp rlike row rows select set smallint
      straight_join table then to trailing union unique unsigned use using values varbinary varchar varcharacter
      varying when where with xor`),
    behindValue: words('window'),
    prefixes: words('any escape first next offset path returning row some sounds value window'),
  },
  oracle: {
    reserved: words(`
      all and any as asc between by char check connect current date decimal default desc distinct else exists float for
      from group having in index intersect into is level like long minus mode not null number of on option or order
      prior raw row rowid rownum rows select set size smallint start table then to union unique update values varchar
      varchar2 where with`),
    behindValue: words('partition using when'),
    prefixes: words(`
      at case connect_by_root content cross cursor document empty error escape except first format inner interval join
      keep key last lateral like2 like4 likec local member model multiset name natural new next nulls offset outer over
      partition passing path pivot respect return returning sample scn seed some submultiset timestamp unpivot using
      value versions when within zone`),
  },
};

/** A word, and the words that make it a keyword when one of them stands before it. */
export const PAIRS: ReadonlyMap<string, Words> = new Map([
  ['by', words('group order partition')],
  ['sets', words('grouping')],
  ['first', words('fetch')],
  ['next', words('fetch')],
  ['zone', words('time')],
  ['varying', words('bit char character nchar')],
  ['join', words('cross full inner left natural outer right')],
  ['bernoulli', words('tablesample')],
  ['system', words('tablesample')],
  ['when', words('case')],
]);

/** Keywords behind a parenthesis that closes: `count(*) filter (…) over (…)`. */
export const BEHIND_PARENTHESIS: Words = words('filter keep over repeatable');

/** Keywords behind a string: `json_table(a, '$[*]' columns (…))`. */
export const BEHIND_STRING: Words = words('columns passing');
