import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FluxorError } from '../../errors/fluxor-error.js';
import { classifyPostgresError } from './postgres-errors.js';
import { SENT } from '../../../test/fakes/situations.js';

const MARKER = 'MARKER';

function classify(code: string, message: string, fields: object = {}): FluxorError {
  const native = Object.assign(new Error(message), { code, severity: 'ERROR', ...fields });
  return classifyPostgresError(native, SENT, 'postgres://db');
}

const shownBy = (error: FluxorError): string => `${error.message} ${String(error)} ${JSON.stringify(error)}`;

/** Values with everything in them that could end a quotation early. */
const value = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...'"\'`»«“”:：;=() \n\\a1') }),
    fc.string({ unit: fc.constantFrom(...'"\'»:： \n\\a1') }),
  )
  .map(([before, after]) => `${before}${MARKER}${after}`);

/** How servers quote: in English, and in translation (German, French, Chinese, Japanese). */
const quotes = fc.constantFrom<readonly [string, string]>(
  ['"', '"'],
  ["'", "'"],
  ['»', '«'],
  ['« ', ' »'],
  ['“', '”'],
  ['「', '」'],
);

const CODES = ['22001', '22P02', '22007', '22008', '22003', '22023', '23505', '23503', '23514', '23502', '23P01'];
const CODES_OF_TEXT = ['42601', '42846', '0A000', 'P0001', 'P0004', 'XX000', 'XX001', '58030', '40001', '38000'];

describe('messages', () => {
  it('never hold a value that stands in quotation marks', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CODES, ...CODES_OF_TEXT), quotes, value, (code, [open, close], marked) => {
        for (const text of [
          `invalid input syntax for type integer: ${open}${marked}${close}`,
          `value ${open}${marked}${close} is out of range for type integer`,
          `syntax error at or near ${open}${marked}${close}`,
          `unterminated quoted string at or near ${open}'${marked}${close}`,
        ]) {
          expect(shownBy(classify(code, text))).not.toContain(MARKER);
        }
      }),
    );
  });

  it('never hold a quotation that a server cut off', () => {
    for (const mark of ['"', "'", '»', '“']) {
      expect(shownBy(classify('42601', `unterminated quoted string at or near ${mark}${MARKER}`))).not.toContain(
        MARKER,
      );
    }
  });

  it('never hold what follows a colon', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CODES, ...CODES_OF_TEXT), value, (code, marked) => {
        for (const text of [
          `date/time field value out of range: ${marked}`,
          `ungültige Eingabe: ${marked}`,
          `无效的输入：${marked}`,
        ]) {
          expect(shownBy(classify(code, text))).not.toContain(MARKER);
        }
      }),
    );
  });

  it('never hold detail, hint, where, internal query or the data of other fields', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CODES, ...CODES_OF_TEXT), value, (code, marked) => {
        const fields = {
          detail: `Key (email)=(${marked}) already exists.`,
          hint: marked,
          where: `PL/pgSQL function f() line 3: ${marked}`,
          internalQuery: `select '${marked}'`,
          dataType: marked,
          file: marked,
        };
        expect(shownBy(classify(code, 'it failed', { ...fields, constraint: 'c', table: 't' }))).not.toContain(MARKER);
      }),
    );
  });

  it("never hold the text of an application's own RAISE, whatever SQLSTATE it borrows", () => {
    const borrowed = fc.constantFrom(
      'P0001',
      '42501',
      '40001',
      '55006',
      '08006',
      '28000',
      '57P03',
      '54000',
      '25P04',
      '42P01',
      '22023',
    );
    fc.assert(
      fc.property(borrowed, value, (code, marked) => {
        expect(shownBy(classify(code, marked, { routine: 'exec_stmt_raise' }))).not.toContain(MARKER);
      }),
    );
  });

  it.each([
    [
      '22P02',
      'invalid input syntax for type integer: "4711x"',
      'invalid input syntax for type integer: … (SQLSTATE 22P02)',
    ],
    [
      '22003',
      'value "99999999999" is out of range for type integer',
      'value "…" is out of range for type integer (SQLSTATE 22003)',
    ],
    ['22012', 'division by zero', 'division by zero (SQLSTATE 22012)'],
    ['42P01', 'relation "nowhere" does not exist', 'relation "…" does not exist (SQLSTATE 42P01)'],
    ['42501', 'permission denied for table users', 'permission denied for table users (SQLSTATE 42501)'],
    ['40P01', 'deadlock detected', 'deadlock detected'],
    [
      'P0001',
      'no such customer 4711',
      "the database's own code raised an error (SQLSTATE P0001); its text is on cause",
    ],
    ['ZZ000', 'who knows', 'PostgreSQL raised SQLSTATE ZZ000; see cause'],
  ])('keep of %s what is worth knowing: %s', (code, text, shown) => {
    expect(classify(code, text).message).toBe(shown);
  });

  // Our own text was redacted from its apostrophe on: `the database"…"`.
  it.each(['22023', '42601', 'XX000', '42P01', '40001', 'P0001'])(
    'keep our own words and the SQLSTATE where a function borrowed %s',
    (code) => {
      expect(classify(code, 'customer "4711" is barred', { routine: 'exec_stmt_raise' }).message).toBe(
        `the database's own code raised an error (SQLSTATE ${code}); its text is on cause`,
      );
    },
  );

  it('say where a syntax error is, without the text there', () => {
    expect(classify('42601', 'syntax error at or near "selec"', { position: '7' }).message).toBe(
      'PostgreSQL could not accept the statement at character 7 (SQLSTATE 42601): syntax error at or near "…"',
    );
  });

  it('name constraint, table and column, and have them as fields', () => {
    const error = classify('23505', 'duplicate key value violates …', {
      constraint: 'users_email_key',
      table: 'users',
    });
    expect(error.message).toBe('unique constraint "users_email_key" on table "users" was violated (SQLSTATE 23505)');
    expect(error).toMatchObject({ constraint: 'users_email_key', table: 'users', column: undefined });
    expect(classify('23502', 'x', { table: 'users', column: 'name' }).message).toBe(
      'not-null constraint of column "name" on table "users" was violated (SQLSTATE 23502)',
    );
  });
});

describe('names', () => {
  it('are shown when they stand in the statement, and hidden when they came in as a value: select nextval($1)', () => {
    const text = 'relation "orders" does not exist';
    expect(classify('42P01', text, { position: '15', routine: 'parserOpenTable' }).message).toContain('"orders"');
    expect(classify('42P01', text).message).not.toContain('orders');
  });

  // A canary in '…'::regclass came out in the message: the literal has a position, as a name has.
  it("are hidden when they came in as a literal: select 'orders'::regclass", () => {
    const text = 'relation "orders" does not exist';
    const message = classify('42P01', text, { position: '8', routine: 'RangeVarGetRelidExtended' }).message;
    expect(message).toBe('relation "…" does not exist (SQLSTATE 42P01)');
  });

  it('that a function was given are hidden where a slot of that name exists already', () => {
    const text = 'replication slot "orders" already exists';
    expect(classify('42710', text, { routine: 'ReplicationSlotCreate' }).message).not.toContain('orders');
    expect(classify('42710', 'role "orders" already exists', { routine: 'CreateRole' }).message).toContain('"orders"');
  });
});

describe('numbers', () => {
  // A canary in lo_open($1) and set_byte(…, $1, …) came out in the message, because the server does not quote numbers.
  it.each([
    ['42704', 'large object 748391652 does not exist', 'large object … does not exist (SQLSTATE 42704)'],
    ['2202E', 'index -748391652 out of valid range, 0..14', 'index -… out of valid range, … (SQLSTATE 2202E)'],
    [
      '22001',
      'value too long for type character varying(20)',
      'value too long for type character varying(20) (SQLSTATE 22001)',
    ],
    [
      '22003',
      'a field with precision 5, scale 2 and numeric(10,2)',
      'a field with precision … scale … and numeric(10,2) (SQLSTATE 22003)',
    ],
    ['22P02', 'character 0x41 of int4', 'character … of int4 (SQLSTATE 22P02)'],
  ])('of values are hidden, and those of types are not: %s', (state, text, expected) => {
    expect(classify(state, text).message).toBe(expected);
  });
});
