/** Statements in flight together on one PostgreSQL session: what only PostgreSQL has, and a storm of everything at once. */
import type { ConnectRequest, DriverConnection, DriverNotification, DriverResult } from 'fluxor-db';
import { SESSION_EFFECTS } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { ContractSessions, run } from '../contract/contract-session.js';
import { SENT } from '../fakes/situations.js';

const NUMBER = 'select $1::int';

/** The number of each, or the code or the first word of its error. */
async function fates(running: readonly Promise<DriverResult>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(running);
  return settled.map((one) => {
    if (one.status === 'fulfilled') return (one.value.rows as unknown[][])[0]?.[0];
    const { code, message } = one.reason as { readonly code?: string; readonly message: string };
    return code ?? message.split(/\W/)[0];
  });
}

for (const { name, url } of inject('postgresServers')) {
  describe(`statements in flight together on ${name}`, () => {
    const sessions = new ContractSessions(postgres({ url }));
    const open = async (request: Partial<ConnectRequest> = {}): Promise<DriverConnection> =>
      (await sessions.openWith(request)).connection;
    afterEach(() => sessions.closeAll());

    const numbers = (connection: DriverConnection, ...all: readonly number[]): Promise<DriverResult>[] =>
      all.map((n) => run(connection, NUMBER, [n]));

    it('fails a COPY that nobody brings the data for, alone or last, and goes on', async () => {
      const connection = await open();
      await run(connection, 'create temporary table copied (id int)');
      const running = [...numbers(connection, 1, 2), run(connection, 'copy copied from stdin')];
      expect(await fates(running)).toEqual([1, 2, 'QUERY']);
      await connection.untilReady();
      expect(await fates(numbers(connection, 3))).toEqual([3]);
    });

    it('gives up the connection where a COPY takes the statement behind it for its data', async () => {
      const { connection, losses } = await sessions.open();
      await run(connection, 'create temporary table copied (id int)');
      const running = numbers(connection, 1);
      running.push(run(connection, 'copy copied from stdin'), ...numbers(connection, 2, 3, 4));
      const [before, copy, ...behind] = await fates(running);
      expect([before, copy]).toEqual([1, 'QUERY']);
      // The server gives up as well, and may have said so first.
      expect(['Received', '08P01']).toContain(behind[0]);
      expect(new Set(behind).size).toBe(1);
      expect([connection.state, losses.length]).toEqual(['closed', 1]);
      expect(sessions.driver.classify(losses[0], SENT).isConnectionFatal).toBe(true);
    });

    it('hears notices and notifications between the answers of others', async () => {
      const heard: DriverNotification[] = [];
      const connection = await open({ onNotification: (one) => heard.push(one) });
      await run(connection, 'listen pipelined');
      const running = [1, 2, 3].flatMap((n) => [
        ...numbers(connection, n),
        run(connection, "do $$ begin raise notice 'between'; end $$"),
        run(connection, "select pg_notify('pipelined', $1)", [String(n)]),
        run(connection, `set application_name to 'p${n}'`),
      ]);
      expect((await fates(running)).filter((fate) => typeof fate === 'number')).toEqual([1, 2, 3]);
      await connection.ping();
      expect(heard.map(({ payload }) => payload)).toEqual(['1', '2', '3']);
      expect(connection.hasChangedSettings).toBe(true);
    });

    it('refuses whoever needs the session alone while others are in flight, and whoever comes meanwhile', async () => {
      const connection = await open();
      const running = numbers(connection, 1, 2);
      const cursor = connection.openCursor?.({ text: NUMBER, values: [7], rowMode: 'array' });
      const isBug = { message: expect.stringMatching(/^bug:/) as unknown };
      await expect(cursor?.read(1)).rejects.toMatchObject(isBug);
      await expect(connection.reset(SESSION_EFFECTS.unknown)).rejects.toMatchObject(isBug);
      expect(await fates([...running, ...numbers(connection, 3)])).toEqual([1, 2, 3]);
      const alone = connection.openCursor?.({
        text: 'select generate_series(1, 3)',
        values: [],
        rowMode: 'array',
      });
      await alone?.read(1);
      await expect(run(connection, NUMBER, [4])).rejects.toMatchObject(isBug);
      expect((await alone?.read(5))?.rows).toEqual([[2], [3]]);
      expect(await fates(numbers(connection, 5))).toEqual([5]);
    });

    it('does not send a stale statement once more when somebody has asked to stop one', async () => {
      const healed: unknown[] = [];
      const connection = await open({ onHealed: () => healed.push('healed') });
      const named = () => connection.execute({ text: NUMBER, values: [7], rowMode: 'array' }, 'p_stopped');
      await named();
      await run(connection, 'deallocate all');
      const running = [...numbers(connection, 1), named(), ...numbers(connection, 2)];
      const cancelled = connection.cancel();
      const [first, stale, second] = await fates(running);
      await cancelled;
      await connection.untilReady();
      await connection.ping().catch(() => connection.untilReady());
      // The cancel hits whichever the server works on, or none.
      expect([1, '57014']).toContain(first);
      expect(['26000', '57014']).toContain(stale);
      expect([2, '57014']).toContain(second);
      expect([await fates([named()]), healed]).toEqual([[7], []]);
    });

    // Each run prepared anew, because the one before had not been answered when it was sent.
    it('prepares a text that takes a while once, although a run of it is always in flight', async () => {
      const connection = await open();
      const named = (n: number) =>
        connection.execute({ text: 'select $1::int, pg_sleep(0.004)', values: [n], rowMode: 'array' }, 'p_while');
      const prepared = "select prepare_time::text from pg_prepared_statements where name = 'p_while'";
      const answers: Promise<DriverResult>[] = [];
      const times: Promise<DriverResult>[] = [];
      for (let n = 0; n < 30; n += 1) {
        answers.push(named(n));
        times.push(run(connection, prepared));
        if (n > 0) await answers[n - 1];
      }
      expect(await fates(answers)).toEqual(answers.map((_, n) => n));
      expect(new Set(await fates(times)).size).toBe(1);
    });

    it.each([
      ['26000', 'select a from outgrown where a = $1', 'deallocate all', 'int'],
      ['0A000', 'select * from outgrown where a = $1', 'alter table outgrown add column more int', 'int'],
      ['42804', 'insert into outgrown values ($1)', 'alter table outgrown alter a type boolean using a = 1', 'bool'],
      ['22P02', 'insert into outgrown values ($1)', 'alter table outgrown alter a type text', 'text'],
    ])(
      'prepares anew what is stale (%s) when the one before it is stopped, if whoever sent it still wants it',
      async (code, text, change, type) => {
        const healed: unknown[] = [];
        const connection = await open({ onHealed: () => healed.push('healed') });
        const other = await open();
        await run(other, 'drop table if exists outgrown');
        await run(other, 'create table outgrown as select 1 as a');
        const asked: string[] = [];
        const inFlight = { goBehind: () => asked.push(code) === 1 };
        const named = (value: unknown) =>
          connection.execute({ text, values: [value], rowMode: 'array' }, 'p_outgrown', inFlight);
        await named(1);
        await run(code === '26000' ? connection : other, change);
        const sleeping = run(connection, 'select pg_sleep(30)');
        const value = type === 'text' ? 'not a number' : 1;
        const ends = fates([sleeping, named(value), named(value), ...numbers(connection, 5)]);
        const isSleeping = "select 1 from pg_stat_activity where query like 'select pg_sleep(30)%' and pid = $1::int";
        await expect.poll(async () => (await run(other, isSleeping, [connection.sessionId])).rows.length).toBe(1);
        await connection.cancel();
        const [stopped, wanted, unwanted, innocent] = await ends;
        expect([stopped, unwanted, innocent]).toEqual(['57014', code, 5]);
        expect([typeof wanted, asked, healed]).toEqual([
          text.startsWith('select') ? 'number' : 'undefined',
          [code, code],
          ['healed'],
        ]);
        await connection.untilReady();
        expect(connection.state).toBe('idle');
        await run(other, 'drop table outgrown');
      },
    );

    it('fails a statement whose value cannot be read, and nobody else', async () => {
      const types = { bigint: 'number', decimal: 'string', date: 'string', json: 'parsed' } as const;
      const connection = await open({ types });
      const large = () =>
        connection.execute({ text: 'select $1::int8', values: [2n ** 60n], rowMode: 'array' }, 'p_big');
      const running = [
        ...numbers(connection, 1),
        large(),
        ...numbers(connection, 2),
        large(),
        ...numbers(connection, 3),
      ];
      expect(await fates(running)).toEqual([1, 'QUERY', 2, 'QUERY', 3]);
    });

    it('gives everybody their own in a storm of names, errors, large values and changes of a table', async () => {
      const connection = await open();
      const other = await open();
      await run(other, 'drop table if exists pipeline_storm');
      await run(other, 'create table pipeline_storm (id int primary key)');
      await run(other, 'insert into pipeline_storm select generate_series(1, 50)');
      const random = dice(7);
      let columns = 1;
      const started: Promise<DriverResult>[] = [];
      const expected: unknown[] = [];
      const start = (fate: unknown, text: string, values: readonly unknown[], statement?: string): void => {
        expected.push(fate);
        const running = connection.execute({ text, values, rowMode: 'array' }, statement);
        void running.catch(() => undefined);
        started.push(running);
      };
      for (let round = 0; round < 300; round += 1) {
        const first = started.length;
        for (let n = 0; n <= random(40); n += 1) {
          const key = random(1_000_000);
          const under = random(3) === 0 ? undefined : `s_${random(6)}`;
          const which = random(12);
          if (which < 5) start(key, `select ${key % 6}::int * 0 + $1::int`, [key], under && `n_${key % 6}`);
          else if (which < 7) start('22012', 'select 1 / $1::int', [0], under && 's_zero');
          else if (which === 7)
            start('23505', 'insert into pipeline_storm (id) values ($1)', [1 + (key % 50)], under && 's_dup');
          else if (which === 8) start('42601', 'selekt', [], under && 's_wrong');
          else if (which === 9)
            start(1 + (key % 50), 'select * from pipeline_storm where id = $1', [1 + (key % 50)], under && 's_all');
          else if (which === 10)
            start('é'.repeat(key % 20_000), 'select $1::text', ['é'.repeat(key % 20_000)], under && 's_text');
          else connection.forget?.(`n_${key % 6}`);
        }
        // While they are in flight, or between two windows.
        if (random(4) === 0) {
          columns = columns === 1 ? 2 : 1;
          await run(other, `alter table pipeline_storm ${columns === 2 ? 'add column more int' : 'drop column more'}`);
        }
        if (random(3) > 0) await Promise.allSettled(started.slice(first));
      }
      const got = await fates(started);
      const wrong = got.flatMap((fate, at) => (fate === expected[at] ? [] : [[at, fate, expected[at]]]));
      expect(wrong).toEqual([]);
      await connection.untilReady();
      expect(connection.state).toBe('idle');
      await run(other, 'drop table pipeline_storm');
    });
  });
}

/** Whole numbers below a limit, the same ones every time. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
