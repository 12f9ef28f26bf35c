/**
 * Asks PostgreSQL (13 or later) what became of a transaction: its number is read before COMMIT, and its status later, on
 * another connection. Used by the runtime's outcome-resolver.ts through the port in driver/outcome.ts.
 *
 * The trap: a crash gives the numbers of transactions whose log was not yet on disk to other transactions, and a promoted
 * standby does the same. `committed` may then speak of somebody else, so it counts only with a proof (postgres-outcome-proof.ts).
 * Version 17 and later can put the number on disk before COMMIT goes out: then no crash gives it away.
 * `aborted` and "in the future" need no proof: a commit that was kept stays `committed` for ever.
 * Refuses to know: pools, time, how often to ask.
 */
import { isFluxorError } from '../../errors/fluxor-error.js';
import type { OutcomeProtocol, OutcomeSource, OutcomeTicket, TransactionFate } from '../outcome.js';
import type { DriverQuery, DriverResult } from '../query.js';
import type { ServerFacts, TransactionMark } from './postgres-outcome-proof.js';
import { isElsewhere, isLost, isProved } from './postgres-outcome-proof.js';

/** Times as numbers: as text they would follow the session's TimeZone and DateStyle, which its user may have set. */
const SERVER_START = 'extract(epoch from pg_catalog.pg_postmaster_start_time())::text';

/**
 * The timeline that is written to now. pg_control names the last checkpoint's, which lags behind a promotion
 * (seen on 18.4: the old one, together with the old checkpoint, while the new primary already gave numbers out).
 */
const TIMELINE = `case when not pg_catalog.pg_is_in_recovery()
  then pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8) end`;

/** Since version 15 the statistics begin anew after every crash, and after nothing else that nobody asked for. */
const STATISTICS_SINCE = `case when pg_catalog.current_setting('server_version_num')::int >= 150000
  then extract(epoch from pg_catalog.pg_stat_get_bgwriter_stat_reset_time())::text end`;

/** Nothing can be written in a read-only transaction or on a standby, and a standby cannot give numbers out. */
const writing = (what: string): string => `case when pg_catalog.pg_is_in_recovery()
    or pg_catalog.current_setting('transaction_read_only') = 'on' then null else ${what} end`;

const MARK = `select ${writing('pg_catalog.pg_current_xact_id()::text')},
  pg_catalog.pg_backend_pid()::text,
  (select extract(epoch from backend_start)::text from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())),
  ${SERVER_START}`;

/**
 * Writes the number to the log and the log to disk; answers where that record ends. The inner message is transactional:
 * that gives a number to the savepoint we may be in, and puts it, which is higher than the transaction's own, into both
 * records. A record written in a savepoint without a number carries none (seen on 18.4), and proves nothing. The outer
 * message is flushed, with all before it; it takes the inner one's answer, so it cannot be evaluated first. The form with
 * four arguments came with version 17, whatever `wal_level` says.
 */
const FLUSH = `pg_catalog.pg_logical_emit_message(false, 'fluxor-db',
    pg_catalog.pg_logical_emit_message(true, 'fluxor-db', '')::text, true)::text`;

const HISTORY = `s.system_identifier::text, ${TIMELINE}, c.checkpoint_lsn::text, ${STATISTICS_SINCE}`;
const CONTROL = 'from pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c';

const FACTS = `select pg_catalog.pg_is_in_recovery()::text, pg_catalog.pg_backend_pid()::text, ${SERVER_START}`;

const plain = (text: string, values: readonly unknown[] = []): DriverQuery => ({ text, values, rowMode: 'array' });

/** "transaction ID … is in the future" (xid8funcs.c, TransactionIdInRecentPast). */
const IN_THE_FUTURE = '22023';

export const postgresOutcomes: OutcomeProtocol = {
  // Any role may call all of it unless a right was taken away. Before version 17 the first is refused: it has no such function.
  // Without pg_control there is less to prove with, and a flushed number is worth nothing.
  marks: [
    plain(`${MARK}, ${HISTORY}, ${writing(FLUSH)} ${CONTROL}`),
    plain(`${MARK}, ${HISTORY} ${CONTROL}`),
    plain(MARK),
  ],

  ticketOf(result: DriverResult): OutcomeTicket | undefined {
    const ticket = firstRow(result);
    return typeof ticket?.[0] === 'string' ? ticket : undefined;
  },

  async fateOf(ticket: OutcomeTicket, source: OutcomeSource): Promise<TransactionFate> {
    const mark = readMark(ticket);
    const facts = readFacts(await source.ask(factsQuery(mark)));
    // A standby has not heard of everything yet; it may be on its way to becoming the primary.
    if (facts.isInRecovery) return 'in-progress';
    if (isElsewhere(mark, facts)) return 'unknown';
    if (isLost(mark, facts)) return 'rolled-back';
    const status = await statusOf(mark, source);
    if (status === 'in progress') return 'in-progress';
    if (status === 'aborted') return 'rolled-back';
    return status === 'committed' && isProved(mark, facts, source) ? 'committed' : 'unknown';
  },

  /**
   * Only while it is idle: one that is at its COMMIT ends by itself, and to end it while it waits for a synchronous standby
   * would make a commit visible that is not replicated (its state is `active` then, its wait event `SyncRep`).
   */
  async endSession(ticket: OutcomeTicket, source: OutcomeSource): Promise<void> {
    const { xid, sessionId, sessionStart, serverStart } = readMark(ticket);
    const text = `select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_get_activity($1::int)
      where backend_xid = $2::xid8::xid and extract(epoch from backend_start)::text = $3 and ${SERVER_START} = $4
        and state like 'idle in transaction%'`;
    await source.ask(plain(text, [sessionId, xid, sessionStart, serverStart]));
  },
};

function factsQuery({ system }: TransactionMark): DriverQuery {
  if (system === null) return plain(FACTS);
  const counter = "c.redo_lsn::text, c.next_xid, pg_catalog.current_setting('wal_level')";
  return plain(`${FACTS}, ${HISTORY}, ${counter} ${CONTROL}`);
}

async function statusOf({ xid }: TransactionMark, source: OutcomeSource): Promise<string | null> {
  try {
    return firstRow(await source.ask(plain('select pg_catalog.pg_xact_status($1::xid8)', [xid])))?.[0] ?? null;
  } catch (error) {
    // It was given to us and the server knows nothing of it: nothing of it was kept.
    if (isFluxorError(error) && error.sqlState === IN_THE_FUTURE) return 'aborted';
    throw error;
  }
}

function readMark([xid = null, ...rest]: OutcomeTicket): TransactionMark {
  const [sessionId = null, sessionStart = null, serverStart = null, ...history] = rest;
  const [system = null, timeline = null, checkpoint = null, statisticsSince = null, flushedTo = null] = history;
  const life = { sessionId, serverStart, system, timeline, checkpoint, statisticsSince };
  return { ...life, xid: xid ?? '', sessionStart, flushedTo };
}

function readFacts(result: DriverResult): ServerFacts {
  const [isInRecovery, sessionId = null, serverStart = null, ...history] = firstRow(result) ?? [];
  const [system = null, timeline = null, checkpoint = null, statisticsSince = null, ...counter] = history;
  const [redo = null, nextXid = null, walLevel = null] = counter;
  const life = { sessionId, serverStart, system, timeline, checkpoint, statisticsSince };
  return { ...life, isInRecovery: isInRecovery !== 'false', redo, nextXid, walLevel };
}

function firstRow(result: DriverResult): OutcomeTicket | undefined {
  return result.rows[0] as OutcomeTicket | undefined;
}
