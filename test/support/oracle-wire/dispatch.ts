/** Which function of the client does what: statements and LOBs have files of their own, the short ones are here. */
import type { CallPort, PreparedCall } from './calls.js';
import { OraError } from './backend.js';
import { FUNCTION } from './codec/ttc-codes.js';
import { readLobCall } from './codec/ttc-read.js';
import type { Reader } from './codec/wire.js';
import { Writer } from './codec/wire.js';
import type { FaultPoint } from './faults.js';
import type { WireOperation } from './observation.js';
import type { Statements } from './statements.js';

const UNSUPPORTED = 3115;

export class Dispatch {
  readonly #port: CallPort;
  readonly #statements: Statements;

  constructor(port: CallPort, statements: Statements) {
    this.#port = port;
    this.#statements = statements;
  }

  /** Reads the call. `lastSql` is what faults are matched with when the call has no SQL of its own. */
  prepare(code: number, reader: Reader, lastSql: string): PreparedCall {
    const plain = (op: WireOperation, point: FaultPoint, work: () => Promise<void>): PreparedCall => {
      this.#port.record({ op });
      return { point, sql: lastSql, run: () => this.#done(work) };
    };
    const { sql } = this.#port;
    switch (code) {
      case FUNCTION.EXECUTE:
        return this.#statements.execute(reader);
      case FUNCTION.REEXECUTE:
      case FUNCTION.REEXECUTE_AND_FETCH:
        return this.#statements.reexecute(reader, code === FUNCTION.REEXECUTE_AND_FETCH);
      case FUNCTION.FETCH:
        return this.#statements.fetch(reader);
      case FUNCTION.LOB_OPERATION:
        return this.#lob(reader, lastSql);
      case FUNCTION.COMMIT:
        return plain('commit', 'commit', () => this.#commit());
      case FUNCTION.ROLLBACK:
        return plain('rollback', 'rollback', () => sql.rollback());
      case FUNCTION.PING:
        return plain('ping', 'ping', async () => undefined);
      case FUNCTION.PIPELINE_END:
        return plain('pipeline-end', 'ping', async () => undefined);
      case FUNCTION.LOGOFF:
        return plain('logoff', 'logoff', () => sql.rollback().catch(() => undefined));
      case FUNCTION.SESSION_RELEASE:
        // DRCP takes the session back; the client does not wait for an answer.
        return { ...plain('session-release', 'logoff', async () => undefined), run: () => this.#release() };
      default:
        throw new OraError(UNSUPPORTED, `unsupported network datatype or representation (function ${code})`);
    }
  }

  async #done(work: () => Promise<void>): Promise<Writer> {
    await work();
    return this.#port.writeStatus(new Writer(32));
  }

  async #commit(): Promise<void> {
    const { sql, transactions } = this.#port;
    await transactions.committing(sql.inTransaction, () => sql.commit());
  }

  async #release(): Promise<null> {
    await this.#port.sql.rollback();
    return null;
  }

  #lob(reader: Reader, sql: string): PreparedCall {
    const call = readLobCall(reader);
    this.#port.record({ op: 'lob', sql });
    return {
      point: 'lob',
      sql,
      run: async () => {
        const writer = this.#port.lobs.call(call);
        this.#port.writeEnd(writer, {});
        return writer;
      },
    };
  }
}
