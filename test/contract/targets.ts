/**
 * The databases the contract is checked on: every real server the run has (test/servers/global-setup.ts), the first of them
 * once more through PgBouncer, and the embedded one. What a target cannot do is a capability of its driver, or one of the
 * limits of pooler-limits.ts: then the contract says what happens instead. It is never a skipped test.
 */
import type { Driver } from 'fluxor-db';
import { pglite } from 'fluxor-db/pglite';
import type { PostgresOptions } from 'fluxor-db/postgres';
import { postgres } from 'fluxor-db/postgres';
import { inject } from 'vitest';
import type { PoolerLimit } from './pooler-limits.js';
import { POOLER_LIMITS } from './pooler-limits.js';

export interface ContractTarget {
  readonly name: string;
  /** What cannot hold here. */
  readonly impossible: ReadonlySet<PoolerLimit>;
  /** A driver of its own; for the embedded database that means an empty one. */
  makeDriver(): Driver;
  /** The same server with other options; `undefined` where there is none to connect to. */
  makeDriverFor?(change: PostgresOptions): Driver;
  /** To the same database with nothing in between, for looking at it from outside; `undefined` where it has one session only. */
  makeObserver?(): Driver;
}

const NOTHING: ReadonlySet<PoolerLimit> = new Set();

export function contractTargets(): ContractTarget[] {
  const servers = inject('postgresServers').map(({ name, url }) => serverTarget(name, url, url, NOTHING));
  const poolers = inject('pgBouncers').map(({ name, url, directUrl }) =>
    serverTarget(name, url, directUrl, new Set(POOLER_LIMITS)),
  );
  return [...servers, ...poolers, { name: 'pglite', impossible: NOTHING, makeDriver: () => pglite() }];
}

function serverTarget(
  name: string,
  url: string,
  directUrl: string,
  impossible: ReadonlySet<PoolerLimit>,
): ContractTarget {
  return {
    name,
    impossible,
    makeDriver: () => postgres({ url }),
    makeDriverFor: (change) => postgres({ url, ...change }),
    makeObserver: () => postgres({ url: directUrl, applicationName: 'fluxor-observer' }),
  };
}
