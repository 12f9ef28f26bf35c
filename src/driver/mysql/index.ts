/** Door `fluxor-db/mysql`: the MySQL and MariaDB driver over the optional peer `mysql2`. */
export { mysql } from './mysql.js';
export type { Credentials, CredentialsProvider } from '../credentials.js';
export type { MysqlOptions } from '../mysql-server/mysql-options.js';
export type { MysqlSettings } from '../mysql-server/mysql-session.js';
export type { ZeroDates } from '../mysql-server/mysql-time.js';
export type { TlsOptions } from '../tls-options.js';
