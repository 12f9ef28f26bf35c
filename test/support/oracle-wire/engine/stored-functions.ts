/**
 * CREATE FUNCTION: a stored function that SQL can call has to live in PostgreSQL, so its PL/SQL becomes PL/pgSQL, which is
 * close enough for small bodies: assignments, IF, loops, SELECT INTO, RETURN, sleeping and RAISE_APPLICATION_ERROR.
 */
import { OraError } from '../backend.js';
import { parseStatement, tokenize } from '../sql-scan.js';
import { nameOf } from './names.js';
import { typeAt } from './rewrite-types.js';
import type { OracleVersion } from './rewriter.js';
import { TokenReader } from './token-reader.js';
import { translate } from './translate.js';

/** A SQLSTATE of our own, with the number in the detail: sqlstates.ts reads it. */
export const APPLICATION_ERROR = 'OR001';

const TYPE = /^(varchar|char)\([^)]*\)$/;

/** The definition for PostgreSQL. */
export function functionDefinition(source: string, version: OracleVersion): string {
  const reader = new TokenReader(tokenize(source));
  const keyword = reader.find(0, reader.length, 'FUNCTION');
  const chain = reader.chain(reader.next(keyword));
  const name = chain
    .flatMap((index) => reader.at(index) ?? [])
    .map(nameOf)
    .join('.');
  const open = reader.next(chain.at(-1) ?? keyword);
  const parameters = reader.is(open, '(') ? reader.arguments(open) : [];
  const returns = reader.find(reader.is(open, '(') ? reader.close(open) + 1 : open, reader.length, 'RETURN');
  const is = reader.find(returns + 1, reader.length, 'IS', 'AS');
  const begin = reader.find(is + 1, reader.length, 'BEGIN');
  if (returns < 0 || is < 0 || begin < 0)
    throw new OraError(6550, 'line 1, column 1:\nPLS-00103: no function that this server understands');
  const type = (from: number): string => {
    const at = reader.is(reader.solid(from), 'IN') ? reader.next(reader.solid(from)) : reader.solid(from);
    // Lengths are nothing to a parameter.
    const unsized = reader.is(at, 'VARCHAR2', 'CHAR', 'NVARCHAR2', 'VARCHAR')
      ? 'varchar'
      : typeAt(reader, at, { in: 'cast', version })?.text;
    if (unsized === undefined) throw new OraError(902, 'invalid datatype', reader.at(at)?.pos);
    return unsized.replace(TYPE, 'varchar');
  };
  const list = parameters.map(([from]) => {
    const parameter = reader.solid(from);
    const token = reader.at(parameter);
    return `${token === undefined ? '' : nameOf(token)} ${type(reader.next(parameter))}`;
  });
  const declared = reader.split(is + 1, begin).length > 0 ? declarations(reader, is + 1, begin, type) : '';
  const body = `${declared}BEGIN ${statements(reader, begin + 1, version)}`;
  return `CREATE OR REPLACE FUNCTION ${name}(${list.join(', ')}) RETURNS ${type(returns + 1)} LANGUAGE plpgsql AS $ora$${body}$ora$`;
}

function declarations(reader: TokenReader, from: number, to: number, type: (from: number) => string): string {
  const found: string[] = [];
  for (let at = reader.solid(from); at < to;) {
    const end = reader.find(at, to, ';');
    if (end < 0) break;
    const byDefault = reader.find(at, end, ':=', 'DEFAULT');
    const initial = byDefault < 0 ? '' : ` := ${reader.text(byDefault + 1, end)}`;
    found.push(`${reader.text(at, at + 1).toLowerCase()} ${type(reader.next(at))}${initial};`);
    at = reader.next(end);
  }
  return found.length === 0 ? '' : `DECLARE ${found.join(' ')} `;
}

/** Each statement by itself; what only begins something (IF … THEN) is an expression like others. */
function statements(reader: TokenReader, from: number, version: OracleVersion): string {
  let text = '';
  for (let at = reader.solid(from); at < reader.length;) {
    const end = reader.find(at, reader.length, ';');
    if (end < 0) break;
    text += `${statement(reader, at, end, version)};\n`;
    at = reader.next(end);
  }
  return text;
}

function statement(reader: TokenReader, from: number, to: number, version: OracleVersion): string {
  // What begins something has its first statement behind it.
  const lead = reader.is(from, 'IF', 'ELSIF', 'ELSE', 'WHILE', 'FOR', 'LOOP', 'BEGIN')
    ? reader.find(from, to, 'THEN', 'ELSE', 'LOOP', 'BEGIN')
    : -1;
  if (lead >= 0) {
    const beginning = translatedExpression(reader.text(from, lead + 1), version);
    return `${beginning} ${statement(reader, reader.next(lead), to, version)}`;
  }
  const chain = reader.isName(from) ? reader.chain(from) : [from];
  const name = chain.map((index) => reader.at(index)?.value).join('.');
  const open = reader.next(chain.at(-1) ?? from);
  const values = reader.is(open, '(') ? reader.arguments(open) : [];
  const value = (index: number): string =>
    translatedExpression(reader.text(...(values[index] ?? [from, from])), version);
  if (name === 'DBMS_SESSION.SLEEP' || name === 'DBMS_LOCK.SLEEP') return `PERFORM pg_sleep((${value(0)})::float8)`;
  if (name === 'RAISE_APPLICATION_ERROR') {
    return `RAISE EXCEPTION USING ERRCODE = '${APPLICATION_ERROR}', MESSAGE = ${value(1)}, DETAIL = (${value(0)})::text`;
  }
  if (reader.is(from, 'END')) return reader.is(reader.next(from), 'IF', 'LOOP') ? reader.text(from, to) : 'END';
  return translatedExpression(reader.text(from, to), version);
}

/** Functions and literals are those of SQL. */
const translatedExpression = (text: string, version: OracleVersion): string =>
  translate({ ...parseStatement(text), kind: 'other' }, { binds: [], castText: false, version }).text;
