/**
 * Rows checked by a schema of the user's: any library that speaks Standard Schema v1 (standardschema.dev), such as Zod, Valibot
 * or ArkType. The interface is written down here, so that no package is needed for it.
 * Invariant: what the database did is done by then; a row that does not fit is an error with the outcome `applied`, and so is
 * a validator that throws. Neither
 * rows nor the validator's texts, which may quote values, get into its message: only places do.
 */
import { QueryError } from '../errors/query-error.js';

/** What every Standard Schema is, as far as it is used here. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What comes out of a schema. */
export type SchemaOutput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output'];

/** The option by which a statement's rows are checked, and typed. */
export interface SchemaOption<S extends StandardSchema> {
  /** Every row (for `queryValue`, the value) goes through it; what it makes of the row is what comes back. */
  readonly schema: S;
}

/** The database has answered, and has done what it was told. */
const DONE = { outcome: 'applied', breaker: 'success' } as const;

/** Issues that a message names. */
const SHOWN_ISSUES = 5;

export function isStandardSchema(value: unknown): value is StandardSchema {
  const standard = (value as { '~standard'?: { version?: unknown; validate?: unknown } } | null | undefined)?.[
    '~standard'
  ];
  return standard?.version === 1 && typeof standard.validate === 'function';
}

/** `rowsBefore` came on pages before. @throws QueryError `data`, outcome `applied`, for the first row that cannot be had so. */
export async function parseRows(schema: StandardSchema, rows: readonly unknown[], rowsBefore = 0): Promise<unknown[]> {
  const parsed: unknown[] = [];
  // One after the other: the first row at fault is the one to be named.
  for (const [index, row] of rows.entries()) parsed.push(await parseOne(schema, row, `row ${rowsBefore + index}`));
  return parsed;
}

/** `what` names it in the error: `row 3`. @throws QueryError as `parseRows` does. */
export async function parseOne(schema: StandardSchema, value: unknown, what: string): Promise<unknown> {
  let settled: SchemaResult<unknown>;
  try {
    const result = schema['~standard'].validate(value);
    // Most validators answer at once; waiting all the same would cost a turn for every row.
    settled = isThenable(result) ? await result : result;
    if (settled.issues === undefined) return settled.value;
  } catch (cause) {
    throw new QueryError('data', `the schema failed at ${what}; see cause`, { ...DONE, cause });
  }
  throw misfit(settled.issues, what);
}

/** Also of another library than the engine's own. */
function isThenable<T>(result: T | PromiseLike<T>): result is PromiseLike<T> {
  return typeof (result as Partial<PromiseLike<T>> | undefined)?.then === 'function';
}

function misfit(issues: readonly SchemaIssue[], what: string): QueryError {
  const places = issues.slice(0, SHOWN_ISSUES).map(placeOf).join(', ');
  const more = issues.length > SHOWN_ISSUES ? ` and ${issues.length - SHOWN_ISSUES} more` : '';
  const text = `${what} does not fit the schema at ${places}${more}; what is wrong there is on cause.issues`;
  return new QueryError('data', text, { ...DONE, cause: { issues } });
}

/** The column alone: what lies deeper in a value, keys included, is data. */
function placeOf({ path }: SchemaIssue): string {
  const [column] = path ?? [];
  if (column === undefined) return 'its whole';
  const name = String(typeof column === 'object' ? column.key : column);
  return path !== undefined && path.length > 1 ? `${name} (inside)` : name;
}
