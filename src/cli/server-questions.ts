/** What `fluxor top` asks a server, per database. Read-only; what a right is missing for is left out, and named. */
import type { Dialect } from '../index.js';
import { fingerprint } from '../index.js';
import type { Answer, Probe } from './probe.js';
import { known, numberIn } from './probe.js';
import { PG_CLIENTS } from './postgres-facts.js';
import type { BlockedSession, BusySession, ServerSample } from './server-sample.js';

const MOST = 50;
/** What is counted then is of this user alone, and the rest of the picture must not be taken for all there is. */
const HIDDEN = 'what other users do (permission)';

/** One look. `at`: this machine's clock. */
export function lookAtServer(dialect: Dialect, probe: Probe, at: number): Promise<ServerSample> {
  return { postgres: lookAtPostgres, mysql: lookAtMysql, oracle: lookAtOracle }[dialect](probe, at);
}

const PG_OTHERS = `from pg_catalog.pg_stat_activity a where ${PG_CLIENTS} and pid <> pg_catalog.pg_backend_pid()`;
const pgAge = (column: string): string => `(extract(epoch from pg_catalog.clock_timestamp() - ${column}) * 1000)::text`;
const PG = {
  server: `select case when pg_catalog.pg_is_in_recovery() then 'replica' else 'primary' end as role, pg_catalog.current_setting('max_connections') as max`,
  states: `select coalesce(state, 'hidden')::text as state, count(*)::text as sessions ${PG_OTHERS} group by 1`,
  transactions: `select count(*)::text as open, ${pgAge('min(xact_start)')} as oldest ${PG_OTHERS} and xact_start is not null`,
  counters: `select sum(xact_commit + xact_rollback)::text as transactions, sum(tup_returned + tup_fetched)::text as "rows read",
    sum(tup_inserted + tup_updated + tup_deleted)::text as "rows written", sum(deadlocks)::text as deadlocks from pg_catalog.pg_stat_database`,
  busy: `select pid::text as id, usename::text as "user", state::text as state, ${pgAge('query_start')} as running, ${pgAge('xact_start')} as in_transaction,
    wait_event::text as wait, query::text as statement ${PG_OTHERS} and state <> 'idle' order by query_start limit ${MOST}`,
  blocked: `select pid::text as id, ${pgAge('query_start')} as waited, pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(pid), ', ') as blockers,
    query::text as statement ${PG_OTHERS} and wait_event_type = 'Lock' order by query_start limit ${MOST}`,
  replicas: `select coalesce(application_name, client_addr::text, 'replica') || ' ' || state || coalesce(', behind by ' || replay_lag::text, '') as replica
    from pg_catalog.pg_stat_replication limit ${MOST}`,
} as const;

async function lookAtPostgres(probe: Probe, at: number): Promise<ServerSample> {
  const server = await probe.row('the role', PG.server);
  const states = statesOf(await probe.rows('sessions', PG.states));
  const { open, oldest } = await probe.row('transactions', PG.transactions);
  return known({
    at,
    role: server['role'] ?? undefined,
    maxConnections: numberIn(server['max']),
    states,
    transactions: open === undefined ? undefined : { open: numberIn(open) ?? 0, oldestMs: numberIn(oldest) ?? 0 },
    counters: numbersIn(await probe.row('counters', PG.counters)),
    busy: (await probe.rows('statements', PG.busy)).map((row) => busyOf('postgres', row)),
    blocked: (await probe.rows('locks', PG.blocked)).map((row) => blockedOf('postgres', row)),
    replicas: (await probe.rows('replicas', PG.replicas)).map(({ replica }) => replica ?? ''),
    unread: [...probe.unread, ...(states['hidden'] === undefined ? [] : [HIDDEN])],
  }) as ServerSample;
}

const MY = {
  sessions: `select id, user, command, time * 1000 as running, state as wait, info as statement from information_schema.processlist
    where id <> connection_id() and command <> 'Daemon' order by time desc limit 1000`,
  variables: `show global variables where variable_name in ('max_connections', 'read_only')`,
  counters: `show global status where variable_name in ('Questions', 'Com_commit', 'Com_rollback', 'Slow_queries', 'Threads_connected')`,
  transactions: `select count(*) as open, coalesce(max(timestampdiff(second, trx_started, now())), 0) * 1000 as oldest from information_schema.innodb_trx
    where trx_mysql_thread_id <> connection_id()`,
  blocked: `select trx_mysql_thread_id as id, coalesce(timestampdiff(second, trx_wait_started, now()), 0) * 1000 as waited, '' as blockers, trx_query as statement
    from information_schema.innodb_trx where trx_state = 'LOCK WAIT' limit ${MOST}`,
} as const;

async function lookAtMysql(probe: Probe, at: number): Promise<ServerSample> {
  const sessions = await probe.rows('sessions', MY.sessions);
  const variables = await probe.pairs('the settings', MY.variables);
  const { threads_connected: threads, ...counters } = await probe.pairs('counters', MY.counters);
  const { open, oldest } = await probe.row('transactions', MY.transactions);
  const states: Record<string, number> = {};
  for (const { command } of sessions) {
    const name = command === 'Sleep' ? 'idle' : (command ?? 'unknown').toLowerCase();
    states[name] = (states[name] ?? 0) + 1;
  }
  // Without the right PROCESS there are rows of this user alone, and no transactions.
  const hidden = open === undefined ? (numberIn(threads) ?? 0) - 1 - sessions.length : 0;
  if (hidden > 0) states['hidden'] = hidden;
  const busy = sessions.filter(({ command, statement }) => command !== 'Sleep' && statement !== null);
  return known({
    at,
    role:
      variables['read_only'] === undefined
        ? undefined
        : variables['read_only'] === 'OFF'
          ? 'takes writes'
          : 'read-only',
    maxConnections: numberIn(variables['max_connections']),
    states,
    transactions: open === undefined ? undefined : { open: numberIn(open) ?? 0, oldestMs: numberIn(oldest) ?? 0 },
    counters: numbersIn(counters),
    busy: busy.slice(0, MOST).map((row) => busyOf('mysql', { ...row, state: row['command'] ?? null })),
    blocked:
      open === undefined ? undefined : (await probe.rows('locks', MY.blocked)).map((row) => blockedOf('mysql', row)),
    unread: probe.unread,
  }) as ServerSample;
}

const ORA_OTHERS = `from v$session s where s.type = 'USER' and s.sid <> sys_context('userenv', 'sid')`;
const ORA = {
  states: `select lower(s.status) as state, count(*) as sessions ${ORA_OTHERS} group by lower(s.status)`,
  limits: `select name, value from v$parameter where name = 'sessions'`,
  database: 'select database_role as role from v$database',
  counters: `select name, value from v$sysstat where name in ('user commits', 'user rollbacks', 'execute count')`,
  busy: `select s.sid as id, s.username as "USER", lower(s.status) as state, s.last_call_et * 1000 as running, s.event as wait,
    (select min(q.sql_text) from v$sql q where q.sql_id = s.sql_id) as statement ${ORA_OTHERS} and s.status = 'ACTIVE' fetch first ${MOST} rows only`,
  blocked: `select s.sid as id, s.last_call_et * 1000 as waited, s.blocking_session as blockers,
    (select min(q.sql_text) from v$sql q where q.sql_id = s.sql_id) as statement ${ORA_OTHERS} and s.blocking_session is not null fetch first ${MOST} rows only`,
  transactions: 'select count(*) as open from v$transaction',
} as const;

async function lookAtOracle(probe: Probe, at: number): Promise<ServerSample> {
  const states = await probe.rows('sessions', ORA.states);
  const limits = await probe.pairs('the limit of sessions', ORA.limits);
  const { role } = await probe.row('the role', ORA.database);
  const { open } = await probe.row('transactions', ORA.transactions);
  return known({
    at,
    role: role?.toLowerCase(),
    maxConnections: numberIn(limits['sessions']),
    states: statesOf(states),
    transactions: open === undefined ? undefined : { open: numberIn(open) ?? 0, oldestMs: 0 },
    counters: numbersIn(await probe.pairs('counters', ORA.counters)),
    busy: (await probe.rows('statements', ORA.busy)).map((row) => busyOf('oracle', row)),
    blocked: (await probe.rows('locks', ORA.blocked)).map((row) => blockedOf('oracle', row)),
    unread: probe.unread,
  }) as ServerSample;
}

function statesOf(rows: readonly Answer[]): Record<string, number> {
  return Object.fromEntries(rows.map(({ state, sessions }) => [state ?? 'unknown', numberIn(sessions) ?? 0]));
}

function numbersIn(row: Answer): Record<string, number> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name.replaceAll('_', ' '), numberIn(value) ?? 0]),
  );
}

function busyOf(dialect: Dialect, row: Answer): BusySession {
  const inTransaction = numberIn(row['in_transaction']);
  return {
    id: row['id'] ?? '',
    user: row['user'] ?? '',
    state: row['state'] ?? '',
    runningMs: Math.max(0, numberIn(row['running']) ?? 0),
    ...(inTransaction === undefined ? {} : { transactionMs: Math.max(0, inTransaction) }),
    ...(row['wait'] === null || row['wait'] === undefined ? {} : { waitsFor: row['wait'] }),
    fingerprint: shapeOf(dialect, row['statement']),
  };
}

function blockedOf(dialect: Dialect, row: Answer): BlockedSession {
  return {
    id: row['id'] ?? '',
    waitedMs: Math.max(0, numberIn(row['waited']) ?? 0),
    blockedBy: row['blockers'] ?? '',
    fingerprint: shapeOf(dialect, row['statement']),
  };
}

/** Servers cut texts off, in the middle of a literal too; whatever a text ends inside of is not shown. */
function shapeOf(dialect: Dialect, text: string | null | undefined): string {
  return text === null || text === undefined || text === '' ? '–' : fingerprint(dialect, text);
}
