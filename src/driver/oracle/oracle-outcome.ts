/**
 * Asks Oracle what became of a transaction, by Transaction Guard: the session is told an id (LTXID) ahead of each COMMIT, and
 * DBMS_APP_CONT.GET_LTXID_OUTCOME says later, on another session, whether it was committed. Only where the service was made with
 * COMMIT_OUTCOME=TRUE and the user may execute the package; elsewhere there is no id, and what is lost stays unknown. Used by the
 * runtime's outcome-resolver.ts through the port in driver/outcome.ts.
 *
 * A question that is answered with no forbids the COMMIT for good, so there is nothing to wait for.
 * The trap: the id goes up with every COMMIT, and the client library hears of it in the answer, which a break makes it drop. A
 * transaction would then be asked for under the id of the one before it, which was committed. So an id that was there when a
 * break went out is never used again (`OracleLtxid`).
 * Nothing else proves an outcome: DBMS_TRANSACTION.LOCAL_TRANSACTION_ID names a transaction, of which nobody knows once it is over.
 * Refuses to know: pools, time, how often to ask.
 */
import { isFluxorError } from '../../errors/fluxor-error.js';
import type { OutcomeProtocol, OutcomeSource, OutcomeTicket, TransactionFate } from '../outcome.js';
import type { DriverQuery, DriverResult } from '../query.js';
import { out } from './oracle-parameters.js';

/** Never sent: oracle-connection.ts answers it by what the session was told. */
const MARK = '/* fluxor-db: the id of this transaction */ ltxid';

/** A boolean of PL/SQL can be null, which is neither. */
const QUESTION = `declare
  c boolean;
  u boolean;
begin
  sys.dbms_app_cont.get_ltxid_outcome(:1, c, u);
  :2 := case c when true then 'TRUE' when false then 'FALSE' end;
end;`;

/** Asked in a session that has a transaction open, or is the one that is asked for: another one can tell. */
const WRONG_SESSION: ReadonlySet<unknown> = new Set([14_906, 14_908]);

export const oracleOutcomes: OutcomeProtocol = {
  marks: [{ text: MARK, values: [], rowMode: 'array' }],

  ticketOf(result: DriverResult): OutcomeTicket | undefined {
    const ticket = result.rows[0] as OutcomeTicket | undefined;
    return typeof ticket?.[0] === 'string' ? ticket : undefined;
  },

  async fateOf([ltxid]: OutcomeTicket, source: OutcomeSource): Promise<TransactionFate> {
    try {
      const { outBinds } = await source.ask(question(ltxid ?? ''));
      const committed = outBinds?.['2'];
      if (committed === 'TRUE') return 'committed';
      return committed === 'FALSE' ? 'rolled-back' : 'unknown';
    } catch (error) {
      if (!isFluxorError(error, 'QUERY')) throw error;
      // All else is said of the id or of the right to ask, and will be said again: it is older or younger than what the server
      // knows (ORA-14950, ORA-14951), nobody's (ORA-14903), or the package is not to be had (ORA-06550).
      return WRONG_SESSION.has(error.vendorCode) ? 'in-progress' : 'unknown';
    }
  },
};

function question(ltxid: string): DriverQuery {
  return { text: QUESTION, values: [Buffer.from(ltxid, 'hex'), out('varchar2', { maxSize: 5 })], rowMode: 'array' };
}

export function isOutcomeMark(text: string): boolean {
  return text === MARK;
}

/** The id of the next COMMIT of one session, as far as it can be trusted. */
export class OracleLtxid {
  /** It was there when a break went out. The COMMIT that it stands for may have happened since. */
  #doubtful: string | undefined;

  /** `ltxid`: what the library has heard last. Called with every break, also with those that the library sends by itself. */
  noteBreak(ltxid: Buffer | undefined): void {
    if (ltxid !== undefined) this.#doubtful = ltxid.toString('hex');
  }

  /** What the mark is answered with. */
  answer(ltxid: Buffer | undefined): DriverResult {
    const id = ltxid?.toString('hex');
    const rows = id === undefined || id === this.#doubtful ? [] : [[id]];
    return { rows, fields: [], rowsAffected: 0, command: 'SELECT' };
  }
}
