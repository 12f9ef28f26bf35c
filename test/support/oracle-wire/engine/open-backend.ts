/** The PostgreSQL backend as a module for a wire server in a process of its own (oracle-process.ts). */
import type { PostgresBackendOptions } from './postgres-backend.js';
import { PostgresBackend } from './postgres-backend.js';

export const openBackend = (options: unknown): Promise<PostgresBackend> =>
  PostgresBackend.open(options as PostgresBackendOptions);
