/**
 * Which server speaks: MySQL or MariaDB, and which version of it. Read off the greeting, without a round trip.
 * Refuses to know: clients.
 */

export interface Flavour {
  readonly isMariaDb: boolean;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/**
 * `9.7.4-2`, `8.0.36-28 Percona Server`, `5.5.5-10.11.19-MariaDB-log`: MariaDB before 11 puts a version of MySQL in front of
 * its own, because old replicas refuse anything else. What cannot be read is the oldest MySQL.
 */
export function flavourOf(version: string): Flavour {
  const isMariaDb = /mariadb/i.test(version);
  const own = isMariaDb ? version.replace(/^5\.5\.5-/, '') : version;
  const [, major = 0, minor = 0, patch = 0] = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(own)?.map(Number) ?? [];
  return { isMariaDb, major, minor, patch: Number.isNaN(patch) ? 0 : patch };
}

export function isAtLeast(flavour: Flavour, major: number, minor: number, patch = 0): boolean {
  if (flavour.major !== major) return flavour.major > major;
  if (flavour.minor !== minor) return flavour.minor > minor;
  return flavour.patch >= patch;
}
