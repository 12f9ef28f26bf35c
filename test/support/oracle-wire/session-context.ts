/** What a session is given by its server, and the few errors that both speak of. */
import type { SqlBackend } from './backend.js';
import { OraError } from './backend.js';
import type { Verifier } from './codec/o5logon.js';
import type { Faults } from './faults.js';
import { textOfCode } from './faults.js';
import type { Observation } from './observation.js';
import type { Profile } from './profiles.js';
import type { TransactionGuard } from './transaction-guard.js';

export interface SessionContext {
  readonly backend: SqlBackend;
  readonly profile: Profile;
  readonly faults: Faults;
  readonly observation: Observation;
  /** Null when the service does not offer it. */
  readonly guard: TransactionGuard | null;
  readonly errorMarkers: boolean;
  readonly leavesOutEqual: boolean;
  readonly flushesOutBinds: boolean;
  readonly maxOpenCursors: number;
  readonly services: readonly string[] | null;
  /** Over the limit: the listener has no handler left. */
  isFull(): boolean;
  verifierOf(user: string): { readonly verifier: Verifier; readonly exists: boolean };
  isPassword(user: string, password: string | null): boolean;
  setPassword(user: string, password: string): void;
  nextScn(): number;
}

export function oraError(code: number): OraError {
  return new OraError(code, textOfCode(code));
}

/** The fault was to cut the connection. */
export class Cut extends Error {
  override readonly name = 'Cut';
}
