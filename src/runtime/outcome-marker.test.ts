import { describe, expect, it } from 'vitest';
import { TRANSACTION_WORDS } from '../../test/fakes/fake-session.js';
import type { OutcomeProtocol } from '../driver/outcome.js';
import type { DriverQuery, DriverResult } from '../driver/query.js';
import { ConnectionError } from '../errors/connection-error.js';
import { QueryError } from '../errors/query-error.js';
import { OutcomeMarker } from './outcome-marker.js';

const query = (text: string): DriverQuery => ({ text, values: [], rowMode: 'array' });
const PROTOCOL: OutcomeProtocol = {
  marks: [query('rich'), query('poor')],
  ticketOf: ({ rows }) => rows[0] as readonly string[] | undefined,
  fateOf: () => Promise.resolve('unknown'),
};
const DENIED = new QueryError('permission', 'permission denied', { outcome: 'not-applied' });

/** A transaction in which the statements named are refused. */
function transaction(refused: Readonly<Record<string, Error>> = {}) {
  const wire: string[] = [];
  const run = async ({ text }: DriverQuery): Promise<DriverResult> => {
    wire.push(text.replace(' fluxor_outcome', ''));
    const error = refused[text];
    if (error !== undefined) throw error;
    return { rows: [[text]], fields: [], rowsAffected: 0, command: 'SELECT' };
  };
  return { wire, run };
}

describe('drawing a ticket', () => {
  it('tries behind a savepoint first, and sends the mark bare once it has passed', async () => {
    const marker = new OutcomeMarker(PROTOCOL, TRANSACTION_WORDS);
    const [first, second] = [transaction(), transaction()];
    expect(await marker.draw(first.run)).toEqual(['rich']);
    expect(await marker.draw(second.run)).toEqual(['rich']);
    expect([first.wire, second.wire]).toEqual([['savepoint', 'rich', 'release'], ['rich']]);
  });

  it('takes the next form where the server refuses the first, without harm to the transaction', async () => {
    const marker = new OutcomeMarker(PROTOCOL, TRANSACTION_WORDS);
    const { wire, run } = transaction({ rich: DENIED });
    expect(await marker.draw(run)).toEqual(['poor']);
    expect(wire).toEqual(['savepoint', 'rich', 'rollback to', 'release', 'savepoint', 'poor', 'release']);
    expect(await marker.draw(run)).toEqual(['poor']);
  });

  it('asks no more where the server refuses all forms', async () => {
    const marker = new OutcomeMarker(PROTOCOL, TRANSACTION_WORDS);
    const { wire, run } = transaction({ rich: DENIED, poor: DENIED });
    expect(await marker.draw(run)).toBeUndefined();
    const sent = wire.length;
    expect([await marker.draw(run), wire.length]).toEqual([undefined, sent]);
  });

  it('fails the transaction when a form that had passed is refused, and is careful with the next one', async () => {
    const marker = new OutcomeMarker(PROTOCOL, TRANSACTION_WORDS);
    await marker.draw(transaction().run);
    const { run } = transaction({ rich: DENIED });
    await expect(marker.draw(run)).rejects.toBe(DENIED);
    // COMMIT was not sent: the function may run again, and meets the careful one.
    expect(DENIED).toMatchObject({ decision: 'whole-transaction', outcome: 'not-applied' });
    expect(await marker.draw(run)).toEqual(['poor']);
  });

  it('takes a lost connection for no refusal', async () => {
    const marker = new OutcomeMarker(PROTOCOL, TRANSACTION_WORDS);
    const gone = new ConnectionError('lost', 'gone', { isConnectionFatal: true });
    await expect(marker.draw(transaction({ rich: gone }).run)).rejects.toBe(gone);
    expect(await marker.draw(transaction().run)).toEqual(['rich']);
  });
});
