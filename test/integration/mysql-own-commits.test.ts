/**
 * What is said of transactions that a statement of theirs has committed, and of statements that do a thing in parts, by both clients on
 * both servers. Each test looks at the rows afterwards, from another connection.
 */
import type { DBRuntime, FluxorError } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { mariadb } from 'fluxor-db/mariadb';
import { mysql } from 'fluxor-db/mysql';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';

const DOORS = { mysql2: mysql, mariadb };
const pairs = inject('mysqlServers').flatMap((server) =>
  Object.entries(DOORS).map(([client, make]) => ({ name: `${client} × ${server.name}`, client, make, server })),
);
const SIGNAL = "signal sqlstate '45000' set message_text = 'no'";
const UNKNOWN = { outcome: 'unknown', decision: 'never', retryable: false };

const failureIn = (work: Promise<unknown>): Promise<FluxorError> =>
  work.then(
    (value) => expect.fail(`succeeded with ${JSON.stringify(value)}`),
    (error: unknown) => error as FluxorError,
  );

describe.each(pairs)('$name', ({ client, make, server }) => {
  const t = `own_${client}`;
  const isMariaDb = server.product === 'mariadb';
  let db: DBRuntime;
  let other: DBRuntime;
  const kept = async (): Promise<unknown[]> =>
    (await other.query<{ id: number }>(`select id from ${t} order by id`)).map(({ id }) => id);
  const add = (id: number): string => `insert into ${t} (id) values (${id})`;

  beforeAll(async () => {
    db = createRuntime({ driver: make({ url: server.url, settings: { lock_wait_timeout: 1 } }) });
    other = createRuntime({ driver: make({ url: server.url }) });
    await other.exec(`drop table if exists ${t}, ${t}_there`);
    for (const name of ['commits', 'goes_on', 'refuses', 'works', 'undoes'])
      await other.exec(`drop procedure if exists ${t}_${name}`);
    await other.exec(`create table ${t} (id int primary key)`);
    await other.exec(`create table ${t}_there (id int)`);
    await other.exec(`create procedure ${t}_commits() begin ${add(2)}; commit; ${SIGNAL}; end`);
    await other.exec(`create procedure ${t}_goes_on() begin ${add(2)}; commit; start transaction; ${add(3)}; end`);
    await other.exec(`create procedure ${t}_refuses() begin ${add(2)}; ${SIGNAL}; end`);
    await other.exec(`create procedure ${t}_works() begin ${add(2)}; end`);
  });
  beforeEach(() => other.exec(`delete from ${t}`));
  afterAll(async () => {
    for (const name of ['commits', 'goes_on', 'refuses', 'works']) await other.exec(`drop procedure ${t}_${name}`);
    await other.exec(`drop table ${t}, ${t}_there`);
    await Promise.all([db.disconnect(), other.disconnect()]);
  });

  /** Whoever asks for the table's definition has to wait for the end of this. */
  const reading = async (act: () => Promise<void>): Promise<void> => {
    await using holder = await other.begin();
    await holder.query(`select * from ${t}_there`);
    await act();
  };

  describe('a definition in a transaction', () => {
    it('that fails has committed what came before: unknown, never repeated, and the message says what committed', async () => {
      const error = await failureIn(
        db.transaction(async (tx) => {
          await tx.exec(add(1));
          await tx.exec(`create table ${t}_there (id int)`);
        }),
      );
      expect(error).toMatchObject({ code: 'QUERY', reason: 'duplicate-object', ...UNKNOWN });
      expect(error.message).toContain(`was committed by the statement itself: create table ${t}_there (id int)`);
      expect(await kept()).toEqual([1]);
    });

    it('that finds no lock is not run again with the rows that it has committed', async () => {
      let runs = 0;
      await reading(async () => {
        const error = await failureIn(
          db.transaction(async (tx) => {
            runs += 1;
            await tx.exec(add(runs));
            await tx.exec(`alter table ${t}_there add column more int`);
          }),
        );
        expect(error).toMatchObject({ reason: 'lock-timeout', ...UNKNOWN });
      });
      expect([runs, await kept()]).toEqual([1, [1]]);
    });

    it('that takes too long has committed what came before', async () => {
      await using patient = createRuntime({ driver: make({ url: server.url }) });
      await reading(async () => {
        const error = await failureIn(
          patient.transaction(async (tx) => {
            await tx.exec(add(1));
            await tx.exec(`alter table ${t}_there add column more int`, [], { timeout: 200 });
          }),
        );
        expect(error).toMatchObject({ code: 'TIMEOUT', ...UNKNOWN });
        expect(error.message).toContain(`committed by`);
      });
      expect(await kept()).toEqual([1]);
    });

    it('under which the time of the transaction is up is not said to be rolled back', async () => {
      await using patient = createRuntime({ driver: make({ url: server.url }) });
      // The time of a transaction is that of its connection's opening as well.
      await patient.connect();
      await reading(async () => {
        const error = await failureIn(
          patient.transaction(
            async (tx) => {
              await tx.exec(add(1));
              await tx.exec(`alter table ${t}_there add column more int`).catch(() => undefined);
            },
            { timeout: 2_000 },
          ),
        );
        expect(error).toMatchObject(UNKNOWN);
        expect(error.message).toContain(`committed by`);
      });
      expect(await kept()).toEqual([1]);
    });

    it.each(['the function', 'a savepoint'])('whose error %s has swallowed is told of all the same', async (where) => {
      const error = await failureIn(
        db.transaction(async (tx) => {
          await tx.exec(add(1));
          const define = `create table ${t}_there (id int)`;
          if (where === 'a savepoint') await tx.transaction((inner) => inner.exec(define)).catch(() => undefined);
          else await tx.exec(define).catch(() => undefined);
        }),
      );
      expect(error).toMatchObject({ code: 'TRANSACTION', reason: 'aborted', ...UNKNOWN });
      expect(error.message).toContain('was committed by the statement itself');
      expect(error.message).not.toContain('lost');
      expect(await kept()).toEqual([1]);
    });

    it('that succeeds has committed it: what comes after is not sent, and what came before was applied', async () => {
      const error = await failureIn(
        db.transaction(async (tx) => {
          await tx.exec(add(1));
          await tx.exec(`create table if not exists ${t}_there (id int)`);
          expect(tx.state).toBe('committed');
          await tx.exec(add(2));
        }),
      );
      expect(error).toMatchObject({ code: 'TRANSACTION_CLOSED', outcome: 'applied', decision: 'never' });
      expect(error.message).toContain('was committed by the statement itself');
      expect(await kept()).toEqual([1]);
    });

    it('that the server cannot read, or that makes a temporary table, is part of the transaction as any other', async () => {
      const error = await failureIn(
        db.transaction(async (tx) => {
          await tx.exec(`create temporary table ${t}_mine (id int)`);
          await tx.exec(add(1));
          await tx.exec('create nothing');
        }),
      );
      expect(error).toMatchObject({ reason: 'syntax', outcome: 'not-applied' });
      expect(await kept()).toEqual([]);
    });
  });

  describe('a procedure in a transaction', () => {
    it('that commits and then fails: what came before is kept, and nobody says that it was not', async () => {
      const error = await failureIn(
        db.transaction(async (tx) => {
          await tx.exec(add(1));
          await tx.exec(`call ${t}_commits()`);
        }),
      );
      expect(error).toMatchObject({ reason: 'application', ...UNKNOWN });
      expect(error.message).toContain(`committed by a statement of it: call ${t}_commits()`);
      expect(await kept()).toEqual([1, 2]);
    });

    it('that commits and begins anew is found out at once, and nothing more goes into the new transaction', async () => {
      const error = await failureIn(
        db.transaction(async (tx) => {
          await tx.exec(add(1));
          await tx.exec(`call ${t}_goes_on()`);
          await tx.exec(add(4));
        }),
      );
      expect(error).toMatchObject({ code: 'TRANSACTION_CLOSED', outcome: 'applied', decision: 'never' });
      expect(await kept()).toEqual([1, 2]);
    });

    it('that is refused and has committed nothing is undone with the rest, and that is said', async () => {
      const error = await failureIn(
        db.transaction(async (tx) => {
          await tx.exec(add(1));
          await tx.exec(`call ${t}_refuses()`);
        }),
      );
      expect(error).toMatchObject({ reason: 'application', outcome: 'not-applied' });
      expect(await kept()).toEqual([]);
    });

    it('that works is part of it: committed with it, and undone with a savepoint or with all', async () => {
      await db.transaction(async (tx) => {
        await tx.exec(add(1));
        const inner = tx.transaction(async (savepoint) => {
          await savepoint.exec(`call ${t}_works()`);
          throw new Error('no');
        });
        await expect(inner).rejects.toThrow('no');
        await tx.exec(`call ${t}_works()`);
      });
      expect(await kept()).toEqual([1, 2]);
      await other.exec(`delete from ${t}`);
      let runs = 0;
      await expect(
        db.transaction(async (tx) => {
          runs += 1;
          await Promise.all([tx.exec(add(1)), tx.exec(`call ${t}_works()`), tx.exec(add(3))]);
          await tx.exec(add(3));
        }),
      ).rejects.toMatchObject({ code: 'CONSTRAINT', outcome: 'not-applied' });
      expect([runs, await kept()]).toEqual([1, []]);
    });

    it('BEGIN written as a statement commits what came before, and the handle does not go on with the next', async () => {
      const error = await failureIn(
        db.transaction(async (tx) => {
          await tx.exec(add(1));
          await tx.exec('start transaction');
          await tx.exec(add(2));
        }),
      );
      expect(error).toMatchObject({ code: 'TRANSACTION_CLOSED', outcome: 'applied', decision: 'never' });
      expect(await kept()).toEqual([1]);
    });
  });

  describe('outside transactions', () => {
    it('a procedure, or a text that runs one, may have kept a part of what it did before it failed', async () => {
      const texts = isMariaDb
        ? [
            `call ${t}_refuses()`,
            `execute immediate 'call ${t}_refuses()'`,
            `begin not atomic ${add(2)}; ${SIGNAL}; end`,
          ]
        : [`call ${t}_refuses()`, `/*!80000 call ${t}_refuses() */`];
      for (const text of texts) {
        await other.exec(`delete from ${t}`);
        expect([text, await failureIn(db.exec(text))]).toMatchObject([text, { outcome: 'unknown' }]);
        expect([text, await kept()]).toEqual([text, [2]]);
      }
    });

    it('a DROP of several tables may have dropped some', async () => {
      await other.exec(`create table ${t}_first (id int)`);
      expect(await failureIn(db.exec(`drop table ${t}_first, ${t}_missing`))).toMatchObject({ outcome: 'unknown' });
      // MariaDB drops what is there, MySQL all or nothing.
      expect(await other.query(`show tables like '${t}_first'`)).toHaveLength(isMariaDb ? 0 : 1);
      await other.exec(`drop table if exists ${t}_first`);
    });

    it('one definition is one step, and its refusal leaves nothing', async () => {
      for (const text of [`create table ${t}_there (id int)`, `drop table ${t}_missing`])
        expect(await failureIn(db.exec(text))).toMatchObject({ outcome: 'not-applied' });
    });
  });

  describe('a session', () => {
    it('commits by itself on a server that does not by default', async () => {
      const adminUrl = server.adminUrl ?? expect.fail('no rights to change the default');
      await using admin = createRuntime({ driver: make({ url: adminUrl }) });
      await admin.exec('set global autocommit = 0');
      try {
        await using fresh = createRuntime({ driver: make({ url: server.url }) });
        await fresh.exec(add(1));
      } finally {
        await admin.exec('set global autocommit = 1');
      }
      expect(await kept()).toEqual([1]);
    });

    it('begins whatever its server tracks of the variables', async () => {
      const adminUrl = server.adminUrl ?? expect.fail('no rights to change the default');
      await using admin = createRuntime({ driver: make({ url: adminUrl }) });
      // MySQL tells of GTIDs by another variable; what its list is made of is left as it is.
      for (const list of ["''", "'*'"]) {
        const before = await admin.queryValue('select @@global.session_track_system_variables');
        await admin.exec(`set global session_track_system_variables = ${list}`);
        try {
          await using fresh = createRuntime({ driver: make({ url: server.url }) });
          await fresh.exec(`replace ${add(1).slice('insert '.length)}`);
        } finally {
          await admin.exec('set global session_track_system_variables = ?', [before]);
        }
        expect(await kept()).toEqual([1]);
      }
    });

    it('has the sql_mode of its server, in which the name of a function is no reserved word', async () => {
      const modes = await db.queryRow('select @@sql_mode as mine, @@global.sql_mode as theirs');
      expect(modes?.mine).toBe(modes?.theirs);
      await using session = await db.acquire();
      await session.exec('create temporary table count (n int)');
      expect(await session.query('select n from count')).toEqual([]);
    });
  });
});
