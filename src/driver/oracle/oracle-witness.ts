/**
 * Is the transaction after a program still the one before it? Oracle cannot release a savepoint, and going back to one would undo
 * what the program did; but it names transactions, and never gives a name twice. Asked by the runtime by way of
 * `TransactionStatements.witness`, run by oracle-connection.ts.
 * Invariants: without an answer nothing is said to be proved; and that there is none is no news about the connection, nor about the
 * server. A read-only transaction, and every one on a standby, cannot have a name.
 */
import { QueryError } from '../../errors/query-error.js';
import type { OraclePort } from './oracle-port.js';
import { oraNumberOf, roomError } from './oracle-room-errors.js';

/** Begins the transaction at the server, if nothing has, and names it. */
export const WITNESS_SET = 'begin :1 := dbms_transaction.local_transaction_id(true); end;';
/** Its name, or null. */
export const WITNESS_CHECK = 'begin :1 := dbms_transaction.local_transaction_id; end;';

/** "Inside a READ ONLY transaction", "open for read-only access": of a change that nobody but us has asked for. */
const READ_ONLY: ReadonlySet<number | undefined> = new Set([1456, 16_000]);

/** `12.34.56789`. */
const LONGEST_NAME = 100;

export function isWitness(text: string): boolean {
  return text === WITNESS_SET || text === WITNESS_CHECK;
}

export class TransactionWitness {
  #name: string | undefined;
  #failure: unknown;

  /** @throws Error ORA-01086 from the check, where the transaction is another one or none. */
  async run(text: string, port: OraclePort): Promise<void> {
    if (text === WITNESS_SET) return this.#set(port);
    if (this.#name === undefined) throw this.#failure;
    const name = this.#name;
    if ((await nameOf(port, WITNESS_CHECK)) === name) return;
    throw roomError('ORA-01086', 'the transaction was ended by a program that it ran');
  }

  async #set(port: OraclePort): Promise<void> {
    this.#name = undefined;
    this.#failure = nameless();
    try {
      this.#name = await nameOf(port, WITNESS_SET);
    } catch (error) {
      this.#failure = READ_ONLY.has(oraNumberOf(error)) ? nameless(error) : error;
      throw this.#failure;
    }
  }
}

function nameless(cause?: unknown): QueryError {
  return new QueryError('object-state', 'the transaction has no name', {
    cause,
    outcome: 'not-applied',
    breaker: 'ignore',
  });
}

async function nameOf(port: OraclePort, text: string): Promise<string | undefined> {
  const { BIND_OUT, DB_TYPE_VARCHAR } = port.module;
  const out = { dir: BIND_OUT, type: DB_TYPE_VARCHAR, maxSize: LONGEST_NAME };
  const { outBinds } = await port.call((client) => client.execute(text, [out], { autoCommit: false }));
  const name = (outBinds as readonly unknown[] | undefined)?.[0];
  return typeof name === 'string' ? name : undefined;
}
