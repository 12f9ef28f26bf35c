/**
 * MySQL's and MariaDB's words for transactions (manual, START TRANSACTION and SAVEPOINT).
 *
 * An isolation level can only be said before the transaction begins: `set transaction` holds for the next one. Said and begun
 * in two statements it is two round trips, and nothing may come between them; a driver sends `begin` as it stands.
 */
import type { BeginOptions, TransactionStatements } from '../driver.js';
import type { DriverQuery, DriverResult } from '../query.js';
import { commitsByItself } from './mysql-own-commits.js';

/** Both statements of a `begin` with an isolation level; the driver sends one after the other. */
export const BEGIN_SEPARATOR = '; ';

export const mysqlTransactions: TransactionStatements = {
  begin(options: BeginOptions): string {
    const access = options.readOnly === undefined ? '' : options.readOnly ? ' read only' : ' read write';
    const begin = `start transaction${access}`;
    if (options.isolation === undefined) return begin;
    return `set transaction isolation level ${options.isolation}${BEGIN_SEPARATOR}${begin}`;
  },
  commit: 'commit',
  rollback: 'rollback',
  savepoint: (name) => `savepoint ${name}`,
  rollbackTo: (name) => `rollback to savepoint ${name}`,
  releaseSavepoint: (name) => `release savepoint ${name}`,
  commitsByItself,
};

/** Both statements of a text that `mysqlTransactions.begin` made, one after the other; any other text as it is. */
export function sendStatements(
  query: DriverQuery,
  send: (query: DriverQuery) => Promise<DriverResult>,
): Promise<DriverResult> {
  const begin = splitBegin(query.text);
  return begin === undefined ? send(query) : sendBegin(query, begin, send);
}

async function sendBegin(
  query: DriverQuery,
  [isolation, begin]: readonly [isolation: string, begin: string],
  send: (query: DriverQuery) => Promise<DriverResult>,
): Promise<DriverResult> {
  await send({ ...query, text: isolation });
  return send({ ...query, text: begin });
}

/** The statements of a text that `mysqlTransactions.begin` made; `undefined` for any other. */
export function splitBegin(text: string): readonly [isolation: string, begin: string] | undefined {
  if (!text.startsWith('set transaction isolation level ')) return undefined;
  const at = text.indexOf(`${BEGIN_SEPARATOR}start transaction`);
  if (at === -1) return undefined;
  return [text.slice(0, at), text.slice(at + BEGIN_SEPARATOR.length)];
}
