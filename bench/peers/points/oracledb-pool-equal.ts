/**
 * oracledb's own pool with the options of each call that ours gives: as many rows ahead, a commit by nobody, and NUMBERs that have not
 * passed through the library's own conversion, which loses digits.
 */
import oracledb from 'oracledb';
import { oracledbPool } from './oracledb-pool.js';

export const peer = oracledbPool('oracledb-pool-equal', 'execute with the options that ours gives', {
  outFormat: oracledb.OUT_FORMAT_OBJECT,
  autoCommit: false,
  fetchArraySize: 200,
  prefetchRows: 201,
  maxRows: 0,
  dbObjectAsPojo: true,
  fetchTypeHandler: ({ dbType }) => {
    if (dbType !== oracledb.DB_TYPE_NUMBER) return { type: dbType };
    return { type: oracledb.DB_TYPE_VARCHAR, converter: Number };
  },
});
