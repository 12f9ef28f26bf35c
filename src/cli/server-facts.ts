/**
 * What a doctor can know of a server and of a session there. All of it may be absent: a right is missing, or the database has no
 * such thing. Filled by the facts files of the databases, judged by the findings, shown by the report.
 * Refuses to know how anything is asked.
 */

/** Whether something can be done; without `can` nobody knows. */
export interface Ability {
  readonly can?: boolean;
  /** In words, where there is more to say. */
  readonly because?: string;
}

export interface ServerFacts {
  /** `PostgreSQL` */
  readonly product?: string;
  /** `18.4` */
  readonly version?: string;

  readonly user?: string;
  readonly database?: string;
  readonly schema?: string;
  readonly role?: 'primary' | 'replica';
  /** What is written is refused: of the server, or by the session's default. */
  readonly isReadOnly?: boolean;
  /** The server's own name of the session. */
  readonly sessionId?: string;
  /** Something lends server sessions for a transaction at a time. */
  readonly isPooled?: boolean;
  readonly isSuperuser?: boolean;

  readonly cancel?: Ability;
  readonly outcomes?: Ability;
  readonly prepare?: Ability;

  /** Of the server, those that are reserved for others among them. */
  readonly maxConnections?: number;
  readonly reservedConnections?: number;
  /** Open now, this one not counted. */
  readonly otherConnections?: number;
  /** Of this user, or of this database. */
  readonly userConnections?: number;

  /** Absent or 0: the server ends none. */
  readonly statementTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly idleInTransactionTimeoutMs?: number;
  readonly lockTimeoutMs?: number;

  readonly encoding?: string;
  readonly clientEncoding?: string;
  readonly timeZone?: string;
  readonly isolation?: string;
  /** The server's clock is ahead by so much; exact to half a round trip. */
  readonly clockSkewMs?: number;

  readonly maxPacketBytes?: number;
  readonly sqlMode?: string;
  readonly hasBinlog?: boolean;
  readonly hasGtid?: boolean;
  /** Settings by which a commit that was confirmed can be lost in a crash, as `name = value`. */
  readonly losesCommits?: readonly string[];

  /** What was asked for and could not be had: `replication (permission)`. */
  readonly unread?: readonly string[];
}

/** One connection's measurements, in milliseconds. */
export interface Latency {
  /** Of the client library; without a connection. */
  readonly loadMs?: number;
  /** All phases together, with what this runtime asks of a new session. */
  readonly connectMs?: number;
  readonly firstQueryMs?: number;
  readonly rounds?: Quantiles;
}

export interface Quantiles {
  readonly count: number;
  readonly minMs: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

/** Of at least one measurement, by the nearest rank. */
export function quantilesOf(durations: readonly number[]): Quantiles {
  const sorted = [...durations].sort((one, next) => one - next);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { count: sorted.length, minMs: rank(0), medianMs: rank(0.5), p95Ms: rank(0.95), maxMs: rank(1) };
}
