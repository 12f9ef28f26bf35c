/** PostgreSQL's words for transactions (manual, BEGIN and SAVEPOINT). Shared with the pglite room. */
import type { BeginOptions, TransactionStatements } from '../driver.js';

/** It is written into a statement. 55 characters, where a name may have 63. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

export const postgresTransactions: TransactionStatements = {
  hasDeferrable: true,
  begin(options: BeginOptions): string {
    const isolation = options.isolation === undefined ? '' : ` isolation level ${options.isolation}`;
    const access = options.readOnly === undefined ? '' : options.readOnly ? ' read only' : ' read write';
    const deferrable = options.deferrable === true ? ' deferrable' : '';
    return `begin${isolation}${access}${deferrable}`;
  },
  /** Until its end `pg_stat_activity`, and the server's log with `%a`, show it as the session's name. */
  tellTrace: (carrier) => (TRACEPARENT.test(carrier) ? `set local application_name = '${carrier}'` : undefined),
  commit: 'commit',
  rollback: 'rollback',
  savepoint: (name) => `savepoint ${name}`,
  rollbackTo: (name) => `rollback to savepoint ${name}`,
  releaseSavepoint: (name) => `release savepoint ${name}`,
};
