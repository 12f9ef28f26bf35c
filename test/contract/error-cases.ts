/** What error-contract.ts asks of a dialect: which statements raise what, and how two sessions get into each other's way. */
import type { FluxorError } from 'fluxor-db';
import type { OpenedSession } from './contract-session.js';

export interface ErrorCase {
  readonly sql: string;
  readonly values?: readonly unknown[];
  /** The marker `secret-marker` stands in the statement where a value stands. */
  readonly is: Partial<FluxorError> & object;
}

export interface ErrorCases {
  readonly setup: readonly string[];
  readonly teardown: readonly string[];
  /** A table `(id int primary key)`. */
  readonly parents: string;
  /** A table that begins with `(id int primary key, parent int, name text not null)`; what has the key 1 is there. */
  readonly children: string;
  readonly cases: readonly ErrorCase[];
  /** What is said about a second 1 in `children`. */
  readonly uniqueNames: object;
  /** What is said about a NULL in the place of a name. */
  readonly notNullNames: object;
  /** The error of a statement whose user may not. Leaves nothing behind. */
  permission(session: OpenedSession): Promise<unknown>;
  /** The error of a statement that the server's own limit has ended, in a session without a transaction. */
  limit(session: OpenedSession): Promise<unknown>;
  /** Before two transactions run into a deadlock, in each. */
  readonly hastenDeadlock: readonly string[];
  /** A change of a row that another has changed since is refused. Otherwise it is made, on top of the other. */
  readonly refusesStaleWrites: boolean;
  /** Makes the first session wait in vain for what the second holds; both are in transactions. */
  lockTimeout(one: OpenedSession, other: OpenedSession): Promise<unknown>;
}
