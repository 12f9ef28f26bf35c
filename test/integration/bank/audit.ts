/** What the database holds after the fire, compared with what the clerks were told. SQL on a road without faults. */
import type { DBRuntime } from 'fluxor-db';
import type { Entry, Ledger } from './ledger.js';

export interface AuditedBank {
  readonly accounts: number;
  readonly openingBalance: number;
}

export interface Audit {
  /** Empty: every promise was kept. */
  readonly violations: string[];
  /** Of the unknown ones, how many are there. */
  readonly unknownButKept: number;
}

interface Row {
  readonly id: number;
  readonly times: number;
  readonly attempt: number;
}

/** Nothing of the runtime under test may be left at the server when this begins. */
export async function audit(direct: DBRuntime, ledger: Ledger, bank: AuditedBank): Promise<Audit> {
  // Of which kind each number comes back is the database's affair.
  const counted = await direct.query<Record<keyof Row, unknown>>(
    'select id, count(*) as times, max(attempt) as attempt from transfers group by id',
  );
  const rows = counted.map(({ id, times, attempt }): Row => ({
    id: Number(id),
    times: Number(times),
    attempt: Number(attempt),
  }));
  const kept = new Map(rows.map((row) => [row.id, row]));
  const strangers = rows.filter(({ id }) => !ledger.entries.has(id)).map(({ id }) => `transfer ${id} is nobody's`);
  const entries = [...ledger.entries.values()];
  const broken = entries.flatMap((entry) => brokenPromise(entry, kept.get(entry.id)));
  const books = await checkBooks(direct, bank);
  const unknownButKept = entries.filter(({ id, claim }) => claim === 'unknown' && kept.has(id)).length;
  return { violations: [...books, ...strangers, ...broken, ...ledger.surprises], unknownButKept };
}

function brokenPromise({ id, unit, claim, attempt, error }: Entry, row: Row | undefined): string[] {
  const times = row?.times ?? 0;
  const told =
    error === undefined ? 'acknowledged' : `${error.code} ${error.reason ?? ''} ${error.outcome}: ${error.message}`;
  if (times > 1) return [`${unit} ${id} was made ${times} times (${told})`];
  if (claim === 'kept' && times === 0) return [`${unit} ${id} is not there (${told})`];
  if (claim === 'absent' && times === 1)
    return [`${unit} ${id} is there, in run ${row?.attempt} of ${attempt} (${told})`];
  // The run that committed is the one that was told to have.
  if (times === 1 && row?.attempt !== attempt)
    return [`${unit} ${id} is of run ${row?.attempt}, told was ${attempt} (${told})`];
  return [];
}

async function checkBooks(direct: DBRuntime, { accounts, openingBalance }: AuditedBank): Promise<string[]> {
  const sum = Number(await direct.queryValue('select sum(balance) from accounts'));
  const wrong = await direct.query<{ id: number }>(
    `select a.id from accounts a
     left join (select target as id, sum(amount) as total from transfers group by target) i on i.id = a.id
     left join (select source as id, sum(amount) as total from transfers group by source) o on o.id = a.id
     where a.balance <> ${openingBalance} + coalesce(i.total, 0) - coalesce(o.total, 0)`,
  );
  const violations = wrong.map(({ id }) => `account ${id} holds another balance than its transfers say`);
  if (sum !== accounts * openingBalance) violations.push(`the bank holds ${sum}, not ${accounts * openingBalance}`);
  return violations;
}
