/** The databases that batches are tested on, and what is sent to all of them. */
import { createRuntime } from 'fluxor-db';
import { pglite } from 'fluxor-db/pglite';
import { postgres } from 'fluxor-db/postgres';
import { inject } from 'vitest';

export const servers = inject('postgresServers');
export const targets = [
  ...servers.map(({ name, url }) => ({
    name,
    hasCopy: true,
    many: 100_000,
    make: () => createRuntime({ driver: postgres({ url }), pool: { maxSize: 3 } }),
  })),
  { name: 'pglite', hasCopy: false, many: 5_000, make: () => createRuntime({ driver: pglite() }) },
];

export const INSERT = 'insert into items (id, name) values ($1, $2)';
export const rowsUpTo = (count: number): [number, string][] =>
  Array.from({ length: count }, (_, id) => [id, `name ${id}`]);
export const MODES = ['auto', 'statements'] as const;
