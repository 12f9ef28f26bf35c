/**
 * The output side of fingerprint.ts: takes a statement's pieces one by one, folds lists and repeated rows while they
 * arrive, and knows when there is enough. It has never heard of tokens or dialects.
 * Invariants: linear in the pieces pushed; the text is never longer than `maxLength`, and never cut inside a piece.
 */

/** `value`: a `?`, whatever it stood for. `mark`: brackets, commas, dots, semicolons and what encloses a hint. */
export type PieceKind = 'word' | 'name' | 'value' | 'operator' | 'mark';

export interface Piece {
  readonly kind: PieceKind;
  readonly text: string;
  /** Whitespace or a comment stood before it. */
  readonly hasGap: boolean;
}

/** An open bracket and what is known about its inside so far. */
interface Frame {
  /** Where its bracket stands among the pieces; -1 for the whole text. */
  readonly start: number;
  readonly closing: string;
  /** Only values, commas and signs until now: it will fold, so its length is no reason to stop. */
  mayBeList: boolean;
  /** The bracketed group that ended last directly inside this one. */
  lastGroup: Group | undefined;
}

interface Group {
  readonly start: number;
  /** Of its closing bracket. */
  readonly end: number;
  /** A row behind VALUES: further rows like it say nothing new. */
  readonly isRow: boolean;
}

const CUT = ' …';

export class Shape {
  readonly #maxLength: number;
  readonly #pieces: Piece[] = [];
  readonly #frames: Frame[] = [];
  readonly #whole: Frame = { start: -1, closing: '', mayBeList: false, lastGroup: undefined };
  #length = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Nothing more will be seen of what is pushed from here on. */
  get isFull(): boolean {
    return this.#length > this.#maxLength && !this.#top.mayBeList;
  }

  /** The `back`-th piece from the end; 1 is the last. */
  last(back: number): Piece | undefined {
    return this.#pieces[this.#pieces.length - back];
  }

  /** Adds a piece; a closing bracket folds what it encloses, where that is a list of values or a row like the one before. */
  push(piece: Piece): void {
    if (piece.kind === 'value') this.#pushValue(piece);
    else this.#add(piece);
    const { text } = piece;
    if (piece.kind !== 'mark') return;
    if (text === '(' || text === '[') {
      const closing = text === '(' ? ')' : ']';
      this.#frames.push({ start: this.#pieces.length - 1, closing, mayBeList: true, lastGroup: undefined });
    } else if (text === ')' || text === ']') this.#close(text);
  }

  /** The text so far. `isCut`: the statement goes on, and the row at its end may be half a row. */
  finish(isCut: boolean): string {
    if (isCut) this.#dropHalfRow();
    else while (this.last(1)?.text === ';') this.#truncate(this.#pieces.length - 1);
    this.#foldOpenList();
    if (!isCut && this.#length <= this.#maxLength) return this.#joinStart(this.#maxLength);
    const room = this.#maxLength - CUT.length;
    const start = this.#joinStart(room);
    return start === '' ? CUT.trimStart() : start + CUT;
  }

  get #top(): Frame {
    return this.#frames.at(-1) ?? this.#whole;
  }

  #add(piece: Piece): void {
    this.#pieces.push(piece);
    this.#length += piece.text.length + (piece.hasGap ? 1 : 0);
    const { text, kind } = piece;
    const isOfList = kind === 'value' || (kind === 'mark' && isListMark(text)) || isSign(piece);
    if (!isOfList) this.#top.mayBeList = false;
  }

  #truncate(length: number): void {
    while (this.#pieces.length > length) {
      const piece = this.#pieces.pop();
      if (piece !== undefined) this.#length -= piece.text.length + (piece.hasGap ? 1 : 0);
    }
  }

  /** The sign of a number belongs to its value, where it cannot be a subtraction: `= -1` and `= 1` are one shape. */
  #pushValue(value: Piece): void {
    let { hasGap } = value;
    for (let sign = this.last(1); sign !== undefined && isSign(sign) && opensValue(this.last(2)); sign = this.last(1)) {
      ({ hasGap } = sign);
      this.#truncate(this.#pieces.length - 1);
    }
    this.#add({ ...value, hasGap });
  }

  #close(text: string): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    if (frame.closing !== text) {
      // No SQL that we know. Nothing folds across it.
      this.#frames.length = 0;
      return;
    }
    if (frame.mayBeList && this.#isList(frame.start + 1, this.#pieces.length - 1)) {
      this.#truncate(frame.start + 1);
      this.#add({ kind: 'value', text: '?', hasGap: false });
      this.#add({ kind: 'mark', text, hasGap: false });
    }
    const parent = this.#top;
    parent.lastGroup = this.#mergeRow(frame.start, parent);
  }

  /** The group that now ends the text: the new one, or the one before it when the new one only repeated that. */
  #mergeRow(start: number, parent: Frame): Group {
    const end = this.#pieces.length - 1;
    const before = this.#groupBefore(start, parent);
    if (before === undefined) return { start, end, isRow: this.#isAfterValues(start) };
    const { isRow } = before;
    if ((isRow || this.#isFoldedList(start, end)) && this.#isSame(before, start, end)) {
      this.#truncate(before.end + 1);
      return before;
    }
    return { start, end, isRow };
  }

  /** The group that ends with a comma between itself and `start`. */
  #groupBefore(start: number, parent: Frame): Group | undefined {
    const group = parent.lastGroup;
    return group !== undefined && group.end === start - 2 && this.#pieces[start - 1]?.text === ',' ? group : undefined;
  }

  #isAfterValues(start: number): boolean {
    const before = this.#pieces[start - 1];
    return before?.kind === 'word' && before.text.toLowerCase() === 'values';
  }

  #isFoldedList(start: number, end: number): boolean {
    return end - start === 2 && this.#pieces[start + 1]?.kind === 'value';
  }

  #isSame(group: Group, start: number, end: number): boolean {
    if (group.end - group.start !== end - start) return false;
    for (let offset = 0; offset <= end - start; offset += 1) {
      if (this.#pieces[group.start + offset]?.text !== this.#pieces[start + offset]?.text) return false;
    }
    return true;
  }

  /** `?` and `, ?` again and again, from `from` up to before `to`; at least one. */
  #isList(from: number, to: number): boolean {
    if ((to - from) % 2 !== 1) return false;
    for (let at = from; at < to; at += 1) {
      const piece = this.#pieces[at];
      if ((at - from) % 2 === 0 ? piece?.kind !== 'value' : piece?.text !== ',') return false;
    }
    return true;
  }

  /** A row or list that repeats the one before is left out whole, so that it does not matter where in it the cut fell. */
  #dropHalfRow(): void {
    for (const [depth, frame] of this.#frames.entries()) {
      const before = this.#groupBefore(frame.start, this.#frames[depth - 1] ?? this.#whole);
      if (before === undefined || !(before.isRow || this.#isFoldedList(before.start, before.end))) continue;
      this.#truncate(before.end + 1);
      this.#frames.length = depth;
      return;
    }
    if (this.last(1)?.text === ',') this.#truncate(this.#pieces.length - 1);
  }

  /** The text ended inside a list. */
  #foldOpenList(): void {
    const { start } = this.#top;
    const end = this.#pieces.length - (this.last(1)?.text === ',' ? 1 : 0);
    if (start === -1 || !this.#isList(start + 1, end)) return;
    this.#truncate(start + 1);
    this.#add({ kind: 'value', text: '?', hasGap: false });
  }

  /** As many whole pieces as find room. */
  #joinStart(room: number): string {
    let text = '';
    for (const piece of this.#pieces) {
      const next = piece.hasGap && text !== '' ? ` ${piece.text}` : piece.text;
      if (text.length + next.length > room) break;
      text += next;
    }
    return text;
  }
}

/** Beside values, all that a list and its end are made of. */
function isListMark(text: string): boolean {
  return text === ',' || text === ')' || text === ']';
}

function isSign({ kind, text }: Piece): boolean {
  return kind === 'operator' && (text === '-' || text === '+');
}

/** Behind `piece` a value begins, so that a sign there is no subtraction. */
export function opensValue(piece: Piece | undefined): boolean {
  if (piece === undefined) return false;
  const { kind, text } = piece;
  if (kind === 'operator') return !endsInValue(piece);
  return kind === 'mark' && (text === '(' || text === '[' || text === ',');
}

/** Also where a fingerprint is read again: PostgreSQL takes its `=?` for one operator. */
export function endsInValue(piece: Piece | undefined): boolean {
  return piece?.text.endsWith('?') === true && (piece.kind === 'value' || piece.kind === 'operator');
}
