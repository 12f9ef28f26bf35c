/**
 * What is in flight on one session, in the order in which it was sent and will be answered (PostgreSQL manual, 54.2.4).
 * Every statement has a Sync of its own, so each is a transaction of its own, and an error of one skips nobody else.
 *
 * `pg` knows one active query and hands it the server's answers; its own pipelining takes no queries but its own. So the
 * head is the one that `pg` has, and those behind it have been written already: when the server is ready after the head,
 * the next is given to `pg`, whose `submit` then writes nothing. `pg` never has a queue.
 * What leaves: a statement that finds the session idle at once; those that join it leave in one piece, when
 * everything has run that is due before the event loop goes on.
 *
 * Invariants: one Sync on the wire for each ReadyForQuery that comes; whoever has the session alone (a page of a cursor, a
 * batch, a script) is never joined, and joins nobody; `lose` settles everything that is in flight.
 */
import { atEndOfTick } from '../../kernel/next-turn.js';
import type { ConnectRequest } from '../driver.js';
import type { PgClient, PgSubmittable } from './postgres-module.js';
import { WireWriter } from './postgres-wire-writer.js';

/** A single statement, whose messages can be written before its turn comes. */
export interface PipelinedStatement extends PgSubmittable {
  /** The server has its parameters and its plan: from here on it is carried out, and an error is its own. */
  isBound: boolean;
  /** @throws what cannot be written; nothing has been then. */
  write(writer: WireWriter): void;
  /** The server is ready again after it, whatever became of it. */
  handleEnd(isOutsideTransaction: boolean): void;
}

export class PostgresPipeline {
  readonly #client: PgClient;
  readonly #quietly: ConnectRequest['quietly'];
  readonly #writer = new WireWriter();
  /** Has the session alone. */
  #single: PgSubmittable | undefined;
  /** The statement that the server works on, or will when it reads what it was sent. */
  #head: PipelinedStatement | undefined;
  readonly #behind: PipelinedStatement[] = [];
  #isFlushDue = false;
  #hasEnded = false;

  constructor(client: PgClient, quietly?: ConnectRequest['quietly']) {
    this.#client = client;
    this.#quietly = quietly;
    client.connection.on('bindComplete', () => {
      if (this.#head !== undefined) this.#head.isBound = true;
    });
  }

  /** Something is in flight. */
  get isBusy(): boolean {
    return this.#head !== undefined || this.#single !== undefined;
  }

  /** What is gathered, and has not left yet, counts as handed over. */
  get bytesWritten(): number {
    return this.#client.connection.stream.bytesWritten + this.#writer.size;
  }

  /** Sends a single statement, behind whatever is in flight. @throws what cannot be written; nothing has been then. */
  send(statement: PipelinedStatement): void {
    // `pg` refuses it, in its own words.
    if (this.#hasEnded) return this.#client.query(statement);
    if (this.#single !== undefined) throw new Error('bug: a statement while somebody has the session alone');
    statement.write(this.#writer);
    if (this.#head !== undefined) return this.#join(statement);
    this.#head = statement;
    this.#flush();
    this.#client.query(statement);
  }

  /** Sends what writes its own messages, and has the session alone until the server is ready. */
  sendAlone(submittable: PgSubmittable): void {
    if (!this.#hasEnded) {
      if (this.isBusy) throw new Error('bug: others are in flight, and this needs the session alone');
      this.#single = submittable;
    }
    this.#client.query(submittable);
  }

  /** By ReadyForQuery: the head has ended, and the next takes its place. */
  advance(isOutsideTransaction: boolean): void {
    const ended = this.#head;
    this.#single = undefined;
    this.#head = this.#behind.shift();
    const head = this.#head;
    if (head !== undefined && this.#quietly === undefined) this.#client.query(head);
    else if (head !== undefined) this.#quietly?.(() => this.#client.query(head));
    ended?.handleEnd(isOutsideTransaction);
  }

  /**
   * A server that waits for the data of a COPY takes the statement behind it for that data, and answers one time less than
   * it was asked: whoever is behind would get the answer of somebody else.
   */
  get isAnybodyBehind(): boolean {
    return this.#behind.length > 0;
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#hasEnded = true;
  }

  /** The connection is gone. `pg` tells its active query only; told twice, a statement hears the first. */
  lose(error: unknown): void {
    this.end();
    const lost = this.#head === undefined ? [] : [this.#head, ...this.#behind.splice(0)];
    this.#head = undefined;
    this.#single = undefined;
    for (const statement of lost) statement.handleError(error, this.#client.connection);
  }

  #join(statement: PipelinedStatement): void {
    this.#behind.push(statement);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    atEndOfTick(this.#flushJoined);
  }

  readonly #flushJoined = (): void => {
    this.#isFlushDue = false;
    this.#flush();
  };

  #flush(): void {
    const piece = this.#writer.take();
    const { stream } = this.#client.connection;
    if (piece.length > 0 && stream.writable) stream.write(piece);
  }
}
