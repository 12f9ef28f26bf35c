/** What PostgreSQL (and PGlite, and what speaks like it) says of itself and of this session. Read-only queries that every role may ask. */
import type { Answer, Probe } from './probe.js';
import { isOn, known, numberIn, textIn } from './probe.js';
import type { ServerFacts } from './server-facts.js';

const NAMES: readonly string[] = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'timezone',
  'max_connections',
  'superuser_reserved_connections',
  'reserved_connections',
  'statement_timeout',
  'idle_session_timeout',
  'idle_in_transaction_session_timeout',
  'lock_timeout',
  'transaction_read_only',
  'default_transaction_isolation',
  'fsync',
  'full_page_writes',
  'synchronous_commit',
];

const SESSION = `select current_user::text as "user", current_database()::text as database, current_schema()::text as schema,
  pg_catalog.pg_backend_pid()::text as pid, pg_catalog.pg_is_in_recovery()::text as is_replica,
  extract(epoch from pg_catalog.clock_timestamp())::text as now`;

/**
 * Sessions of clients. Of those of other users, whoever has not the rights of pg_read_all_stats sees the database and the user alone:
 * what has both is one of them, or one of the few workers that run in a user's name.
 */
export const PG_CLIENTS = `(backend_type = 'client backend' or backend_type is null and datid is not null and usesysid is not null)`;

/** In each setting's own unit, which is milliseconds for timeouts. Versions have more or fewer of them. */
const SETTINGS = `select lower(name) as name, setting from pg_catalog.pg_settings
  where lower(name) in (${NAMES.map((name) => `'${name}'`).join(', ')})`;

const ROOM = `select r.rolsuper::text as is_superuser, r.rolconnlimit::text as role_limit,
  (select datconnlimit::text from pg_catalog.pg_database where datname = current_database()) as database_limit,
  (select count(*)::text from pg_catalog.pg_stat_activity where ${PG_CLIENTS} and pid <> pg_catalog.pg_backend_pid()) as others
  from pg_catalog.pg_roles r where r.rolname = current_user`;

/** No row before PostgreSQL 13. */
const OUTCOMES = `select pg_catalog.has_function_privilege(oid, 'execute')::text as can from pg_catalog.pg_proc
  where proname = 'pg_xact_status' and pronamespace = 'pg_catalog'::regnamespace`;

/** `wallNow` is this machine's clock, around each question. */
export async function postgresFacts(probe: Probe, wallNow: () => number): Promise<ServerFacts> {
  const askedAt = wallNow();
  const session = await probe.row('the session', SESSION);
  const middle = (askedAt + wallNow()) / 2;
  const settings = await probe.pairs('the settings', SETTINGS);
  const room = await probe.row('connections and limits', ROOM);
  const outcomes = await outcomesOf(probe);
  const serverNow = numberIn(session['now']);
  const limits = [room['role_limit'], room['database_limit']]
    .map(numberIn)
    .filter((limit) => limit !== undefined && limit >= 0);
  return known({
    product: 'PostgreSQL',
    version: textIn(settings['server_version']),
    user: textIn(session['user']),
    database: textIn(session['database']),
    schema: textIn(session['schema']),
    sessionId: textIn(session['pid']),
    role:
      session['is_replica'] === undefined ? undefined : isOn(session['is_replica']) === true ? 'replica' : 'primary',
    isReadOnly: isOn(settings['transaction_read_only']),
    isSuperuser: isOn(room['is_superuser']),
    outcomes,
    maxConnections: numberIn(settings['max_connections']),
    reservedConnections: reservedOf(settings, isOn(room['is_superuser']) === true),
    otherConnections: numberIn(room['others']),
    userConnections: limits.length === 0 ? undefined : Math.min(...(limits as number[])),
    statementTimeoutMs: numberIn(settings['statement_timeout']),
    idleTimeoutMs: numberIn(settings['idle_session_timeout']),
    idleInTransactionTimeoutMs: numberIn(settings['idle_in_transaction_session_timeout']),
    lockTimeoutMs: numberIn(settings['lock_timeout']),
    encoding: textIn(settings['server_encoding']),
    clientEncoding: textIn(settings['client_encoding']),
    timeZone: textIn(settings['timezone']),
    isolation: textIn(settings['default_transaction_isolation']),
    clockSkewMs: serverNow === undefined ? undefined : serverNow * 1_000 - middle,
    losesCommits: ['fsync', 'full_page_writes', 'synchronous_commit']
      .filter((name) => settings[name] === 'off')
      .map((name) => `${name} = off`),
  });
}

/** A superuser may have what is reserved for superusers. */
function reservedOf(settings: Answer, isSuperuser: boolean): number | undefined {
  const reserved = numberIn(settings['superuser_reserved_connections']);
  if (reserved === undefined || isSuperuser) return isSuperuser ? 0 : undefined;
  return reserved + (numberIn(settings['reserved_connections']) ?? 0);
}

async function outcomesOf(probe: Probe): Promise<ServerFacts['outcomes']> {
  const refused = probe.unread.length;
  const { can } = await probe.row('the right to ask for outcomes', OUTCOMES);
  if (probe.unread.length > refused) return undefined;
  if (can === undefined) return { can: false, because: 'pg_xact_status() came with PostgreSQL 13' };
  return isOn(can) === true ? { can: true } : { can: false, because: 'no right to call pg_xact_status()' };
}
