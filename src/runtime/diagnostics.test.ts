import { describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { ServerError } from '../../test/fakes/fake-session.js';

checkRuntimeLeftovers();

const SECRET = 'canary-51c2';

describe('the diagnostics', () => {
  it('are plain JSON of a known version, and show who has which connection and who waits', async () => {
    const bench = runtimeBench({ pool: { maxSize: 1 }, name: 'shop' });
    const held = (await bench.run(bench.db.acquire({ label: 'checkout' }))).value;
    const waiting = bench.watch(bench.db.query('select 1'));
    await bench.clock.advance(5);
    const shown = bench.db.diagnostics();
    expect(JSON.parse(JSON.stringify(shown))).toMatchObject({
      schema: 1,
      name: 'shop',
      state: 'running',
      driver: { name: 'fake', endpoint: 'fake://server' },
      connections: [{ id: 1, state: 'in-use', holder: 'session', label: 'checkout', inStateMs: 5 }],
      waiters: [{ waitedMs: 5, priority: 'normal' }],
      metrics: { connections: { open: 1, inUse: 1, pending: 1 } },
    });
    expect(shown.config).toContainEqual({ path: 'pool.maxSize', value: 1, source: 'option' });
    held?.release();
    await bench.clock.settle();
    expect(waiting.error).toBeUndefined();
  });

  it('list statements by the time they took together, however many there were', async () => {
    const bench = runtimeBench({ gate: { rateLimit: false } });
    for (let index = 0; index < 1_100; index += 1) await bench.db.query(`select a${index} from t`);
    await bench.run(bench.db.query('select 1', [], {}));
    const { statements, metrics } = bench.db.diagnostics();
    expect(statements).toHaveLength(1_001);
    const calls = statements.reduce((sum, statement) => sum + statement.calls, 0);
    expect(calls).toBe(metrics.queries.total);
    expect(statements.find(({ fingerprint }) => fingerprint === 'other')?.calls).toBe(101);
  });

  it('hold no bind value, no literal and no text of an error', async () => {
    const bench = runtimeBench({ query: { slowThreshold: 1, retry: false } });
    await bench.run(bench.db.query(`select '${SECRET}' /* ${SECRET} */`, [], { name: 'report' }));
    const text = `insert into t values ('${SECRET}')`;
    const error = Object.assign(new ServerError('unique'), { message: `key (${SECRET}) exists` });
    bench.sessions[0]?.answers.set(text, error);
    await bench.run(bench.db.exec(text));
    bench.sessions[0]?.answers.set('select $1', 'hang');
    const slow = bench.watch(bench.db.query('select $1', [SECRET]));
    await bench.clock.advance(10);
    bench.sessions[0]?.finish();
    await bench.clock.settle();
    expect(slow.error).toBeUndefined();
    const shown = bench.db.diagnostics();
    expect(shown.errors).toMatchObject([
      { code: 'CONSTRAINT', reason: 'unique', fingerprint: 'insert into t values (?)' },
    ]);
    expect(shown.slow).toMatchObject([{ fingerprint: 'select ?', durationMs: 10 }]);
    expect(JSON.stringify(shown)).not.toContain(SECRET);
  });
});
