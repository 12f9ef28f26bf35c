/**
 * What can be read off the text of a statement, looked up once for each text and not for each run. One book for each session.
 * Refuses to know: client libraries.
 */
import { commandOf, isPlainCommand } from './mysql-commands.js';
import { PreparedStatements } from './mysql-prepared.js';

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
/** A longer text is rarely the same twice, and would fill memory. */
const MAX_TEXT_LENGTH = 10_000;

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
    if (text.length > MAX_TEXT_LENGTH) return facts;
    if (this.#facts.size >= MAX_TEXTS) this.#facts.clear();
    this.#facts.set(text, facts);
    return facts;
  }
}
