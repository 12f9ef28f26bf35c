/**
 * What makes a fresh session one of ours, and what of a used one can be undone. Used by oracle-connection.ts.
 *
 * Oracle has no RESET: a session forgets what ALTER SESSION told it only when it ends. So there are three cases at a reset:
 * - what this room can say again (the settings of the options, the schema, module, action and client identifier) is said again;
 * - what a program may have left in packages is thrown away by DBMS_SESSION, in the same round trip;
 * - anything else (other parameters, roles, locks of DBMS_LOCK, private temporary tables) cannot be undone, and ends the session.
 * What a program has told the session behind our back (EXECUTE IMMEDIATE 'alter session …', DBMS_LOCK) is not seen.
 */
import type { SessionEffects } from '../../sql/session-effects.js';
import { SESSION_EFFECTS } from '../../sql/session-effects.js';
import type { OracleClientConnection } from './oracle-module.js';
import type { OracleConfig } from './oracle-config.js';
import type { OracleSettings } from './oracle-options.js';
import type { StatementKind } from './oracle-transactions.js';

export type OracleSessionConfig = Pick<
  OracleConfig,
  'settings' | 'schema' | 'applicationName' | 'action' | 'clientIdentifier'
>;

/**
 * Said to every session, unless the options say otherwise. The library has told it the time zone of this process, in which Oracle would
 * read a date without a zone that is to become a moment (oracle-binds.ts); and NUMBERs that come back as text have a point.
 */
const ALWAYS: OracleSettings = { time_zone: '+00:00', nls_numeric_characters: '.,' };

/** By their names in lower case: Oracle knows no other. */
function withDefaults(settings: OracleSettings): OracleSettings {
  const own = Object.entries(settings).map(([name, value]) => [name.toLowerCase(), value] as const);
  return { ...ALWAYS, ...Object.fromEntries(own) };
}

/** One statement, whatever it sets. `schema`: whose objects are meant. */
export function setUpText(settings: OracleSettings, schema: string | undefined): string {
  const parts = Object.entries(withDefaults(settings)).map(
    ([name, value]) => `${quoteName(name)} = ${settingText(name, value)}`,
  );
  if (schema !== undefined) parts.push(`current_schema = ${quoteSchema(schema)}`);
  return `alter session set ${parts.join(' ')}`;
}

/** Oracle's undocumented parameters begin with what no bare name may begin with. */
function quoteName(name: string): string {
  return name.startsWith('_') ? `"${name}"` : name;
}

/** Sent with the next call; nobody waits for it. */
export function introduce(client: OracleClientConnection, config: OracleSessionConfig): void {
  client.module = config.applicationName;
  client.action = config.action ?? '';
  client.clientId = config.clientIdentifier ?? '';
  // DBMS_APPLICATION_INFO sets it beside the others.
  client.clientInfo = '';
}

/** Words of the language stay bare, because `isolation_level = 'SERIALIZABLE'` is none; formats and zones are strings. */
function settingText(name: string, value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  const isZone = /^time_zone$/i.test(name);
  const isWord = isZone
    ? /^(?:local|dbtimezone)$/i.test(value)
    : !/^nls_/i.test(name) && /^[A-Za-z][\w$#]*$/.test(value);
  return isWord ? value : `'${value.replaceAll("'", "''")}'`;
}

/** As it stands in SQL without quotes, unless it could not. */
function quoteSchema(schema: string): string {
  return /^[A-Za-z][\w$#]*$/.test(schema) ? schema : `"${schema}"`;
}

/** But for what changes nothing, and what is said or thrown away again anyway. */
const SESSION_PACKAGES =
  /\bdbms_(?:session|lock)\b(?!\s*\.\s*(?:sleep|(?:set|clear)_identifier|reset_package|modify_package_state|unique_session_id|reinitialize|free_all_resources|is_\w+)\b)/i;

/** Changes the database, and nothing of the session. */
const ALTER_SYSTEM = /^\s*alter\s+system\b/i;

/** What the statements of a loan have changed, as far as their texts show it. */
export class SessionChanges {
  readonly #ours: ReadonlySet<string>;
  #hasOthers = false;

  constructor({ settings, schema }: Pick<OracleSessionConfig, 'settings' | 'schema'>) {
    const names = Object.keys(withDefaults(settings));
    // Without a schema of the options nobody knows which one to go back to.
    this.#ours = new Set(schema === undefined ? names : [...names, 'current_schema']);
  }

  /** A statement is about to be sent. In doubt it changes what cannot be undone. */
  note(text: string, kind: StatementKind): void {
    const isOfOthers = kind === 'session' && !this.#isOurs(text) && !ALTER_SYSTEM.test(text);
    this.#hasOthers ||= isOfOthers || kind === 'private' || SESSION_PACKAGES.test(text);
  }

  /** A reset leaves nothing behind. Otherwise the session has to end. */
  get canUndo(): boolean {
    return !this.#hasOthers;
  }

  clear(): void {
    this.#hasOthers = false;
  }

  #isOurs(text: string): boolean {
    const [, assigned = ''] = /^\s*alter\s+session\s+set\s+([\s\S]*)$/i.exec(text) ?? [];
    const names = namesOf(assigned);
    return names.length > 0 && names.every((name) => this.#ours.has(name));
  }
}

/** `nls_date_format = 'YYYY' time_zone = local`: the names. */
function namesOf(assigned: string): string[] {
  const withoutTexts = assigned.replace(/'(?:[^']|'')*'/g, "''");
  return [...withoutTexts.matchAll(/([\w$#]+)"?\s*=/g)].map(([, name = '']) => name.toLowerCase());
}

/** One round trip: says again what `setUp` said, and throws away what a program has left in its packages. */
export function undoText(left: SessionEffects, setUp: string): string {
  if ((left & SESSION_EFFECTS.unknown) === 0) return setUp;
  const again = setUp.replaceAll("'", "''");
  return `begin execute immediate '${again}'; dbms_session.modify_package_state(dbms_session.reinitialize); end;`;
}
