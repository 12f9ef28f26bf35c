/**
 * What a classification knows about functions: which names are built-ins that change nothing, and which surely change
 * something. Plain lists, in lower case.
 * Invariant: a name is in a dialect's list of PURE only when the database has a built-in of that name and every form of it
 * changes nothing, in the data, in the session and in the server. When in doubt it is left out, and the statement is
 * 'unknown'. So the lists are kept apart: `nvl` is a built-in of Oracle, and anybody's function in PostgreSQL.
 * Lists that cannot be known: functions of one's own, even one that bears a well-known name.
 */
import type { Dialect } from './dialect.js';
import type { Words } from './words.js';
import { words } from './words.js';

/** Built-ins of all three databases. */
const EVERYWHERE = `
  abs acos any_value ascii asin atan atan2 avg ceil coalesce concat convert cos count cume_dist current_timestamp
  dense_rank exp extract first_value floor greatest grouping json_array json_arrayagg json_exists json_object
  json_objectagg json_query json_table json_value lag last_value lead least length ln localtimestamp log lower lpad
  ltrim max min mod nth_value ntile nullif percent_rank power rank regexp_instr regexp_like regexp_replace regexp_substr
  replace round row_number rpad rtrim sign sin sqrt stddev stddev_pop stddev_samp substr sum tan trim upper var_pop
  var_samp variance`;

/**
 * Volatile ones are among them (`random`, `gen_random_uuid`): they change nothing. Left out on purpose: what asks about
 * one certain server or session (`pg_is_in_recovery`, `lastval`, `last_insert_id`), what waits (`pg_sleep`, `sleep`)
 * and what runs text as SQL (`query_to_xml`).
 */
const PURE: Readonly<Record<Dialect, Words>> = {
  // What is in `pg_proc` of PostgreSQL 18, or in its grammar; and, last, what pg_trgm, unaccent and PostGIS bring.
  postgres: words(`
    ${EVERYWHERE}
    acosh age area array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims
    array_position array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle
    array_sort array_to_json array_to_string array_upper asinh atanh bit_and bit_count bit_length bit_or bit_xor bool
    bool_and bool_or btrim cardinality cbrt ceiling char_length character_length chr clock_timestamp concat_ws
    convert_from convert_to corr cosh cot covar_pop covar_samp crc32 crc32c current_catalog current_database
    current_date current_schema current_schemas current_setting current_time current_user date date_add date_bin
    date_part date_subtract date_trunc daterange decode degrees div encode enum_first enum_last enum_range erf every
    factorial float4 float8 format format_type gcd gen_random_uuid generate_series generate_subscripts get_bit get_byte
    has_column_privilege has_database_privilege has_function_privilege has_schema_privilege has_sequence_privilege
    has_table_privilege host initcap int2 int4 int4range int8 int8range isempty isfinite json json_agg json_agg_strict
    json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
    json_each_text json_extract_path json_extract_path_text json_object_agg json_object_keys json_populate_record
    json_populate_recordset json_scalar json_serialize json_strip_nulls json_to_record json_to_recordset json_typeof
    jsonb_agg jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object
    jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg
    jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first
    jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls
    jsonb_to_record jsonb_to_recordset jsonb_typeof justify_days justify_hours justify_interval lcm left like localtime
    log10 lower_inc lower_inf make_date make_interval make_time make_timestamp make_timestamptz masklen md5 mode
    multirange normalize now num_nonnulls num_nulls numrange obj_description octet_length overlaps overlay parse_ident
    path percentile_cont percentile_disc pg_database_size pg_get_constraintdef pg_get_expr pg_get_functiondef
    pg_get_indexdef pg_get_userbyid pg_get_viewdef pg_indexes_size pg_relation_size pg_size_pretty pg_table_size
    pg_total_relation_size pg_typeof phraseto_tsquery pi plainto_tsquery position pow quote_ident quote_literal
    quote_nullable radians random range_agg range_merge regexp_count regexp_match regexp_matches regexp_split_to_array
    regexp_split_to_table regr_slope repeat reverse right row_to_json scale session_user setweight sha224 sha256 sha384
    sha512 sinh split_part starts_with statement_timestamp string_agg string_to_array string_to_table strip strpos
    substring tanh text timeofday timestamptz timezone to_ascii to_bin to_char to_date to_hex to_json to_jsonb to_number
    to_oct to_regclass to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim_array trim_scale trunc
    ts_headline ts_rank ts_rank_cd tsrange tstzrange unistr unnest upper_inc upper_inf uuid_extract_timestamp uuidv4
    uuidv7 version websearch_to_tsquery width_bucket xmlagg xmlattributes xmlconcat xmlelement xmlexists xmlforest
    xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable

    similarity st_asgeojson st_astext st_contains st_distance st_dwithin st_geomfromtext st_intersects st_makepoint
    st_setsrid st_transform st_within st_x st_y unaccent word_similarity`),
  mysql: words(`
    ${EVERYWHERE}
    adddate addtime aes_decrypt aes_encrypt against bin bin_to_uuid bit_and bit_count bit_length bit_or bit_xor cast
    ceiling char char_length character_length compress concat_ws conv convert_tz cot crc32 curdate current_date
    current_time current_user curtime database date date_add date_format date_sub datediff day dayname dayofmonth
    dayofweek dayofyear default degrees elt export_set field find_in_set format from_base64 from_days from_unixtime
    group_concat hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr is_uuid isnull
    json_array_append json_array_insert json_contains json_contains_path json_depth json_extract json_insert json_keys
    json_length json_merge_patch json_merge_preserve json_overlaps json_pretty json_quote json_remove json_replace
    json_schema_valid json_search json_set json_storage_size json_type json_unquote json_valid last_day lcase left
    localtime locate log10 log2 makedate maketime match md5 microsecond mid minute month monthname now oct octet_length
    ord period_add period_diff pi position pow quarter quote radians rand repeat reverse right schema sec_to_time second
    session_user sha sha1 sha2 soundex space st_area st_asgeojson st_astext st_contains st_distance st_geomfromtext
    st_intersects st_length st_transform st_within st_x st_y std str_to_date strcmp subdate substring substring_index
    subtime sysdate system_user time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64
    to_days to_seconds truncate ucase uncompress unhex unix_timestamp user utc_date utc_time utc_timestamp uuid
    uuid_to_bin values version week weekday weekofyear weight_string year yearweek`),
  oracle: words(`
    ${EVERYWHERE}
    add_months approx_count_distinct bin_to_num bitand cardinality cast chr collect corr cosh covar_pop covar_samp
    decode dump from_tz grouping_id hextoraw initcap instr json_mergepatch json_scalar json_serialize last_day lengthb
    listagg lnnvl median months_between nanvl new_time next_day nls_initcap nls_lower nls_upper numtodsinterval
    numtoyminterval nvl nvl2 ora_hash percentile_cont percentile_disc ratio_to_report rawtohex regexp_count regr_slope
    remainder rowidtochar sinh soundex standard_hash substrb sys_context sys_extract_utc sys_guid systimestamp tanh
    to_blob to_char to_clob to_date to_dsinterval to_nchar to_number to_timestamp to_timestamp_tz to_yminterval
    translate treat trunc tz_offset uid userenv vsize width_bucket xmlagg xmlcast xmlconcat xmlelement xmlexists
    xmlforest xmlparse xmlquery xmlserialize xmltable`),
};

/** They write, take locks, speak to other sessions or servers, or cannot run on a replica. */
const CHANGING = words(`
  nextval setval set_config setseed pg_notify lo_create lo_creat lo_from_bytea lo_import lo_export lo_put lo_truncate
  lo_truncate64 lo_unlink lo_open lowrite loread txid_current pg_current_xact_id
  pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_promote pg_switch_wal pg_export_snapshot
  pg_import_system_collations pg_start_backup pg_stop_backup pg_backup_start pg_backup_stop
  get_lock release_lock release_all_locks master_pos_wait`);

const CHANGING_STARTS =
  /^(?:pg_(?:try_)?advisory|lo_|dblink|pg_(?:create|drop|copy)_|pg_(?:replication|logical|wal_replay)_|pg_stat_reset|pg_file_)/;

/** What calling the built-in of this name, in lower case, may do. 'unknown' for a name that no list has. */
export function functionEffect(dialect: Dialect, name: string): 'pure' | 'changing' | 'unknown' {
  if (PURE[dialect].has(name)) return 'pure';
  return CHANGING.has(name) || CHANGING_STARTS.test(name) ? 'changing' : 'unknown';
}
