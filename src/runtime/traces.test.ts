import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../test/fakes/runtime-bench.js';
import { ServerError } from '../../test/fakes/fake-session.js';
import type { TraceContext } from '../telemetry/channels.js';

checkRuntimeLeftovers();

const PHASES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
const undo: (() => void)[] = [];
afterEach(() => {
  for (const stop of undo.splice(0)) stop();
});

/** What is published on a channel, as it is: later fields are seen as well. */
function hear(name: string): { phases: string[]; contexts: TraceContext[] } {
  const heard = { phases: [] as string[], contexts: [] as TraceContext[] };
  for (const phase of PHASES) {
    const listener = (message: unknown): void => {
      heard.phases.push(phase);
      if (phase === 'start') heard.contexts.push(message as TraceContext);
    };
    subscribe(`tracing:${name}:${phase}`, listener);
    undo.push(() => void unsubscribe(`tracing:${name}:${phase}`, listener));
  }
  return heard;
}

describe('the tracing channels', () => {
  it('are around a query, with its shape and its result, and without its values', async () => {
    const heard = hear('fluxor:query');
    const bench = runtimeBench({ name: 'shop' });
    await bench.run(bench.db.query('select $1', ['canary'], { name: 'one' }));
    expect(heard.phases).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(heard.contexts).toMatchObject([
      {
        ...{ type: 'query', runtime: 'shop', queryId: 1, name: 'one', text: 'select $1', hasValues: true },
        ...{ fingerprint: 'select ?', operation: 'select', connectionId: 1, attempts: 1, rows: 1, rowsAffected: 0 },
        ...{ isInside: false, error: undefined, durationMs: 0 },
      },
    ]);
    expect(JSON.stringify(heard.contexts)).not.toContain('canary');
  });

  it('tell an error before the end, and the caller gets it all the same', async () => {
    const heard = hear('fluxor:query');
    const bench = runtimeBench();
    await bench.run(bench.db.query('select 1'));
    bench.sessions[0]?.answers.set('insert', new ServerError('unique'));
    const { error } = await bench.run(bench.db.exec('insert'));
    expect(heard.phases.slice(4)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(heard.contexts[1]?.error).toBe(error);
  });

  it('are around a transaction and the statements in it', async () => {
    const transactions = hear('fluxor:transaction');
    const queries = hear('fluxor:query');
    const bench = runtimeBench();
    await bench.run(bench.db.transaction(async (tx) => tx.exec('a'), { label: 'order' }));
    expect(transactions.phases).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(transactions.contexts).toMatchObject([{ type: 'transaction', way: 'function', label: 'order' }]);
    expect(queries.contexts).toMatchObject([{ isInside: true, text: 'a' }]);
  });

  it('are around a wait for a connection, and around the attempt to open one', async () => {
    const waits = hear('fluxor:acquire');
    const attempts = hear('fluxor:connect');
    const bench = runtimeBench();
    await bench.run(bench.db.query('a'));
    await bench.run(bench.db.query('a'));
    expect(waits.contexts).toMatchObject([{ type: 'acquire', queryId: 1, waiting: 0, connectionId: 1 }]);
    expect(attempts.contexts).toMatchObject([{ type: 'connect', connectionId: 1, endpoint: 'fake://server' }]);
  });

  it('bind the stores of a subscriber around the work', async () => {
    const store = new AsyncLocalStorage<string>();
    const { start } = tracingChannel('fluxor:query');
    start.bindStore(store, () => 'span');
    undo.push(() => void start.unbindStore(store));
    const seen: (string | undefined)[] = [];
    const bench = runtimeBench();
    bench.driver.next = () => {
      seen.push(store.getStore());
      return bench.newSession();
    };
    await bench.run(bench.db.query('a'));
    expect(store.getStore()).toBeUndefined();
    expect(seen).toHaveLength(1);
  });

  it('publish nothing, and make nothing, where nobody listens', async () => {
    const bench = runtimeBench();
    await bench.run(bench.db.query('a'));
    const heard = hear('fluxor:query');
    expect(heard.phases).toEqual([]);
  });
});
