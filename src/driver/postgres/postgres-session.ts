/**
 * What makes a fresh session one of ours, what was changed in it since, and how that is undone without losing the prepared
 * statements. Used by postgres-connection.ts, which runs it.
 */
import type { SessionEffects } from '../../sql/session-effects.js';
import { SESSION_EFFECTS } from '../../sql/session-effects.js';
import type { Pooler } from './postgres-options.js';

export interface SessionFacts {
  /** The user chose the session's time zone; otherwise it is UTC, so that the server agrees with reading timestamps as UTC here. */
  readonly keepsTimeZone: boolean;
  /** The user chose a `statement_timeout`; it is not ours to change then. */
  readonly keepsStatementTimeout: boolean;
  readonly pooler: Pooler;
}

/** Runs one statement of the room's own, and answers its rows as arrays. */
export type Run = (text: string, values?: readonly unknown[]) => Promise<readonly unknown[]>;

/** What was found out, and set, when the session began. */
export interface SessionStart {
  readonly isPooled: boolean;
  readonly limitMs: number;
  /** Run again after whatever has undone it. */
  readonly setup: readonly string[];
}

const UTC_NAMES: ReadonlySet<string> = new Set(['UTC', 'Etc/UTC', 'Etc/UCT', 'UCT', 'Zulu', 'GMT', 'Etc/GMT']);

/**
 * A pooler that shares its server processes answers the connection request itself, with a process number of its own; the
 * server's is another one. In one round trip it is asked, and the limit set where the process is ours alone: set through a
 * pooler, it would meet whoever has the process next.
 */
const ASK =
  'select pg_backend_pid() = $1::int, case when pg_backend_pid() = $1::int and $2::text is not null ' +
  "then set_config('statement_timeout', $2::text, false) end";

/** Runs once, on a session that was opened a moment ago. `processId` as the connection request was answered. */
export async function setUp(
  run: Run,
  facts: SessionFacts,
  wanted: { readonly processId: number; readonly limitMs: number; readonly reported: ReportedSettings },
): Promise<SessionStart> {
  const limitMs = facts.keepsStatementTimeout ? 0 : wanted.limitMs;
  const setup = setupFor(wanted.reported, facts.keepsTimeZone);
  // PgBouncer 1.26 and later say it themselves.
  const isSessionMode = wanted.reported.get('pgbouncer.pool_mode') === 'session';
  let isPooled = facts.pooler === 'transaction';
  if (facts.pooler === 'auto') {
    const [row] = await run(ASK, [wanted.processId, limitMs === 0 ? null : String(limitMs)]);
    isPooled = (row as readonly unknown[])[0] !== true && !isSessionMode;
  } else if (!isPooled && limitMs > 0) await run(limitText(limitMs, 'session'));
  for (const text of setup) await run(text);
  return { isPooled, limitMs: isPooled ? 0 : limitMs, setup };
}

/** A server that is in the right style and zone already, as most are, costs no round trip. */
function setupFor(reported: ReportedSettings, keepsTimeZone: boolean): string[] {
  const setup: string[] = [];
  // Timestamps are read in ISO form; another style would be read wrongly.
  if (reported.get('DateStyle')?.startsWith('ISO') === false) setup.push('set datestyle to iso');
  const zone = reported.get('TimeZone');
  if (!keepsTimeZone && zone !== undefined && !UTC_NAMES.has(zone)) setup.push("set timezone to 'UTC'");
  return setup;
}

export function limitText(ms: number, scope: 'session' | 'transaction'): string {
  return `set ${scope === 'session' ? '' : 'local '}statement_timeout to ${Math.ceil(ms)}`;
}

const { settings, role, temporary, listening, locks, prepared, cursors, unknown } = SESSION_EFFECTS;

/** What undoes each effect. All of it can stand in one text, and in one transaction. */
const UNDO: readonly (readonly [effects: SessionEffects, text: string])[] = [
  [cursors | unknown, 'close all'],
  [role | unknown, 'set session authorization default; reset role'],
  [settings | unknown, 'reset all'],
  [listening | unknown, 'unlisten *'],
  [locks | unknown, 'select pg_advisory_unlock_all()'],
  [temporary | unknown, 'discard temp'],
  [prepared, 'deallocate all'],
];

/** The reset of what may have been left behind. A full one is `discard all`, but for the prepared statements, which are good. */
export function resetScript(left: SessionEffects, start: SessionStart): string {
  const undone = UNDO.filter(([effects]) => (left & effects) !== 0).map(([, text]) => text);
  const isSetUpUndone = undoesSetUp(left);
  const limit = isSetUpUndone && start.limitMs > 0 ? [limitText(start.limitMs, 'session')] : [];
  return [...undone, ...(isSetUpUndone ? start.setup : []), ...limit].join('; ');
}

/** `reset all` takes what the session was set up with as well. */
export function undoesSetUp(left: SessionEffects): boolean {
  return (left & (settings | unknown)) !== 0;
}

/** The session's own prepared statements go with those that a user has prepared. */
export function undoesPrepared(left: SessionEffects): boolean {
  return (left & prepared) !== 0;
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
