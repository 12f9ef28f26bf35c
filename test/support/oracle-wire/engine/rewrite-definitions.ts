/**
 * CREATE, ALTER, DROP, TRUNCATE, COMMENT and RENAME of tables, views, indexes and sequences. Where and how Oracle stores them
 * is dropped; what cannot be had (partitions keep their rows in one table, a constraint cannot be disabled) is either dropped
 * or refused with ORA-03001. All of it is passes over the whole statement: definitions have few expressions.
 */
import { OraError } from '../backend.js';
import { nameOf } from './names.js';
import type { Rewriter } from './rewriter.js';
import { typeAt } from './rewrite-types.js';
import type { Range } from './token-reader.js';

/** Between CREATE and the kind; FORCE, EDITIONABLE, BITMAP and the like are nothing to PostgreSQL. */
const KEPT = ['OR', 'REPLACE', 'UNIQUE'];
const OUT_OF_LINE = ['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'FOREIGN', 'CHECK', 'SUPPLEMENTAL'];
/** States of a constraint, which PostgreSQL has not: it is enabled. */
const CONSTRAINT_STATES = ['ENABLE', 'VALIDATE', 'NOVALIDATE', 'RELY', 'NORELY'];
const SEQUENCE_WORDS: Readonly<Record<string, string>> = {
  NOCACHE: 'CACHE 1',
  NOCYCLE: 'NO CYCLE',
  NOMAXVALUE: 'NO MAXVALUE',
  NOMINVALUE: 'NO MINVALUE',
  ORDER: '',
  NOORDER: '',
  KEEP: '',
  NOKEEP: '',
  SCALE: '',
  NOSCALE: '',
  SESSION: '',
  GLOBAL: '',
};
/** PostgreSQL's sequences are of 64 bits; Oracle's have 28 digits. */
const SEQUENCE_DIGITS = 18;

export function definitions(rewriter: Rewriter): void {
  const verb = rewriter.solid(0);
  if (rewriter.is(verb, 'CREATE')) return create(rewriter, verb);
  if (rewriter.is(verb, 'ALTER')) return alter(rewriter, verb);
  if (rewriter.is(verb, 'DROP')) return dropped(rewriter, verb);
  if (rewriter.is(verb, 'TRUNCATE')) return truncated(rewriter, verb);
  if (rewriter.is(verb, 'RENAME')) {
    const to = rewriter.find(verb, rewriter.end, 'TO');
    rewriter.replace(verb, 'ALTER TABLE');
    rewriter.replace(to, 'RENAME TO');
  }
}

function create(rewriter: Rewriter, verb: number): void {
  const kind = rewriter.find(
    verb,
    rewriter.end,
    'TABLE',
    'VIEW',
    'INDEX',
    'SEQUENCE',
    'SYNONYM',
    'PROCEDURE',
    'FUNCTION',
    'PACKAGE',
    'TRIGGER',
    'TYPE',
  );
  // A global temporary table is one for all sessions; each has its own copy of it (temporary-tables.ts).
  const kept = rewriter.find(verb, kind, 'GLOBAL') >= 0 ? KEPT : [...KEPT, 'TEMPORARY'];
  for (let index = verb + 1; index < kind; index++) {
    if (rewriter.isWord(index) && !rewriter.is(index, ...kept)) rewriter.drop(index, index + 1);
  }
  if (rewriter.is(kind, 'TABLE')) return createTable(rewriter, kind);
  if (rewriter.is(kind, 'SEQUENCE')) return sequence(rewriter, kind);
  if (rewriter.is(kind, 'INDEX')) {
    const columns = rewriter.find(kind, rewriter.end, '(');
    if (columns >= 0) rewriter.drop(rewriter.close(columns) + 1, rewriter.end);
    return;
  }
  if (rewriter.is(kind, 'VIEW')) {
    const readOnly = rewriter.sequence(rewriter.solidBefore(rewriter.end - 1) - 4, 'WITH', 'READ', 'ONLY');
    if (readOnly >= 0) rewriter.drop(readOnly - 4, readOnly + 1);
    return;
  }
  throw new OraError(3001, `unimplemented feature: CREATE ${rewriter.at(kind)?.value ?? ''}`);
}

function createTable(rewriter: Rewriter, table: number): void {
  const isPrivate = rewriter.find(0, table, 'PRIVATE') >= 0;
  const query = rewriter.find(table, rewriter.end, 'AS');
  const columns = rewriter.find(table, query < 0 ? rewriter.end : query, '(');
  let tail = query < 0 ? rewriter.end : query;
  if (columns >= 0) {
    for (const element of rewriter.arguments(columns)) tableElement(rewriter, element);
    tail = rewriter.close(columns) + 1;
  }
  const end = query < 0 ? rewriter.end : query;
  if (columns >= 0) rewriter.drop(tail, end);
  if (!isPrivate) return;
  const keeps = rewriter.find(tail, end, 'PRESERVE') >= 0;
  rewriter.insert(end, keeps ? ' ON COMMIT PRESERVE ROWS ' : ' ON COMMIT DROP ');
}

/** A column or a constraint of a table, in CREATE TABLE and behind ADD. */
function tableElement(rewriter: Rewriter, [from, to]: Range): void {
  const name = rewriter.solid(from);
  constraintWords(rewriter, name, to);
  if (rewriter.is(name, ...OUT_OF_LINE)) return;
  const at = rewriter.next(name);
  if (at >= to) return;
  const identity = rewriter.find(at, to, 'IDENTITY');
  const type = typeAt(rewriter, at, { in: 'column', version: rewriter.options.version, isIdentity: identity >= 0 });
  if (type === undefined) {
    // A virtual column, or a column of CREATE TABLE … AS SELECT, has no type; anything else is one that Oracle does not know.
    if (rewriter.isWord(at) && !rewriter.is(at, 'DEFAULT', 'NOT', 'NULL', 'CONSTRAINT', 'PRIMARY', 'GENERATED', 'AS')) {
      throw new OraError(902, 'invalid datatype', rewriter.positionOf(at));
    }
    return;
  }
  rewriter.replace(at, type.text);
  rewriter.drop(at + 1, type.last + 1);
  if (identity >= 0) identityColumn(rewriter, type.last + 1, identity, to);
  const onNull = rewriter.find(at, to, 'DEFAULT');
  const end = onNull < 0 ? -1 : rewriter.sequence(rewriter.next(onNull), 'ON', 'NULL');
  if (end >= 0) rewriter.drop(onNull + 1, end + 1);
}

/** GENERATED [ALWAYS | BY DEFAULT [ON NULL]] AS IDENTITY [(…)]. */
function identityColumn(rewriter: Rewriter, from: number, identity: number, to: number): void {
  const generated = rewriter.find(from, identity, 'GENERATED');
  if (generated >= 0) {
    const isDefault = rewriter.find(generated, identity, 'DEFAULT') >= 0;
    rewriter.replace(generated, `GENERATED ${isDefault ? 'BY DEFAULT' : 'ALWAYS'} AS `);
    rewriter.drop(generated + 1, identity);
  }
  const options = rewriter.next(identity);
  if (rewriter.is(options, '(') && options < to) sequence(rewriter, options, rewriter.close(options));
}

/** ENABLE, USING INDEX …, DISABLE: PostgreSQL's constraints are there or not. */
function constraintWords(rewriter: Rewriter, from: number, to: number): void {
  for (let index = from; index < to; index++) {
    if (rewriter.is(index, ...CONSTRAINT_STATES)) rewriter.drop(index, index + 1);
    if (rewriter.is(index, 'DISABLE'))
      throw new OraError(3001, 'unimplemented feature: disabled constraints', rewriter.positionOf(index));
    const isJson = rewriter.sequence(index, 'IS', 'JSON');
    if (isJson >= 0) jsonCheck(rewriter, index, isJson);
    const index_ = rewriter.sequence(index, 'USING', 'INDEX');
    if (index_ >= 0) rewriter.drop(index, to);
  }
}

/** `c IS JSON` is an operator of PostgreSQL 16 and later; the function is there in all of them. */
function jsonCheck(rewriter: Rewriter, is: number, json: number): void {
  const column = rewriter.previous(is);
  const token = rewriter.at(column);
  if (token === undefined) return;
  rewriter.replace(column, `(${nameOf(token)} IS NULL OR ora.is_json(${nameOf(token)}))`);
  rewriter.drop(is, json + 1);
  const behind = rewriter.next(json);
  if (rewriter.is(behind, 'STRICT', 'LAX')) rewriter.drop(behind, behind + 1);
}

function sequence(rewriter: Rewriter, from: number, to = rewriter.end): void {
  for (let index = from; index < to; index++) {
    const word = rewriter.at(index)?.value ?? '';
    if (rewriter.isWord(index) && Object.hasOwn(SEQUENCE_WORDS, word))
      rewriter.replace(index, SEQUENCE_WORDS[word] ?? '');
    if (rewriter.is(index, 'MAXVALUE', 'MINVALUE')) {
      const value = rewriter.next(index);
      const digits = rewriter.is(value, '-') ? rewriter.next(value) : value;
      if ((rewriter.at(digits)?.text.length ?? 0) > SEQUENCE_DIGITS) rewriter.drop(index, digits + 1);
    }
  }
}

function alter(rewriter: Rewriter, verb: number): void {
  const kind = rewriter.next(verb);
  if (rewriter.is(kind, 'SEQUENCE')) return sequence(rewriter, kind);
  if (!rewriter.is(kind, 'TABLE')) return;
  const table = rewriter.chain(rewriter.next(kind)).at(-1) ?? kind;
  const action = rewriter.next(table);
  const target = rewriter.next(action);
  if (rewriter.is(action, 'ADD')) return addTo(rewriter, action, target);
  if (rewriter.is(action, 'MODIFY')) return modify(rewriter, action, target);
  if (rewriter.is(action, 'DROP')) {
    if (rewriter.is(target, '(')) {
      const columns = rewriter.arguments(target).map(([from]) => rewriter.at(rewriter.solid(from)));
      rewriter.replace(action, columns.flatMap((token) => (token ? [`DROP COLUMN ${nameOf(token)}`] : [])).join(', '));
      rewriter.drop(action + 1, rewriter.end);
    }
    return dropped(rewriter, action);
  }
  if (!rewriter.is(action, 'RENAME'))
    throw new OraError(3001, 'unimplemented feature: ALTER TABLE', rewriter.positionOf(action));
}

function addTo(rewriter: Rewriter, action: number, target: number): void {
  const isList = rewriter.is(target, '(');
  const elements: Range[] = isList ? rewriter.arguments(target) : [[target, rewriter.end]];
  if (isList) {
    rewriter.drop(target, target + 1);
    rewriter.drop(rewriter.close(target), rewriter.end);
  }
  for (const [position, [from, to]] of elements.entries()) {
    const name = rewriter.solid(from);
    if (position > 0) {
      rewriter.drop(from - 1, from);
      rewriter.insert(from, ', ADD ');
    }
    if (!rewriter.is(name, ...OUT_OF_LINE) && !rewriter.is(name, 'COLUMN')) rewriter.insert(name, 'COLUMN ');
    tableElement(rewriter, [name, to]);
  }
  rewriter.replace(action, 'ADD ');
}

/** MODIFY c [type] [DEFAULT e] [[NOT] NULL], or several in parentheses: each is an action of its own in PostgreSQL. */
function modify(rewriter: Rewriter, action: number, target: number): void {
  const isList = rewriter.is(target, '(');
  const elements: Range[] = isList ? rewriter.arguments(target) : [[target, rewriter.end]];
  const actions = elements.flatMap(([from, to]): string[] => {
    const column = rewriter.solid(from);
    const token = rewriter.at(column);
    if (token === undefined) return [];
    const name = nameOf(token);
    const found: string[] = [];
    const at = rewriter.next(column);
    const type = typeAt(rewriter, at, { in: 'column', version: rewriter.options.version });
    if (type !== undefined)
      found.push(`ALTER COLUMN ${name} TYPE ${type.text} USING ${name}::${type.text.replace(' COLLATE "C"', '')}`);
    const byDefault = rewriter.find(at, to, 'DEFAULT');
    const nullable = rewriter.find(at, to, 'NULL');
    const not = rewriter.find(at, to, 'NOT');
    if (byDefault >= 0) {
      const end = not >= 0 ? not : to;
      found.push(`ALTER COLUMN ${name} SET DEFAULT ${rewriter.text(byDefault + 1, end).trim()}`);
    } else if (nullable >= 0) found.push(`ALTER COLUMN ${name} ${not >= 0 ? 'SET' : 'DROP'} NOT NULL`);
    return found;
  });
  rewriter.replace(action, actions.join(', '));
  rewriter.drop(action + 1, rewriter.end);
}

/** CASCADE CONSTRAINTS, PURGE. */
function dropped(rewriter: Rewriter, from: number): void {
  for (let index = from; index < rewriter.end; index++) {
    if (rewriter.is(index, 'CONSTRAINTS') && rewriter.is(rewriter.previous(index), 'CASCADE'))
      rewriter.drop(index, index + 1);
    if (rewriter.is(index, 'PURGE', 'FORCE') && index === rewriter.solidBefore(rewriter.end - 1))
      rewriter.drop(index, index + 1);
  }
}

function truncated(rewriter: Rewriter, verb: number): void {
  const table = rewriter.chain(rewriter.next(rewriter.next(verb))).at(-1) ?? verb;
  const cascade = rewriter.find(table, rewriter.end, 'CASCADE') >= 0;
  rewriter.drop(table + 1, rewriter.end);
  if (cascade) rewriter.insert(rewriter.end, ' CASCADE');
}
