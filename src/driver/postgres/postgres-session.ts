/**
 * What makes a fresh session one of ours, what was changed in it since, and how that is undone without losing the prepared
 * statements. Used by postgres-connection.ts, which runs it.
 */
import type { SessionEffects } from '../../sql/session-effects.js';
import { SESSION_EFFECTS } from '../../sql/session-effects.js';
import { ConnectionError } from '../../errors/connection-error.js';
import type { Pooler } from './postgres-options.js';
import { isServerError } from './postgres-server-error.js';

export interface SessionFacts {
  /** The user chose the session's time zone; otherwise it is UTC, so that the server agrees with reading timestamps as UTC here. */
  readonly keepsTimeZone: boolean;
  /** The user chose a `statement_timeout`, perhaps none; it is not ours to change then. */
  readonly keepsStatementTimeout: boolean;
  readonly pooler: Pooler;
}

/** Runs one statement of the room's own, and answers its rows as arrays. */
export type Run = (text: string, values?: readonly unknown[]) => Promise<readonly unknown[]>;

/** What was found out, and set, when the session began. */
export interface SessionStart {
  readonly isPooled: boolean;
  /** The limit that the server says it was given; 0 where it was given none. */
  readonly limitMs: number;
  /** Run again after whatever has undone it. */
  readonly setup: readonly string[];
}

const UTC_NAMES: ReadonlySet<string> = new Set(['UTC', 'Etc/UTC', 'Etc/UCT', 'UCT', 'Zulu', 'GMT', 'Etc/GMT']);

/**
 * A pooler that shares its server processes answers the connection request itself, with a process number of its own; the
 * server's is another one. In one round trip it is asked, and the limit set where the process is ours alone: set through a
 * pooler, it would meet whoever has the process next. A limit that is there already (of the role, the database, PGOPTIONS)
 * is somebody's choice, and stays. Without $1 the process is known to be ours.
 */
const IS_OURS = 'coalesce(pg_catalog.pg_backend_pid() operator(pg_catalog.=) $1::pg_catalog.int4, true)';
const IS_UNLIMITED = "pg_catalog.current_setting('statement_timeout') operator(pg_catalog.=) '0'";
const ASK =
  `select ${IS_OURS}, case when ${IS_OURS} and $2::pg_catalog.text is not null and ${IS_UNLIMITED} ` +
  "then pg_catalog.set_config('statement_timeout', $2::pg_catalog.text, false) end";

/**
 * Runs once, on a session that was opened a moment ago. `processId` as the connection request was answered.
 * @throws ConnectionError when the server does not understand the question, or its dates could not be read.
 */
export async function setUp(
  run: Run,
  facts: SessionFacts,
  wanted: { readonly processId: number; readonly limitMs: number; readonly reported: ReportedSettings },
): Promise<SessionStart> {
  const { reported, processId } = wanted;
  const limitMs = facts.keepsStatementTimeout ? 0 : Math.ceil(wanted.limitMs);
  // PgBouncer 1.26 and later say it themselves.
  const isOurs = facts.pooler === 'none' || reported.get('pgbouncer.pool_mode') === 'session';
  let isPooled = facts.pooler === 'transaction';
  let isLimited = false;
  if (!isPooled && !(isOurs && limitMs === 0)) {
    const [row] = await ask(run, isOurs ? null : processId, limitMs === 0 ? null : String(limitMs));
    const [isAlone, limit] = row as readonly unknown[];
    isPooled = isAlone !== true;
    isLimited = limit !== null;
  }
  if (isPooled && !isIso(reported)) throw unreadableDates(reported.get('DateStyle'));
  const setup = isPooled ? [] : setupFor(reported, facts.keepsTimeZone);
  for (const text of setup) await run(text);
  return { isPooled, limitMs: isLimited ? limitMs : 0, setup };
}

async function ask(run: Run, processId: number | null, limit: string | null): Promise<readonly unknown[]> {
  try {
    return await run(ASK, [processId, limit]);
  } catch (error) {
    // A server that refuses the question itself; whatever else went wrong is no fault of it.
    if (!isServerError(error) || !/^(?:42|0A)/.test(error.code)) throw error;
    const text =
      `the server refused the question with which a connection begins (SQLSTATE ${error.code}); ` +
      "postgres({ pooler: 'none' }) with query.serverTimeout: false asks nothing";
    throw new ConnectionError('protocol', text, {
      cause: error,
      sqlState: error.code,
      outcome: 'not-sent',
      breaker: 'failure',
    });
  }
}

/** Set through a pooler, the style would reach whoever has the server process next, and not stay with this session. */
function unreadableDates(style: string | undefined): ConnectionError {
  const text =
    `the server writes dates in the style '${style}', and through a pooler no session can change that; ` +
    'alter role … set datestyle to iso';
  return new ConnectionError('settings', text, { outcome: 'not-sent', breaker: 'failure' });
}

/** Timestamps are read in ISO form; another style would be read wrongly. */
function isIso(reported: ReportedSettings): boolean {
  return reported.get('DateStyle')?.startsWith('ISO') !== false;
}

/** A server that is in the right style already, as most are, costs no round trip; the zone was sent with the request. */
function setupFor(reported: ReportedSettings, keepsTimeZone: boolean): string[] {
  const setup: string[] = [];
  // Not sent with the request, as the zone is: that would undo the order of day and month that a role or database has.
  if (!isIso(reported)) setup.push('set datestyle to iso');
  const zone = reported.get('TimeZone');
  if (!keepsTimeZone && zone !== undefined && !UTC_NAMES.has(zone)) setup.push("set timezone to 'UTC'");
  return setup;
}

/** Gives the session another limit, where the one in force is `inForceMs`: any other is the user's. Answers whether it did. */
export async function changeLimit(run: Run, ms: number, inForceMs: number): Promise<boolean> {
  return (await run(CHANGE, [String(Math.ceil(ms)), printed(inForceMs)])).length > 0;
}

/**
 * The same for the transaction that is open, where the limit in force is one of `ours`: after going back to a savepoint it may
 * be any that was set before. Nothing that takes a snapshot is sent, which would forbid a SET TRANSACTION after it; so it takes
 * two round trips.
 */
export async function changeLocalLimit(run: Run, ms: number, ours: readonly number[]): Promise<boolean> {
  const [row] = await run('show statement_timeout');
  const inForce = (row as readonly unknown[])[0];
  if (!ours.some((limitMs) => printed(limitMs) === inForce)) return false;
  await run(`set local statement_timeout to ${Math.ceil(ms)}`);
  return true;
}

const CHANGE =
  "select pg_catalog.set_config('statement_timeout', $1::pg_catalog.text, false) " +
  "where pg_catalog.current_setting('statement_timeout') operator(pg_catalog.=) $2::pg_catalog.text";

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** As the server shows milliseconds: in the largest unit that needs no fraction, and 0 without one. */
function printed(milliseconds: number): string {
  const ms = Math.ceil(milliseconds);
  const [unit, size] = UNITS.find(([, length]) => ms % length === 0) ?? ['ms', 1];
  return ms === 0 ? '0' : `${ms / size}${unit}`;
}

const { settings, role, temporary, listening, locks, prepared, cursors, unknown } = SESSION_EFFECTS;

/**
 * Those that a user has prepared with SQL, and not the runtime's. DEALLOCATE takes names, and only a block can look them up;
 * where nobody may run one, the connection is closed in the place of being cleaned.
 */
const DEALLOCATE =
  'do $$ declare one record; begin for one in select name from pg_catalog.pg_prepared_statements where from_sql loop ' +
  "execute pg_catalog.format('deallocate %I', one.name); end loop; end $$";

/** What undoes each effect. All of it can stand in one text, and in one transaction. */
const UNDO: readonly (readonly [effects: SessionEffects, text: string])[] = [
  [cursors | unknown, 'close all'],
  [role | unknown, 'set session authorization default; reset role'],
  [settings | unknown, 'reset all'],
  [listening | unknown, 'unlisten *'],
  [locks | unknown, 'select pg_catalog.pg_advisory_unlock_all()'],
  [temporary | unknown, 'discard temp'],
  [prepared, DEALLOCATE],
];

/** The reset of what may have been left behind. A full one is `discard all`, but for the prepared statements, which are good. */
export function resetScript(left: SessionEffects, start: SessionStart): string {
  const undone = UNDO.filter(([effects]) => (left & effects) !== 0).map(([, text]) => text);
  const isSetUpUndone = undoesSetUp(left);
  const limit = isSetUpUndone && start.limitMs > 0 ? [`set statement_timeout to ${start.limitMs}`] : [];
  return [...undone, ...(isSetUpUndone ? start.setup : []), ...limit].join('; ');
}

/** `reset all` takes what the session was set up with as well. */
export function undoesSetUp(left: SessionEffects): boolean {
  return (left & (settings | unknown)) !== 0;
}

/** These change with the server's life, and not with what a session does. */
const NOT_THE_SESSIONS: ReadonlySet<string> = new Set(['in_hot_standby', 'is_superuser', 'server_version']);

/**
 * Settings that PgBouncer keeps for each of its clients (`track_extra_parameters` adds to them, manual of 1.18 to 1.26): the only
 * ones that follow a pooled session, and reach its next borrower.
 */
const KEPT_BY_POOLERS: ReadonlySet<string> = new Set([
  'application_name',
  'client_encoding',
  'DateStyle',
  'standard_conforming_strings',
  'TimeZone',
]);

/** The settings that the server reports by itself, as they are and as they were when the session began. */
export class ReportedSettings {
  readonly #now = new Map<string, string>();
  readonly #changed = new Set<string>();
  #atStart: ReadonlyMap<string, string> | undefined;
  #isPooled = false;

  get(name: string): string | undefined {
    return this.#now.get(name);
  }

  /** Since the start some have changed, and not back. */
  get haveChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** From here on only what a pooler keeps for its clients is the session's own. */
  watchPooled(): void {
    this.#isPooled = true;
  }

  /** Puts back what has changed, where nothing else may be reset. */
  undoScript(): string {
    const names = [...this.#changed];
    return names.map((name) => `set ${name} to '${this.#atStart?.get(name)?.replaceAll("'", "''") ?? ''}'`).join('; ');
  }

  report(name: string, value: string): void {
    this.#now.set(name, value);
    if (this.#atStart === undefined || NOT_THE_SESSIONS.has(name)) return;
    if (this.#isPooled && !KEPT_BY_POOLERS.has(name)) return;
    if (this.#atStart.get(name) === value) this.#changed.delete(name);
    else this.#changed.add(name);
  }

  /** What they are now is how they should be: at the start, and after a reset (what differs then, the server has changed itself). */
  settle(): void {
    this.#atStart = new Map(this.#now);
    this.#changed.clear();
  }
}
