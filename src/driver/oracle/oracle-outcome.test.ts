import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../../errors/connection-error.js';
import { QueryError } from '../../errors/query-error.js';
import type { OutcomeSource } from '../outcome.js';
import type { DriverQuery, DriverResult } from '../query.js';
import { OracleLtxid, isOutcomeMark, oracleOutcomes } from './oracle-outcome.js';
import { OracleParameter } from './oracle-parameters.js';

const LTXID = Buffer.from('00ff10a0', 'hex');
const result = (more: Partial<DriverResult> = {}): DriverResult => ({
  ...{ rows: [], fields: [], rowsAffected: 0, command: 'BEGIN' },
  ...more,
});
const sourceOf = (ask: (query: DriverQuery) => Promise<DriverResult>): OutcomeSource => ({
  ...{ sessionId: '7', isOlder: true },
  ask,
});
const saying = (committed: unknown) => sourceOf(() => Promise.resolve(result({ outBinds: { 2: committed } })));
const raising = (error: unknown) => sourceOf(() => Promise.reject(error));
const refused = (vendorCode: number) => raising(new QueryError('internal', 'x', { vendorCode }));

describe('the ticket', () => {
  it('is the id that the session was told', () => {
    const ticket = oracleOutcomes.ticketOf(new OracleLtxid().answer(LTXID));
    expect(ticket).toEqual(['00ff10a0']);
  });

  it('is none where the service has no Transaction Guard', () => {
    expect(oracleOutcomes.ticketOf(new OracleLtxid().answer(undefined))).toBeUndefined();
  });

  it('is none after a break, until the session was told another id: the COMMIT of the first may have been dropped', () => {
    const ltxid = new OracleLtxid();
    ltxid.noteBreak(LTXID);
    expect(oracleOutcomes.ticketOf(ltxid.answer(LTXID))).toBeUndefined();
    const next = Buffer.from('00ff10a1', 'hex');
    expect(oracleOutcomes.ticketOf(ltxid.answer(next))).toEqual(['00ff10a1']);
    ltxid.noteBreak(undefined);
    expect(oracleOutcomes.ticketOf(ltxid.answer(LTXID))).toBeUndefined();
  });

  it('is drawn by one mark, which no statement of a user is', () => {
    expect(oracleOutcomes.marks.map(({ text }) => isOutcomeMark(text))).toEqual([true]);
    expect(isOutcomeMark('select 1 from dual')).toBe(false);
  });
});

describe('the question', () => {
  it('gives the id as bytes, and takes a text', async () => {
    const asked: DriverQuery[] = [];
    await oracleOutcomes.fateOf(
      ['00ff10a0'],
      sourceOf((query) => {
        asked.push(query);
        return Promise.resolve(result({ outBinds: { 2: 'TRUE' } }));
      }),
    );
    expect(asked[0]?.text).toContain('sys.dbms_app_cont.get_ltxid_outcome(:1');
    expect(asked[0]?.values[0]).toEqual(LTXID);
    expect(asked[0]?.values[1]).toBeInstanceOf(OracleParameter);
  });

  it.each([
    ['TRUE', 'committed'],
    ['FALSE', 'rolled-back'],
    [null, 'unknown'],
    [undefined, 'unknown'],
    ['1', 'unknown'],
  ])('answered with %s: %s', async (committed, fate) => {
    expect(await oracleOutcomes.fateOf(['00'], saying(committed))).toBe(fate);
  });

  it.each([
    [14_950, 'the server has gone on: it is not said which of our transactions that was'],
    [14_951, 'the server has been set back'],
    [14_952, 'the server cannot tell'],
    [14_903, 'the id is of nobody'],
    [6550, 'no right to execute DBMS_APP_CONT'],
  ])('refused with ORA-%i: unknown, because %s', async (number) => {
    expect(await oracleOutcomes.fateOf(['00'], refused(number))).toBe('unknown');
  });

  it.each([14_906, 14_908])('refused with ORA-%i: another session is asked', async (number) => {
    expect(await oracleOutcomes.fateOf(['00'], refused(number))).toBe('in-progress');
  });

  it('not asked, because the connection was lost: that is for whoever asks again', async () => {
    const lost = new ConnectionError('lost', 'x');
    await expect(oracleOutcomes.fateOf(['00'], raising(lost))).rejects.toBe(lost);
  });
});
