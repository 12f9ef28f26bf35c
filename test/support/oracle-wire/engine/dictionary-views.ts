/**
 * The part of Oracle's dictionary that tests look at: tables, columns, constraints, sequences, sessions and transactions.
 * Names are shown as Oracle shows them: in upper case, unless they were quoted (names.ts swaps the case of all of them).
 * It is no whole dictionary: a column that is absent here answers ORA-00904.
 */

/** Upper for lower and lower for upper, as names.ts swaps it. */
const NAME_FUNCTION = `
CREATE FUNCTION ora.dictionary_name(name text) RETURNS varchar(128) LANGUAGE sql IMMUTABLE AS $ora$
  SELECT (CASE WHEN $1 = lower($1) THEN upper($1) WHEN $1 = upper($1) THEN lower($1) ELSE
    (SELECT string_agg(CASE WHEN c = lower(c) THEN upper(c) ELSE lower(c) END, '' ORDER BY n)
       FROM regexp_split_to_table($1, '') WITH ORDINALITY AS s (c, n)) END)::varchar(128)
$ora$;
`;

const OWNERS = `n.nspname NOT IN ('pg_catalog', 'information_schema', 'ora') AND n.nspname NOT LIKE 'pg_%'`;
const name = (expression: string): string => `ora.dictionary_name(${expression}::text)`;

/** Views with an owner; the one of the user is the same for the current schema. */
const OWNED: Readonly<Record<string, string>> = {
  tables: `SELECT ${name('n.nspname')} AS owner, ${name('c.relname')} AS table_name, 'USERS'::varchar(30) AS tablespace_name,
      (CASE WHEN c.relpersistence = 't' OR g.name IS NOT NULL THEN 'Y' ELSE 'N' END)::varchar(1) AS temporary,
      nullif(c.reltuples, -1)::numeric AS num_rows, n.nspname AS ora_schema
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN ora.temporary_tables g ON g.schema = n.nspname AND g.name = c.relname
    WHERE c.relkind IN ('r', 'p') AND ${OWNERS}`,
  views: `SELECT ${name('n.nspname')} AS owner, ${name('c.relname')} AS view_name, pg_get_viewdef(c.oid)::text AS text, n.nspname AS ora_schema
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND ${OWNERS}`,
  objects: `SELECT ${name('n.nspname')} AS owner, ${name('c.relname')} AS object_name, c.oid::int8::numeric AS object_id,
      (CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'i' THEN 'INDEX' ELSE 'TABLE' END)::varchar(23) AS object_type,
      'VALID'::varchar(7) AS status, n.nspname AS ora_schema
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'S', 'i') AND ${OWNERS}`,
  sequences: `SELECT ${name('n.nspname')} AS owner, ${name('s.sequencename')} AS sequence_name, s.min_value::numeric AS min_value,
      s.max_value::numeric AS max_value, s.increment_by::numeric AS increment_by, s.cache_size::numeric AS cache_size,
      (CASE WHEN s.cycle THEN 'Y' ELSE 'N' END)::varchar(1) AS cycle_flag, n.nspname AS ora_schema
    FROM pg_sequences s JOIN pg_namespace n ON n.nspname = s.schemaname WHERE ${OWNERS}`,
  constraints: `SELECT ${name('n.nspname')} AS owner, ${name('k.conname')} AS constraint_name, ${name('c.relname')} AS table_name,
      (CASE k.contype WHEN 'p' THEN 'P' WHEN 'u' THEN 'U' WHEN 'f' THEN 'R' ELSE 'C' END)::varchar(1) AS constraint_type,
      'ENABLED'::varchar(8) AS status, (CASE WHEN k.condeferrable THEN 'DEFERRABLE' ELSE 'NOT DEFERRABLE' END)::varchar(14) AS deferrable,
      (CASE WHEN k.condeferred THEN 'DEFERRED' ELSE 'IMMEDIATE' END)::varchar(9) AS deferred,
      (SELECT ${name('r.conname')} FROM pg_constraint r WHERE r.conindid = k.conindid AND r.contype IN ('p', 'u') AND k.contype = 'f' LIMIT 1)
        AS r_constraint_name, n.nspname AS ora_schema
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype IN ('p', 'u', 'f', 'c') AND ${OWNERS}`,
  cons_columns: `SELECT ${name('n.nspname')} AS owner, ${name('k.conname')} AS constraint_name, ${name('c.relname')} AS table_name,
      ${name('a.attname')} AS column_name, u.position::numeric AS position, n.nspname AS ora_schema
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN unnest(k.conkey) WITH ORDINALITY AS u (attnum, position)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum
    WHERE k.contype IN ('p', 'u', 'f', 'c') AND ${OWNERS}`,
  indexes: `SELECT ${name('n.nspname')} AS owner, ${name('i.relname')} AS index_name, ${name('c.relname')} AS table_name,
      (CASE WHEN x.indisunique THEN 'UNIQUE' ELSE 'NONUNIQUE' END)::varchar(9) AS uniqueness, n.nspname AS ora_schema
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${OWNERS}`,
  tab_columns: `SELECT ${name('n.nspname')} AS owner, ${name('c.relname')} AS table_name, ${name('a.attname')} AS column_name,
      a.attnum::numeric AS column_id, (CASE WHEN t.typname = 'odate' THEN 'DATE' WHEN t.typname = 'olong' THEN 'LONG'
        WHEN t.typname IN ('clob', 'blob', 'raw') THEN upper(t.typname) WHEN t.typname IN ('numeric', 'int8', 'int4') THEN 'NUMBER'
        WHEN t.typname = 'varchar' THEN 'VARCHAR2' WHEN t.typname = 'bpchar' THEN 'CHAR' WHEN t.typname = 'float8' THEN 'BINARY_DOUBLE'
        WHEN t.typname = 'float4' THEN 'BINARY_FLOAT' WHEN t.typname = 'timestamptz' THEN 'TIMESTAMP(6) WITH TIME ZONE'
        WHEN t.typname = 'tsltz' THEN 'TIMESTAMP(6) WITH LOCAL TIME ZONE' WHEN t.typname = 'timestamp' THEN 'TIMESTAMP(6)'
        WHEN t.typname = 'bool' THEN 'BOOLEAN' ELSE upper(t.typname) END)::varchar(128) AS data_type,
      (CASE WHEN a.attnotnull THEN 'N' ELSE 'Y' END)::varchar(1) AS nullable,
      (CASE WHEN t.typname = 'numeric' AND a.atttypmod >= 4 THEN ((a.atttypmod - 4) >> 16) & 65535 END)::numeric AS data_precision,
      (CASE WHEN t.typname = 'numeric' AND a.atttypmod >= 4 THEN (a.atttypmod - 4) & 2047 END)::numeric AS data_scale,
      (CASE WHEN t.typname IN ('varchar', 'bpchar') THEN a.atttypmod - 4 ELSE 22 END)::numeric AS data_length,
      pg_get_expr(d.adbin, d.adrelid)::text AS data_default, n.nspname AS ora_schema
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v') AND ${OWNERS}`,
};

/** Sessions of other users are asked for as the owner of the functions: their statements are nobody else's to read. */
const SESSIONS = `
CREATE UNLOGGED TABLE ora.temporary_tables (schema name, name name, on_commit text, PRIMARY KEY (schema, name));
GRANT SELECT ON ora.temporary_tables TO PUBLIC;
CREATE UNLOGGED TABLE ora.sessions (pid int PRIMARY KEY, sid numeric, serial numeric, username text, service text,
  module text, action text, client_identifier text, client_info text, logon_time timestamptz DEFAULT now());
CREATE FUNCTION ora.all_sessions() RETURNS TABLE (sid numeric, serial numeric, username text, service text, module text, action text,
    client_identifier text, client_info text, logon_time timestamp, state text, wait_event_type text, wait_event text, query text,
    xid text, isolation text, blocker numeric)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $ora$
  BEGIN
  -- Within a transaction PostgreSQL would show what it showed before.
  PERFORM pg_stat_clear_snapshot();
  RETURN QUERY SELECT s.sid, s.serial, s.username, s.service, s.module, s.action, s.client_identifier, s.client_info, s.logon_time::timestamp,
    a.state, a.wait_event_type, a.wait_event, a.query, a.backend_xid::text,
    CASE WHEN a.pid = pg_backend_pid() THEN current_setting('transaction_isolation') END,
    (SELECT b.sid FROM ora.sessions b WHERE a.wait_event_type = 'Lock' AND b.pid = ANY (pg_blocking_pids(a.pid)) LIMIT 1)
  FROM ora.sessions s JOIN pg_stat_activity a ON a.pid = s.pid;
  END
$ora$;
CREATE VIEW ora."v$session" AS SELECT 'S' || sid AS saddr, sid, serial AS "serial#", sid + 1000 AS audsid, upper(username)::varchar(128) AS username,
  (CASE WHEN state = 'active' THEN 'ACTIVE' ELSE 'INACTIVE' END)::varchar(8) AS status, 'USER'::varchar(10) AS type,
  module::varchar(64), action::varchar(64), client_identifier::varchar(64), client_info::varchar(64), service::varchar(64) AS service_name,
  logon_time, (CASE WHEN xid IS NOT NULL THEN 'T' || sid END) AS taddr, blocker AS blocking_session, 'node'::varchar(48) AS program,
  (CASE WHEN wait_event = 'PgSleep' THEN 'PL/SQL lock timer' WHEN wait_event_type = 'Lock' THEN 'enq: TX - row lock contention'
    WHEN state = 'active' THEN 'On CPU' ELSE 'SQL*Net message from client' END)::varchar(64) AS event,
  (CASE WHEN state = 'active' THEN md5(query) END)::varchar(32) AS sql_id, md5(query)::varchar(32) AS prev_sql_id
  FROM ora.all_sessions();
CREATE VIEW ora."v$sql" AS SELECT DISTINCT md5(query)::varchar(32) AS sql_id, query::varchar(1000) AS sql_text, query AS sql_fulltext
  FROM ora.all_sessions() WHERE query IS NOT NULL;
CREATE VIEW ora."v$transaction" AS SELECT 'T' || sid AS addr, 'S' || sid AS ses_addr, xid AS xid, 'ACTIVE'::varchar(16) AS status,
  (CASE WHEN isolation IN ('repeatable read', 'serializable') THEN 268435456 ELSE 0 END)::numeric AS flag
  FROM ora.all_sessions() WHERE xid IS NOT NULL;
CREATE VIEW ora."v$mystat" AS SELECT nullif(current_setting('ora.sid', true), '')::numeric AS sid;
`;

const REST = `
CREATE VIEW ora."v$version" AS SELECT 'Oracle wire test server (not an Oracle Database)'::varchar(160) AS banner;
CREATE VIEW ora."v$instance" AS SELECT 'FREE'::varchar(16) AS instance_name, 'wire-test'::varchar(64) AS host_name, '23.0.0.0.0'::varchar(17) AS version,
  'OPEN'::varchar(12) AS status, 'NORMAL'::varchar(18) AS active_state;
CREATE VIEW ora."v$database" AS SELECT 'FREE'::varchar(9) AS name, 'READ WRITE'::varchar(20) AS open_mode, 'PRIMARY'::varchar(16) AS database_role;
CREATE VIEW ora.global_name AS SELECT 'FREEPDB1'::varchar(128) AS global_name;
CREATE VIEW ora.user_private_temp_tables AS SELECT ora.dictionary_name(relname::text) AS table_name FROM pg_class c
  WHERE c.relnamespace = pg_my_temp_schema() AND c.relkind = 'r' AND NOT EXISTS (SELECT FROM ora.temporary_tables g WHERE g.name = c.relname);
CREATE VIEW ora.user_users AS SELECT ora.username() AS username, 'OPEN'::varchar(32) AS account_status;
CREATE VIEW ora.all_users AS SELECT ${name('nspname')} AS username, oid::int8::numeric AS user_id FROM pg_namespace n WHERE ${OWNERS};
CREATE VIEW ora.nls_session_parameters AS SELECT upper(p)::varchar(128) AS parameter, nullif(current_setting('ora.' || p, true), '')::varchar(64) AS value
  FROM unnest(ARRAY['nls_date_format', 'nls_timestamp_format', 'nls_timestamp_tz_format', 'nls_numeric_characters', 'nls_language',
    'nls_territory', 'nls_sort', 'nls_comp', 'nls_date_language', 'nls_currency']) AS p;
`;

export function dictionaryViews(): string {
  const owned = Object.entries(OWNED).map(
    ([view, text]) => `CREATE VIEW ora.all_${view} AS ${text};
      CREATE VIEW ora.user_${view} AS SELECT * FROM ora.all_${view} WHERE ora_schema = current_schema();
      CREATE VIEW ora.dba_${view} AS SELECT * FROM ora.all_${view};`,
  );
  return [NAME_FUNCTION, SESSIONS, ...owned, REST, 'GRANT SELECT ON ALL TABLES IN SCHEMA ora TO PUBLIC;'].join('\n');
}
