/**
 * Functions, packages and pseudo-columns that PostgreSQL calls otherwise. Most have a namesake in the schema `ora`
 * (bootstrap-functions.ts); what is no function there is written out here.
 */
import { literal, nameOf } from './names.js';
import { CLOB_LENGTH } from './rewrite-types.js';
import type { Rewriter, Rule } from './rewriter.js';

/** Without parentheses, and no column. */
export const PSEUDO_COLUMNS: Readonly<Record<string, string>> = {
  SYSDATE: 'ora.sysdate()',
  CURRENT_DATE: 'ora.current_date()',
  SYSTIMESTAMP: 'statement_timestamp()',
  CURRENT_TIMESTAMP: 'statement_timestamp()',
  LOCALTIMESTAMP: 'statement_timestamp()::timestamp',
  USER: 'ora.username()',
  UID: '101',
  ROWID: 'ctid',
  SESSIONTIMEZONE: 'ora.session_time_zone()',
  DBTIMEZONE: "'+00:00'::varchar",
};

/** Of the same name in `ora`: PostgreSQL's own would be found first where the types of its arguments fit better. */
const IN_ORA = new Set(
  `TO_CHAR TO_CLOB TO_BLOB TO_NUMBER TO_DATE TO_TIMESTAMP TO_TIMESTAMP_TZ TO_BINARY_DOUBLE TO_BINARY_FLOAT LENGTH LENGTHB SUBSTR INSTR
   REPLACE LPAD RPAD LTRIM RTRIM CONCAT TRUNC ROUND POWER SQRT EXP LN BITAND MOD SYS_GUID HEXTORAW RAWTOHEX STANDARD_HASH ORA_HASH
   EMPTY_CLOB EMPTY_BLOB ADD_MONTHS LAST_DAY MONTHS_BETWEEN NUMTODSINTERVAL TO_DSINTERVAL SYS_CONTEXT`.split(/\s+/),
);
const ELSEWHERE: Readonly<Record<string, string>> = {
  NVL: 'COALESCE',
  SUBSTRB: 'ora.substr',
  CHR: 'chr',
  NLS_UPPER: 'upper',
  NLS_LOWER: 'lower',
  STDDEV: 'stddev',
};
/** Functions of packages, which PostgreSQL would take for functions of a schema. */
const PACKAGED: Readonly<Record<string, string>> = {
  'DBMS_RANDOM.VALUE': 'ora.random',
  'DBMS_LOB.GETLENGTH': 'ora.length',
  'DBMS_LOB.SUBSTR': 'ora.substr',
  'DBMS_UTILITY.GET_TIME': 'ora.get_time',
  'DBMS_TRANSACTION.LOCAL_TRANSACTION_ID': 'ora.local_transaction_id',
  'DBMS_DEBUG_JDWP.CURRENT_SESSION_ID': 'ora.session_sid',
  'DBMS_DEBUG_JDWP.CURRENT_SESSION_SERIAL': 'ora.session_serial',
  'UTL_RAW.CAST_TO_RAW': 'ora.cast_to_raw',
  'UTL_RAW.CAST_TO_VARCHAR2': 'ora.cast_to_varchar2',
};

type Call = (rewriter: Rewriter, index: number, open: number) => number | undefined;

/** The first argument, as something whose description tells its type: a function's result would not. */
const cast =
  (type: string): Call =>
  (rewriter, index, open) => {
    const [value] = rewriter.arguments(open);
    if (value === undefined) return undefined;
    rewriter.put('CAST(', index);
    rewriter.emit(...value);
    rewriter.put(` AS ${type})`, index);
    return rewriter.close(open);
  };

const CALLS: Readonly<Record<string, Call>> = {
  DECODE: (rewriter, index, open) => {
    const [subject, ...cases] = rewriter.arguments(open);
    if (subject === undefined) return undefined;
    rewriter.put('CASE', index);
    for (let at = 0; at + 1 < cases.length; at += 2) {
      const [when, then] = [cases[at], cases[at + 1]];
      if (when === undefined || then === undefined) break;
      rewriter.put(' WHEN (', index);
      rewriter.emit(...subject);
      // NULL is NULL's equal here, and nowhere else.
      rewriter.put(') IS NOT DISTINCT FROM (', index);
      rewriter.emit(...when);
      rewriter.put(') THEN ', index);
      rewriter.emit(...then);
    }
    const otherwise = cases.length % 2 === 1 ? cases.at(-1) : undefined;
    if (otherwise !== undefined) {
      rewriter.put(' ELSE ', index);
      rewriter.emit(...otherwise);
    }
    rewriter.put(' END', index);
    return rewriter.close(open);
  },

  NVL2: (rewriter, index, open) => {
    const [subject, some, none] = rewriter.arguments(open);
    if (subject === undefined || some === undefined || none === undefined) return undefined;
    rewriter.put('CASE WHEN (', index);
    rewriter.emit(...subject);
    rewriter.put(') IS NOT NULL THEN ', index);
    rewriter.emit(...some);
    rewriter.put(' ELSE ', index);
    rewriter.emit(...none);
    rewriter.put(' END', index);
    return rewriter.close(open);
  },

  LISTAGG: (rewriter, index, open) => {
    const [value, separator] = rewriter.arguments(open);
    if (value === undefined) return undefined;
    rewriter.put('string_agg((', index);
    rewriter.emit(...value);
    rewriter.put(')::text, ', index);
    if (separator === undefined) rewriter.put("''", index);
    else rewriter.emit(...separator);
    let last = rewriter.close(open);
    const within = rewriter.sequence(rewriter.next(last), 'WITHIN', 'GROUP');
    if (within >= 0) {
      const order = rewriter.next(within);
      rewriter.put(' ', index);
      rewriter.emit(order + 1, rewriter.close(order));
      last = rewriter.close(order);
    }
    rewriter.put(')', index);
    return last;
  },

  JSON_SERIALIZE: cast('text'),
  TO_YMINTERVAL: cast('interval year to month'),

  /** A number of years or months. */
  NUMTOYMINTERVAL: (rewriter, index, open) => {
    const [amount, unit] = rewriter.arguments(open);
    if (amount === undefined || unit === undefined) return undefined;
    rewriter.put('CAST(((', index);
    rewriter.emit(...amount);
    rewriter.put(") OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) (", index);
    rewriter.emit(...unit);
    rewriter.put(')) AS interval year to month)', index);
    return rewriter.close(open);
  },

  /** The constructor of 23ai. */
  JSON: cast('json'),

  /** The columns' own types are the text's, the number's and the moment's: none of them is a text by itself. */
  TO_CLOB: cast(`varchar(${CLOB_LENGTH})`),
};

/** `seq.NEXTVAL`, `owner.seq.CURRVAL`, and the functions of packages. */
export const dottedNames: Rule = (rewriter, index) => {
  if (!rewriter.isName(index) || !rewriter.is(rewriter.next(index), '.') || rewriter.is(rewriter.previous(index), '.'))
    return undefined;
  const chain = rewriter.chain(index);
  const last = chain.at(-1) ?? index;
  if (rewriter.is(last, 'NEXTVAL', 'CURRVAL')) {
    const names = chain.slice(0, -1).flatMap((at) => rewriter.at(at) ?? []);
    rewriter.put(`${rewriter.at(last)?.value.toLowerCase()}(${literal(names.map(nameOf).join('.'))})`, index);
    return last;
  }
  const packaged = PACKAGED[chain.map((at) => rewriter.at(at)?.value).join('.')];
  if (packaged === undefined) return undefined;
  rewriter.put(rewriter.is(rewriter.next(last), '(') ? packaged : `${packaged}()`, index);
  return last;
};

/** What stands behind a dot is a name of its own. */
export const qualifiedNames: Rule = (rewriter, index) => {
  if (!rewriter.isName(index) || !rewriter.is(rewriter.previous(index), '.')) return undefined;
  if (rewriter.is(index, 'ROWID')) rewriter.put('ctid', index);
  else rewriter.putToken(index);
  return index;
};

export const functionCalls: Rule = (rewriter, index) => {
  const open = rewriter.next(index);
  const name = rewriter.at(index)?.value ?? '';
  if (!rewriter.isWord(index) || !rewriter.is(open, '(')) return undefined;
  const written = Object.hasOwn(CALLS, name) ? CALLS[name]?.(rewriter, index, open) : undefined;
  if (written !== undefined) return written;
  if (name in PSEUDO_COLUMNS && name.endsWith('TIMESTAMP')) {
    // A precision, which the type says as well.
    rewriter.put(PSEUDO_COLUMNS[name] ?? '', index);
    return rewriter.close(open);
  }
  const elsewhere = IN_ORA.has(name) ? `ora.${name.toLowerCase()}` : ELSEWHERE[name];
  if (elsewhere === undefined || rewriter.is(rewriter.previous(index), 'INTO', 'TABLE', 'VIEW', 'UPDATE'))
    return undefined;
  rewriter.put(elsewhere, index);
  return index;
};

/** `rowid = :1`: a row's address is a text for the client, and of a type of its own for PostgreSQL. */
export const rowidValues: Rule = (rewriter, index) => {
  const kind = rewriter.at(index)?.kind;
  const equals = rewriter.previous(index);
  if (
    (kind !== 'bind' && kind !== 'string') ||
    !rewriter.is(equals, '=') ||
    !rewriter.is(rewriter.previous(equals), 'ROWID')
  )
    return undefined;
  rewriter.put('ora.tid_of(', index);
  if (kind === 'bind') rewriter.putBind(index, 'text');
  else rewriter.putToken(index);
  rewriter.put(')', index);
  return index;
};

export const pseudoColumns: Rule = (rewriter, index) => {
  const name = rewriter.at(index)?.value ?? '';
  if (!rewriter.isWord(index) || !Object.hasOwn(PSEUDO_COLUMNS, name)) return undefined;
  // A name that somebody gives: AS user, and user = in SET.
  if (rewriter.is(rewriter.previous(index), 'AS', 'USER', 'CREATE', 'DROP', 'ALTER')) return undefined;
  rewriter.put(PSEUDO_COLUMNS[name] ?? '', index);
  return index;
};

/** PostgreSQL's || takes almost anything: what has no type by itself gets the one that Oracle gives it. */
export const concatenated: Rule = (rewriter, index) => {
  const token = rewriter.at(index);
  if (token === undefined || (!rewriter.is(rewriter.previous(index), '||') && !rewriter.is(rewriter.next(index), '||')))
    return undefined;
  if (token.kind === 'string' || rewriter.is(index, 'NULL')) {
    rewriter.putToken(index);
    rewriter.put('::text', index);
  } else if (token.kind === 'number') {
    rewriter.putToken(index);
    rewriter.put('::numeric', index);
  } else if (token.kind === 'bind') rewriter.putTextBind(index);
  else return undefined;
  return index;
};

/** Oracle's year -4712 is 4712 BC. */
const inEra = (text: string): string => (/^-\d/.test(text.trim()) ? `${text.trim().slice(1)} BC` : text);

/** DATE '2024-01-01' is a DATE, not a day; an interval of days and seconds says so. */
export const literals: Rule = (rewriter, index) => {
  const next = rewriter.next(index);
  if (rewriter.at(next)?.kind !== 'string' || !rewriter.isWord(index)) return undefined;
  if (rewriter.is(index, 'DATE')) {
    rewriter.put(`${literal(inEra(rewriter.at(next)?.value ?? ''))}::ora.odate`, index);
    return next;
  }
  if (rewriter.is(index, 'TIMESTAMP')) {
    const text = rewriter.at(next)?.value ?? '';
    const hasZone = /\d\s*[+-]\d{1,2}(:?\d\d)?$|[A-Za-z]$/.test(text);
    rewriter.put(`${literal(text)}::${hasZone ? 'timestamptz' : 'timestamp'}`, index);
    return next;
  }
  if (!rewriter.is(index, 'INTERVAL')) return undefined;
  const from = rewriter.next(next);
  if (!rewriter.is(from, 'DAY', 'HOUR', 'MINUTE', 'SECOND', 'YEAR', 'MONTH')) return undefined;
  const afterFrom = rewriter.next(from);
  const to = rewriter.is(afterFrom, '(') ? rewriter.next(rewriter.close(afterFrom)) : afterFrom;
  const lastField = rewriter.is(to, 'TO') ? rewriter.next(to) : from;
  const precision = rewriter.next(lastField);
  const first = rewriter.at(from)?.value.toLowerCase();
  rewriter.put(`interval ${literal(rewriter.at(next)?.value ?? '')} ${first}`, index);
  if (lastField !== from) rewriter.put(` to ${rewriter.at(lastField)?.value.toLowerCase()}`, index);
  if (rewriter.is(precision, '(')) return rewriter.close(precision);
  return lastField === from && rewriter.is(afterFrom, '(') ? rewriter.close(afterFrom) : lastField;
};
