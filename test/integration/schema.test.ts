/** Rows checked by a schema: with a library that speaks Standard Schema, and on a real server. */
import { createRuntime } from 'fluxor-db';
import type { DBRuntime, FluxorError, StandardSchema } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, inject, it } from 'vitest';

const User = v.object({ id: v.number(), name: v.pipe(v.string(), v.toUpperCase()) });
const SELECT = "select n as id, 'name ' || n as name from generate_series(1, 5) n";
const WRONG = "select n as id, case when n = 4 then null else 'secret' end as name from generate_series(1, 5) n";

/** A schema that answers later, as some must. */
const later: StandardSchema<unknown, string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => ({ value: JSON.stringify(value) }),
  },
};

for (const { name, url } of inject('postgresServers')) {
  describe(`rows checked by a schema on ${name}`, () => {
    const start = (): DBRuntime => createRuntime({ driver: postgres({ url }), pool: { maxSize: 1, warmUp: false } });

    it('are typed by it, and what it makes of them comes back', async () => {
      await using db = start();
      const users = await db.query(SELECT, [], { schema: User });
      expectTypeOf(users).toEqualTypeOf<{ id: number; name: string }[]>();
      expect(users[4]).toEqual({ id: 5, name: 'NAME 5' });
      expect(await db.queryRow(SELECT, [], { schema: User })).toEqual({ id: 1, name: 'NAME 1' });
      expect(await db.queryValue('select $1::int', [7], { schema: v.number() })).toBe(7);
      expect((await db.execute(SELECT, [], { schema: User })).rows).toEqual(users);
      expect(await db.query('select 1 as a', [], { schema: later })).toEqual(['{"a":1}']);
    });

    it('are checked as arrays where they are arrays', async () => {
      await using db = start();
      const schema = v.tuple([v.number(), v.string()]);
      expect(await db.query(SELECT, [], { schema, rowMode: 'array' })).toContainEqual([2, 'name 2']);
    });

    it('need not be there', async () => {
      await using db = start();
      expect(await db.queryRow(`${SELECT} where false`, [], { schema: User })).toBeUndefined();
      expect(await db.query(`${SELECT} where false`, [], { schema: User })).toEqual([]);
    });

    it('that do not fit are an error which says where, and shows no value', async () => {
      await using db = start();
      const error = (await db.query(WRONG, [], { schema: User }).catch((raised: unknown) => raised)) as FluxorError;
      expect(error).toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'applied', retryable: false });
      expect(error.message).toContain('row 3 does not fit the schema at name');
      expect(error.message).not.toContain('secret');
      expect((error.cause as { issues: readonly unknown[] }).issues).toHaveLength(1);
      expect(await db.queryValue('select 1')).toBe(1);
    });

    it('end a stream that they do not fit, and free its connection', async () => {
      await using db = start();
      const seen: unknown[] = [];
      const read = async (): Promise<void> => {
        for await (const user of db.stream(WRONG, [], { schema: User, batchSize: 2 })) seen.push(user.name);
      };
      await expect(read()).rejects.toMatchObject({ code: 'QUERY', reason: 'data' });
      expect(seen).toEqual(['SECRET', 'SECRET']);
      expect(await db.queryValue('select 1')).toBe(1);
      expect(db.stats().inUse).toBe(0);
    });

    it('that do not fit roll a transaction back, and then say that nothing was applied', async () => {
      await using db = start();
      const work = db.transaction((tx) => tx.query(WRONG, [], { schema: User }));
      await expect(work).rejects.toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'not-applied' });
      await expect(work).rejects.toHaveProperty('context.connectionId');
    });

    it('say only which column it is, and nothing of what lies deeper in it', async () => {
      await using db = start();
      const schema = v.object({ doc: v.record(v.string(), v.number()) });
      const bad = db.query(`select '{"secret@example.org": "x"}'::jsonb as doc`, [], { schema });
      const error = (await bad.catch((raised: unknown) => raised)) as FluxorError;
      expect(error.message).toContain('doc (inside)');
      expect(error.message).not.toContain('secret');
    });

    it('cannot be checked where none come: exec()', async () => {
      await using db = start();
      const options = { schema: User } as never;
      await expect(db.exec('select 1', [], options)).rejects.toMatchObject({ code: 'CONFIG' });
    });

    it('are refused a schema that is none, before anything is sent', async () => {
      await using db = start();
      const schema = { parse: () => 1 } as never;
      await expect(db.query('select 1', [], { schema })).rejects.toMatchObject({ code: 'CONFIG' });
      const read = async (): Promise<void> => {
        for await (const _row of db.stream('select 1', [], { schema })) throw new Error('a row came');
      };
      await expect(read()).rejects.toMatchObject({ code: 'CONFIG' });
    });
  });
}
