/** What every type looks like going in and coming out: docs/reference/types.md, checked on a real database. */
import type { TypeOptions } from 'fluxor-db';
import { SESSION_EFFECTS } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractSessions, failureOf, run } from './contract-session.js';
import type { OpenedSession } from './contract-session.js';
import type { ContractTarget } from './targets.js';

/** `[type, literal as text, what comes back]` by default. */
const OUT: readonly (readonly [string, string, unknown])[] = [
  ['bool', 'true', true],
  ['int2', '-32768', -32_768],
  ['int4', '2147483647', 2_147_483_647],
  ['int8', '9223372036854775807', 9_223_372_036_854_775_807n],
  ['int8', '1', 1n],
  ['oid', '4294967295', 4_294_967_295],
  ['float4', '1.5', 1.5],
  ['float8', '0.1', 0.1],
  ['float8', 'NaN', NaN],
  ['float8', '-Infinity', -Infinity],
  ['numeric', '12345678901234567890.123456789012345678', '12345678901234567890.123456789012345678'],
  ['numeric', '1.10', '1.10'],
  ['text', 'Zürich ✓ 🚆', 'Zürich ✓ 🚆'],
  ['varchar(10)', 'abc', 'abc'],
  ['char(5)', 'ab', 'ab   '],
  ['name', 'abc', 'abc'],
  ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['bytea', '\\x00ff10', Buffer.from([0, 255, 16])],
  ['json', '{"a": [1, null, "x"]}', { a: [1, null, 'x'] }],
  ['jsonb', '"text"', 'text'],
  ['jsonb', 'null', null],
  ['date', '2024-02-29', '2024-02-29'],
  ['time', '12:34:56.789', '12:34:56.789'],
  ['timestamp', '2024-02-29 12:34:56.789', new Date('2024-02-29T12:34:56.789Z')],
  ['timestamptz', '2024-02-29 12:34:56.789+02', new Date('2024-02-29T10:34:56.789Z')],
  ['timestamptz', '0044-03-15 00:00:00+00 BC', new Date('-000043-03-15T00:00:00Z')],
  ['inet', '10.0.0.1', '10.0.0.1'],
  ['int4range', '[1,5)', '[1,5)'],
  ['int4[]', '{1,NULL,3}', [1, null, 3]],
  [
    'int8[]',
    '{{1,2},{3,4}}',
    [
      [1n, 2n],
      [3n, 4n],
    ],
  ],
  ['text[]', '{"a,b","c\\"d","NULL",NULL,""}', ['a,b', 'c"d', 'NULL', null, '']],
  ['timestamptz[]', '{2024-01-01 00:00:00+00}', [new Date('2024-01-01T00:00:00Z')]],
  ['numeric[]', '{1.10}', ['1.10']],
];

/** `[parameter, cast, how the database writes it]`. */
const IN: readonly (readonly [unknown, string, string])[] = [
  [true, 'bool', 'true'],
  [42, 'int4', '42'],
  [9_223_372_036_854_775_807n, 'int8', '9223372036854775807'],
  [0.1, 'float8', '0.1'],
  ['1.10', 'numeric', '1.10'],
  [new Date('2024-02-29T12:34:56.789Z'), 'timestamp', '2024-02-29 12:34:56.789'],
  [new Date('-000043-03-15T00:00:00Z'), 'timestamp', '0044-03-15 00:00:00 BC'],
  [Buffer.from([0, 255]), 'bytea', '\\x00ff'],
  [new Uint8Array([1, 2]), 'bytea', '\\x0102'],
  [{ a: 1 }, 'jsonb', '{"a": 1}'],
  [[1, 2, null], 'int4[]', '{1,2,NULL}'],
  [['a,b', 'c"d\\', ''], 'text[]', '{"a,b","c\\"d\\\\",""}'],
  ['2024-02-29', 'date', '2024-02-29'],
];

export function typeContract(target: ContractTarget): void {
  describe(`type contract: ${target.name}`, () => {
    let sessions: ContractSessions;
    let session: OpenedSession;
    beforeAll(async () => {
      sessions = new ContractSessions(target.makeDriver());
      session = await sessions.open();
    });
    afterAll(() => sessions.closeAll());

    for (const [type, literal, value] of OUT) {
      it(`gives ${type} ${literal.slice(0, 30)} back without loss`, async () => {
        const { rows } = await run(session.connection, `select $1::text::${type}, null::${type}`, [literal]);
        expect(rows).toEqual([[value, null]]);
      });
    }

    for (const [value, type, text] of IN) {
      it(`sends ${type} ${text.slice(0, 30)} as it is`, async () => {
        const { rows } = await run(session.connection, `select ($1::${type})::text`, [value]);
        expect(rows).toEqual([[text]]);
      });
    }

    it('gives every value of a column the same JavaScript type, small or large', async () => {
      const { rows } = await run(session.connection, 'select unnest(array[1, 9007199254740993]::int8[])');
      expect(rows).toEqual([[1n], [9_007_199_254_740_993n]]);
    });

    it('refuses to make a Date of infinity, says why, and stays usable', async () => {
      const native = await failureOf(session.connection, "select 'infinity'::timestamptz");
      expect(native).toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'applied' });
      expect((await run(session.connection, 'select 1')).rows).toEqual([[1]]);
    });

    it('brings dates back the same in every session time zone', async () => {
      const moment = new Date('2024-07-01T00:30:00Z');
      const values = [moment, moment, '2024-07-01'];
      await run(session.connection, "set timezone to 'America/New_York'");
      const { rows } = await run(session.connection, 'select $1::timestamptz, $2::timestamp, $3::date', values);
      await run(session.connection, "set timezone to 'UTC'");
      expect(rows).toEqual([values]);
    });

    it('keeps every session in UTC, so that what the database converts agrees with what is read here', async () => {
      const summerOffset = "select extract(timezone from timestamptz '2024-07-01')::int";
      expect((await run(session.connection, summerOffset)).rows).toEqual([[0]]);
      await session.connection.reset(SESSION_EFFECTS.unknown);
      expect((await run(session.connection, summerOffset)).rows).toEqual([[0]]);
      const { rows } = await run(session.connection, 'select now(), now()::timestamp, localtimestamp');
      const [[one, two, three]] = rows as [[Date, Date, Date]];
      expect([two, three]).toEqual([one, one]);
    });

    describe('with other choices', () => {
      let chosen: OpenedSession;
      const choose = async (types: TypeOptions): Promise<void> => {
        await sessions.close(session);
        chosen = await sessions.open(types);
        session = chosen;
      };

      it('gives numbers where asked, and refuses those that would change', async () => {
        await choose({ bigint: 'number', decimal: 'number', date: 'Date' });
        const { rows } = await run(
          chosen.connection,
          "select 5::int8, 1.5::numeric, '2024-02-29'::date, array[7]::int8[]",
        );
        expect(rows).toEqual([[5, 1.5, new Date('2024-02-29T00:00:00Z'), [7]]]);
        for (const literal of ['9007199254740993::int8', '12345678901234567890.5::numeric']) {
          expect(await failureOf(chosen.connection, `select ${literal}`)).toMatchObject({
            code: 'QUERY',
            reason: 'data',
          });
        }
      });

      it('gives 64-bit integers as text where asked', async () => {
        await choose({ bigint: 'string' });
        expect((await run(chosen.connection, 'select 5::int8')).rows).toEqual([['5']]);
      });
    });
  });
}
