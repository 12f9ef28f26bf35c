/** What type-contract.ts asks of a dialect: which values go in and come out as what. */
export interface TypeCases {
  /** `[type, literal as text, what comes back]` by default. */
  readonly out: readonly (readonly [type: string, literal: string, value: unknown])[];
  /** A column `one` of the type with the first parameter, which is text, and a column that is NULL. */
  outText(type: string): string;
  /** `[parameter, type, how the database writes it]`. */
  readonly into: readonly (readonly [value: unknown, type: string, text: string])[];
  /** The first parameter as a value of the type, written by the database. */
  inText(type: string): string;
  /** A statement that answers a moment which no Date can hold, with what has to be set for it. */
  readonly noDate: { readonly before: readonly string[]; readonly text: string; readonly after: readonly string[] };
  /** In a session with another time zone, three parameters: those that come back as they went in. */
  readonly zoned: { readonly set: string; readonly back: string; readonly text: string };
  /** How far the session's time zone is from UTC, in one value. */
  readonly offset: { readonly text: string; readonly none: unknown };
  /** The same moment in all its forms. */
  readonly now: string;
  /** With `bigint: 'number', decimal: 'number', date: 'Date'`. */
  readonly chosen: { readonly text: string; readonly row: readonly unknown[]; readonly refused: readonly string[] };
}
