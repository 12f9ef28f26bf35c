/** The blocks that end the answers of one session: they count, and tell the state of the transaction. */
import type { EndOfCall } from './calls.js';
import { STATUS_IN_TRANSACTION } from './codec/ttc-codes.js';
import { writeCallEnd, writeLtxid, writeStatus } from './codec/ttc-write.js';
import type { Writer } from './codec/wire.js';
import type { LogicalTransactions } from './transaction-guard.js';

export interface CallEndsPort {
  isInTransaction(): boolean;
  fieldVersion(): number;
}

export class CallEnds {
  calls = 0;
  #sequence = 0;
  readonly #transactions: LogicalTransactions;
  readonly #port: CallEndsPort;

  constructor(transactions: LogicalTransactions, port: CallEndsPort) {
    this.#transactions = transactions;
    this.#port = port;
  }

  writeEnd(writer: Writer, end: EndOfCall): void {
    this.#writeLtxid(writer);
    const frame = { status: this.#status(), sequence: this.#nextSequence(), callNumber: this.calls };
    writeCallEnd(writer, { ...end, ...frame }, this.#port.fieldVersion());
  }

  writeStatus(writer: Writer): Writer {
    this.#writeLtxid(writer);
    writeStatus(writer, this.#status(), this.#nextSequence());
    return writer;
  }

  #status(): number {
    return 1 | (this.#port.isInTransaction() ? STATUS_IN_TRANSACTION : 0);
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    return this.#sequence;
  }

  /** A new id of Transaction Guard rides in front. */
  #writeLtxid(writer: Writer): void {
    const ltxid = this.#transactions.takeUntold();
    if (ltxid !== null) writeLtxid(writer, ltxid);
  }
}
