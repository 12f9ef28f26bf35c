/**
 * A fault of the library's cache of statements (thin mode, oracledb 6.8 to 26.0), put right behind its back. Used by oracle-wire.ts.
 *
 * A query with LOBs is executed in two steps: its columns are described, and then its rows are asked for. Where the second one fails, it
 * stays in the cache as one whose first step is done, and whoever runs its text next gets ORA-01002. So it is taken out.
 * Invariant: where a version keeps things elsewhere, nothing is touched.
 */
import type { OracleClientConnection } from './oracle-module.js';

/** After a call that has failed. */
export function forgetHalfDone(client: OracleClientConnection): void {
  const cache = (client as Behind)._impl?.statementCache;
  const { _cachedStatements: statements, _cursorsToClose: toClose } = cache ?? {};
  if (!(statements instanceof Map) || !(toClose instanceof Set)) return;
  for (const [text, { requiresDefine, inUse, cursorId }] of statements) {
    if (requiresDefine !== true || inUse !== false) continue;
    statements.delete(text);
    // Closed with whatever is sent next.
    if (typeof cursorId === 'number' && cursorId > 0) toClose.add(cursorId);
  }
}

interface CachedStatement {
  readonly requiresDefine?: unknown;
  readonly inUse?: unknown;
  readonly cursorId?: unknown;
}

/** What lies behind a connection of oracledb 26.0. */
type Behind = OracleClientConnection & {
  readonly _impl?: {
    readonly statementCache?: {
      readonly _cachedStatements?: Map<string, CachedStatement>;
      readonly _cursorsToClose?: Set<number>;
    };
  };
};
