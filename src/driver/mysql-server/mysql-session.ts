/**
 * What makes a fresh session one of ours, in one statement and so in one round trip; run again after a reset. And which server it
 * is at. Used by the connections of both clients.
 *
 *     autocommit  on, whatever the server's default: a statement outside a transaction would be rolled back with its session
 *     sql_mode    as the server has it, but for IGNORE_SPACE where only the client asked for it
 *     time_zone   +00:00, so that the server agrees with reading DATETIME and TIMESTAMP as UTC
 *     names       utf8mb4 with the server's own default collation
 *     the second line of limits: max_execution_time (MySQL, milliseconds, SELECT only) or max_statement_time (MariaDB, seconds)
 *     what tells of transactions in the answers: session_track_gtids, or last_gtid among MariaDB's tracked variables
 *     what tells of USE in them: session_track_schema, which a server may have off; prepared statements and a reset go by it
 *
 * What the user's `settings` say comes last, and wins.
 */
import type { Flavour } from './mysql-flavour.js';
import { isAtLeast } from './mysql-flavour.js';
import { serverErrorOf } from './mysql-server-error.js';

export type MysqlSettings = Readonly<Record<string, string | number | boolean>>;

/** What the client library is able to follow. */
export interface ClientAbilities {
  /** It hands on what the server says of GTIDs. Default true. */
  readonly tracksGtids?: boolean;
  /** It asks for IGNORE_SPACE in its handshake, and cannot be told not to. Default false. */
  readonly ignoresSpace?: boolean;
}

/**
 * Which server it is: the same in each of its sessions, and in none of another server behind the same address. More than one fact,
 * because a copied data folder keeps its UUID, and MariaDB has none. Asked by itself, once for each connection: a SET answers no
 * rows, and neither server takes both in one statement. `ask` brings the first value of a text. Empty where the server cannot say.
 */
export async function serverOf(flavour: Flavour, ask: (text: string) => Promise<unknown>): Promise<string> {
  const uuid = flavour.isMariaDb ? '' : ', @@server_uuid';
  try {
    const server = await ask(`select concat_ws('/', @@hostname, @@port, @@server_id${uuid})`);
    return typeof server === 'string' ? server : '';
  } catch (error) {
    if (serverErrorOf(error) === undefined) throw error;
    return '';
  }
}

/** `limitMs`: 0 for none. */
export function setUpText(
  flavour: Flavour,
  settings: MysqlSettings,
  limitMs: number,
  { tracksGtids = true, ignoresSpace = false }: ClientAbilities = {},
): string {
  const limit = limitMs > 0 && !keepsLimit(flavour, settings) ? limitAssignment(flavour, limitMs) : undefined;
  const parts = [
    'names utf8mb4',
    'autocommit = 1',
    ignoresSpace ? SQL_MODE_OF_SERVER : undefined,
    "time_zone = '+00:00'",
    schemaAssignment(flavour),
    tracksGtids ? gtidAssignment(flavour) : undefined,
    limit,
  ];
  for (const [name, value] of Object.entries(settings)) parts.push(`${name} = ${settingText(value)}`);
  return `set ${parts.filter((part) => part !== undefined).join(', ')}`;
}

/** `undefined` where the server has no such limit, or it is not ours to change. */
export function limitText(flavour: Flavour, settings: MysqlSettings, ms: number): string | undefined {
  const assignment = keepsLimit(flavour, settings) ? undefined : limitAssignment(flavour, ms);
  return assignment && `set ${assignment}`;
}

/** The user chose the server's own limit; it is not ours to change then. */
export function keepsLimit(flavour: Flavour, settings: MysqlSettings): boolean {
  const name = limitName(flavour);
  return Object.keys(settings).some((setting) => setting.toLowerCase() === name);
}

function limitName({ isMariaDb }: Flavour): string {
  return isMariaDb ? 'max_statement_time' : 'max_execution_time';
}

function limitAssignment(flavour: Flavour, ms: number): string | undefined {
  if (flavour.isMariaDb) return isAtLeast(flavour, 10, 1) ? `max_statement_time = ${ms / 1_000}` : undefined;
  return isAtLeast(flavour, 5, 7, 8) ? `max_execution_time = ${Math.ceil(ms)}` : undefined;
}

function schemaAssignment(flavour: Flavour): string | undefined {
  const isKnown = flavour.isMariaDb ? isAtLeast(flavour, 10, 2) : isAtLeast(flavour, 5, 7, 4);
  return isKnown ? 'session_track_schema = 1' : undefined;
}

function gtidAssignment(flavour: Flavour): string | undefined {
  if (!flavour.isMariaDb) return isAtLeast(flavour, 5, 7, 6) ? 'session_track_gtids = OWN_GTID' : undefined;
  // What is tracked by default stays: client libraries follow character_set_client.
  return isAtLeast(flavour, 10, 3) ? `session_track_system_variables = ${TRACKED_TOO}` : undefined;
}

/** Of all that is tracked it is a part already, and nothing can stand beside `*`; an empty list has no comma. */
const TRACKED_TOO =
  "if(@@session_track_system_variables = '*', '*', concat_ws(',', nullif(@@session_track_system_variables, ''), 'last_gtid'))";

/** With IGNORE_SPACE the names of functions are reserved words. Where the server itself has it, it stays. */
const SQL_MODE_OF_SERVER =
  "sql_mode = if(find_in_set('IGNORE_SPACE', @@global.sql_mode), @@sql_mode, " +
  "trim(both ',' from replace(concat(',', @@sql_mode, ','), ',IGNORE_SPACE,', ',')))";

function settingText(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  // Both ways of writing a quotation mark work in every sql_mode when it is doubled; a backslash is one only without
  // NO_BACKSLASH_ESCAPES, so hexadecimal takes its place.
  if (typeof value === 'number') return String(value);
  return /\\/.test(value) ? `x'${Buffer.from(value).toString('hex')}'` : `'${value.replaceAll("'", "''")}'`;
}

/**
 * Goes back to the database that a session began with, which a reset leaves as it is.
 *
 * @throws Error where there was none: MySQL has no way back to that.
 */
export function useText(database: string | undefined): string {
  if (database === undefined) throw new Error('the session cannot be brought back to having no default database');
  return `use ${quoteName(database)}`;
}

/** A name of the schema as it goes into SQL. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
