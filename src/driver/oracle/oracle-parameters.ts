/**
 * Binds with a type and a direction, for users: `out()`, `inOut()` and `bind()` of `fluxor-db/oracle`. What they become for the
 * library is decided in oracle-binds.ts.
 *
 * Invariant: a parameter is plain data without a connection, so that one can be kept and used for many statements.
 */
import { ConfigError } from '../../errors/config-error.js';
import { NAMED_BIND } from '../../sql/bindable.js';

/**
 * Types of binds, as Oracle calls them in PL/SQL. `number` is every NUMBER, and comes back as text (`types.decimal`); `integer` is one
 * without a fraction, and comes back as `types.bigint` says; `binary_integer` (PLS_INTEGER) comes back as a number.
 */
export type OracleBindType =
  | 'varchar2'
  | 'nvarchar2'
  | 'char'
  | 'nchar'
  | 'number'
  | 'integer'
  | 'binary_integer'
  | 'binary_float'
  | 'binary_double'
  | 'boolean'
  | 'date'
  | 'timestamp'
  | 'timestamp with time zone'
  | 'timestamp with local time zone'
  | 'interval day to second'
  | 'interval year to month'
  | 'raw'
  | 'rowid'
  | 'clob'
  | 'nclob'
  | 'blob'
  | 'json'
  | 'vector'
  | 'cursor';

const BIND_TYPES: ReadonlySet<string> = new Set<OracleBindType>([
  'varchar2',
  'nvarchar2',
  'char',
  'nchar',
  'number',
  'integer',
  'binary_integer',
  'binary_float',
  'binary_double',
  'boolean',
  'date',
  'timestamp',
  'timestamp with time zone',
  'timestamp with local time zone',
  'interval day to second',
  'interval year to month',
  'raw',
  'rowid',
  'clob',
  'nclob',
  'blob',
  'json',
  'vector',
  'cursor',
]);

export interface OracleBindOptions {
  /**
   * Most bytes that can come back in a string or RAW; a longer value is an error. 1 to 32,767. Default 32,767 in PL/SQL and 4,000 in
   * RETURNING INTO.
   */
  readonly maxSize?: number;
  /** Of PL/SQL index-by tables: most elements. The value is an array, and so is what comes back. */
  readonly maxArraySize?: number;
  /** What it is called in `outBinds`. Default: its name in the text (`:id` → `id`), or its position (`:2` → `2`). */
  readonly name?: string;
}

/** Made by {@link out}, {@link inOut} and {@link bind}. */
export class OracleParameter {
  readonly direction: 'in' | 'out' | 'in-out';
  readonly type: OracleBindType;
  readonly value: unknown;
  readonly options: OracleBindOptions;

  constructor(
    direction: 'in' | 'out' | 'in-out',
    type: OracleBindType,
    value: unknown,
    options: OracleBindOptions = {},
  ) {
    assertOptions(type, options);
    this.direction = direction;
    this.type = type;
    this.value = value;
    this.options = options;
  }

  /** For whoever binds by name: the same parameter, which knows what it is called. */
  [NAMED_BIND](name: string): OracleParameter {
    if (this.direction === 'in' || this.options.name !== undefined) return this;
    return new OracleParameter(this.direction, this.type, this.value, { ...this.options, name });
  }
}

/**
 * A place for a value that comes back: an OUT parameter of PL/SQL, or one of RETURNING … INTO. The value is in `outBinds` of the
 * result; of RETURNING INTO it is an array with one value for each row. A `cursor` (SYS_REFCURSOR) comes back as an
 * {@link OracleRefCursor}.
 *
 * @throws ConfigError for a type or a size that Oracle does not have.
 * @example
 * const { outBinds } = await db.execute('insert into users (name) values (:name) returning id into :id', { name: 'Ann', id: out('integer') });
 * outBinds; // { id: [7n] }
 */
export function out(type: OracleBindType = 'varchar2', options?: OracleBindOptions): OracleParameter {
  return new OracleParameter('out', type, null, options);
}

/**
 * An IN OUT parameter of PL/SQL: `value` goes in, and what it has become is in `outBinds` of the result.
 *
 * @param type Default: that of the value (`varchar2` for a string, `number`, `boolean`, `timestamp`, `raw`); to be said for `null`.
 * @throws ConfigError for a type or a size that Oracle does not have, and for a value that says no type.
 * @example
 * const { outBinds } = await db.execute('begin twice(:n); end;', { n: inOut(21, 'integer') });
 * outBinds; // { n: 42n }
 */
export function inOut(value: unknown, type?: OracleBindType, options?: OracleBindOptions): OracleParameter {
  return new OracleParameter('in-out', type ?? typeOf(value), value, options);
}

/**
 * A value with a type of your choice, where the one that it would have is not what the statement needs: `'date'` for a comparison
 * that is to use the index of a DATE column, `'nvarchar2'`, `'timestamp with time zone'`, `'clob'` for a short text.
 *
 * @throws ConfigError for a type that Oracle does not have.
 * @example
 * await db.query('select id from orders where placed >= :since', { since: bind(new Date('2024-02-01'), 'date') });
 */
export function bind(value: unknown, type: OracleBindType, options?: OracleBindOptions): OracleParameter {
  return new OracleParameter('in', type, value, options);
}

export function isOracleParameter(value: unknown): value is OracleParameter {
  return value instanceof OracleParameter;
}

/** What PL/SQL and RETURNING INTO can give back at most, in bytes. */
const MAX_SIZE = 32_767;

function assertOptions(type: unknown, { maxSize, maxArraySize }: OracleBindOptions): void {
  const issues: { path: string; got: string; expected: string }[] = [];
  if (typeof type !== 'string' || !BIND_TYPES.has(type)) {
    issues.push({ path: 'type', got: shown(type), expected: `one of ${[...BIND_TYPES].join(', ')}` });
  }
  if (maxSize !== undefined && !(Number.isInteger(maxSize) && maxSize >= 1 && maxSize <= MAX_SIZE)) {
    issues.push({ path: 'maxSize', got: shown(maxSize), expected: 'a whole number of bytes from 1 to 32767' });
  }
  if (maxArraySize !== undefined && !(Number.isInteger(maxArraySize) && maxArraySize >= 1)) {
    issues.push({ path: 'maxArraySize', got: shown(maxArraySize), expected: 'a whole number of elements from 1' });
  }
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
}

function typeOf(value: unknown): OracleBindType {
  switch (typeof value) {
    case 'string':
      return 'varchar2';
    case 'number':
    case 'bigint':
      return 'number';
    case 'boolean':
      return 'boolean';
    default:
      if (value instanceof Date) return 'timestamp';
      if (value instanceof Uint8Array) return 'raw';
      throw ConfigError.fromIssues([{ path: 'type', got: 'none', expected: 'a type: the value does not say one' }]);
  }
}

const shown = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value));
