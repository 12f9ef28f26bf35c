/**
 * A piece of SQL with its values kept apart: what the `sql` tag makes and what the runtime renders.
 * Made only by template.ts; rendered by render.ts; passed through the whole house as it is.
 * Invariants: immutable; a value never becomes text, not even in `toString`, JSON or an inspected object.
 * Refuses to know dialects: names are quoted and placeholders numbered when it is rendered.
 */

/** What a fragment is made of. Plain data, because another copy of the package must be able to read it. */
export type SqlPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'identifier'; readonly path: readonly string[] }
  | { readonly kind: 'fragment'; readonly fragment: Sql<unknown> };

/**
 * The brand, and the way to the parts. A registered symbol, so that two copies of the package in one process accept
 * each other's fragments; a symbol, so that nothing out of JSON.parse or structuredClone can carry it: a request body
 * that looks like a fragment stays a plain object and is refused or bound as a value.
 */
const PARTS: unique symbol = Symbol.for('fluxor.sql');

/** Node prints objects through this method; registered under this name so that no `node:` import is needed. */
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** Only in the types: where `db.query(sql<User>`…`)` finds the type of its rows. */
declare const ROW: unique symbol;

/** Enough to recognise a statement in a log; a multi-row insert would fill pages. */
const SHOWN_CHARACTERS = 200;

/**
 * An immutable piece of SQL. `R` is the type of the rows it returns, known to the compiler only.
 * Make one with the `sql` tag; `new Sql()` is not for users.
 *
 * @example
 * const byId: Sql<User> = sql<User>`select * from users where id = ${id}`;
 * String(byId);   // Sql(select * from users where id = ?)      the value is never shown
 */
export class Sql<R = Record<string, unknown>> {
  declare readonly [ROW]?: R;
  readonly #parts: readonly SqlPart[];

  private constructor(parts: readonly SqlPart[]) {
    this.#parts = Object.freeze(parts);
    Object.freeze(this);
  }

  /** @internal Takes the array over: the caller must not keep it. */
  static fromParts<R>(parts: readonly SqlPart[]): Sql<R> {
    return new Sql<R>(parts);
  }

  /** @internal */
  get [PARTS](): readonly SqlPart[] {
    return this.#parts;
  }

  /** The text with `?` for every value, cut after 200 characters. For logs; never send it. */
  toString(): string {
    return `Sql(${describe(this)})`;
  }

  /** The same as `toString()`: the values stay out of logs, and what is parsed back is not a fragment. */
  toJSON(): string {
    return this.toString();
  }

  /** @internal */
  [INSPECT](): string {
    return this.toString();
  }
}

/** True for fragments of the `sql` tag, also those of another copy of the package; never for parsed JSON. */
export function isSql(value: unknown): value is Sql<unknown> {
  return typeof value === 'object' && value !== null && PARTS in value;
}

/** Told what a fragment consists of, in order, nested ones opened. Answering false ends the walk. */
export type SqlVisitor = (part: Exclude<SqlPart, { readonly kind: 'fragment' }>) => boolean;

/** With its own stack: fragments nested by a loop may be deeper than the language's. */
export function walkSql(fragment: Sql<unknown>, visit: SqlVisitor): void {
  const open: { readonly parts: readonly SqlPart[]; next: number }[] = [{ parts: fragment[PARTS], next: 0 }];
  for (let here = open.at(-1); here !== undefined; here = open.at(-1)) {
    const part = here.parts[here.next];
    here.next += 1;
    if (part === undefined) open.pop();
    else if (part.kind === 'fragment') open.push({ parts: part.fragment[PARTS], next: 0 });
    else if (!visit(part)) return;
  }
}

function describe(fragment: Sql<unknown>): string {
  let text = '';
  walkSql(fragment, (part) => {
    if (part.kind === 'text') text += part.text;
    else text += part.kind === 'value' ? '?' : part.path.map((name) => `"${name}"`).join('.');
    return text.length <= SHOWN_CHARACTERS;
  });
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
