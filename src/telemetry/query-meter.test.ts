import { describe, expect, it } from 'vitest';
import { QueryError } from '../errors/query-error.js';
import { fingerprint } from '../sql/fingerprint.js';
import { operationOf } from '../sql/operation.js';
import type { MeteredCall } from './query-meter.js';
import { QueryMeter } from './query-meter.js';
import { MAX_FINGERPRINTS } from './statement-statistics.js';

const SECRET = 'canary-7f3a';

function meterWith(slowThresholdMs = Infinity): QueryMeter {
  return new QueryMeter({
    slowThresholdMs,
    shapeOf: (text) => {
      const shape = fingerprint('postgres', text);
      return { fingerprint: shape, operation: operationOf('postgres', shape) };
    },
    stamp: (now) => 1_000_000 + now,
  });
}

let lastId = 0;
const newCall = (): MeteredCall => ({
  id: (lastId += 1),
  name: undefined,
  connectionId: 1,
  statistics: undefined,
  waits: undefined,
});

function run(meter: QueryMeter, text: string, now = 0, durationMs = 1): void {
  const call = newCall();
  meter.begin(call, text, now);
  meter.success(call, durationMs, now + durationMs, 2, 0);
}

describe('the meter of queries', () => {
  it('counts each query once, by operation and by statement, whatever values it was written with', () => {
    const meter = meterWith();
    run(meter, 'select * from t where id = 1', 0, 2);
    run(meter, 'select * from t where id = 2', 10, 4);
    run(meter, "insert into t values (1, 'a')");
    const failing = newCall();
    meter.begin(failing, 'update t set a = 1', 0);
    expect(meter.inFlight).toBe(1);
    const error = new QueryError('syntax', 'near x', { sqlState: '42601', outcome: 'not-applied' });
    meter.failure(failing, 3, 3, error, error);
    expect([meter.begun, meter.succeeded, meter.failed, meter.inFlight]).toEqual([4, 3, 1, 0]);
    expect(meter.operations.get('select')?.success.count).toBe(2);
    expect(meter.operations.get('update')?.failure.count).toBe(1);
    const [selects] = [...meter.statements.entries()];
    expect(selects).toMatchObject({ fingerprint: 'select * from t where id = ?', rows: 4, failed: 0, lastSeenAt: 10 });
    expect(selects?.durations.total).toBe(6);
    expect([...meter.failures]).toEqual([['QUERY', 1]]);
  });

  it('counts an end once, however often it is told', () => {
    const meter = meterWith();
    const call = newCall();
    meter.begin(call, 'select 1', 0);
    meter.success(call, 1, 1, 1, 0);
    meter.failure(call, 1, 1, new Error('late'), undefined);
    expect([meter.succeeded, meter.failed, meter.inFlight]).toEqual([1, 0, 0]);
  });

  it('keeps 1,000 statements, and what comes of those seen least recently goes on in `other`: no count is lost', () => {
    const meter = meterWith();
    const inFlight = newCall();
    meter.begin(inFlight, 'select c0 from t', 0);
    const many = 3 * MAX_FINGERPRINTS;
    for (let index = 1; index < many; index += 1) run(meter, `select c${index} from t`, index, 1);
    run(meter, `select c1 from t`, many, 1);
    meter.success(inFlight, 7, many, 5, 0);
    const entries = [...meter.statements.entries()];
    const { other } = meter.statements;
    expect(entries).toHaveLength(MAX_FINGERPRINTS);
    const counted = entries.reduce((sum, { durations }) => sum + durations.count, 0) + (other?.durations.count ?? 0);
    expect(counted).toBe(many + 1);
    expect(other?.inFlight).toBe(0);
    expect(other?.durations.max).toBe(7);
    expect(entries.some((entry) => entry.fingerprint === `select c${many - 1} from t`)).toBe(true);
    expect(entries.some((entry) => entry.fingerprint === 'select c2 from t')).toBe(false);
  });

  it('notes what was slow with the parts of its time, which add up, and the attempts', () => {
    const meter = meterWith(100);
    run(meter, 'select fast', 0, 99);
    const call = newCall();
    meter.begin(call, 'select slow', 0);
    call.waits = { waitingMs: 40, connectingMs: 30, fetchingMs: 20, attempts: 3 };
    meter.success(call, 150, 150, 1, 0);
    expect(meter.slow).toBe(1);
    expect(meter.slowLog.latest()).toEqual([
      {
        ...{ at: 1_000_150, queryId: call.id, fingerprint: 'select slow', operation: 'select', connectionId: 1 },
        ...{ durationMs: 150, attempts: 3, waitingMs: 40, connectingMs: 30, executingMs: 60, fetchingMs: 20 },
        ...{ rows: 1, rowsAffected: 0 },
      },
    ]);
    expect([...meter.statements.entries()].find(({ slow }) => slow === 1)?.waitedMs).toBe(70);
  });

  it('shows no literal and no text of an error, wherever they come from', () => {
    const meter = meterWith(0);
    const call = newCall();
    meter.begin(call, `select * from users where token = '${SECRET}' -- ${SECRET}`, 0);
    const error = new QueryError('data', `bad value ${SECRET}`, {
      sqlState: '22P02',
      vendorCode: `x ${SECRET}`,
      cause: new Error(SECRET),
    });
    meter.failure(call, 1, 1, error, error);
    const strange = newCall();
    meter.begin(strange, `select "a", ${SECRET.length}`, 0);
    const named = Object.assign(new Error(SECRET), { name: `Error ${SECRET}` });
    meter.failure(strange, 1, 1, named, undefined);
    const shown = [meter.slowLog.latest(), meter.errorLog.latest(), [...meter.statements.entries()]];
    expect(JSON.stringify(shown)).not.toContain(SECRET);
    expect(meter.errorLog.latest()).toMatchObject([
      { code: 'OTHER', reason: 'Error' },
      { code: 'QUERY', reason: 'data', sqlState: '22P02' },
    ]);
  });

  it('keeps the latest 500 slow queries', () => {
    const meter = meterWith(1);
    for (let index = 0; index < 600; index += 1) run(meter, 'select 1', index, 5);
    expect(meter.slow).toBe(600);
    expect(meter.slowLog.latest()).toHaveLength(500);
    expect(meter.slowLog.latest(1)[0]?.at).toBe(1_000_604);
  });
});
