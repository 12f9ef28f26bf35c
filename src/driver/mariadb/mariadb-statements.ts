/**
 * What is remembered of statements: a prepared one of the connector, with what was learned about its columns (kept by
 * mysql-server/mysql-prepared.ts), and what can be read off a text, which is looked up once for each text and not for each run.
 */
import { commandOf, isPlainCommand } from '../mysql-server/mysql-commands.js';
import { PreparedStatements } from '../mysql-server/mysql-prepared.js';
import type { ClientColumn, ClientExecution, ClientPrepared } from './mariadb-module.js';
import type { ResultReader } from './mariadb-results.js';
import { geometryCast } from './mariadb-results.js';

export class KeptStatement {
  readonly prepared: ClientPrepared;
  /** What its columns were when it ran last. */
  reader: ResultReader | undefined;
  #execution: ClientExecution | undefined;
  #executionOf: readonly ClientColumn[] = [];

  constructor(prepared: ClientPrepared) {
    this.prepared = prepared;
  }

  /** How the connector is to read its rows; `undefined` for its own way. */
  get execution(): ClientExecution | undefined {
    const { columns } = this.prepared;
    if (columns !== this.#executionOf) {
      this.#executionOf = columns;
      this.#execution = geometryCast(columns);
    }
    return this.#execution;
  }

  close(): void {
    this.prepared.close();
  }
}

export interface TextFacts {
  /** Under which it is kept prepared. */
  readonly key: string;
  /** In upper case. */
  readonly command: string;
  /** It cannot have begun a transaction. */
  readonly isPlain: boolean;
}

/** Texts that are made anew for each run would fill the memory; those that matter are found again soon. */
const MAX_TEXTS = 1_000;

export class TextBook {
  readonly #facts = new Map<string, TextFacts>();
  #database: string | undefined;

  /** Of a text that runs in this database. */
  look(database: string | undefined, text: string): TextFacts {
    if (database !== this.#database) {
      this.#facts.clear();
      this.#database = database;
    }
    return this.#facts.get(text) ?? this.#read(text);
  }

  #read(text: string): TextFacts {
    const command = commandOf(text);
    const key = PreparedStatements.keyOf(this.#database, text);
    const facts: TextFacts = { key, command, isPlain: isPlainCommand(command) };
    if (this.#facts.size >= MAX_TEXTS) this.#facts.clear();
    this.#facts.set(text, facts);
    return facts;
  }
}
