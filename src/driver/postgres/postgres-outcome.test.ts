import { describe, expect, it } from 'vitest';
import { ConnectionError } from '../../errors/connection-error.js';
import { QueryError } from '../../errors/query-error.js';
import type { OutcomeSource } from '../outcome.js';
import type { DriverQuery, DriverResult } from '../query.js';
import { postgresOutcomes } from './postgres-outcome.js';

const TICKET: (string | null)[] = ['755', '4711', '37.67', '37.63', '7712', '00000001', '0/10', '36.97'];
const FACTS: (string | null)[] = [
  'false',
  '4712',
  '37.63',
  '7712',
  '00000001',
  '0/10',
  '36.97',
  '0/10',
  '0:754',
  'replica',
];
const FUTURE = new QueryError('data', 'transaction ID 755 is in the future', { sqlState: '22023' });

const result = (row: readonly (string | null)[]): DriverResult => ({
  rows: [row],
  fields: [],
  rowsAffected: 0,
  command: 'SELECT',
});

/** A connection that answers the question for the facts, then the one for the status. */
function source(status: string | null | Error, facts: readonly (string | null)[] = FACTS) {
  const asked: DriverQuery[] = [];
  const ask = async (query: DriverQuery): Promise<DriverResult> => {
    asked.push(query);
    if (!query.text.includes('pg_xact_status')) return result(facts);
    if (status instanceof Error) throw status;
    return result([status]);
  };
  return { asked, sessionId: '4712', isOlder: false, ask } satisfies OutcomeSource & { asked: DriverQuery[] };
}
const change = (index: number, value: string | null): (string | null)[] => FACTS.with(index, value);

describe('the ticket', () => {
  it('is the row that the mark answers', () => {
    expect(postgresOutcomes.ticketOf(result(TICKET))).toEqual(TICKET);
  });

  it('is none in a read-only transaction and on a standby, where no number is given out', () => {
    expect(postgresOutcomes.ticketOf(result(TICKET.with(0, null)))).toBeUndefined();
  });
});

describe('the mark', () => {
  it('puts the number on disk in its best form only, which versions before 17 refuse', () => {
    const flushes = postgresOutcomes.marks.map(({ text }) => text.includes('pg_logical_emit_message'));
    expect(flushes).toEqual([true, false, false]);
  });
});

describe('the fate', () => {
  it.each([
    ['committed', 'committed'],
    ['aborted', 'rolled-back'],
    ['in progress', 'in-progress'],
    [FUTURE, 'rolled-back'],
    [null, 'unknown'],
  ] as const)(
    'of a transaction whose status is %s, on a server to which nothing has happened, is %s',
    async (status, fate) => {
      const asked = source(status);
      expect(await postgresOutcomes.fateOf(TICKET, asked)).toBe(fate);
      expect(asked.asked.at(-1)?.values).toEqual(['755']);
    },
  );

  it('is not asked of a standby, which may become the primary', async () => {
    const standby = source('aborted', change(0, 'true').with(4, null));
    expect(await postgresOutcomes.fateOf(TICKET, standby)).toBe('in-progress');
    expect(standby.asked).toHaveLength(1);
  });

  it('is unknown on another cluster, whatever its transaction of that number did', async () => {
    expect(await postgresOutcomes.fateOf(TICKET, source('aborted', change(3, '7713')))).toBe('unknown');
  });

  it('is unknown after a crash, if "committed" may be said of somebody else', async () => {
    const crashed = ['false', '4712', '68.78', '7712', '00000001', '0/20', '68.79', '0/20', '0:760', 'replica'];
    expect(await postgresOutcomes.fateOf(TICKET, source('committed', crashed))).toBe('unknown');
    expect(await postgresOutcomes.fateOf(TICKET, source('aborted', crashed))).toBe('rolled-back');
  });

  it('is committed after a crash, if the number was on disk before', async () => {
    const crashed = ['false', '4712', '68.78', '7712', '00000001', '0/20', '68.79', '0/20', '0:760', 'replica'];
    expect(await postgresOutcomes.fateOf([...TICKET, '0/1F'], source('committed', crashed))).toBe('committed');
    expect(await postgresOutcomes.fateOf([...TICKET, '0/1F'], source('aborted', crashed))).toBe('rolled-back');
    expect(await postgresOutcomes.fateOf([...TICKET, null], source('committed', crashed))).toBe('unknown');
  });

  it('is rolled back when the crash has forgotten the number, whoever has it now', async () => {
    const crashed = ['false', '4712', '68.78', '7712', '00000001', '0/20', '68.79', '0/20', '0:755', 'replica'];
    expect(await postgresOutcomes.fateOf(TICKET, source('committed', crashed))).toBe('rolled-back');
  });

  it('on a promoted standby is what its history says, but for "committed"', async () => {
    const promoted = change(4, '00000002').with(2, '20.01');
    expect(await postgresOutcomes.fateOf(TICKET, source('aborted', promoted))).toBe('rolled-back');
    expect(await postgresOutcomes.fateOf(TICKET, source('committed', promoted))).toBe('unknown');
  });

  it('is asked for without pg_control where the ticket was drawn without it', async () => {
    const humble = source('aborted', FACTS.slice(0, 3));
    expect(await postgresOutcomes.fateOf(TICKET.slice(0, 4), humble)).toBe('rolled-back');
    expect(humble.asked[0]?.text).not.toContain('pg_control');
  });

  it('is not made up when the server could not be asked', async () => {
    const gone = new ConnectionError('lost', 'gone', { sqlState: '57P01' });
    await expect(postgresOutcomes.fateOf(TICKET, source(gone))).rejects.toBe(gone);
  });
});

describe('endSession', () => {
  it('names the session by all that tells it from another one of the same process id', async () => {
    const asked = source('in progress');
    await postgresOutcomes.endSession?.(TICKET, asked);
    expect(asked.asked[0]?.values).toEqual(['4711', '755', '37.67', '37.63']);
    expect(asked.asked[0]?.text).toContain("state like 'idle in transaction%'");
  });
});
