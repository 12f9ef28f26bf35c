/**
 * PostgreSQL's text form of arrays (manual, 8.15.6): `{1,NULL,"a \"b\"",{2,3}}`, with an optional `[0:1]=` in front when
 * the lower bound is not 1. One pass over the text; nested arrays become nested JavaScript arrays.
 */

export function parseArrayText(text: string, decode: (element: string) => unknown): unknown[] {
  const start = text.startsWith('[') ? text.indexOf('=') + 1 : 0;
  const reader = new ArrayReader(text, start, decode);
  return reader.readArray();
}

class ArrayReader {
  readonly #text: string;
  readonly #decode: (element: string) => unknown;
  #at: number;

  constructor(text: string, at: number, decode: (element: string) => unknown) {
    this.#text = text;
    this.#at = at;
    this.#decode = decode;
  }

  /** Stands on `{`; ends behind the matching `}`. */
  readArray(): unknown[] {
    const elements: unknown[] = [];
    this.#at += 1;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '}') {
      elements.push(this.#readElement());
      if (this.#text[this.#at] === ',') this.#at += 1;
    }
    this.#at += 1;
    return elements;
  }

  #readElement(): unknown {
    const first = this.#text[this.#at];
    if (first === '{') return this.readArray();
    if (first === '"') return this.#decode(this.#readQuoted());
    const start = this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== ',' && this.#text[this.#at] !== '}') this.#at += 1;
    const bare = this.#text.slice(start, this.#at);
    return bare === 'NULL' ? null : this.#decode(bare);
  }

  #readQuoted(): string {
    let element = '';
    this.#at += 1;
    for (let char = this.#text[this.#at]; char !== undefined && char !== '"'; char = this.#text[this.#at]) {
      if (char === '\\') this.#at += 1;
      element += this.#text[this.#at] ?? '';
      this.#at += 1;
    }
    this.#at += 1;
    return element;
  }
}
