/** Door `fluxor-db/postgres`: the PostgreSQL driver over the optional peer `pg`. */
export { postgres } from './postgres.js';
export type { Credentials, CredentialsProvider } from '../credentials.js';
export type { TlsOptions } from '../tls-options.js';
export type { PostgresOptions } from './postgres-options.js';
