/**
 * What an answer has opened at the server, and nobody gets because something else in it could not be read: cursors and LOBs. A session
 * that kept them would run out of cursors (ORA-01000) in a pool.
 */
import type { Attached } from './oracle-attachments.js';
import { freeLob, isLob } from './oracle-lobs.js';
import type { OraclePort } from './oracle-port.js';

/** With whatever is sent next; nobody waits for it. What is closed already stays so. */
export function letGo(port: Pick<OraclePort, 'module' | 'attachments'>, values: readonly unknown[]): void {
  for (const value of values) {
    if (Array.isArray(value)) letGo(port, value);
    else if (isLob(value, port)) void freeLob(value);
    else if (value instanceof port.module.ResultSet) value.close().catch(() => undefined);
    else if (isAttached(value)) {
      port.attachments.delete(value);
      value.detach();
    }
  }
}

function isAttached(value: unknown): value is Attached {
  return typeof value === 'object' && value !== null && 'detach' in value && typeof value.detach === 'function';
}
