/**
 * Every row of the table of docs/reference/types.md on a real database, both ways: out as a literal, in as a parameter, null,
 * in arrays, as an object and as an array, the first time and prepared. test/docs/types-reference.test.ts holds the table
 * against the code, so no type is missing here that the code knows.
 */
import type { DriverConnection, Row } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodersFor, typeName } from '../../src/driver/postgres/postgres-types.js';
import { codeWords, readDoc, sectionOf, tableRows } from '../docs/markdown.js';
import { ContractSessions, run } from './contract-session.js';
import { cleanServerConnections } from './server-connections.js';
import type { ContractTarget } from './targets.js';

const rows = tableRows(sectionOf(readDoc('docs/reference/types.md'), 'What comes back')).map(
  ([type = '', sample = '']) => [codeWords(type)[0] ?? '', codeWords(sample)[0] ?? ''] as const,
);
const decoders = decodersFor({ bigint: 'bigint', decimal: 'string', date: 'string', json: 'parsed' });
const oids = new Map([...decoders.keys()].map((oid) => [typeName(oid), oid]));

/** A keyword of SQL that means another type than the one whose name it is. */
const sqlName = (type: string): string => (type === 'char' ? '"char"' : type === 'bit' ? 'bit(3)' : type);

/** Types of a user's own, of extensions and of the rest of PostgreSQL: text, with the number of the type. */
const OTHERS: readonly (readonly [type: string, literal: string, value: unknown])[] = [
  ['types_mood', 'happy', 'happy'],
  ['types_pair', '(1,"a b")', '(1,"a b")'],
  ['types_positive', '5', 5],
  ['point', '(1,2)', '(1,2)'],
  ['jsonpath', '$."a"', '$."a"'],
  ['tsvector', "'a':1", "'a':1"],
  ['int4multirange', '{[1,3)}', '{[1,3)}'],
];

export function typeTableContract(target: ContractTarget): void {
  describe(`type contract, every type: ${target.name}`, () => {
    let sessions: ContractSessions;
    let connection: DriverConnection;

    beforeAll(async () => {
      sessions = new ContractSessions(target.makeDriver());
      ({ connection } = await sessions.open());
      for (const text of [
        ...DROPS,
        "create type types_mood as enum ('sad', 'happy')",
        'create type types_pair as (a int, b text)',
        'create domain types_positive as int check (value > 0)',
      ]) {
        await run(connection, text);
      }
    });
    afterAll(async () => {
      for (const text of DROPS) await run(connection, text);
      await sessions.closeAll();
      if (target.impossible.has('prepared statements')) await cleanServerConnections(target);
    });

    /** Twice by itself and three times by name, where there are names, and once as an object. All of them are one. */
    async function answer(text: string, values: readonly unknown[]): Promise<unknown> {
      const name = target.impossible.has('prepared statements') ? undefined : `types_${names++}`;
      const query = { text, values, rowMode: 'array' } as const;
      const { rows: first, fields } = await connection.execute(query);
      for (const statement of [undefined, name, name, name]) {
        const again = await connection.execute(query, statement);
        expect(again.rows).toEqual(first);
        expect(again.fields).toEqual(fields);
      }
      const asObject = await connection.execute({ ...query, rowMode: 'object' }, name);
      expect(asObject.rows.map((row) => Object.values(row as Row))).toEqual(first);
      if (name !== undefined) connection.forget?.(name);
      return first;
    }
    let names = 0;

    it.each(rows)('%s: %s goes out, in and through arrays without loss', async (type, sample) => {
      const name = sqlName(type);
      const decoder = decoders.get(oids.get(type) ?? 0);
      if (decoder === undefined) throw new Error(`the code knows no ${type}`);
      const value = decoder(sample);
      expect(await answer(`select $1::text::${name} as out, null::${name} as nothing`, [sample])).toEqual([
        [value, null],
      ]);
      expect(await answer(`select $1::${name} as back, $2::${name} as nothing`, [value, null])).toEqual([
        [value, null],
      ]);
      // json keeps the text that it was given, with every space.
      const text = type === 'json' ? 'jsonb::text' : 'text';
      const same = `select $1::${name}::${text} = $2::text::${name}::${text} as same`;
      expect(await answer(same, [value, sample])).toEqual([[true]]);
      const list = [value, null, value];
      expect(
        await answer(`select $1::${name}[] as list, array[$2::text::${name}, null] as made`, [list, sample]),
      ).toEqual([[list, [value, null]]]);
      expect(await answer(`select $1::${name}[] as nested`, [[[value], [null]]])).toEqual([[[[value], [null]]]]);
      expect(await answer(`select $1::${name}[] as none, null::${name}[] as nothing`, [[]])).toEqual([[[], null]]);
      const { fields } = await run(connection, `select null::${name} as one, null::${name}[] as many`);
      expect(fields.map((field) => field.type)).toEqual([type, `${type}[]`]);
    });

    it.each(OTHERS)(
      '%s, which has no row, comes back as text, a domain as what it is made of',
      async (type, literal, value) => {
        expect(await answer(`select $1::text::${type} as out, null::${type} as nothing`, [literal])).toEqual([
          [value, null],
        ]);
        expect(await answer(`select $1::${type} as back`, [value])).toEqual([[value]]);
        const { fields } = await run(connection, `select null::${type} as one`);
        expect(fields.map(({ type: shown }) => shown)).toEqual([
          typeof value === 'number' ? 'int4' : String(fields[0]?.typeId),
        ]);
      },
    );
  });
}

const DROPS = ['type', 'type', 'domain'].map(
  (kind, at) => `drop ${kind} if exists ${['types_mood', 'types_pair', 'types_positive'][at] ?? ''}`,
);
