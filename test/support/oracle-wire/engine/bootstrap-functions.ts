/**
 * What translated statements call: domains that remember the Oracle type of a column, DUAL, and functions and operators with
 * Oracle's signatures and Oracle's view of NULL. All of it lives in the schema `ora`, which stands before pg_catalog in every
 * search path. Invariant: the bodies name pg_catalog where `ora` has something of the same name.
 */

/** `[signature, result, volatility, body]`: the arguments are $1, $2 …. */
type FunctionText = readonly [
  signature: string,
  result: string,
  volatility: 'IMMUTABLE' | 'STABLE' | 'VOLATILE',
  body: string,
];

const DOMAINS = `
CREATE SCHEMA ora;
GRANT USAGE ON SCHEMA ora TO PUBLIC;
CREATE DOMAIN ora.odate AS timestamp(0);
CREATE DOMAIN ora.clob AS text;
CREATE DOMAIN ora.olong AS text;
CREATE DOMAIN ora.blob AS bytea;
CREATE DOMAIN ora.raw AS bytea;
CREATE DOMAIN ora.tsltz AS timestamptz(6);
CREATE FUNCTION ora.is_json(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
  'BEGIN PERFORM $1::pg_catalog.json; RETURN $1 IS NOT NULL; EXCEPTION WHEN others THEN RETURN false; END';
CREATE TABLE ora.dual (dummy varchar(1));
INSERT INTO ora.dual VALUES ('X');
GRANT SELECT ON ora.dual TO PUBLIC;
`;

/** Oracle's masks, where PostgreSQL writes them differently. */
const MASK = (mask: string): string =>
  `replace(replace(replace(replace(replace(${mask}, 'FF9', 'US"000"'), 'FF6', 'US'), 'FF3', 'MS'), 'FF', 'US'), 'RR', 'YY')`;
const SETTING = (name: string): string => `nullif(current_setting('ora.${name}', true), '')`;
const FROM_START = 'CASE WHEN $2 < 0 THEN pg_catalog.length($1) + $2::int + 1 WHEN $2 = 0 THEN 1 ELSE $2::int END';

const TEXTS: readonly FunctionText[] = [
  ['to_char(text)', 'text', 'IMMUTABLE', '$1'],
  ['to_char(numeric)', 'text', 'IMMUTABLE', "regexp_replace(trim_scale($1)::text, '^(-?)0\\.', '\\1.')"],
  [
    'to_char(numeric, text)',
    'text',
    'IMMUTABLE',
    "CASE WHEN upper($2) LIKE 'TM%' THEN ora.to_char($1) ELSE pg_catalog.to_char($1, $2) END",
  ],
  ['to_char(timestamp)', 'text', 'STABLE', `pg_catalog.to_char($1, ${MASK(SETTING('nls_date_format'))})`],
  ['to_char(timestamp, text)', 'text', 'IMMUTABLE', `pg_catalog.to_char($1, ${MASK('upper($2)')})`],
  ['to_char(timestamptz, text)', 'text', 'STABLE', `pg_catalog.to_char($1, ${MASK('upper($2)')})`],
  ['to_char(interval)', 'text', 'STABLE', '$1::text'],
  ['to_clob(text)', 'ora.clob', 'IMMUTABLE', '$1::ora.clob'],
  ['to_blob(bytea)', 'ora.blob', 'IMMUTABLE', '$1::ora.blob'],
  ['to_number(text)', 'numeric', 'IMMUTABLE', '$1::numeric'],
  ['to_number(numeric)', 'numeric', 'IMMUTABLE', '$1'],
  ['to_number(text, text)', 'numeric', 'IMMUTABLE', 'pg_catalog.to_number($1, $2)'],
  ['to_binary_double(text)', 'float8', 'IMMUTABLE', '$1::float8'],
  ['to_binary_double(numeric)', 'float8', 'IMMUTABLE', '$1::float8'],
  ['to_binary_float(numeric)', 'float4', 'IMMUTABLE', '$1::float4'],
  ['length(text)', 'numeric', 'IMMUTABLE', 'nullif(pg_catalog.length($1), 0)::numeric'],
  ['length(bytea)', 'numeric', 'IMMUTABLE', 'nullif(pg_catalog.length($1), 0)::numeric'],
  ['lengthb(text)', 'numeric', 'IMMUTABLE', 'nullif(octet_length($1), 0)::numeric'],
  ['lengthb(bytea)', 'numeric', 'IMMUTABLE', 'nullif(octet_length($1), 0)::numeric'],
  ['substr(text, numeric)', 'text', 'IMMUTABLE', `nullif(pg_catalog.substr($1, ${FROM_START}), '')`],
  [
    'substr(text, numeric, numeric)',
    'text',
    'IMMUTABLE',
    `CASE WHEN $3 >= 1 THEN nullif(pg_catalog.substr($1, ${FROM_START}, $3::int), '') END`,
  ],
  ['instr(text, text)', 'numeric', 'IMMUTABLE', 'strpos($1, $2)::numeric'],
  ['replace(text, text)', 'text', 'IMMUTABLE', "nullif(pg_catalog.replace($1, $2, ''), '')"],
  ['replace(text, text, text)', 'text', 'IMMUTABLE', "nullif(pg_catalog.replace($1, $2, coalesce($3, '')), '')"],
  ['lpad(text, numeric)', 'text', 'IMMUTABLE', "nullif(pg_catalog.lpad($1, $2::int), '')"],
  ['lpad(text, numeric, text)', 'text', 'IMMUTABLE', "nullif(pg_catalog.lpad($1, $2::int, $3), '')"],
  ['lpad(numeric, numeric, text)', 'text', 'IMMUTABLE', 'pg_catalog.lpad(ora.to_char($1), $2::int, $3)'],
  ['rpad(text, numeric)', 'text', 'IMMUTABLE', "nullif(pg_catalog.rpad($1, $2::int), '')"],
  ['rpad(text, numeric, text)', 'text', 'IMMUTABLE', "nullif(pg_catalog.rpad($1, $2::int, $3), '')"],
  ['ltrim(text)', 'text', 'IMMUTABLE', "nullif(pg_catalog.ltrim($1), '')"],
  ['rtrim(text)', 'text', 'IMMUTABLE', "nullif(pg_catalog.rtrim($1), '')"],
  ['concat(text, text)', 'text', 'IMMUTABLE', "nullif(coalesce($1, '') OPERATOR(pg_catalog.||) coalesce($2, ''), '')"],
  ['concat(text, numeric)', 'text', 'IMMUTABLE', 'ora.concat($1, ora.to_char($2))'],
  ['concat(numeric, text)', 'text', 'IMMUTABLE', 'ora.concat(ora.to_char($1), $2)'],
  ['concat(text, timestamp)', 'text', 'STABLE', 'ora.concat($1, ora.to_char($2))'],
  [
    'base64(text)',
    'int8',
    'IMMUTABLE',
    `(SELECT coalesce(sum((strpos('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', c) - 1)
       * 64::numeric ^ (pg_catalog.length($1) - n)), 0)::int8 FROM regexp_split_to_table($1, '') WITH ORDINALITY AS s (c, n))`,
  ],
  [
    'tid_of(text)',
    'tid',
    'IMMUTABLE',
    "format('(%s,%s)', ora.base64(pg_catalog.substr($1, 10, 6)), ora.base64(pg_catalog.substr($1, 16, 3)))::tid",
  ],
  ['as_text(text)', 'text', 'IMMUTABLE', '$1'],
  ['as_text(numeric)', 'text', 'IMMUTABLE', 'ora.to_char($1)'],
  ['as_text(float8)', 'text', 'IMMUTABLE', '$1::text'],
  ['as_text(boolean)', 'text', 'IMMUTABLE', "CASE $1 WHEN true THEN 'TRUE' WHEN false THEN 'FALSE' END"],
  ['as_text(json)', 'text', 'IMMUTABLE', '$1::text'],
  ['as_text(bytea)', 'text', 'IMMUTABLE', "upper(encode($1, 'hex'))"],
  ['as_text(timestamp)', 'text', 'STABLE', 'ora.to_char($1)'],
  ['as_text(timestamptz)', 'text', 'STABLE', '$1::text'],
  ['as_text(interval)', 'text', 'STABLE', '$1::text'],
  ['to_single_byte(text)', 'text', 'IMMUTABLE', '$1'],
];

const NUMBERS_AND_BYTES: readonly FunctionText[] = [
  ['trunc(numeric)', 'numeric', 'IMMUTABLE', 'pg_catalog.trunc($1)'],
  ['trunc(numeric, numeric)', 'numeric', 'IMMUTABLE', 'pg_catalog.trunc($1, $2::int)'],
  ['round(numeric)', 'numeric', 'IMMUTABLE', 'pg_catalog.round($1)'],
  ['round(numeric, numeric)', 'numeric', 'IMMUTABLE', 'pg_catalog.round($1, $2::int)'],
  ['power(numeric, numeric)', 'numeric', 'IMMUTABLE', 'pg_catalog.power($1, $2)'],
  ['sqrt(numeric)', 'numeric', 'IMMUTABLE', 'pg_catalog.sqrt($1)'],
  ['exp(numeric)', 'numeric', 'IMMUTABLE', 'pg_catalog.exp($1)'],
  ['ln(numeric)', 'numeric', 'IMMUTABLE', 'pg_catalog.ln($1)'],
  ['bitand(numeric, numeric)', 'numeric', 'IMMUTABLE', '($1::int8 & $2::int8)::numeric'],
  ['divide(numeric, numeric)', 'numeric', 'IMMUTABLE', '$1 OPERATOR(pg_catalog./) $2'],
  ['mod(numeric, numeric)', 'numeric', 'IMMUTABLE', 'CASE WHEN $2 = 0 THEN $1 ELSE pg_catalog.mod($1, $2) END'],
  ['sys_guid()', 'ora.raw', 'VOLATILE', 'uuid_send(gen_random_uuid())::ora.raw'],
  ['hextoraw(text)', 'ora.raw', 'IMMUTABLE', "decode($1, 'hex')::ora.raw"],
  ['rawtohex(bytea)', 'text', 'IMMUTABLE', "upper(encode($1, 'hex'))"],
  ['cast_to_raw(text)', 'ora.raw', 'IMMUTABLE', "convert_to($1, 'UTF8')::ora.raw"],
  ['cast_to_varchar2(bytea)', 'text', 'IMMUTABLE', "convert_from($1, 'UTF8')"],
  [
    'standard_hash(text, text)',
    'ora.raw',
    'IMMUTABLE',
    `(CASE upper($2) WHEN 'MD5' THEN decode(md5($1), 'hex') WHEN 'SHA512' THEN sha512(convert_to($1, 'UTF8'))
       ELSE sha256(convert_to($1, 'UTF8')) END)::ora.raw`,
  ],
  [
    'ora_hash(text)',
    'numeric',
    'IMMUTABLE',
    "(('x' OPERATOR(pg_catalog.||) pg_catalog.substr(md5($1), 1, 8))::bit(32)::int8)::numeric",
  ],
  ['empty_clob()', 'ora.clob', 'IMMUTABLE', "''::ora.clob"],
  ['empty_blob()', 'ora.blob', 'IMMUTABLE', "''::ora.blob"],
];

const TIMES: readonly FunctionText[] = [
  ['sysdate()', 'ora.odate', 'STABLE', "date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC')::ora.odate"],
  ['current_date()', 'ora.odate', 'STABLE', "date_trunc('second', statement_timestamp()::timestamp)::ora.odate"],
  ['to_date(text)', 'ora.odate', 'STABLE', `ora.to_date($1, ${SETTING('nls_date_format')})`],
  [
    'to_date(text, text)',
    'ora.odate',
    'STABLE',
    `pg_catalog.to_timestamp($1, ${MASK('upper($2)')})::timestamp(0)::ora.odate`,
  ],
  ['to_timestamp(text)', 'timestamp', 'STABLE', '$1::timestamp'],
  ['to_timestamp(text, text)', 'timestamp', 'STABLE', `pg_catalog.to_timestamp($1, ${MASK('upper($2)')})::timestamp`],
  ['to_timestamp_tz(text)', 'timestamptz', 'STABLE', '$1::timestamptz'],
  ['to_timestamp_tz(text, text)', 'timestamptz', 'STABLE', `$1::timestamptz`],
  ['trunc(timestamp)', 'ora.odate', 'IMMUTABLE', "date_trunc('day', $1)::ora.odate"],
  [
    'trunc(timestamp, text)',
    'ora.odate',
    'IMMUTABLE',
    `date_trunc(CASE upper($2) WHEN 'MM' THEN 'month' WHEN 'MON' THEN 'month' WHEN 'MONTH' THEN 'month' WHEN 'YYYY' THEN 'year'
       WHEN 'YEAR' THEN 'year' WHEN 'Q' THEN 'quarter' WHEN 'IW' THEN 'week' WHEN 'HH24' THEN 'hour' WHEN 'HH' THEN 'hour'
       WHEN 'MI' THEN 'minute' ELSE 'day' END, $1)::ora.odate`,
  ],
  ['add_months(timestamp, numeric)', 'ora.odate', 'IMMUTABLE', '($1 + make_interval(months => $2::int))::ora.odate'],
  ['last_day(timestamp)', 'ora.odate', 'IMMUTABLE', "(date_trunc('month', $1) + interval '1 month -1 day')::ora.odate"],
  [
    'months_between(timestamp, timestamp)',
    'numeric',
    'IMMUTABLE',
    `((extract(year FROM $1) - extract(year FROM $2)) * 12 + extract(month FROM $1) - extract(month FROM $2)
       + (extract(day FROM $1) - extract(day FROM $2)) / 31)::numeric`,
  ],
  [
    'numtodsinterval(numeric, text)',
    'interval',
    'IMMUTABLE',
    "($1::text OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) $2)::interval",
  ],
  ['to_dsinterval(text)', 'interval', 'IMMUTABLE', '$1::interval day to second'],
  [
    'date_plus(ora.odate, numeric)',
    'ora.odate',
    'IMMUTABLE',
    "($1::timestamp OPERATOR(pg_catalog.+) $2::float8 * interval '1 day')::ora.odate",
  ],
  [
    'date_plus(timestamp, numeric)',
    'ora.odate',
    'IMMUTABLE',
    "($1 OPERATOR(pg_catalog.+) $2::float8 * interval '1 day')::ora.odate",
  ],
  [
    'date_minus(timestamp, numeric)',
    'ora.odate',
    'IMMUTABLE',
    "($1 OPERATOR(pg_catalog.-) $2::float8 * interval '1 day')::ora.odate",
  ],
  [
    'days_between(ora.odate, ora.odate)',
    'numeric',
    'IMMUTABLE',
    '(extract(epoch FROM ($1::timestamp OPERATOR(pg_catalog.-) $2::timestamp)) OPERATOR(pg_catalog./) 86400)::numeric',
  ],
];

const SESSION: readonly FunctionText[] = [
  ['username()', 'varchar', 'STABLE', `${SETTING('session_user')}::varchar`],
  ['session_time_zone()', 'varchar', 'STABLE', `${SETTING('time_zone')}::varchar`],
  ['session_sid()', 'numeric', 'STABLE', `${SETTING('sid')}::numeric`],
  ['session_serial()', 'numeric', 'STABLE', `${SETTING('serial')}::numeric`],
  ['local_transaction_id()', 'varchar', 'STABLE', 'pg_current_xact_id_if_assigned()::text::varchar'],
  [
    'local_transaction_id(boolean)',
    'varchar',
    'VOLATILE',
    'CASE WHEN $1 THEN pg_current_xact_id() ELSE pg_current_xact_id_if_assigned() END::text::varchar',
  ],
  [
    'sys_context(text, text)',
    'varchar',
    'STABLE',
    `CASE WHEN upper($1) <> 'USERENV' THEN NULL WHEN upper($2) = 'CURRENT_SCHEMA' THEN upper(current_schema())
       ELSE nullif(current_setting('ora.' OPERATOR(pg_catalog.||) lower($2), true), '') END::varchar`,
  ],
  ['random()', 'numeric', 'VOLATILE', 'pg_catalog.random()::numeric'],
  ['random(numeric, numeric)', 'numeric', 'VOLATILE', '$1 + pg_catalog.random()::numeric * ($2 - $1)'],
  ['get_time()', 'numeric', 'VOLATILE', 'floor(extract(epoch FROM clock_timestamp()) * 100)::numeric'],
  ['sleep(numeric)', 'void', 'VOLATILE', 'SELECT pg_sleep($1::float8)'],
];

/** An operator of `ora` that PostgreSQL does not have, or has with another meaning: 5 / 2 is 2.5, a text and NULL is the text. */
const OPERATORS: readonly (readonly [operator: string, left: string, right: string, implementation: string])[] = [
  ['+', 'ora.odate', 'numeric', 'date_plus'],
  ['+', 'timestamp', 'numeric', 'date_plus'],
  ['-', 'timestamp', 'numeric', 'date_minus'],
  ['-', 'ora.odate', 'ora.odate', 'days_between'],
  ['||', 'text', 'text', 'concat'],
  ['||', 'text', 'numeric', 'concat'],
  ['||', 'numeric', 'text', 'concat'],
  ['||', 'text', 'timestamp', 'concat'],
  ...['int4', 'int8'].flatMap((integer) => [
    ['||', 'text', integer, 'concat'] as const,
    ['||', integer, 'text', 'concat'] as const,
  ]),
  ...['int4', 'int8'].flatMap((left) => ['int4', 'int8'].map((right) => ['/', left, right, 'divide'] as const)),
];

/** A number and a text are compared as numbers. */
const COMPARISONS: Readonly<Record<string, string>> = {
  '=': 'eq',
  '<>': 'ne',
  '<': 'lt',
  '>': 'gt',
  '<=': 'le',
  '>=': 'ge',
};

function comparisons(): string[] {
  return Object.entries(COMPARISONS).flatMap(([operator, name]) => {
    const own = `OPERATOR(pg_catalog.${operator})`;
    return [
      functionText([`${name}(numeric, text)`, 'boolean', 'IMMUTABLE', `$1 ${own} $2::numeric`]),
      functionText([`${name}(text, numeric)`, 'boolean', 'IMMUTABLE', `$1::numeric ${own} $2`]),
      `CREATE OPERATOR ora.${operator} (LEFTARG = numeric, RIGHTARG = text, FUNCTION = ora.${name});`,
      `CREATE OPERATOR ora.${operator} (LEFTARG = text, RIGHTARG = numeric, FUNCTION = ora.${name});`,
    ];
  });
}

function functionText([signature, result, volatility, body]: FunctionText): string {
  const text = body.startsWith('SELECT') ? body : `SELECT ${body}`;
  return `CREATE FUNCTION ora.${signature} RETURNS ${result} LANGUAGE sql ${volatility} AS $ora$${text}$ora$;`;
}

export function bootstrapFunctions(): string {
  const own = [...TEXTS, ...NUMBERS_AND_BYTES, ...TIMES, ...SESSION];
  const integers = ['int4', 'int8'].flatMap((left) =>
    ['int4', 'int8'].map((right): FunctionText => [
      `divide(${left}, ${right})`,
      'numeric',
      'IMMUTABLE',
      '$1::numeric OPERATOR(pg_catalog./) $2::numeric',
    ]),
  );
  const concatenations = ['int4', 'int8'].flatMap((integer): FunctionText[] => [
    [`concat(text, ${integer})`, 'text', 'IMMUTABLE', 'ora.concat($1, $2::text)'],
    [`concat(${integer}, text)`, 'text', 'IMMUTABLE', 'ora.concat($1::text, $2)'],
  ]);
  const operators = OPERATORS.map(
    ([operator, left, right, implementation]) =>
      `CREATE OPERATOR ora.${operator} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = ora.${implementation});`,
  );
  return [DOMAINS, ...[...own, ...integers, ...concatenations].map(functionText), ...operators, ...comparisons()].join(
    '\n',
  );
}
