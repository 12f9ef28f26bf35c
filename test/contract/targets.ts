/**
 * The databases the contract is checked on: every real server the run has (test/servers/global-setup.ts) and the
 * embedded one. What a target cannot do is a capability of its driver, never a skipped test.
 */
import type { Driver } from 'fluxor-db';
import { pglite } from 'fluxor-db/pglite';
import { postgres } from 'fluxor-db/postgres';
import { inject } from 'vitest';

export interface ContractTarget {
  readonly name: string;
  /** A driver of its own; for the embedded database that means an empty one. */
  makeDriver(): Driver;
  /** The same server with another user, password or database; `undefined` where there is no login. */
  makeDriverFor?(change: { user?: string; password?: string; database?: string }): Driver;
}

export function contractTargets(): ContractTarget[] {
  const servers = inject('postgresServers').map((server): ContractTarget => {
    const { url } = server;
    return {
      name: server.name,
      makeDriver: () => postgres({ url }),
      makeDriverFor: (change) => postgres({ url, ...change }),
    };
  });
  return [...servers, { name: 'pglite', makeDriver: () => pglite() }];
}
