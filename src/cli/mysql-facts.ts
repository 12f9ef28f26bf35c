/** What MySQL and MariaDB say of themselves and of this session. Reads variables and counters, which need no right, and grants none. */
import type { Answer, Probe } from './probe.js';
import { isOn, known, numberIn, textIn } from './probe.js';
import type { ServerFacts } from './server-facts.js';

const VARIABLES: readonly string[] = [
  'character_set_client',
  'character_set_database',
  'enforce_gtid_consistency',
  'gtid_domain_id',
  'gtid_mode',
  'innodb_flush_log_at_trx_commit',
  'innodb_lock_wait_timeout',
  'innodb_read_only',
  'log_bin',
  'max_allowed_packet',
  'max_connections',
  'max_execution_time',
  'max_statement_time',
  'max_user_connections',
  'read_only',
  'sql_mode',
  'super_read_only',
  'sync_binlog',
  'system_time_zone',
  'time_zone',
  'transaction_isolation',
  'transaction_read_only',
  'tx_isolation',
  'tx_read_only',
  'wait_timeout',
];

const SESSION = `select version() as version, current_user() as user, database() as db, connection_id() as id,
  unix_timestamp(now(3)) as now`;
const SETTINGS = `show session variables where variable_name in (${VARIABLES.map((name) => `'${name}'`).join(', ')})`;
const COUNTERS = `show global status where variable_name in ('Threads_connected', 'Prepared_stmt_count')`;
const PREPARED = `show global variables like 'max_prepared_stmt_count'`;
/** The word is that of the version: 8.0.22 and MariaDB 10.5 brought the new one. */
const REPLICATION: readonly string[] = ['show replica status', 'show slave status'];

/** `wallNow` is this machine's clock, around each question. */
export async function mysqlFacts(probe: Probe, wallNow: () => number): Promise<ServerFacts> {
  const askedAt = wallNow();
  const session = await probe.row('the session', SESSION);
  const middle = (askedAt + wallNow()) / 2;
  const settings = await probe.pairs('the settings', SETTINGS);
  const counters = await probe.pairs('the counters', COUNTERS);
  const prepared = await probe.pairs('the limit of prepared statements', PREPARED);
  const replication = await probe.firstOf('replication', REPLICATION);
  const version = textIn(session['version']);
  const serverNow = numberIn(session['now']);
  const threads = numberIn(counters['threads_connected']);
  const isMariaDb = version !== undefined && /mariadb/i.test(version);
  const [isServerReadOnly, userLimit] = [readOnlyOf(settings), numberIn(settings['max_user_connections'])];
  return known({
    product: isMariaDb ? 'MariaDB' : 'MySQL',
    version: version?.replace(/-.*$/, ''),
    user: textIn(session['user']),
    database: textIn(session['db']),
    sessionId: textIn(session['id']),
    role: roleOf(replication, isServerReadOnly),
    isReadOnly: isServerReadOnly,
    outcomes: { can: false, because: 'MySQL and MariaDB have no way to tell' },
    prepare: prepareOf(counters, prepared),
    maxConnections: numberIn(settings['max_connections']),
    otherConnections: threads === undefined ? undefined : Math.max(0, threads - 1),
    userConnections: userLimit === 0 ? undefined : userLimit,
    statementTimeoutMs: statementTimeoutOf(settings),
    idleTimeoutMs: secondsIn(settings['wait_timeout']),
    lockTimeoutMs: secondsIn(settings['innodb_lock_wait_timeout']),
    encoding: textIn(settings['character_set_database']),
    clientEncoding: textIn(settings['character_set_client']),
    timeZone: zoneOf(settings),
    isolation: textIn(settings['transaction_isolation'] ?? settings['tx_isolation']),
    clockSkewMs: serverNow === undefined ? undefined : serverNow * 1_000 - middle,
    maxPacketBytes: numberIn(settings['max_allowed_packet']),
    sqlMode: settings['sql_mode'] ?? undefined,
    hasBinlog: isOn(settings['log_bin']),
    hasGtid: gtidOf(settings),
    losesCommits: losesCommits(settings),
  });
}

function readOnlyOf(settings: Answer): boolean | undefined {
  const names = ['read_only', 'super_read_only', 'innodb_read_only', 'transaction_read_only', 'tx_read_only'];
  const answers = names.map((name) => isOn(settings[name])).filter((answer) => answer !== undefined);
  return answers.length === 0 ? undefined : answers.includes(true);
}

/** Whoever may not ask about replication is told by what replicas nearly always are. */
function roleOf(replication: readonly Answer[] | undefined, isReadOnly: boolean | undefined): ServerFacts['role'] {
  if (replication !== undefined) return replication.length > 0 ? 'replica' : 'primary';
  return isReadOnly === false ? 'primary' : undefined;
}

function prepareOf(counters: Answer, { max_prepared_stmt_count: max }: Answer): ServerFacts['prepare'] {
  const [taken, most] = [numberIn(counters['prepared_stmt_count']), numberIn(max)];
  if (taken === undefined || most === undefined) return { can: true };
  if (most === 0) return { can: false, because: 'max_prepared_stmt_count is 0' };
  return taken < most ? { can: true } : { can: false, because: `all ${most} of max_prepared_stmt_count are taken` };
}

/** MySQL counts milliseconds, MariaDB seconds. */
function statementTimeoutOf(settings: Answer): number | undefined {
  return numberIn(settings['max_execution_time']) ?? secondsIn(settings['max_statement_time']);
}

function zoneOf({ time_zone: zone, system_time_zone: system }: Answer): string | undefined {
  return zone === 'SYSTEM' ? textIn(system) : textIn(zone);
}

/** MariaDB has them wherever it has a binary log. */
function gtidOf(settings: Answer): boolean | undefined {
  if (settings['gtid_mode'] !== undefined) return settings['gtid_mode'] === 'ON';
  return settings['gtid_domain_id'] === undefined ? undefined : isOn(settings['log_bin']);
}

function losesCommits(settings: Answer): string[] {
  const wanted = [
    ['innodb_flush_log_at_trx_commit', '1'] as const,
    ...(isOn(settings['log_bin']) === true ? [['sync_binlog', '1'] as const] : []),
  ];
  return wanted
    .filter(([name, safe]) => settings[name] !== undefined && settings[name] !== safe)
    .map(([name]) => `${name} = ${settings[name]}`);
}

function secondsIn(text: string | null | undefined): number | undefined {
  const seconds = numberIn(text);
  return seconds === undefined ? undefined : seconds * 1_000;
}
