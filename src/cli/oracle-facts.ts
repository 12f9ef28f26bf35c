/** What Oracle says of itself and of this session. What needs rights that an application seldom has is asked for all the same. */
import type { Answer, Probe } from './probe.js';
import { known, numberIn, textIn } from './probe.js';
import type { ServerFacts } from './server-facts.js';

const context = (name: string): string => `sys_context('userenv', '${name}') as ${name}`;
const SESSION = `select ${['session_user', 'current_schema', 'service_name', 'db_name', 'con_name', 'sid', 'database_role'].map(context).join(', ')} from dual`;
const CLOCK = `select to_char(sys_extract_utc(systimestamp), 'YYYY-MM-DD"T"HH24:MI:SS.FF3') as now from dual`;
const ZONE = 'select sessiontimezone as zone from dual';
const VERSIONS: readonly string[] = [
  'select version_full as version from product_component_version',
  'select version from v$instance',
];
const ENCODING = `select value from nls_database_parameters where parameter = 'NLS_CHARACTERSET'`;
const LIMITS = `select resource_name, limit from user_resource_limits
  where resource_name in ('IDLE_TIME', 'SESSIONS_PER_USER')`;
const MODE = 'select open_mode, database_role from v$database';
const ROOM = `select name, value from v$parameter where name = 'sessions'`;
const OTHERS = `select count(*) as others from v$session where type = 'USER'`;

/** `wallNow` is this machine's clock, around each question. */
export async function oracleFacts(probe: Probe, wallNow: () => number): Promise<ServerFacts> {
  const session = await probe.row('the session', SESSION);
  const askedAt = wallNow();
  const clock = await probe.row('the clock', CLOCK);
  const middle = (askedAt + wallNow()) / 2;
  const zone = await probe.row('the time zone', ZONE);
  const version = (await probe.firstOf('the version', VERSIONS))?.[0];
  const encoding = await probe.row('the character set', ENCODING);
  const limits = await probe.pairs('limits of the profile', LIMITS);
  const mode = await probe.row('the mode of the database', MODE);
  const room = await probe.pairs('the limit of sessions', ROOM);
  const { others } = await probe.row('open sessions', OTHERS);
  const [serverNow, role] = [Date.parse(`${clock['now']}Z`), mode['database_role'] ?? session['database_role']];
  return known({
    product: 'Oracle Database',
    version: textIn(version?.['version']),
    user: textIn(session['session_user']),
    database: textIn(session['con_name']) ?? textIn(session['service_name']) ?? textIn(session['db_name']),
    schema: textIn(session['current_schema']),
    sessionId: textIn(session['sid']),
    // A snapshot standby takes writes as long as it is one.
    role:
      role === undefined || role === null
        ? undefined
        : /^(PRIMARY|SNAPSHOT STANDBY)$/.test(role)
          ? 'primary'
          : 'replica',
    isReadOnly: mode['open_mode'] === undefined ? undefined : !/^READ WRITE/.test(mode['open_mode'] ?? ''),
    maxConnections: numberIn(room['sessions']),
    otherConnections: othersOf(numberIn(others)),
    userConnections: numberIn(limits['sessions_per_user']),
    idleTimeoutMs: minutesIn(limits),
    encoding: textIn(encoding['value']),
    timeZone: textIn(zone['zone']),
    clockSkewMs: Number.isNaN(serverNow) ? undefined : serverNow - middle,
  });
}

function othersOf(sessions: number | undefined): number | undefined {
  return sessions === undefined ? undefined : Math.max(0, sessions - 1);
}

/** Of the profile; `UNLIMITED` is no number. */
function minutesIn({ idle_time: text }: Answer): number | undefined {
  const minutes = numberIn(text);
  return minutes === undefined ? undefined : minutes * 60_000;
}
