/**
 * The Oracle "servers" of a test run, as tests see them: the database of FLUXOR_TEST_ORACLE_URL (an empty schema of its own, see
 * docs/reference/oracle.md), or else the wire server of test/support/oracle-wire, twice, with PostgreSQL behind it. No Oracle Database can be
 * installed by a test run, so what is proved against the wire server is that the runtime and the real client library do the right
 * thing if Oracle answers so. Used by global-setup.ts.
 */
import { fileURLToPath } from 'node:url';
import type { OracleProcess } from '../support/oracle-wire/oracle-process.js';
import { startOracleProcess } from '../support/oracle-wire/oracle-process.js';

/** One server, as tests see it. */
export interface OracleTarget {
  /** Such as "Oracle wire server, 23ai", for the names of suites. */
  readonly name: string;
  readonly url: string;
  /** It is no Oracle Database. */
  readonly isWireServer: boolean;
  /** The client library is told of a version whose SQL knows BOOLEAN. */
  readonly hasSqlBoolean: boolean;
}

/**
 * The client library takes other paths to each: one round trip for a logon and marked ends of answers, or neither. Only the wire
 * differs: behind both, SQL is 23ai's, which the contract is written in.
 */
const PROFILES = ['23ai', '19c'] as const;

/** Others are refused, as an absent database is. */
const SERVICES = ['FREEPDB1'];

/** No test run takes as long. */
const LIFETIME_MS = 2 * 60 * 60 * 1_000;

const BACKEND = fileURLToPath(new URL('../support/oracle-wire/engine/open-backend.ts', import.meta.url));

export interface OracleServers {
  readonly targets: OracleTarget[];
  /** To be stopped at the end of the run. */
  readonly processes: readonly OracleProcess[];
}

/** `postgresUrl` is a superuser's. Rejects when one of them does not start, and leaves none behind. */
export async function startOracleServers(
  postgresUrl: string | undefined,
  say: (text: string) => void,
): Promise<OracleServers> {
  const url = process.env['FLUXOR_TEST_ORACLE_URL'];
  if (url) {
    say('Oracle of FLUXOR_TEST_ORACLE_URL');
    return { targets: [{ name: 'Oracle (url)', url, isWireServer: false, hasSqlBoolean: true }], processes: [] };
  }
  if (postgresUrl === undefined) return { targets: [], processes: [] };
  const backend = { module: BACKEND, options: { url: postgresUrl } };
  const started = await Promise.allSettled(
    PROFILES.map((profile) => startOracleProcess({ backend, profile, services: SERVICES, lifetimeMs: LIFETIME_MS })),
  );
  const processes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failure = started.find((one) => one.status === 'rejected');
  if (failure !== undefined) {
    await Promise.all(processes.map((one) => one.stop()));
    throw failure.reason;
  }
  const targets = processes.map((one, at) => {
    const profile = String(PROFILES[at]);
    say(`Oracle wire server, ${profile}, on port ${one.port}`);
    return {
      name: `Oracle wire server, ${profile}`,
      url: one.url,
      isWireServer: true,
      hasSqlBoolean: profile === '23ai',
    };
  });
  return { targets, processes };
}
