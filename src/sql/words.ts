/**
 * A fixed list of words, written as one text: what the lists of the grammar and of the built-in functions are made of.
 * Invariant: the text is split when the first word is looked up. There are some 1,500 words of three dialects, and a process
 * speaks one; an import that split them all would take a millisecond longer.
 */

export class Words {
  readonly #text: string;
  #set: ReadonlySet<string> | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  has(word: string): boolean {
    return (this.#set ??= new Set(this.#text.trim().split(/\s+/))).has(word);
  }
}

/** Words with white space between them. */
export function words(text: string): Words {
  return new Words(text);
}
