/**
 * What belongs to an Oracle session and not to its transaction: NLS parameters, the current schema, the time zone, module and
 * action. PostgreSQL undoes a SET with its transaction, Oracle never does: what was set inside one is set again after a
 * rollback.
 */
import { OraError } from '../backend.js';
import type { SessionInfo, SqlResult } from '../backend.js';
import type { ParsedStatement } from '../sql-scan.js';
import { literal, swapCase } from './names.js';

/** What nobody has changed yet. */
const DEFAULTS: Readonly<Record<string, string>> = {
  nls_date_format: 'DD-MON-RR',
  nls_timestamp_format: 'DD-MON-RR HH.MI.SSXFF AM',
  nls_timestamp_tz_format: 'DD-MON-RR HH.MI.SSXFF AM TZR',
  nls_numeric_characters: '.,',
  nls_language: 'AMERICAN',
  nls_territory: 'AMERICA',
  nls_sort: 'BINARY',
  nls_comp: 'BINARY',
  nls_date_language: 'AMERICAN',
  nls_currency: '$',
  time_zone: '+00:00',
};
/** Parameters of ALTER SESSION SET that are remembered, and change nothing here. */
const IGNORED =
  /^(_\w+|nls_\w+|events|sql_trace|tracefile_identifier|optimizer_\w+|cursor_sharing|statistics_level|plsql_\w+|query_rewrite_\w+|parallel_\w+|row|resumable\w*|ddl_lock_timeout|isolation_level|container|edition|recyclebin|session_cached_cursors|sort_area_size|workarea_size_policy|timed_statistics|max_dump_file_size)$/;
/** What tracing knows of a session: SYS_CONTEXT's names. */
export type SessionAttribute = 'module' | 'action' | 'client_identifier' | 'client_info';

export class SessionSettings {
  readonly #run: (text: string) => Promise<unknown>;
  readonly #values = new Map<string, string>();
  /** Set since the transaction began. */
  readonly #unsettled = new Set<string>();

  constructor(run: (text: string) => Promise<unknown>) {
    this.#run = run;
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  async start({ sid, serial, user, service }: SessionInfo, schema: string): Promise<void> {
    const facts = {
      sid,
      serial,
      sessionid: sid + 1_000,
      session_user: user,
      current_user: user,
      service_name: service,
      instance: 1,
    };
    const constants = {
      instance_name: 'FREE',
      db_name: 'FREE',
      con_name: 'FREEPDB1',
      server_host: 'wire-test',
      database_role: 'PRIMARY',
      isdba: 'FALSE',
    };
    for (const [name, value] of Object.entries({ ...DEFAULTS, ...facts, ...constants }))
      this.#values.set(`ora.${name}`, String(value));
    this.#values.set('search_path', searchPath(schema));
    this.#values.set('TimeZone', 'UTC');
    const fixed = {
      IntervalStyle: 'iso_8601',
      bytea_output: 'hex',
      extra_float_digits: '3',
      DateStyle: 'ISO',
      client_min_messages: 'error',
    };
    for (const [name, value] of Object.entries(fixed)) this.#values.set(name, value);
    await this.#send([...this.#values.keys()]);
  }

  /** What a rollback may have taken away. */
  async restore(): Promise<void> {
    if (this.#unsettled.size === 0) return;
    const names = [...this.#unsettled];
    this.#unsettled.clear();
    await this.#send(names);
  }

  async set(name: string, value: string, isInTransaction: boolean): Promise<void> {
    this.#values.set(name, value);
    if (isInTransaction) this.#unsettled.add(name);
    else this.#unsettled.delete(name);
    await this.#send([name]);
  }

  async setTimeZone(zone: string, isInTransaction: boolean): Promise<void> {
    const parts = /^([+-])(\d{1,2}):(\d{1,2})$/.exec(zone);
    const [hours, minutes] = [Number(parts?.[2]), Number(parts?.[3])];
    const sign = hours + minutes === 0 ? '+' : parts?.[1];
    const shown =
      parts === null ? zone : `${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
    // POSIX counts the hours to the west, everybody else to the east.
    await this.set(
      'TimeZone',
      parts === null ? zone : `<${shown}>${sign === '+' ? '-' : '+'}${shown.slice(1)}`,
      isInTransaction,
    );
    await this.set('ora.time_zone', shown, isInTransaction);
  }

  /** ALTER SESSION SET a = b c = d …; the schema's name where that has changed. */
  async alter(
    { sql }: ParsedStatement,
    isInTransaction: boolean,
    hasSchema: (name: string) => Promise<boolean>,
  ): Promise<SqlResult> {
    const assignments = [...sql.matchAll(/([\w$#]+)\s*=\s*(?:'((?:[^']|'')*)'|"([^"]*)"|([\w$#.,+:-]+))/g)];
    if (assignments.length === 0 && !/^\s*alter\s+session\s+(enable|disable|advise|close|force)/i.test(sql)) {
      throw new OraError(2248, 'invalid option for ALTER SESSION');
    }
    let currentSchema: string | undefined;
    for (const [, parameter = '', text, quoted, word] of assignments) {
      const name = parameter.toLowerCase();
      const value = text?.replaceAll("''", "'") ?? quoted ?? word ?? '';
      if (name === 'current_schema') {
        const schema = quoted === undefined ? value.toLowerCase() : swapCase(quoted);
        if (!(await hasSchema(schema))) throw new OraError(1435, 'user does not exist');
        await this.set('search_path', searchPath(schema), isInTransaction);
        currentSchema = swapCase(schema);
      } else if (name === 'time_zone') {
        if (!/^([+-]\d{1,2}:\d\d|[A-Za-z_]+(\/[A-Za-z_]+)*|local|dbtimezone)$/i.test(value)) {
          throw new OraError(1882, 'timezone region not found');
        }
        await this.setTimeZone(/^(local|dbtimezone)$/i.test(value) ? '+00:00' : value, isInTransaction);
      } else if (IGNORED.test(name)) {
        // NLS names are shown in upper case; a mask is shown as it was given.
        await this.set(`ora.${name.replace(/^_+/, 'x_')}`, value, isInTransaction);
      } else throw new OraError(2248, 'invalid option for ALTER SESSION');
    }
    return { rowCounts: [0], ...(currentSchema !== undefined && { currentSchema }) };
  }

  async #send(names: readonly string[]): Promise<void> {
    const calls = names.map((name) => `set_config(${literal(name)}, ${literal(this.#values.get(name) ?? '')}, false)`);
    await this.#run(`SELECT ${calls.join(', ')}`);
  }
}

const searchPath = (schema: string): string => `"${schema.replaceAll('"', '""')}", ora, pg_catalog`;
