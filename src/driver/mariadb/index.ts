/** Door `fluxor-db/mariadb`: MariaDB and MySQL over the optional peer `mariadb`. */
export { mariadb } from './mariadb.js';
export type { Credentials, CredentialsProvider } from '../credentials.js';
export type { MysqlOptions } from '../mysql-server/mysql-options.js';
export type { TlsOptions } from '../tls-options.js';
