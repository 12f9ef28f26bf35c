/** COMMIT, ROLLBACK [TO], SAVEPOINT, SET TRANSACTION and SET CONSTRAINTS, as Oracle words them and as it refuses them. */
import { OraError } from '../backend.js';
import type { SqlResult } from '../backend.js';
import type { ParsedStatement } from '../sql-scan.js';
import type { EngineTransaction } from './engine-transaction.js';
import type { OracleVersion } from './rewriter.js';
import { rolledBack, toOraError } from './sqlstates.js';

const DONE: SqlResult = { rowCounts: [0] };
/** Of constraints that wait for COMMIT. */
const DEFERRED: ReadonlySet<number> = new Set([1, 2291, 2292]);

export async function commitTransaction(transaction: EngineTransaction, version: OracleVersion): Promise<void> {
  try {
    await transaction.commit();
  } catch (error) {
    const cause = toOraError(error, { verb: 'COMMIT', version });
    throw DEFERRED.has(cause.code) ? rolledBack(cause) : cause;
  }
}

export async function rollBackBy({ sql }: ParsedStatement, transaction: EngineTransaction): Promise<SqlResult> {
  const name = /^\s*ROLLBACK(?:\s+WORK)?\s+TO\s+(?:SAVEPOINT\s+)?"?([\w$#]+)"?/i.exec(sql)?.[1];
  if (name === undefined) await transaction.rollback();
  else await transaction.rollbackTo(name);
  return DONE;
}

export async function savepoint({ tokens }: ParsedStatement, transaction: EngineTransaction): Promise<SqlResult> {
  const [, name] = tokens.filter(({ kind }) => kind === 'word' || kind === 'quoted');
  if (name === undefined) throw new OraError(3001, 'unimplemented feature: SAVEPOINT without a name');
  await transaction.savepoint(name.value);
  return DONE;
}

/** It begins the transaction. */
export async function setTransaction({ sql }: ParsedStatement, transaction: EngineTransaction): Promise<SqlResult> {
  if (transaction.isOpen) throw new OraError(1453, 'SET TRANSACTION must be first statement of transaction');
  const isReadOnly = /\bREAD\s+ONLY\b/i.test(sql);
  const hasSnapshot = isReadOnly || /\bSERIALIZABLE\b/i.test(sql);
  if (!hasSnapshot && !/\bREAD\s+(WRITE|COMMITTED)\b|\bNAME\b|\bROLLBACK\s+SEGMENT\b/i.test(sql)) {
    throw new OraError(900, 'invalid SQL statement');
  }
  await transaction.begin(`${hasSnapshot ? ' ISOLATION LEVEL REPEATABLE READ' : ''}${isReadOnly ? ' READ ONLY' : ''}`);
  // What it sees is of now, and not of its first query.
  if (hasSnapshot) await transaction.run('SELECT 1');
  return DONE;
}

/** Outside of a transaction there is nothing that could wait. */
export async function setConstraints(
  { sql, verb }: ParsedStatement,
  transaction: EngineTransaction,
  version: OracleVersion,
): Promise<SqlResult> {
  if (!transaction.isOpen) return DONE;
  try {
    await transaction.run(sql.replace(/constraint\b/i, 'constraints'), [], { changes: true });
  } catch (error) {
    throw toOraError(error, { verb, sql, version });
  }
  return DONE;
}
