/** What the runtime does for itself belongs to no caller: it neither speaks in their async context nor keeps it alive. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Session } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import { describe, expect, inject, it } from 'vitest';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const [{ url } = { url: '' }] = inject('postgresServers');

describe('The context of a request', () => {
  it('was kept alive by the connection that was made in it, and its events were told in it', async () => {
    const requests = new AsyncLocalStorage<{ readonly id: number }>();
    await using db = createRuntime({
      driver: postgres({ url }),
      pool: { warmUp: false, leak: { threshold: '1s', interval: '1s' } },
    });
    const heard: unknown[] = [];
    db.on('connection:created', () => heard.push(requests.getStore()));
    db.on('lease:leak-suspected', () => heard.push(requests.getStore()));
    const request = async (id: number): Promise<WeakRef<object>> => {
      const context = { id };
      await requests.run(context, async () => {
        await db.query('select 1');
        expect(requests.getStore()).toBe(context);
      });
      return new WeakRef(context);
    };
    const first = await request(1);
    const leaked = await requests.run({ id: 2 }, () => db.acquire());
    await expect.poll(() => heard.length).toBe(2);
    expect(heard).toEqual([undefined, undefined]);
    leaked.release();
    await expect
      .poll(async () => {
        collectGarbage();
        await turn();
        return first.deref();
      })
      .toBeUndefined();
    await db.disconnect();
  });

  it('does not hide a transaction begun by hand from the garbage collector, and what traces it hears of its end', async () => {
    await using db = createRuntime({ driver: postgres({ url }), pool: { warmUp: false } });
    const ended: unknown[] = [];
    using _tracing = db.trace({
      begin: (trace) => (trace.type === 'transaction' ? { end: () => ended.push(trace.outcome) } : undefined),
    });
    const leave = async (): Promise<void> => {
      const tx = await db.begin({ label: 'left behind' });
      await tx.query('select 1');
    };
    await leave();
    await expect
      .poll(async () => {
        collectGarbage();
        await turn();
        return ended;
      })
      .toEqual(['lost']);
  });

  it('does not hide a session from the garbage collector that was kept in a field of whoever acquired it', async () => {
    await using db = createRuntime({ driver: postgres({ url }), pool: { warmUp: false, leak: { stack: true } } });
    class Service {
      session: Session | undefined;
      async open(): Promise<void> {
        this.session = await db.acquire({ label: 'field' });
      }
    }
    const dropped: unknown[] = [];
    db.on('lease:dropped', ({ label }) => dropped.push(label));
    await (async () => new Service().open())();
    await expect
      .poll(
        async () => {
          collectGarbage();
          await turn();
          return dropped;
        },
        { timeout: 10_000 },
      )
      .toEqual(['field']);
    await expect.poll(() => db.stats()).toMatchObject({ inUse: 0, idle: 1 });
    await db.disconnect();
  });
});

describe('connect() with a warm-up that fails fast', () => {
  it('resolved with fewer connections than were asked for', async () => {
    const pool = { warmUp: { connections: 3, timeout: '200ms', failFast: true }, connectRate: 1 } as const;
    await using slow = createRuntime({ driver: postgres({ url }), pool });
    await expect(slow.connect()).rejects.toMatchObject({ code: 'TIMEOUT', phase: 'connect' });
    await slow.disconnect();
    const patient = { ...pool.warmUp, timeout: '30s' } as const;
    await using db = createRuntime({
      driver: postgres({ url }),
      pool: { ...pool, warmUp: patient, connectRate: false },
    });
    await db.query('select 1');
    await db.connect();
    expect(db.stats().total).toBe(3);
    await db.disconnect();
  });

  it('could not be made smaller than its warm-up afterwards', async () => {
    await using db = createRuntime({ driver: postgres({ url }), pool: { maxSize: 8, warmUp: 6 } });
    await db.connect();
    db.pool.reconfigure({ maxSize: 2 });
    await expect.poll(() => db.stats().total).toBeLessThanOrEqual(2);
    expect(db.config.pool).toMatchObject({ maxSize: 2, maxIdle: 2 });
    await db.disconnect();
  });
});
