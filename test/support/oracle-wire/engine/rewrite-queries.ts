/**
 * What a query needs beyond its expressions: the names that Oracle gives to columns, ROWNUM, the row generator of CONNECT BY,
 * names for inline views (PostgreSQL 15 wants one), FOR UPDATE with its waiting, MINUS. Hierarchies, outer joins by (+) and
 * PIVOT are not understood: they answer ORA-03001 or a syntax error.
 */
import { OraError } from '../backend.js';
import { nameOf, quotedName } from './names.js';
import { PSEUDO_COLUMNS } from './rewrite-expressions.js';
import type { Rewriter, Rule } from './rewriter.js';
import type { Range } from './token-reader.js';

/** Words behind a table that are not its name. */
const AFTER_TABLE =
  'WHERE GROUP ORDER HAVING UNION MINUS INTERSECT EXCEPT FETCH OFFSET FOR JOIN INNER LEFT RIGHT FULL CROSS NATURAL ON USING CONNECT START SET WHEN RETURNING'.split(
    ' ',
  );
/** Words in front of a name that make it no alias. */
const NO_ALIAS_BEHIND = new Set(
  'AND OR NOT IS IN LIKE THEN ELSE WHEN BETWEEN PRIOR TIMESTAMP DATE INTERVAL'.split(' '),
);
const FIELDS = new Set(['DAY', 'HOUR', 'MINUTE', 'SECOND', 'YEAR', 'MONTH']);
/** PostgreSQL keeps 63 bytes of a name. */
const NAME_LENGTH = 60;

/** Oracle calls a column without a name after its own text, in upper case and without its spaces. */
export function nameColumns(rewriter: Rewriter): void {
  let index = rewriter.solid(0);
  if (rewriter.is(index, 'WITH')) index = rewriter.find(index + 1, rewriter.end, 'SELECT');
  while (rewriter.is(index, '(')) index = rewriter.next(index);
  if (!rewriter.is(index, 'SELECT')) return;
  let from = rewriter.next(index);
  if (rewriter.is(from, 'DISTINCT', 'ALL', 'UNIQUE')) from = rewriter.next(from);
  const end = rewriter.blockEnd(from, 'FROM', 'UNION', 'MINUS', 'INTERSECT', 'EXCEPT', 'ORDER', 'FETCH');
  for (const item of rewriter.split(from, Math.min(end, rewriter.end))) nameColumn(rewriter, item);
}

function nameColumn(rewriter: Rewriter, [from, to]: Range): void {
  const items = rewriter.tokens.slice(from, to).filter(({ kind }) => kind !== 'space');
  const last = items.at(-1);
  const before = items.at(-2);
  if (last === undefined) return;
  if (last.kind === 'op' && last.value === '*' && (items.length === 1 || before?.value === '.')) return;
  const isName = last.kind === 'quoted' || (last.kind === 'word' && last.value !== 'END');
  const isSequence = before?.value === '.' && (last.value === 'NEXTVAL' || last.value === 'CURRVAL');
  if (items.length === 1 && isName && !(last.kind === 'word' && isPseudo(last.value))) return;
  // INTERVAL '3' DAY ends with a word that is no name.
  const isField =
    before?.kind === 'string' && FIELDS.has(last.value) && items.some(({ value }) => value === 'INTERVAL');
  if (before !== undefined && isName && !isSequence && !isField) {
    const isColumn = before.kind === 'op' && before.value === '.' && last.value !== 'ROWID';
    const isAlias =
      before.kind === 'op' ? before.value === ')' : !(before.kind === 'word' && NO_ALIAS_BEHIND.has(before.value));
    if (isColumn || isAlias) return;
  }
  const text = items.map(({ text: own }) => own.replaceAll(/\s/g, '').toUpperCase()).join('');
  rewriter.insert(to, ` AS ${quotedName(isSequence ? last.value : text.slice(0, NAME_LENGTH))} `);
}

const isPseudo = (word: string): boolean =>
  Object.hasOwn(PSEUDO_COLUMNS, word) ||
  word === 'ROWNUM' ||
  word === 'NULL' ||
  word === 'TRUE' ||
  word === 'FALSE' ||
  word === 'LEVEL';

/** ROWNUM <= n among conditions is a limit of its query block, or of the rows that a change may touch. */
export function limitByRownum(rewriter: Rewriter): void {
  for (let index = 0; index < rewriter.end; index++) {
    const operator = rewriter.next(index);
    const value = rewriter.next(operator);
    if (!rewriter.is(index, 'ROWNUM') || !rewriter.is(rewriter.previous(index), 'WHERE', 'AND')) continue;
    const kind = rewriter.at(value)?.kind;
    if (!rewriter.is(operator, '<=', '<', '=') || (kind !== 'number' && kind !== 'bind')) continue;
    const end = rewriter.blockEnd(value + 1, 'FOR', 'UNION', 'MINUS', 'INTERSECT', 'RETURNING', 'RETURN');
    const minusOne = rewriter.is(operator, '<') ? ' - 1' : '';
    const isChange = limitsChange(rewriter, index);
    rewriter.replace(index, 'TRUE');
    rewriter.drop(index + 1, value + 1);
    const at = Math.min(end, rewriter.end);
    rewriter.insert(at, ' LIMIT (');
    if (kind === 'bind') rewriter.insertBind(at, value, 'bigint');
    else rewriter.insert(at, rewriter.at(value)?.value ?? '');
    rewriter.insert(at, `${minusOne})${isChange ? ')' : ''} `);
  }
}

/** UPDATE and DELETE have no limit in PostgreSQL: the rows are chosen by a query, and changed by their place. */
function limitsChange(rewriter: Rewriter, rownum: number): boolean {
  const verb = rewriter.solid(0);
  if (!rewriter.is(verb, 'DELETE', 'UPDATE')) return false;
  const where = rewriter.find(verb + 1, rewriter.end, 'WHERE');
  if (where < 0 || where > rownum || rewriter.blockEnd(where + 1) !== rewriter.blockEnd(rownum)) return false;
  const afterVerb = rewriter.next(verb);
  const target = rewriter.is(afterVerb, 'FROM') ? rewriter.next(afterVerb) : afterVerb;
  const targetEnd = rewriter.is(verb, 'UPDATE') ? rewriter.find(target, rewriter.end, 'SET') : where;
  const names = rewriter.tokens
    .slice(target, targetEnd)
    .map((token) => (token.kind === 'space' ? ' ' : token.kind === 'op' ? '.' : nameOf(token)));
  rewriter.insert(rewriter.next(where), `ctid IN (SELECT ctid FROM ${names.join('')} WHERE `);
  return true;
}

export const rownum: Rule = (rewriter, index) => {
  if (!rewriter.is(index, 'ROWNUM')) return undefined;
  rewriter.put('row_number() over ()', index);
  return index;
};

/** FROM DUAL CONNECT BY LEVEL <= n, and nothing else. */
export const connectBy: Rule = (rewriter, index) => {
  const by = rewriter.sequence(index, 'CONNECT', 'BY');
  if (by < 0) return undefined;
  const level = rewriter.next(by);
  const operator = rewriter.next(level);
  if (!rewriter.is(level, 'LEVEL') || !rewriter.is(operator, '<=', '<')) {
    throw new OraError(3001, 'unimplemented feature: CONNECT BY', rewriter.positionOf(index));
  }
  const end = Math.min(
    rewriter.blockEnd(operator + 1, 'ORDER', 'GROUP', 'UNION', 'MINUS', 'INTERSECT', 'EXCEPT', 'FETCH', 'OFFSET'),
    rewriter.end,
  );
  if (!rewriter.takeBack('dual'))
    throw new OraError(3001, 'unimplemented feature: CONNECT BY', rewriter.positionOf(index));
  rewriter.put('generate_series(1::numeric, (', index);
  rewriter.emit(operator + 1, end);
  // Without a stop there would be a row in Oracle as well: the root is always there.
  rewriter.put(`)::numeric${rewriter.is(operator, '<') ? ' - 1' : ''}) AS level `, index);
  return end - 1;
};

/** Behind an inline view that has no name. */
export const inlineViews: Rule = (rewriter, index) => {
  if (!rewriter.is(index, ')')) return undefined;
  rewriter.putToken(index);
  const open = rewriter.open(index);
  const before = rewriter.previous(open);
  const isView = rewriter.is(rewriter.next(open), 'SELECT', 'WITH', 'VALUES');
  const isTable = rewriter.is(before, 'FROM', 'JOIN') || (rewriter.is(before, ',') && isInFrom(rewriter, before));
  const next = rewriter.next(index);
  const hasName = rewriter.isName(next) && !rewriter.is(next, ...AFTER_TABLE);
  if (isView && isTable && !hasName) rewriter.put(` ${rewriter.freshName()}`, index);
  return index;
};

/** Is this comma one of a list of tables, and not of columns? */
export function isInFrom(rewriter: Rewriter, comma: number): boolean {
  let depth = 0;
  for (let index = comma - 1; index >= 0; index--) {
    if (rewriter.is(index, ')')) depth++;
    else if (rewriter.is(index, '(') && --depth < 0) return false;
    if (depth > 0) continue;
    if (rewriter.is(index, 'FROM')) return true;
    if (rewriter.is(index, 'SELECT', 'BY', 'WHERE', 'SET', 'VALUES', 'INTO')) return false;
  }
  return false;
}

/** FOR UPDATE [OF columns] [NOWAIT | WAIT n | SKIP LOCKED]: PostgreSQL's OF names tables, and it cannot wait a while. */
export const forUpdate: Rule = (rewriter, index) => {
  const update = rewriter.sequence(index, 'FOR', 'UPDATE');
  if (update < 0) return undefined;
  rewriter.forUpdate = true;
  rewriter.put('FOR UPDATE', index);
  let at = rewriter.next(update);
  if (rewriter.is(at, 'OF')) {
    const columnsEnd = rewriter.find(at + 1, rewriter.end, 'NOWAIT', 'WAIT', 'SKIP');
    const end = columnsEnd < 0 ? rewriter.end : columnsEnd;
    const tables = rewriter.split(at + 1, end).flatMap(([from]) => {
      const chain = rewriter.chain(rewriter.solid(from));
      const table = chain.at(-2);
      return table === undefined ? [] : [rewriter.at(table)];
    });
    const names = new Set(tables.flatMap((token) => (token === undefined ? [] : [nameOf(token)])));
    if (names.size > 0) rewriter.put(` OF ${[...names].join(', ')}`, index);
    at = rewriter.solid(end);
  }
  if (rewriter.is(at, 'WAIT')) {
    const seconds = Number(rewriter.at(rewriter.next(at))?.value);
    if (seconds === 0) rewriter.put(' NOWAIT', index);
    else rewriter.lockTimeoutMs = seconds * 1_000;
    return rewriter.next(at);
  }
  rewriter.put(' ', index);
  return at - 1;
};

/** FETCH FIRST :n ROWS, OFFSET :n ROWS: PostgreSQL takes an expression in parentheses only. */
export const rowLimits: Rule = (rewriter, index) => {
  if (rewriter.at(index)?.kind !== 'bind' || !rewriter.is(rewriter.previous(index), 'FIRST', 'NEXT', 'OFFSET'))
    return undefined;
  rewriter.put('(', index);
  rewriter.putBind(index, 'bigint');
  rewriter.put(')', index);
  return index;
};

export const setOperators: Rule = (rewriter, index) => {
  if (rewriter.is(index, 'MINUS')) rewriter.put('EXCEPT', index);
  else if (rewriter.is(index, 'UNIQUE') && rewriter.is(rewriter.previous(index), 'SELECT'))
    rewriter.put('DISTINCT', index);
  else return undefined;
  return index;
};
