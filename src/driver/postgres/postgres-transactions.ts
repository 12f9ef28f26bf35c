/** PostgreSQL's words for transactions (manual, BEGIN and SAVEPOINT). Shared with the pglite room. */
import type { BeginOptions, TransactionStatements } from '../driver.js';

export const postgresTransactions: TransactionStatements = {
  hasDeferrable: true,
  begin(options: BeginOptions): string {
    const isolation = options.isolation === undefined ? '' : ` isolation level ${options.isolation}`;
    const access = options.readOnly === undefined ? '' : options.readOnly ? ' read only' : ' read write';
    const deferrable = options.deferrable === true ? ' deferrable' : '';
    return `begin${isolation}${access}${deferrable}`;
  },
  commit: 'commit',
  rollback: 'rollback',
  savepoint: (name) => `savepoint ${name}`,
  rollbackTo: (name) => `rollback to savepoint ${name}`,
  releaseSavepoint: (name) => `release savepoint ${name}`,
};
