/**
 * What classify.ts knows about names in front of a parenthesis: which are built-in functions that change nothing, which
 * surely change something, and which are no functions at all. Plain lists, in lower case.
 * Invariant: a name is in PURE only when every database that has a built-in of that name lets it change nothing, in the
 * data, in the session and in the server. When in doubt it is left out, and the statement is 'unknown'.
 * Lists that cannot be known: functions of one's own, even one that bears a well-known name.
 */

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

/**
 * Volatile ones are among them (`random`, `gen_random_uuid`): they change nothing. Left out on purpose: what asks about
 * one certain server or session (`pg_is_in_recovery`, `lastval`, `last_insert_id`), what waits (`pg_sleep`, `sleep`)
 * and what runs text as SQL (`query_to_xml`).
 */
export const PURE: ReadonlySet<string> = words(`
  abs acos acosh age area array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims
  array_position array_positions array_prepend array_remove array_replace array_sample array_shuffle array_sort
  array_reverse array_to_json array_to_string array_upper ascii asin asinh atan atan2 atanh avg bit_and bit_count
  bit_length bit_or bit_xor bool_and bool_or btrim cardinality cbrt ceil ceiling char_length character_length chr
  clock_timestamp coalesce concat concat_ws convert convert_from convert_to corr cos cosh cot count covar_pop covar_samp
  crc32 crc32c cume_dist current_catalog current_database current_date current_schema current_schemas current_setting
  current_time current_timestamp current_user date_add date_bin date_part date_subtract date_trunc decode degrees
  dense_rank div encode enum_first enum_last enum_range erf every exp extract factorial first_value floor format
  format_type gcd gen_random_uuid generate_series generate_subscripts get_bit get_byte greatest grouping
  has_column_privilege has_database_privilege has_function_privilege has_schema_privilege has_sequence_privilege
  has_table_privilege host initcap int4range int8range isempty isfinite json json_agg json_agg_strict json_array
  json_array_elements json_array_elements_text json_array_length json_arrayagg json_build_array json_build_object
  json_each json_each_text json_exists json_extract_path json_extract_path_text json_object json_object_agg
  json_object_keys json_objectagg json_populate_record json_populate_recordset json_query json_scalar json_serialize
  json_strip_nulls json_table json_to_record json_to_recordset json_typeof json_value jsonb_agg jsonb_array_elements
  jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
  jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys
  jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first
  jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls
  jsonb_to_record jsonb_to_recordset jsonb_typeof justify_days justify_hours justify_interval lag last_value lcm lead
  least left length ln localtime localtimestamp log log10 lower lower_inc lower_inf lpad ltrim make_date make_interval
  make_time make_timestamp make_timestamptz masklen max md5 min mod mode multirange normalize now nth_value ntile nullif
  num_nonnulls num_nulls numrange obj_description octet_length overlay parse_ident path percent_rank percentile_cont
  percentile_disc pg_get_constraintdef pg_get_expr pg_get_functiondef pg_get_indexdef pg_get_viewdef pg_get_userbyid
  pg_relation_size pg_size_pretty pg_table_size pg_total_relation_size pg_indexes_size pg_database_size pg_typeof
  phraseto_tsquery pi plainto_tsquery position pow power quote_ident quote_literal quote_nullable radians random
  range_agg range_merge rank regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
  regexp_split_to_array regexp_split_to_table regexp_substr regr_slope repeat replace reverse right round row_number
  row_to_json rpad rtrim scale session_user setweight sha224 sha256 sha384 sha512 sign similarity sin sinh split_part
  sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strip
  strpos substr substring sum tan tanh timeofday timezone to_ascii to_bin to_char to_date to_hex to_json to_jsonb
  to_number to_oct to_regclass to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim trim_array
  trim_scale trunc ts_headline ts_rank ts_rank_cd tsrange tstzrange daterange unaccent unistr unnest upper upper_inc
  upper_inf uuid_extract_timestamp uuidv4 uuidv7 var_pop var_samp variance version websearch_to_tsquery width_bucket
  word_similarity xmlagg xmlconcat xmlelement xmlforest xmltable

  adddate addtime bin char conv convert_tz curdate curtime database date date_format datediff day dayname dayofmonth
  dayofweek dayofyear elt export_set field find_in_set from_base64 from_days from_unixtime group_concat hex hour if
  ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr isnull json_array_append json_array_insert json_contains
  json_contains_path json_depth json_extract json_insert json_keys json_length json_merge_patch json_merge_preserve
  json_overlaps json_pretty json_quote json_remove json_replace json_search json_set json_type json_unquote json_valid
  last_day lcase locate log2 makedate maketime microsecond mid minute month monthname oct ord period_add period_diff
  quarter quote rand sec_to_time second sha sha1 sha2 soundex space str_to_date strcmp subdate substring_index subtime
  sysdate time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_days to_seconds ucase
  uncompress unhex unix_timestamp user utc_date utc_time utc_timestamp uuid uuid_to_bin bin_to_uuid week weekday
  weekofyear year yearweek any_value match against st_astext st_asgeojson st_x st_y st_distance st_contains st_within
  st_intersects st_dwithin st_geomfromtext st_makepoint st_setsrid st_transform

  add_months bitand decode dump from_tz hextoraw listagg lnnvl median months_between multiset nanvl new_time next_day
  nls_lower nls_upper numtodsinterval numtoyminterval nvl nvl2 ora_hash rawtohex ratio_to_report regexp_count
  rowidtochar standard_hash sys_context sys_extract_utc sys_guid to_blob to_clob to_dsinterval to_nchar
  to_timestamp_tz to_yminterval tz_offset uid userenv vsize xmlserialize xmlquery xmlparse`);

/** Words of the grammar and names of types that may stand before a parenthesis. */
export const NO_FUNCTIONS: ReadonlySet<string> = words(`
  all and any array as asc between by case cast check collate columns cross cube desc distinct else end escape except
  exclude exists fetch filter first following force from full grouping group having ignore ilike in index inner
  intersect is isnull join key keep last lateral left like limit materialized minus natural next not notnull nulls of
  offset on only or order outer over overlaps partition passing pivot preceding primary range recursive returning right
  rollup row rows sample select sets set similar some symmetric table tablesample then to top treat unbounded union
  unique unpivot use using values when where window with within bernoulli system

  bigint binary bit blob bool boolean bpchar bytea char character clob datetime dec decimal double float float4 float8
  int int2 int4 int8 integer interval jsonb money national nchar numeric number nvarchar nvarchar2 precision raw real
  signed smallint text timestamptz timetz unsigned varbinary varbit varchar varchar2 varying zone ordinality`);

/** They write, take locks, speak to other sessions or servers, or cannot run on a replica. */
const CHANGING: ReadonlySet<string> = words(`
  nextval setval set_config setseed pg_notify lo_create lo_creat lo_from_bytea lo_import lo_export lo_put lo_truncate
  lo_truncate64 lo_unlink lo_open lowrite loread txid_current pg_current_xact_id
  pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_promote pg_switch_wal pg_export_snapshot
  pg_import_system_collations pg_start_backup pg_stop_backup pg_backup_start pg_backup_stop
  get_lock release_lock release_all_locks master_pos_wait`);

const CHANGING_STARTS =
  /^(?:pg_(?:try_)?advisory|lo_|dblink|pg_(?:create|drop|copy)_|pg_(?:replication|logical|wal_replay)_|pg_stat_reset|pg_file_)/;

/** What calling the built-in of this name, in lower case, may do. 'unknown' for a name that no list has. */
export function functionEffect(name: string): 'pure' | 'changing' | 'unknown' {
  if (PURE.has(name)) return 'pure';
  return CHANGING.has(name) || CHANGING_STARTS.test(name) ? 'changing' : 'unknown';
}
