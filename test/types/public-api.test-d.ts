/** What the compiler knows about the public API. Checked by `npm run check`; nothing here runs. */
import { expectTypeOf } from 'vitest';
import type {
  BatchResult,
  DBError,
  DBRuntime,
  Driver,
  Duration,
  ERROR_CATALOGUE,
  ErrorCode,
  ExecResult,
  Executor,
  FluxorError,
  FluxorEvents,
  NotificationItem,
  NotificationStream,
  Outcome,
  PoolStats,
  QueryResult,
  ResultSet,
  Row,
  RuntimeConfig,
  Session,
  Sql,
  Transaction,
} from 'fluxor-db';
import { ConfigBuilder, connect, createRuntime, isFluxorError, presets, sql } from 'fluxor-db';
import type { MysqlOptions as MariadbOptions } from 'fluxor-db/mariadb';
import { mariadb } from 'fluxor-db/mariadb';
import type { MysqlOptions } from 'fluxor-db/mysql';
import { mysql } from 'fluxor-db/mysql';
import type { PgliteOptions } from 'fluxor-db/pglite';
import { pglite } from 'fluxor-db/pglite';
import type { PostgresOptions } from 'fluxor-db/postgres';
import { postgres } from 'fluxor-db/postgres';
import { fakeClock, startTcpProxy } from 'fluxor-db/testing';

interface User {
  readonly id: number;
  readonly name: string;
}

declare const db: DBRuntime;

// Rows: unknown columns unless said, and what was said, by a type argument or by the template.
expectTypeOf(db.query('select 1')).toEqualTypeOf<Promise<Row[]>>();
expectTypeOf<Row>().toEqualTypeOf<Record<string, unknown>>();
expectTypeOf(db.query<User>('select 1')).toEqualTypeOf<Promise<User[]>>();
expectTypeOf(db.query(sql<User>`select 1`)).toEqualTypeOf<Promise<User[]>>();
expectTypeOf(db.query(sql`select 1`)).toEqualTypeOf<Promise<Row[]>>();
expectTypeOf(db.queryRow<User>('select 1')).toEqualTypeOf<Promise<User | undefined>>();
expectTypeOf(db.queryRow(sql<User>`select 1`)).toEqualTypeOf<Promise<User | undefined>>();
expectTypeOf(db.queryValue('select 1')).toEqualTypeOf<Promise<unknown>>();
expectTypeOf(db.queryValue<bigint>('select 1')).toEqualTypeOf<Promise<bigint | undefined>>();
expectTypeOf(db.queryValue<bigint>(sql<User>`select 1`)).toEqualTypeOf<Promise<bigint | undefined>>();
expectTypeOf(db.exec('delete')).toEqualTypeOf<Promise<ExecResult>>();
expectTypeOf(db.execute(sql<User>`select 1`)).toEqualTypeOf<Promise<QueryResult<User>>>();
expectTypeOf(db.batch<User>('insert …', [[1]])).toEqualTypeOf<Promise<BatchResult<User>>>();
expectTypeOf(db.batch('insert …', new Set([{ a: 1 }]))).toEqualTypeOf<Promise<BatchResult<Row>>>();
// @ts-expect-error: a template brings its own values
void db.batch(sql`select 1`, [[1]]);

// Templates: the type of the rows travels with the fragment; helpers fit everywhere and are no statements of their own.
expectTypeOf(sql<User>`select 1`).toEqualTypeOf<Sql<User>>();
expectTypeOf(sql.id('users')).toEqualTypeOf<Sql<never>>();
expectTypeOf(sql.join([1, 2])).toEqualTypeOf<Sql<never>>();
// @ts-expect-error: a template of users gives no texts
expectTypeOf(db.query<string>(sql<User>`select 1`)).toEqualTypeOf<Promise<string[]>>();

// Rows as arrays, by every method that gives rows.
expectTypeOf(db.query('select 1', [], { rowMode: 'array' })).toEqualTypeOf<Promise<unknown[][]>>();
expectTypeOf(db.queryRow<[number]>('select 1', [], { rowMode: 'array' })).toEqualTypeOf<
  Promise<[number] | undefined>
>();
expectTypeOf(db.execute<[number]>('select 1', [], { rowMode: 'array' })).toEqualTypeOf<
  Promise<QueryResult<[number]>>
>();

// Parameters typed by an interface are objects like any other.
interface UserKey {
  readonly id: number;
}
declare const key: UserKey;
expectTypeOf(db.query<User>('select * from users where id = :id', key)).toEqualTypeOf<Promise<User[]>>();

// Parameters: an array or an object, never a bare value.
expectTypeOf<Extract<Parameters<DBRuntime['query']>[1], string>>().toBeNever();
// @ts-expect-error: text is not a list of parameters
void db.query('select $1', 'x');
void db.query('select $1, $2', [1, null]);
void db.query('select :a', { a: new Date() });

// Everything that runs statements is an executor; the values of functions come back.
expectTypeOf<DBRuntime>().toExtend<Executor>();
expectTypeOf<Transaction>().toExtend<Executor & AsyncDisposable>();
expectTypeOf<Session>().toExtend<Executor & AsyncDisposable>();
expectTypeOf<DBRuntime>().toExtend<AsyncDisposable>();
expectTypeOf(db.transaction(async (tx) => tx.queryValue<number>('select 1'))).toEqualTypeOf<
  Promise<number | undefined>
>();
expectTypeOf(db.use(async (session) => session.id)).toEqualTypeOf<Promise<number>>();
expectTypeOf(db.begin()).toEqualTypeOf<Promise<Transaction>>();
expectTypeOf(db.acquire()).toEqualTypeOf<Promise<Session>>();
expectTypeOf(db.stats()).toEqualTypeOf<PoolStats>();
expectTypeOf(db.config).toEqualTypeOf<RuntimeConfig>();
expectTypeOf(db.state).toEqualTypeOf<'idle' | 'starting' | 'running' | 'draining' | 'closed'>();

// Options: a driver and nothing else is needed; what does not exist is refused.
expectTypeOf(connect).returns.toEqualTypeOf<Promise<DBRuntime>>();
expectTypeOf(createRuntime).toBeCallableWith({ driver: pglite() });
expectTypeOf(createRuntime).toBeCallableWith(new ConfigBuilder().build());
expectTypeOf(connect).toBeCallableWith(new ConfigBuilder().build());
expectTypeOf(new ConfigBuilder().build()).toEqualTypeOf<RuntimeConfig>();
createRuntime({ driver: pglite(), ...presets.development });
// @ts-expect-error -- what a configuration has is no option
createRuntime({ driver: pglite(), pool: { acquireTimeoutMs: 5 } });
expectTypeOf(postgres).toEqualTypeOf<(options?: PostgresOptions) => Driver>();
expectTypeOf(mysql).toEqualTypeOf<(options?: MysqlOptions) => Driver>();
expectTypeOf(mariadb).toEqualTypeOf<(options?: MariadbOptions) => Driver>();
expectTypeOf<MysqlOptions>().toEqualTypeOf<MariadbOptions>();
expectTypeOf<QueryResult<Row>['gtid']>().toEqualTypeOf<string | undefined>();
expectTypeOf<QueryResult<Row>['warning']>().toEqualTypeOf<string | undefined>();
expectTypeOf<ExecResult['outBinds']>().toEqualTypeOf<Readonly<Record<string, unknown>> | undefined>();
expectTypeOf<QueryResult<Row>['outBinds']>().toEqualTypeOf<ExecResult['outBinds']>();
expectTypeOf<NonNullable<QueryResult<Row>['resultSets']>[number]>().toEqualTypeOf<ResultSet>();
// @ts-expect-error -- the option is called tls
mysql({ ssl: true });
expectTypeOf(pglite).toEqualTypeOf<(options?: PgliteOptions) => Driver>();
createRuntime({
  driver: pglite(),
  pool: { maxSize: 1, acquireTimeout: '10s', validation: false },
  query: { timeout: 5 },
});
// @ts-expect-error: a driver is needed
createRuntime({});
// @ts-expect-error: no such option
createRuntime({ driver: pglite(), pool: { size: 1 } });
// @ts-expect-error: not in this version
createRuntime({ driver: pglite(), query: { retry: true } });
expectTypeOf<'5 minutes'>().not.toExtend<Duration>();
expectTypeOf<'1.5m'>().toExtend<Duration>();

// Events: the name decides the payload.
db.on('connection:closed', (fact) => expectTypeOf(fact).toEqualTypeOf<FluxorEvents['connection:closed']>());
db.on('query:failed', ({ error, connectionId }) => {
  expectTypeOf(error).toEqualTypeOf<FluxorError>();
  expectTypeOf(connectionId).toEqualTypeOf<number | undefined>();
});
// @ts-expect-error: no such event
db.on('query:started', () => undefined);

// Errors: one guard, closed vocabularies.
const caught: unknown = undefined;
if (isFluxorError(caught)) {
  expectTypeOf(caught).toEqualTypeOf<FluxorError>();
  expectTypeOf(caught.outcome).toEqualTypeOf<Outcome>();
  expectTypeOf(caught.code).toEqualTypeOf<ErrorCode>();
}
expectTypeOf<DBError>().toEqualTypeOf<FluxorError>();
expectTypeOf<keyof typeof ERROR_CATALOGUE>().toEqualTypeOf<ErrorCode>();
// @ts-expect-error: no such code
isFluxorError(caught, 'OOPS');

// Testing: the fake clock is a clock of the runtime.
createRuntime({ driver: pglite(), clock: fakeClock() });
expectTypeOf(startTcpProxy).parameter(0).toHaveProperty('target');

// Nothing public is `any`: not what comes in, not what goes out.
expectTypeOf<Parameters<Executor['query']>[number]>().not.toBeAny();
expectTypeOf<Awaited<ReturnType<Executor['queryValue']>>>().toBeUnknown();
expectTypeOf<FluxorError['cause']>().toBeUnknown();

// Listening: items are told apart by their type.
for await (const item of await db.listen(['jobs'], { maxBuffered: 10 })) {
  expectTypeOf(item).toEqualTypeOf<NotificationItem>();
  if (item.type === 'notification') expectTypeOf(item.payload).toEqualTypeOf<string>();
  else expectTypeOf(item.why).toEqualTypeOf<'reconnected' | 'overflow'>();
}
expectTypeOf(db.listen('jobs')).toEqualTypeOf<Promise<NotificationStream>>();
// @ts-expect-error: a channel is a text
void db.listen(7);
