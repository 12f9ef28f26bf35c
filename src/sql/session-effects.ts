/**
 * What a statement may leave behind in its session beyond its transaction: what a pool asks before it lends the
 * connection to somebody else. Asked for every new statement text, so a regular expression looks first, and only texts
 * that it suspects are read by the lexer.
 * Invariants: never throws, linear in the text; the first look misses nothing that the second would find (a property
 * test holds the two together). In doubt an effect is reported: the price is one reset too many.
 * Words in strings, comments and quoted names do not count, with two exceptions: a quoted name that is called
 * (`"set_config"(…)`) is a call, and what is run without being shown (DO, CALL, PL/SQL) is `unknown`.
 * Refuses to see: SET and the like inside the functions a query calls, and functions of one's own that do the same.
 * The seed of `random()` (`setseed`) is left out because nothing resets it.
 * Sequences are left out on purpose. `nextval` makes `currval` and `lastval` answer in this session, but so does every
 * INSERT into a table with a serial column, which no text shows; and a caller who asks before drawing a number of their
 * own has a bug that a fresh session would show. Nothing that is correct changes its meaning. So is MySQL's `last_insert_id(…)`,
 * for the same reason: every INSERT into a table with a generated number sets it too.
 * Over 300 lines, because the words of three dialects stand here in one table beside the rules that read them.
 */
import type { Dialect } from './dialect.js';
import { DIALECTS } from './dialect.js';
import type { Lexeme } from './statements.js';
import { isName, lexemeAt, nameOf, readStatements } from './statements.js';

/**
 * The effects, one bit each.
 * - `settings`: SET, RESET, `set_config`, ALTER SESSION; MySQL's user variables. Not SET LOCAL, not SET TRANSACTION.
 * - `role`: SET ROLE, SET SESSION AUTHORIZATION.
 * - `temporary`: temporary tables, views and sequences; a search path, also a local one, with which CREATE TABLE makes such a one.
 * - `listening`: LISTEN and UNLISTEN.
 * - `locks`: advisory locks of the session, GET_LOCK, LOCK TABLES, DBMS_LOCK.
 * - `prepared`: PREPARE, EXECUTE and DEALLOCATE written as SQL.
 * - `cursors`: DECLARE … WITH HOLD, HANDLER.
 * - `unknown`: the text runs something that it does not show (DO, CALL, LOAD, PL/SQL), or throws everything away (DISCARD).
 */
export const SESSION_EFFECTS = Object.freeze({
  settings: 1,
  role: 2,
  temporary: 4,
  listening: 8,
  locks: 16,
  prepared: 32,
  cursors: 64,
  unknown: 128,
});

export type SessionEffect = keyof typeof SESSION_EFFECTS;

/** A sum of SESSION_EFFECTS; 0 for none. */
export type SessionEffects = number;

const { settings, role, temporary, listening, locks, prepared, cursors, unknown } = SESSION_EFFECTS;

/**
 * What `text` may leave behind in its session, as a sum of {@link SESSION_EFFECTS}; 0 when it leaves nothing. Of several
 * statements all count. Never throws; most texts cost one regular expression.
 *
 * @example
 * sessionEffects('postgres', "set search_path to shop");               // SESSION_EFFECTS.settings
 * sessionEffects('postgres', "set local search_path to shop");         // 0
 */
export function sessionEffects(dialect: Dialect, text: string): SessionEffects {
  if (!SUSPICIOUS[dialect].test(text)) return 0;
  let effects = 0;
  for (const { lexemes, isConditional } of readStatements(DIALECTS[dialect], text)) {
    const own = verbEffects(RULES[dialect], lexemes) | wordEffects(RULES[dialect], lexemes);
    // What is left when the server's version does not run the comment may begin with another word.
    effects |= isConditional && own === 0 ? unknown : own;
  }
  return effects;
}

/** The names of the effects, for messages and events. */
export function describeSessionEffects(effects: SessionEffects): readonly SessionEffect[] {
  return (Object.keys(SESSION_EFFECTS) as SessionEffect[]).filter((name) => (effects & SESSION_EFFECTS[name]) !== 0);
}

/** What a statement that begins with this word leaves; asked with the statement's lexemes. */
type VerbRule = (lexemes: readonly Lexeme[]) => SessionEffects;

/** One dialect's words. All names are in lower case. */
interface SessionRules {
  /** By the first word of a statement; `<<` opens a label. */
  readonly verbs: ReadonlyMap<string, VerbRule>;
  /** By the name of a function that is called. */
  readonly calls: ReadonlyMap<string, (lexemes: readonly Lexeme[], open: number) => SessionEffects>;
  /** By the first part of a dotted name. */
  readonly packages: ReadonlyMap<string, SessionEffects>;
  /** PostgreSQL's session has a schema of its own: pg_temp, or pg_temp_7. */
  readonly hasTemporarySchema: boolean;
  /** Words for TEMPORARY, and what may stand before one of them where it makes something of the session's own. */
  readonly temporaryWords: ReadonlySet<string>;
  readonly beforeTemporary: ReadonlySet<string>;
}

function always(effects: SessionEffects): () => SessionEffects {
  return () => effects;
}

const CREATES: readonly string[] = ['create', 'replace', 'local'];

const RULES: Readonly<Record<Dialect, SessionRules>> = {
  postgres: {
    verbs: new Map<string, VerbRule>([
      ['set', (lexemes) => setEffects(lexemes, POSTGRES_TRANSACTION) | searchPathEffects(lexemes)],
      ['reset', (lexemes) => roleOrSettings(lexemes, 1)],
      ['listen', always(listening)],
      ['unlisten', always(listening)],
      // PREPARE TRANSACTION takes the transaction out of the session.
      ['prepare', (lexemes) => (lexemeAt(lexemes, 1).word === 'transaction' ? 0 : prepared)],
      ['deallocate', always(prepared)],
      // `execute '…'` is PL/pgSQL: it shows a string, not a statement.
      ['execute', (lexemes) => (lexemeAt(lexemes, 1).kind === 'string' ? unknown : prepared)],
      ['declare', (lexemes) => (holdsCursor(lexemes) ? cursors : 0)],
      ['do', always(unknown)],
      ['call', always(unknown)],
      ['load', always(unknown)],
      ['discard', (lexemes) => (hasWord(lexemes, 'all') ? unknown | prepared : unknown)],
    ]),
    calls: new Map([
      ['set_config', setConfigEffects],
      ['pg_advisory_lock', always(locks)],
      ['pg_advisory_lock_shared', always(locks)],
      ['pg_try_advisory_lock', always(locks)],
      ['pg_try_advisory_lock_shared', always(locks)],
      ['pg_replication_origin_session_setup', always(settings)],
      ['dblink_connect', always(unknown)],
      ['dblink_connect_u', always(unknown)],
    ]),
    packages: new Map(),
    hasTemporarySchema: true,
    temporaryWords: new Set(['temp', 'temporary']),
    beforeTemporary: new Set([...CREATES, 'global', 'into']),
  },
  mysql: {
    verbs: new Map<string, VerbRule>([
      ['set', (lexemes) => setEffects(lexemes, OTHER_TRANSACTION)],
      ['use', always(settings)],
      // GET DIAGNOSTICS @x = …
      ['get', always(settings)],
      ['prepare', always(prepared)],
      ['deallocate', always(prepared)],
      ['execute', always(prepared)],
      ['lock', always(locks)],
      ['flush', (lexemes) => (hasWord(lexemes, 'lock') || hasWord(lexemes, 'export') ? locks : 0)],
      ['handler', always(cursors)],
      ['do', always(unknown)],
      ['call', always(unknown)],
      ['load', always(unknown)],
      ['xa', always(unknown)],
      // MariaDB's BEGIN NOT ATOMIC is a block; every other BEGIN starts a transaction.
      ['begin', (lexemes) => (lexemeAt(lexemes, 1).word === 'not' ? unknown : 0)],
    ]),
    calls: new Map([['get_lock', always(locks)]]),
    packages: new Map(),
    hasTemporarySchema: false,
    temporaryWords: new Set(['temporary']),
    beforeTemporary: new Set(CREATES),
  },
  oracle: {
    verbs: new Map<string, VerbRule>([
      ['set', (lexemes) => setEffects(lexemes, OTHER_TRANSACTION)],
      ['alter', (lexemes) => (lexemeAt(lexemes, 1).word === 'session' ? settings : 0)],
      ['begin', always(unknown)],
      // A label: only a block has one.
      ['<<', always(unknown)],
      ['declare', always(unknown)],
      ['call', always(unknown)],
      ['exec', always(unknown)],
      ['execute', always(unknown)],
      // A query with functions written into it.
      ['with', (lexemes) => (['function', 'procedure'].includes(lexemeAt(lexemes, 1).word) ? unknown : 0)],
    ]),
    calls: new Map(),
    packages: new Map([
      ['dbms_lock', locks],
      ['dbms_session', settings],
      ['dbms_application_info', settings],
    ]),
    hasTemporarySchema: false,
    temporaryWords: new Set(['temporary']),
    // GLOBAL is missing: such a table is like any other, but for its rows.
    beforeTemporary: new Set(['private']),
  },
};

/** SET with one of these behind it holds until the end of the transaction. */
const POSTGRES_TRANSACTION: ReadonlySet<string> = new Set(['local', 'transaction', 'constraints']);
const OTHER_TRANSACTION: ReadonlySet<string> = new Set(['transaction', 'constraint', 'constraints']);

function verbEffects(rules: SessionRules, lexemes: readonly Lexeme[]): SessionEffects {
  const { word, text } = lexemeAt(lexemes, 0);
  return rules.verbs.get(word === '' ? text : word)?.(lexemes) ?? 0;
}

function setEffects(lexemes: readonly Lexeme[], transactional: ReadonlySet<string>): SessionEffects {
  const { word } = lexemeAt(lexemes, 1);
  if (transactional.has(word)) return 0;
  // SET SESSION ROLE, SET SESSION SESSION AUTHORIZATION, but SET SESSION x and SET SESSION AUTHORIZATION too.
  const isPrefixed = word === 'session' && lexemeAt(lexemes, 2).word !== 'authorization';
  return roleOrSettings(lexemes, isPrefixed ? 2 : 1);
}

/** `at` is where the name of the setting stands. */
function roleOrSettings(lexemes: readonly Lexeme[], at: number): SessionEffects {
  const name = nameOf(lexemeAt(lexemes, at)).toLowerCase();
  const isAuthorization = name === 'session' && lexemeAt(lexemes, at + 1).word === 'authorization';
  return isAuthorization || ROLE_SETTINGS.has(name) || name === 'default' ? role : settings;
}

const ROLE_SETTINGS: ReadonlySet<string> = new Set(['role', 'session_authorization']);

/** What words tell wherever they stand. */
function wordEffects(rules: SessionRules, lexemes: readonly Lexeme[]): SessionEffects {
  let effects = 0;
  for (const [at, lexeme] of lexemes.entries()) {
    if (isName(lexeme)) effects |= nameEffects(rules, lexemes, at);
    else if (lexeme.kind === 'variable') effects |= variableEffects(lexemes, at);
  }
  return effects;
}

function nameEffects(rules: SessionRules, lexemes: readonly Lexeme[], at: number): SessionEffects {
  const lexeme = lexemeAt(lexemes, at);
  const name = nameOf(lexeme).toLowerCase();
  const next = lexemeAt(lexemes, at + 1).text;
  if (next === '(') return rules.calls.get(name)?.(lexemes, at + 1) ?? 0;
  if (next === '.') {
    if (rules.hasTemporarySchema && name.startsWith('pg_temp')) return temporary;
    return rules.packages.get(name) ?? 0;
  }
  return rules.temporaryWords.has(lexeme.word) && makesTemporary(rules, lexemes, at) ? temporary : 0;
}

/** CREATE TEMP TABLE, CREATE OR REPLACE TEMP VIEW, SELECT … INTO TEMP t; not INSERT INTO a table that is called `temp`. */
function makesTemporary(rules: SessionRules, lexemes: readonly Lexeme[], at: number): boolean {
  const before = lexemeAt(lexemes, at - 1).word;
  if (before === 'into' && ['insert', 'merge'].includes(lexemeAt(lexemes, at - 2).word)) return false;
  return rules.beforeTemporary.has(before);
}

/** SET [LOCAL] search_path TO …, SET SCHEMA …: what is created then without a schema's name may be temporary. */
function searchPathEffects(lexemes: readonly Lexeme[]): SessionEffects {
  const at = ['local', 'session'].includes(lexemeAt(lexemes, 1).word) ? 2 : 1;
  const name = nameOf(lexemeAt(lexemes, at)).toLowerCase();
  return SEARCH_PATHS.has(name) ? searchPathEffect(lexemes.slice(at + 1)) : 0;
}

const SEARCH_PATHS: ReadonlySet<string> = new Set(['search_path', 'schema']);

/** Of the path's value. A string with escapes may name any schema. */
function searchPathEffect(value: readonly Lexeme[]): SessionEffects {
  const isReadable = value.every(({ text }) => !/\\|^(?:e|u&)['"]/i.test(text));
  const text = value.map((lexeme) => lexeme.text).join('');
  return isReadable && !text.replace(/['"]/g, '').toLowerCase().includes('pg_temp') ? 0 : temporary;
}

/** `open` stands on the parenthesis. A last argument that is the word `true` makes it a SET LOCAL. */
function setConfigEffects(lexemes: readonly Lexeme[], open: number): SessionEffects {
  const close = closingOf(lexemes, open);
  const isLocal = lexemeAt(lexemes, close - 1).word === 'true' && isSeparator(lexemeAt(lexemes, close - 2));
  const { kind, text } = lexemeAt(lexemes, open + 1);
  const isPlainName = kind === 'string' && isSeparator(lexemeAt(lexemes, open + 2)) && /^'\w+(\.\w+)*'$/.test(text);
  // It may be any setting.
  if (!isPlainName) return isLocal ? temporary : settings | role | temporary;
  const name = text.slice(1, -1).toLowerCase();
  if (name === 'search_path') return (isLocal ? 0 : settings) | searchPathValueEffect(lexemes, open + 3);
  if (isLocal) return 0;
  return ROLE_SETTINGS.has(name) ? role : settings;
}

/** Of a call's argument at `at`: one string can be read, and nothing else. */
function searchPathValueEffect(lexemes: readonly Lexeme[], at: number): SessionEffects {
  const value = lexemeAt(lexemes, at);
  const isOneString = value.kind === 'string' && isSeparator(lexemeAt(lexemes, at + 1));
  return isOneString ? searchPathEffect([value]) : temporary;
}

/** WITH HOLD; a cursor WITHOUT HOLD ends with its transaction. */
function holdsCursor(lexemes: readonly Lexeme[]): boolean {
  return lexemes.some(({ word }, at) => word === 'hold' && lexemeAt(lexemes, at - 1).word === 'with');
}

function hasWord(lexemes: readonly Lexeme[], word: string): boolean {
  return lexemes.some((lexeme) => lexeme.word === word);
}

function isSeparator({ text }: Lexeme): boolean {
  return text === ',' || text === '=>' || text === ':=';
}

/** Of a list that a call can have: a longer one is read as one that is never closed, which keeps nesting linear. */
const LONGEST_CALL = 200;

function closingOf(lexemes: readonly Lexeme[], open: number): number {
  let depth = 0;
  for (let at = open; at < lexemes.length && at - open < LONGEST_CALL; at += 1) {
    const { text } = lexemeAt(lexemes, at);
    if (text === '(') depth += 1;
    else if (text === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

/** MySQL: `@x := 1` and `into @x`; also the second of `into @x, @y`, which the first has told of. */
function variableEffects(lexemes: readonly Lexeme[], at: number): SessionEffects {
  const isSet = lexemeAt(lexemes, at + 1).text === ':=' || lexemeAt(lexemes, at - 1).word === 'into';
  return isSet ? settings : 0;
}

/**
 * The first look, over the bare text. The first words of statements count only where a statement can begin: at the start,
 * and behind a semicolon, a comment or a line break. Whitespace is taken up to the next line break only, which begins
 * anew; so a megabyte of empty lines is still linear.
 */
const SUSPICIOUS: Readonly<Record<Dialect, RegExp>> = {
  postgres: firstLook(RULES.postgres, ['temp']),
  mysql: firstLook(RULES.mysql, ['temporary', '@', String.raw`\/\*M?!`]),
  oracle: firstLook(RULES.oracle, ['temporary', '<<']),
};

function firstLook({ verbs, calls, packages }: SessionRules, words: readonly string[]): RegExp {
  const firstWords = [...verbs.keys()].filter((verb) => /^\w/.test(verb)).join('|');
  const anywhere = [...words, ...calls.keys(), ...packages.keys()].join('|');
  return new RegExp(String.raw`(?:^|;|\*\/|[\r\n])[^\S\r\n]*(?:${firstWords})\b|${anywhere}`, 'i');
}
