// A plain function as a backend without transactions.
import { OraError, type SessionInfo, type SqlBackend, type SqlResult, type SqlValue } from './backend.js';

/** Wraps a plain function as a backend without transactions (stub servers in unit tests). */
export function functionBackend(
  fn: (sql: string, binds: (SqlValue | SqlValue[])[], info: SessionInfo) => Promise<SqlResult> | SqlResult): SqlBackend {
  return {
    async openSession(info) {
      let abort: ((e: Error) => void) | null = null;
      return {
        inTransaction: false,
        async execute(req) {
          const stop = new Promise<never>((_, rej) => { abort = rej; });
          stop.catch(() => {});
          return Promise.race([Promise.resolve(fn(req.statement.sql, req.rows[0] ?? [], info)), stop]);
        },
        async describe(st) { return (await fn(st.sql, [], info)).columns ?? []; },
        async commit() {}, async rollback() {}, async setReadOnly() {}, async close() {},
        async cancel() { abort?.(new OraError(1013, 'user requested cancel of current operation')); },
      };
    },
    async close() {},
  };
}
