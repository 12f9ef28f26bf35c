import { describe, expect, it, vi } from 'vitest';
import { checkRuntimeLeftovers, runtimeBench } from '../../../test/fakes/runtime-bench.js';
import { ConfigError } from '../../errors/config-error.js';
import type { DBRuntime } from '../../runtime/runtime.js';
import { prometheus } from './prometheus.js';

checkRuntimeLeftovers();

const pools = (body: string | undefined): string[] =>
  [...(body ?? '').matchAll(/^db_connections_open\{.*pool="(.*?)".*\} /gm)].map(([, pool]) => pool ?? '');

const issuesOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error instanceof ConfigError ? error.issues : error;
  }
  return 'nothing wrong';
};

describe('the runtimes of an exporter', () => {
  it('are shown each under its name, with the labels for all, until they are taken out or closed', async () => {
    const [shop, mail] = [runtimeBench({ name: 'shop' }), runtimeBench({ name: 'mail' })];
    const exporter = prometheus({ runtimes: [shop.db], labels: { service: 'web' }, prefix: 'my_' });
    const added = exporter.add(mail.db);
    const { body } = await exporter.metrics();
    expect(body).toContain('my_db_connections_open{pool="shop",service="web"} 0\nmy_db_connections_open{pool="mail"');
    const seen = async (): Promise<string[]> => pools((await exporter.metrics()).body.replaceAll('my_', ''));
    expect(await seen()).toEqual(['shop', 'mail']);
    added[Symbol.dispose]();
    expect(await seen()).toEqual(['shop']);
    await shop.run(shop.db.disconnect());
    expect([await seen(), (await exporter.metrics()).body]).toEqual([[], '']);
  });

  it('have names of their own, and whoever is being disconnected gives up its name', async () => {
    const [first, second] = [runtimeBench({ name: 'shop' }), runtimeBench({ name: 'shop' })];
    const refusal = [
      {
        path: 'runtimes[1]',
        got: "'shop', which another runtime here has",
        expected: 'a `name` of its own in its options',
      },
    ];
    expect(issuesOf(() => prometheus({ runtimes: [first.db, second.db] }))).toEqual(refusal);
    const exporter = prometheus({ runtimes: first.db });
    expect(issuesOf(() => exporter.add(second.db))).toMatchObject([{ path: 'runtime' }]);
    const { value: session } = await first.run(first.db.acquire());
    const ending = first.watch(first.db.disconnect());
    expect(first.db.state).toBe('draining');
    expect(pools((await exporter.metrics()).body)).toEqual(['shop']);
    exporter.add(second.db);
    const { body } = await exporter.metrics();
    // The old one had one open.
    expect(body).toContain('db_connections_open{pool="shop"} 0');
    session?.release();
    await ending.promise;
  });

  it('are asked for their health with each scrape, all at once, where they are in use', async () => {
    const [used, idle] = [runtimeBench({ name: 'used' }), runtimeBench({ name: 'idle' })];
    await used.run(used.db.query('select 1'));
    const exporter = prometheus({ runtimes: [used.db, idle.db] });
    const scrapes = Promise.all([exporter.metrics(), exporter.metrics(), exporter.metrics()]);
    await used.clock.settle();
    const bodies = (await scrapes).map(({ body }) => body.match(/^db_health_up.*$/gm));
    expect(bodies).toEqual([0, 1, 2].map(() => ['db_health_up{pool="used"} 1']));
    expect([used.db.metrics().health.status, idle.db.metrics().health.status, idle.db.state]).toEqual([
      'up',
      'unknown',
      'idle',
    ]);
  });

  it('are shown also when one of them could not be asked, as by a copy of the package that was replaced meanwhile', async () => {
    const [odd, well] = [runtimeBench({ name: 'odd' }), runtimeBench({ name: 'well' })];
    await odd.run(odd.db.query('select 1'));
    vi.spyOn(odd.db, 'healthCheck').mockRejectedValue(new Error('Cannot find module'));
    expect(pools((await prometheus({ runtimes: [odd.db, well.db] }).metrics()).body)).toEqual(['odd', 'well']);
  });

  it('are not asked where that is switched off, and what others found is shown', async () => {
    const bench = runtimeBench({ name: 'shop' });
    await bench.run(bench.db.query('select 1'));
    const exporter = prometheus({ runtimes: bench.db, healthCheck: false });
    expect((await exporter.metrics()).body).not.toContain('db_health_up');
    bench.db.gate.circuit.forceOpen();
    await bench.run(bench.db.healthCheck());
    expect((await exporter.metrics()).body).toContain('db_health_up{pool="shop"} 0');
  });
});

describe('the options', () => {
  it('are refused all at once, and a token is never repeated', () => {
    const options = {
      runtimes: [{}, 7 as unknown as DBRuntime],
      prefix: '1x',
      labels: { pool: 'x', __name__: 'y', 'a-b': 'c', n: 5 },
      healthCheck: 'yes',
      token: 'short',
      healthcheck: true,
    };
    const error = issuesOf(() => prometheus(options as never)) as { path: string }[];
    expect(error.map(({ path }) => path)).toEqual([
      ...['runtimes[0]', 'runtimes[1]', 'prefix'],
      ...['labels.pool', 'labels.__name__', 'labels.a-b', 'labels.n'],
      ...['healthCheck', 'token', 'healthcheck'],
    ]);
    expect(JSON.stringify(error)).not.toContain('short');
    expect(
      issuesOf(() => prometheus({ labels: Object.fromEntries([...'abcdefghijk'].map((name) => [name, ''])) })),
    ).toEqual([{ path: 'labels', got: 'an object', expected: 'at most 10 labels' }]);
    expect(issuesOf(() => prometheus({ token: [] }))).toMatchObject([{ path: 'token' }]);
    expect(issuesOf(() => prometheus(5 as never))).toMatchObject([{ path: 'options' }]);
    expect(issuesOf(() => prometheus().add(undefined as never))).toMatchObject([{ path: 'runtime' }]);
  });

  it('may all be left out', async () => {
    expect((await prometheus().metrics('application/openmetrics-text')).body).toBe('# EOF\n');
  });
});
