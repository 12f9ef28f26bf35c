/**
 * When a transaction's number still means that transaction: pure judgements over what PostgreSQL said before COMMIT and
 * later. Called by postgres-outcome.ts; each rule and its counter-examples are in decision 0017, tried out on 18 and 15.
 *
 *     the mark ──── no crash, no other server ──── the question     the number is ours
 *     the mark ──── crash, numbers given out again ──────────┘      somebody else's, perhaps
 *
 * Where the number was on disk before COMMIT went out (version 17 and later), no crash gives it out again.
 * Invariant: nothing here follows from how probable something is, from wall clocks compared, or from one crash only: after
 * two of them pg_control looks as if the number had been ours all the time.
 */
import type { OutcomeSource } from '../outcome.js';

interface ServerLife {
  /** Process id of the session. */
  readonly sessionId: string | null;
  /** When the postmaster was started, in seconds with microseconds. */
  readonly serverStart: string | null;
  /** The cluster's own number; null, as all below, where pg_control may not be read. */
  readonly system: string | null;
  /** Eight hexadecimal digits; each promotion begins a new one. */
  readonly timeline: string | null;
  /** Where the last checkpoint lies in the log. Recovery from a crash ends with one. */
  readonly checkpoint: string | null;
  /** When the statistics began; null before version 15. */
  readonly statisticsSince: string | null;
}

/** Read in the transaction, right before COMMIT. */
export interface TransactionMark extends ServerLife {
  /** The transaction's number, 64 bits in decimal. */
  readonly xid: string;
  readonly sessionStart: string | null;
  /** The end of a record in the log that carries the number and was on disk by then; null before version 17. */
  readonly flushedTo: string | null;
}

/** Read later, on the connection that is asked. */
export interface ServerFacts extends ServerLife {
  readonly isInRecovery: boolean;
  /** Where recovery would begin: the last checkpoint itself if nothing was written beside it. */
  readonly redo: string | null;
  /** The number that was next at the last checkpoint: `epoch:xid`. */
  readonly nextXid: string | null;
  readonly walLevel: string | null;
}

/**
 * The server asked cannot know of the transaction: another cluster, or a primary whose history is older than the one that the
 * transaction belonged to (the old one of a failover, come back). Without pg_control only the same server is trusted.
 */
export function isElsewhere(mark: TransactionMark, facts: ServerFacts): boolean {
  if (mark.system === null || mark.timeline === null) return !isSame(mark.serverStart, facts.serverStart);
  if (facts.system !== mark.system || facts.timeline === null) return true;
  return Number.parseInt(facts.timeline, 16) < Number.parseInt(mark.timeline, 16);
}

/**
 * The number has been forgotten: a checkpoint that began after the mark says that a lower one, or this one, is still to be
 * given out. Then nothing of the transaction was kept, whoever has the number now. Rightly so after any number of crashes:
 * the counter never falls below what the log has kept.
 */
export function isLost(mark: TransactionMark, facts: ServerFacts): boolean {
  if (facts.nextXid === null || !isSame(mark.timeline, facts.timeline) || !hasBegunLater(mark, facts)) return false;
  return BigInt(mark.xid) >= fullXid(facts.nextXid);
}

/**
 * `committed` speaks of this transaction: there was no other server since the mark, and no crash that could have given its
 * number away. Any one proof will do.
 */
export function isProved(mark: TransactionMark, facts: ServerFacts, source: OutcomeSource): boolean {
  if (isWitness(mark, facts, source)) return true;
  if (!isSame(mark.system, facts.system) || !isSame(mark.timeline, facts.timeline)) return false;
  if (isKept(mark, facts)) return true;
  if (isSame(mark.statisticsSince, facts.statisticsSince)) return true;
  return isSame(mark.serverStart, facts.serverStart) && isSame(mark.checkpoint, facts.checkpoint);
}

/**
 * A session that lived through it all: a crash ends every session. Where the process id is not the one that was told at the
 * login, a pooler stands in between (PgBouncer tells numbers of its own), and its connections outlive the server.
 */
function isWitness(mark: TransactionMark, facts: ServerFacts, source: OutcomeSource): boolean {
  return source.isOlder && source.sessionId === facts.sessionId && isSame(mark.serverStart, facts.serverStart);
}

/**
 * The number was on disk before COMMIT went out, and the log that goes on contains it: the last checkpoint began behind it.
 * After a crash that is the one that ended the recovery, which had read the number. Where it lies before, the server came
 * back with less than it had flushed: an older copy of its disk, or one that had not heard of the last writes.
 */
function isKept({ flushedTo }: TransactionMark, { redo }: ServerFacts): boolean {
  return flushedTo !== null && redo !== null && positionOf(redo) >= positionOf(flushedTo);
}

/**
 * The last checkpoint in pg_control began after the mark. One under way at the time had noted the counter before, which says
 * nothing. After a restart it is always a later one; without one, it is if nothing was written beside it: the end of a
 * recovery. (With wal_level `minimal` an ordinary one on an idle server might look like that; never seen, not relied on.)
 */
function hasBegunLater(mark: TransactionMark, facts: ServerFacts): boolean {
  if (mark.serverStart === null || facts.serverStart === null) return false;
  if (mark.serverStart !== facts.serverStart) return true;
  return facts.checkpoint !== mark.checkpoint && facts.redo === facts.checkpoint && facts.walLevel !== 'minimal';
}

/** Nothing known equals nothing. */
function isSame(one: string | null, other: string | null): boolean {
  return one !== null && one === other;
}

/** `epoch:xid`, in decimal. */
function fullXid(text: string): bigint {
  const [epoch = '0', xid = '0'] = text.split(':');
  return (BigInt(epoch) << 32n) + BigInt(xid);
}

/** A position in the log: `high/low`, in hexadecimal. */
function positionOf(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
