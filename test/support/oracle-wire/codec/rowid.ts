/** ROWID: object, file, block and slot, which the client writes as 18 characters of base 64. */
export interface Rowid {
  readonly object: number;
  readonly file: number;
  readonly block: number;
  readonly slot: number;
}

export const NO_ROWID: Rowid = { object: 0, file: 0, block: 0, slot: 0 };

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function rowidToString({ object, file, block, slot }: Rowid): string {
  return letters(object, 6) + letters(file, 3) + letters(block, 6) + letters(slot, 3);
}

/** Null for what is no physical row id. */
export function stringToRowid(text: string): Rowid | null {
  if (!/^[A-Za-z0-9+/]{18}$/.test(text)) return null;
  return {
    object: number(text.slice(0, 6)),
    file: number(text.slice(6, 9)),
    block: number(text.slice(9, 15)),
    slot: number(text.slice(15)),
  };
}

function letters(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 64)) text = (ALPHABET[rest % 64] ?? 'A') + text;
  return text;
}

function number(text: string): number {
  return [...text].reduce((sum, letter) => sum * 64 + ALPHABET.indexOf(letter), 0);
}
