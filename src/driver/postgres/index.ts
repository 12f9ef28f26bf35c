/** Door `fluxor-db/postgres`: the PostgreSQL driver over the optional peer `pg`. */
export { postgres } from './postgres.js';
export type { Credentials, CredentialsProvider } from '../credentials.js';
export type { PostgresOptions, TlsOptions } from './postgres-options.js';
