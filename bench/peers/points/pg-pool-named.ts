/** pg's own pool with a named statement, prepared once on each connection: the fastest that it can do. */
import { pgPool } from './pg-pool.js';

export const peer = pgPool('pg-pool-named', 'query({ name, text, values })', { name: 'item' });
