/** Door `fluxor-db/pglite`: embedded PostgreSQL over the optional peer `@electric-sql/pglite`. */
export { pglite } from './pglite.js';
export type { PgliteOptions } from './pglite-options.js';
