/** Door `fluxor-db/oracle`: the Oracle driver over the optional peer `oracledb`. */
export { bind, inOut, out } from './oracle-parameters.js';
export { oracle } from './oracle.js';
export type { Credentials, CredentialsProvider } from '../credentials.js';
export type { OracleDrcp } from './oracle-descriptor.js';
export type { OracleAccessToken, OracleOptions, OraclePrivilege, OracleSettings } from './oracle-options.js';
export type { OracleLob } from './oracle-lobs.js';
export type { OracleBindOptions, OracleBindType, OracleParameter } from './oracle-parameters.js';
export type { OracleRefCursor } from './oracle-ref-cursor.js';
