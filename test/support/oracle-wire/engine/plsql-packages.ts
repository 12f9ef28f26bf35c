/**
 * The procedures of Oracle's packages that blocks may call: sleeping, tracing, output, raising. An answer that is an array
 * holds the values of OUT arguments, by position. Everything else is a stored procedure, or PLS-00201.
 */
import { OraError } from '../backend.js';
import type { SqlCursor, SqlValue } from '../backend.js';
import type { EngineSession } from './engine-session.js';
import { textOf } from './plsql-values.js';

export interface CallContext {
  readonly session: EngineSession;
  /** The text of the block: for whoever looks for a running statement by its words. */
  readonly source: string;
  /** DBMS_OUTPUT's lines. */
  readonly output: string[];
  readonly implicitResults: SqlCursor[];
}

/** `values` are the arguments by position; those with a name come in `named`. */
export type PackagedProcedure = (
  values: readonly SqlValue[],
  context: CallContext,
  named: ReadonlyMap<string, SqlValue>,
) => Promise<readonly (SqlValue | undefined)[] | void>;

const nothing: PackagedProcedure = async () => undefined;

const sleep: PackagedProcedure = async ([seconds], { session, source }) => {
  session.throwIfCancelled();
  const comment = source.replaceAll(/\/\*|\*\//g, ' ');
  await session.transaction.run(`SELECT pg_sleep(${Number(seconds)}) /* ${comment} */`);
};

/** Constants of packages, which an expression may name. */
export const PACKAGE_CONSTANTS: Readonly<Record<string, string>> = {
  'DBMS_SESSION.FREE_ALL_RESOURCES': '1',
  'DBMS_SESSION.REINITIALIZE': '2',
  'DBMS_SQL.NATIVE': '1',
  'DBMS_SQL.V7': '2',
};

export const PACKAGES: Readonly<Record<string, PackagedProcedure>> = {
  'DBMS_SESSION.SLEEP': sleep,
  'DBMS_LOCK.SLEEP': sleep,
  RAISE_APPLICATION_ERROR: async ([code, message]) => {
    const number = -Number(code);
    if (number < 20_000 || number > 20_999) {
      throw new OraError(21000, `error number argument to raise_application_error of ${textOf(code)} is out of range`);
    }
    throw new OraError(number, textOf(message));
  },
  'DBMS_APPLICATION_INFO.SET_MODULE': async ([module, action], { session }) => {
    await session.setAttribute('module', textOf(module));
    await session.setAttribute('action', textOf(action));
  },
  'DBMS_APPLICATION_INFO.SET_ACTION': async ([action], { session }) => session.setAttribute('action', textOf(action)),
  'DBMS_APPLICATION_INFO.SET_CLIENT_INFO': async ([info], { session }) =>
    session.setAttribute('client_info', textOf(info)),
  'DBMS_APPLICATION_INFO.READ_MODULE': async (_values, { session }) => [
    session.settings.get('ora.module') ?? null,
    session.settings.get('ora.action') ?? null,
  ],
  'DBMS_SESSION.SET_IDENTIFIER': async ([id], { session }) => session.setAttribute('client_identifier', textOf(id)),
  'DBMS_SESSION.CLEAR_IDENTIFIER': async (_values, { session }) => session.setAttribute('client_identifier', ''),
  'DBMS_SESSION.RESET_PACKAGE': nothing,
  'DBMS_SESSION.MODIFY_PACKAGE_STATE': nothing,
  'DBMS_STATS.GATHER_TABLE_STATS': nothing,
  'DBMS_STATS.GATHER_SCHEMA_STATS': nothing,
  'DBMS_OUTPUT.ENABLE': nothing,
  'DBMS_OUTPUT.DISABLE': nothing,
  'DBMS_OUTPUT.PUT_LINE': async ([line], { output }) => {
    output.push(textOf(line));
  },
  'DBMS_OUTPUT.GET_LINE': async (_values, { output }) => {
    const line = output.shift();
    return [line ?? null, line === undefined ? '1' : '0'];
  },
  'DBMS_SQL.RETURN_RESULT': async ([cursor], { implicitResults }) => {
    if (typeof cursor !== 'object' || cursor === null || !('rows' in cursor))
      throw new OraError(1001, 'invalid cursor');
    implicitResults.push(cursor);
  },
};
