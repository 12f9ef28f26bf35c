/**
 * PostgreSQL's errors as Oracle's: SQLSTATE to ORA number, with the text that Oracle would write, since libraries read names
 * out of it. Texts follow 23ai where they differ, and 19c where that is asked for. What has no counterpart is ORA-03001 with
 * PostgreSQL's own words: an ORA-00600 would make the client give up its connection.
 */
import { OraError } from '../backend.js';
import { oracleName, quotedParts } from './names.js';
import { EngineError } from './pg-link.js';
import type { ServerError } from './pg-link.js';
import { originalPosition } from './rewriter.js';
import type { OracleVersion, Translated } from './rewriter.js';

/** What was under way. */
export interface ErrorSituation {
  readonly verb: string;
  /** The client's text, and how it was translated. */
  readonly sql?: string;
  readonly translated?: Translated | undefined;
  readonly version: OracleVersion;
  /** SET TRANSACTION READ ONLY, which has a number of its own. */
  readonly isReadOnlyTransaction?: boolean;
}

interface Facts extends ErrorSituation {
  readonly server: ServerError;
  readonly at: number;
  /** The word of the client's text that the error points at. */
  readonly word: string;
  /** It points at the name of a sequence. */
  readonly isSequence: boolean;
}

type Answer = (facts: Facts) => OraError;

const VERBS = new Set(
  'SELECT WITH INSERT UPDATE DELETE MERGE CREATE ALTER DROP TRUNCATE GRANT REVOKE COMMENT LOCK SET SAVEPOINT BEGIN DECLARE CALL COMMIT ROLLBACK RENAME'.split(
    ' ',
  ),
);
const constraintName = ({ server }: Facts): string => `${oracleName(server.schema)}.${oracleName(server.constraint)}`;
const says =
  (code: number, message: string): Answer =>
  ({ at }) =>
    new OraError(code, message, at);

const ANSWERS: Readonly<Record<string, Answer>> = {
  '23505': unique,
  '23502': ({ server, verb }) => {
    const column = quotedParts(server.schema, server.table, server.column);
    return verb === 'UPDATE' || verb === 'MERGE'
      ? new OraError(1407, `cannot update (${column}) to NULL`)
      : new OraError(1400, `cannot insert NULL into (${column})`);
  },
  '23503': (facts) =>
    /update or delete on table/.test(facts.server.message)
      ? new OraError(2292, `integrity constraint (${constraintName(facts)}) violated - child record found`)
      : new OraError(2291, `integrity constraint (${constraintName(facts)}) violated - parent key not found`),
  '23514': (facts) => new OraError(2290, `check constraint (${constraintName(facts)}) violated`),
  '42P01': (facts) => new OraError(facts.isSequence ? 2289 : 942, missingTable(facts), facts.at),
  '3F000': says(942, 'table or view does not exist'),
  '42703': ({ server, word, at }) => {
    const name = /column "?(.+?)"? (?:of relation .* )?does not exist/.exec(server.message)?.[1] ?? word;
    return new OraError(904, `${quotedParts(...name.replaceAll('"', '').split('.'))}: invalid identifier`, at);
  },
  '42883': ({ server, word, at }) => {
    if (server.message.startsWith('operator'))
      return new OraError(932, 'inconsistent datatypes: expected NUMBER got CHAR', at);
    const name = /(?:function|procedure) ([^\s(]+)/.exec(server.message)?.[1] ?? word;
    return new OraError(904, `${quotedParts(...name.split('.'))}: invalid identifier`, at);
  },
  '42601': syntax,
  '42P07': says(955, 'name is already used by an existing object'),
  '42710': says(955, 'name is already used by an existing object'),
  '42701': says(957, 'duplicate column name'),
  '42702': ({ server, at }) =>
    new OraError(
      918,
      `${quotedParts(/reference "(.+?)"/.exec(server.message)?.[1])}: column ambiguously specified`,
      at,
    ),
  '42704': says(942, 'table or view does not exist'),
  '42803': says(979, 'not a GROUP BY expression'),
  '42804': says(932, 'inconsistent datatypes: expected NUMBER got CHAR'),
  '42809': says(942, 'table or view does not exist'),
  '42846': says(932, 'inconsistent datatypes: expected NUMBER got CHAR'),
  '42P10': says(904, 'invalid identifier'),
  '42P16': says(2260, 'table can have only one primary key'),
  '42830': says(2270, 'no matching unique or primary key for this column-list'),
  '21000': ({ verb, at }) =>
    verb === 'MERGE'
      ? new OraError(30926, 'unable to get a stable set of rows in the source tables', at)
      : new OraError(1427, 'single-row subquery returns more than one row', at),
  '22001': ({ server }) =>
    new OraError(
      12899,
      `value too large for column (actual: unknown, maximum: ${/\((\d+)\)/.exec(server.message)?.[1] ?? '?'})`,
    ),
  '22003': ({ server }) =>
    /precision/.test(`${server.message} ${server.detail ?? ''}`)
      ? new OraError(1438, 'value larger than specified precision allowed for this column')
      : new OraError(1426, 'numeric overflow'),
  '22012': says(1476, 'divisor is equal to zero'),
  '22P02': ({ server, at }) =>
    /uuid|json/.test(server.message)
      ? new OraError(40441, 'JSON syntax error', at)
      : new OraError(1722, 'unable to convert string value to a number', at),
  '22018': says(1722, 'unable to convert string value to a number'),
  '22007': says(1858, 'a non-numeric character was found where a numeric was expected'),
  '22008': says(1847, 'day of month must be between 1 and last day of month'),
  '22009': says(1882, 'timezone region not found'),
  '22023': says(1821, 'date format not recognized'),
  '2200H': says(8004, 'sequence NEXTVAL exceeds MAXVALUE and cannot be instantiated'),
  '2201F': says(1428, 'argument is out of range'),
  '2201E': says(1428, 'argument is out of range'),
  '22021': says(911, 'invalid character'),
  '40P01': says(60, 'deadlock detected while waiting for resource'),
  '40001': says(8177, "can't serialize access for this transaction"),
  '55P03': ({ server, at }) =>
    /lock timeout/.test(server.message)
      ? new OraError(30006, 'resource busy; acquire with WAIT timeout expired', at)
      : new OraError(54, 'resource busy and acquire with NOWAIT specified or timeout expired', at),
  '55006': says(54, 'resource busy and acquire with NOWAIT specified or timeout expired'),
  '55000': ({ server, at }) =>
    /currval/.test(server.message)
      ? new OraError(8002, 'sequence CURRVAL is not yet defined in this session', at)
      : unmapped(server),
  '57014': says(1013, 'user requested cancel of current operation'),
  '25006': ({ isReadOnlyTransaction }) =>
    isReadOnlyTransaction
      ? new OraError(1456, 'may not perform insert, delete, update operation inside a READ ONLY transaction')
      : new OraError(16000, 'database or pluggable database open for read-only access'),
  '28000': says(1045, 'user lacks CREATE SESSION privilege; logon denied'),
  '42501': permission,
  '2BP01': ({ server }) =>
    /view/.test(server.detail ?? '')
      ? new OraError(4021, 'timeout occurred while waiting to lock object')
      : new OraError(2449, 'unique/primary keys in table referenced by foreign keys'),
  '42P02': says(1008, 'not all variables bound'),
  '08P01': says(1008, 'not all variables bound'),
  '0A000': says(3001, 'unimplemented feature'),
  '54001': says(36, 'maximum number of recursive SQL levels exceeded'),
  '53300': says(20, 'maximum number of processes exceeded'),
  '53100': says(1653, 'unable to extend table in tablespace USERS'),
  '72000': says(1555, 'snapshot too old: rollback segment number with name "" too small'),
  '57P01': says(28, 'your session has been killed'),
  '57P02': says(3113, 'end-of-file on communication channel'),
  '08006': says(3113, 'end-of-file on communication channel'),
  '08003': says(3113, 'end-of-file on communication channel'),
  // RAISE_APPLICATION_ERROR in a stored function (stored-functions.ts): the number is in the detail.
  OR001: ({ server }) => new OraError(Math.abs(Number(server.detail)), `${server.message}\nORA-06512: at line 1`),
};

export function toOraError(error: unknown, situation: ErrorSituation): OraError {
  if (error instanceof OraError) return error;
  if (!(error instanceof EngineError)) {
    return new OraError(3001, `unimplemented feature: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { server } = error;
  const { sql = '', translated } = situation;
  const offset = server.position === undefined ? undefined : Number(server.position) - 1;
  const at = translated === undefined || offset === undefined ? 0 : originalPosition(translated, offset);
  const word = /^[\w$#]+/.exec(sql.slice(at))?.[0] ?? '';
  const isSequence = /\b(?:nextval|currval)\($/.test(translated?.text.slice(0, offset) ?? '');
  const isDefinition = situation.verb === 'ALTER' || situation.verb === 'CREATE';
  const answer = (isDefinition ? NOT_ENABLED[server.code ?? ''] : undefined) ?? ANSWERS[server.code ?? ''];
  if (answer !== undefined) return answer({ ...situation, server, at, word, isSequence });
  // The connection has gone, and nobody said why.
  if (server.code === undefined || /ECONN|EPIPE/.test(server.code))
    return new OraError(3113, 'end-of-file on communication channel');
  return unmapped(server);
}

const unmapped = ({ code, message }: ServerError): OraError =>
  new OraError(3001, `unimplemented feature: [engine ${code}] ${message}`);

/** A constraint that waited for COMMIT: the whole transaction is gone. */
/** A constraint that rows which are there already violate. */
const NOT_ENABLED: Readonly<Record<string, (facts: Facts) => OraError>> = {
  '23502': ({ server }) => new OraError(2296, `cannot enable (${oracleName(server.schema)}.) - null values found`),
  '23503': (facts) => new OraError(2298, `cannot validate (${constraintName(facts)}) - parent keys not found`),
  '23505': () => new OraError(1452, 'cannot CREATE UNIQUE INDEX; duplicate keys found'),
  '23514': (facts) => new OraError(2293, `cannot validate (${constraintName(facts)}) - check constraint violated`),
};

export function rolledBack(cause: OraError): OraError {
  return new OraError(2091, `transaction rolled back\n${cause.message}`);
}

function unique(facts: Facts): OraError {
  const { server, version } = facts;
  const violated = `unique constraint (${constraintName(facts)}) violated`;
  if (version < 23) return new OraError(1, violated);
  const key = /\((.*)\)=\((.*)\)/.exec(server.detail ?? '');
  const columns = (key?.[1] ?? '').split(', ').map((column) => oracleName(column.replaceAll('"', '')));
  const table = `${oracleName(server.schema)}.${oracleName(server.table)}`;
  return new OraError(
    1,
    `${violated} on table ${table} columns (${columns.join(', ')})\n` +
      `ORA-03301: (ORA-00001 details) row with column values (${columns.join(', ')}:${key?.[2] ?? ''}) already exists`,
  );
}

function missingTable({ server, word, version, isSequence }: Facts): string {
  if (isSequence) return 'sequence does not exist';
  if (version < 23) return 'table or view does not exist';
  const relation = /(?:relation|table|view|index) "(.+?)" does not exist/.exec(server.message)?.[1] ?? word;
  return `table or view ${quotedParts(...relation.replaceAll('"', '').split('.'))} does not exist`;
}

function syntax({ server, verb, at }: Facts): OraError {
  if (!VERBS.has(verb)) return new OraError(900, 'invalid SQL statement');
  if (/no parameter|there is no parameter/.test(server.message))
    return new OraError(1008, 'not all variables bound', at);
  if (/more expressions than target|more target columns/.test(server.message)) {
    return /more expressions/.test(server.message)
      ? new OraError(913, 'too many values', at)
      : new OraError(947, 'not enough values', at);
  }
  if (/at end of input/.test(server.message) || /at or near "(FROM|\)|,|WHERE)"/i.test(server.message)) {
    return new OraError(936, 'missing expression', at);
  }
  if (verb === 'CREATE' || verb === 'ALTER') return new OraError(922, 'missing or invalid option', at);
  return new OraError(933, 'SQL command not properly ended', at);
}

/** Whoever may not even read a table is not told that it exists. */
function permission({ server, verb, at, version }: Facts): OraError {
  const table = /for (?:table|view|sequence) (\S+)/.exec(server.message)?.[1];
  if (table === undefined || !['SELECT', 'WITH', 'LOCK'].includes(verb))
    return new OraError(1031, 'insufficient privileges', at);
  return new OraError(
    942,
    version < 23 ? 'table or view does not exist' : `table or view ${quotedParts(table)} does not exist`,
    at,
  );
}
