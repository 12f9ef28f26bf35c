/** pg's own pool, told how long a caller waits for a connection: what it has against an overload. */
import { pgPool } from './pg-pool.js';

export const peer = pgPool(
  'pg-pool-timeout',
  (connectionTimeoutMillis) => ({ connectionTimeoutMillis }),
  "connectionTimeoutMillis: the caller's deadline",
);
