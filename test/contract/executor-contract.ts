/**
 * What every executor promises (src/runtime/executor.ts): one table of cases, run on the runtime, on a session and in a
 * transaction, so that the three cannot differ; and what goes wrong, by every method, so that those cannot either.
 */
import type { Executor, QueryOptions, Row } from 'fluxor-db';
import { ConfigError, ConstraintError, QueryError } from 'fluxor-db';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { collect, ContractHouse, EXECUTOR_KINDS, refusal, runCase, withExecutor } from './contract-runtime.js';
import { EXECUTOR_CASES } from './executor-cases.js';
import type { ContractTarget } from './targets.js';
import type { Words } from './words.js';
import { int, param } from './words.js';

/** Runs a statement by the method of that name, whatever that answers. */
type Way = (on: Executor, text: string, params?: readonly unknown[], options?: QueryOptions) => Promise<unknown>;

/** The compiler asks for every method that an executor has. */
const WAYS: Readonly<Record<keyof Executor, Way>> = {
  query: (on, ...call) => on.query(...call),
  queryRow: (on, ...call) => on.queryRow(...call),
  queryValue: (on, ...call) => on.queryValue(...call),
  exec: (on, ...call) => on.exec(...call),
  execute: (on, ...call) => on.execute(...call),
  batch: (on, text, params = [], options = {}) => on.batch(text, [params], options),
  stream: (on, ...call) => collect(on.stream<Row>(...call)),
};

/** Nothing of it was applied, whether it was sent or not. */
const NOT_APPLIED: unknown = expect.stringMatching(/^not-(sent|applied)$/);

/** Refused by the database, with what is said about it. */
const refused = (words: Words): readonly (readonly [text: string, params: readonly unknown[], expected: object])[] => [
  ["insert into executor_items (id, name) values (0, 'zero')", [], { code: 'CONSTRAINT', reason: 'unique' }],
  [
    `insert into executor_items (id, name) values (${words.placeholder(1)}, null)`,
    [7],
    { code: 'CONSTRAINT', reason: 'not-null', column: words.kept('name') },
  ],
  [
    "insert into executor_items (id, name, score) values (7, 'x', -1)",
    [],
    { code: 'CONSTRAINT', reason: 'check', constraint: words.kept('executor_score') },
  ],
  [
    "insert into executor_items (id, name, parent) values (7, 'x', 99)",
    [],
    {
      code: 'CONSTRAINT',
      reason: 'foreign-key',
      constraint: words.kept('executor_parent'),
      table: words.facts.tellsReferencingTable ? 'executor_items' : undefined,
    },
  ],
  ['selec 1', [], { code: 'QUERY', reason: 'syntax' }],
  [
    'select * from executor_nowhere',
    [],
    { code: 'QUERY', reason: 'undefined-object', sqlState: words.sqlStates.undefinedTable },
  ],
  [
    `select ${words.tenOver(words.placeholder(1))}`,
    [0],
    { code: 'QUERY', reason: 'data', sqlState: words.sqlStates.division },
  ],
  [words.refusesNoNumber, ['secret-marker'], { code: 'QUERY', reason: 'data', sqlState: words.sqlStates.noNumber }],
  // A batch counts them before it sends the first.
  [`select ${param(words, 1, 'int')}`, [1, 2], { code: 'QUERY', outcome: NOT_APPLIED }],
];

/** Refused before anything is sent. */
const unsent = (
  words: Words,
): readonly (readonly [text: string, params: readonly unknown[], options: object, expected: object])[] => [
  [`select ${param(words, 1, 'int')}`, [undefined], {}, { code: 'QUERY', reason: 'data' }],
  [`select ${param(words, 1, 'text')}`, [new Date(NaN)], {}, { code: 'QUERY', reason: 'data' }],
  ['select 1', [], { rowmode: 'array' }, { code: 'CONFIG' }],
  ['select 1', [], { timeout: -1 }, { code: 'CONFIG' }],
  ['select 1', [], { signal: AbortSignal.abort() }, { code: 'CANCELLED', reason: 'caller' }],
];

/** For coverage.test.ts: asserted below, by every method. */
export const COVERED_QUERY_OPTIONS = [
  'QueryOptions.timeout',
  'QueryOptions.signal',
  'QueryOptions.idempotent',
  'QueryOptions.readOnly',
  'QueryOptions.retry',
];

export function executorContract(target: ContractTarget): void {
  const { words } = target;
  const { columns } = words;
  describe(`executor contract: ${target.name}`, () => {
    let house: ContractHouse;

    beforeAll(async () => {
      house = await ContractHouse.start(target);
      await house.db.exec('drop table if exists executor_items');
      await house.db.exec(
        `create table executor_items (id ${columns.int} primary key, name ${columns.text} not null, parent ${columns.int},
           score ${columns.int}, constraint executor_score check (score >= 0),
           constraint executor_parent foreign key (parent) references executor_items (id))`,
      );
    });
    beforeEach(() => house.db.exec('delete from executor_items'));
    afterAll(async () => {
      await house.db.exec('drop table executor_items');
      await house[Symbol.asyncDispose]();
    });

    describe.each(EXECUTOR_KINDS)('a %s', (kind) => {
      const each = async (call: (on: Executor, way: Way) => Promise<void>): Promise<void> => {
        for (const way of Object.values(WAYS)) await withExecutor(house.db, kind, (on) => call(on, way));
      };

      it.each(EXECUTOR_CASES.map((one) => [one.title, one] as const))('%s', async (_title, one) => {
        await withExecutor(house.db, kind, (on) => runCase(one, on, { ...house, db: house.db, kind }));
      });

      it.each(refused(words))('says the same by every method about: %s', async (text, params, expected) => {
        await house.db.exec("insert into executor_items (id, name) values (0, 'zero')");
        await each(async (on, way) => {
          const error = await refusal(way(on, text, params));
          expect(error).toMatchObject({ outcome: 'not-applied', retryable: false, ...expected });
          expect(error).toBeInstanceOf(error.code === 'QUERY' ? QueryError : ConstraintError);
          expect(`${error.message} ${JSON.stringify(error)}`).not.toContain('secret-marker');
        });
        expect(await house.db.query('select id from executor_items')).toEqual([{ id: 0 }]);
      });

      it.each(unsent(words))(
        'sends nothing, by any method, of: %s with %o %o',
        async (text, params, options, expected) => {
          await each(async (on, way) => {
            const error = await refusal(way(on, text, params, options));
            expect(error).toMatchObject({ ...expected, outcome: 'not-sent' });
            if (error.code === 'CONFIG') expect(error).toBeInstanceOf(ConfigError);
            // A transaction goes on: the server has not heard of it.
            expect(await on.queryValue(`select ${int(words, 1)}`)).toBe(1);
          });
        },
      );

      it('ends a statement at its timeout by every method, or late where nothing can be stopped', async () => {
        await each(async (on, way) => {
          if (!house.canCancel) return endsLate(on, way);
          // Of what may have changed something, a server too slow to confirm its end would make the outcome unknown.
          const text = words.sleep(words.placeholder(1), 'timed');
          const error = await refusal(way(on, text, [30], { timeout: '150ms', readOnly: true }));
          expect(error).toMatchObject({
            code: 'TIMEOUT',
            outcome: NOT_APPLIED,
          });
        });
      });

      it('ends a statement at the server when its signal aborts, by every method', async () => {
        if (!house.canCancel) return abortsBeforeSending(kind);
        await each(async (on, way) => {
          const abort = new AbortController();
          const marker = `aborted_${kind}`;
          const text = words.sleep(words.placeholder(1), marker);
          const stopped = refusal(way(on, text, [30], { signal: abort.signal, readOnly: true }));
          await house.untilRuns(marker);
          abort.abort(new Error('enough'));
          const error = await stopped;
          expect(error).toMatchObject({ code: 'CANCELLED', reason: 'caller', outcome: 'not-applied' });
          await house.untilNoneRuns(marker);
        });
      });

      it('says what is known of a statement whose connection was lost', async () => {
        if (!house.isShared) return;
        for (const [declared, alone] of [
          [{}, 'unknown'],
          [{ idempotent: true }, 'unknown'],
          [{ readOnly: true }, 'not-applied'],
        ] as const) {
          const options = kind === 'runtime' ? ({ ...declared, retry: false } as const) : declared;
          const error = await withExecutor(house.db, kind, (on) =>
            house.loseWhile('lost', (text) => on.query(text, [], options)),
          );
          const outcome = kind === 'transaction' ? 'not-applied' : alone;
          expect(error).toMatchObject({ code: 'CONNECTION', outcome });
          expect(error.reason).toBe(words.facts.saysWhyItEnds ? 'shutting-down' : 'lost');
        }
      });
    });

    /** What blocks the process lets no clock run meanwhile, and has its answer when it ends; a batch is not committed then. */
    async function endsLate(on: Executor, way: Way): Promise<void> {
      const late = way(on, words.sleep(words.placeholder(1), 'late'), [0.5], { timeout: '400ms' });
      if (way === WAYS.batch) expect(await refusal(late)).toMatchObject({ code: 'TIMEOUT', outcome: 'not-applied' });
      else await late;
    }

    /** Nothing runs beside the statement, so nobody can abort it while it runs; the next one does not begin. */
    async function abortsBeforeSending(kind: (typeof EXECUTOR_KINDS)[number]): Promise<void> {
      const abort = new AbortController();
      await withExecutor(house.db, kind, async (on) => {
        await on.query('select 1', [], { signal: abort.signal });
        abort.abort();
        const error = await refusal(on.query('select 1', [], { signal: abort.signal }));
        expect(error).toMatchObject({ code: 'CANCELLED', outcome: 'not-sent' });
      });
    }

    it('repeats a lost statement that is declared safe on the runtime, and nowhere else, as often as `retry` says', async () => {
      if (!house.isShared) return;
      await house.db.exec('drop table if exists executor_runs');
      await house.db.exec(`create table executor_runs (seconds ${columns.int})`);
      // It waits for as long as there is a row, and somebody takes the row away before he ends the session.
      const seconds = '(select coalesce(max(seconds), 0) from executor_runs)';
      const rows = (on: Executor, options: QueryOptions) => async (): Promise<unknown> => {
        await house.observer.exec('delete from executor_runs');
        await house.observer.exec('insert into executor_runs values (30)');
        const text = `${words.sleep(seconds, 'repeated')}`;
        const running = on.query(text, [], { rowMode: 'array', ...options });
        running.catch(() => undefined);
        await house.endRunning('repeated', () => house.observer.exec('delete from executor_runs'));
        return (await running).length > 0;
      };
      for (const options of [
        { readOnly: true },
        { idempotent: true },
        { idempotent: true, retry: { maxRetries: 1 } },
      ]) {
        expect(await rows(house.db, options)()).toBe(true);
      }
      for (const options of [{}, { idempotent: true, retry: false }] as const) {
        expect(await refusal(rows(house.db, options)())).toMatchObject({ code: 'CONNECTION', outcome: 'unknown' });
      }
      const inside = house.db.use((session) => rows(session, { readOnly: true })());
      expect(await refusal(inside)).toMatchObject({ code: 'CONNECTION', outcome: 'not-applied' });
      await house.db.exec('drop table executor_runs');
    });
  });
}
