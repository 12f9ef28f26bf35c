/** What a real Prometheus makes of the exposition, the dashboard and the alert rules: it scrapes a runtime that works on a real server. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BucketCounts, DBRuntime, MetricsSnapshot } from 'fluxor-db';
import { createRuntime } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';
import type { PrometheusExporter } from 'fluxor-db/prometheus';
import { prometheus } from 'fluxor-db/prometheus';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readDoc } from '../docs/markdown.js';
import { PrometheusServer } from '../servers/prometheus-server.js';
import { runPromtool } from '../servers/promtool.js';
import { ROOT } from '../source-tree.js';

const binaries = inject('prometheus');
const promtool = binaries?.promtool ?? '';
const [target] = inject('postgresServers');
const SILENT = { code: 0, stdout: '', stderr: '' };
const TOKEN = 'not-for-everybody';
/** Everything that means something in the text formats. */
const STRANGE = 'mail "2"\\n \\ \n é {x="y"} 1';
/** Twice a second it scrapes, but on a machine that is busy elsewhere. */
const PATIENT = { timeout: 30_000, interval: 100 };

/** Successes, errors of several kinds, a rejection, transactions of both ends, a retry of none. */
async function work(db: DBRuntime): Promise<void> {
  await db.exec('create temporary table t (n int primary key)').catch(() => undefined);
  for (let count = 0; count < 40; count += 1) await db.query('select generate_series(1, $1::int)', [count]);
  await db.query('select pg_sleep(0.03)');
  await db.query('select * from nowhere').catch(() => undefined);
  await db.query('select 1 / $1::int', [0]).catch(() => undefined);
  await db.transaction((tx) => tx.exec('select 1'));
  await db.transaction(() => Promise.reject(new Error('on purpose'))).catch(() => undefined);
  db.gate.circuit.forceOpen();
  await db.query('select 1').catch(() => undefined);
  db.gate.circuit.reset();
  await db.query('select 1');
}

// Where there is none, that has been reported by name by the global setup.
describe.runIf(binaries !== null && target !== undefined)('metrics of a runtime on a real server', () => {
  let db: DBRuntime;
  let strange: DBRuntime;
  let exporter: PrometheusExporter;
  let server: PrometheusServer;
  let metrics: MetricsSnapshot;
  const contentTypes = new Set<string>();
  const closers: (() => Promise<unknown>)[] = [];
  const url = target?.url ?? '';

  /** Scraped as by somebody who knows plain text only. */
  const plainTextServer = async (): Promise<number> => {
    const plain = createServer((request, response) => {
      const { accept: _, ...headers } = request.headers;
      response.once('finish', () => contentTypes.add(String(response.getHeader('content-type'))));
      void exporter.handler({ method: request.method, headers }, response);
    });
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    closers.push(async () => {
      plain.closeAllConnections();
      await new Promise((resolve) => plain.close(resolve));
    });
    return (plain.address() as AddressInfo).port;
  };

  beforeAll(async () => {
    db = createRuntime({ name: 'shop', driver: postgres({ url }), pool: { maxSize: 4, warmUp: false } });
    strange = createRuntime({ name: STRANGE, driver: postgres({ url }), pool: { warmUp: false } });
    closers.push(
      () => db.disconnect(),
      () => strange.disconnect(),
    );
    await work(db);
    await strange.query('select 1');
    metrics = db.metrics();
    exporter = prometheus({ runtimes: [db, strange], labels: { service: 'web' }, token: TOKEN });
    const own = await exporter.listen({ port: 0 });
    closers.push(() => own.close());
    server = await PrometheusServer.start({
      ...(binaries === null ? {} : { binaries }),
      targets: [
        { job: 'openmetrics', port: own.port, bearerToken: TOKEN },
        { job: 'text', port: await plainTextServer(), bearerToken: TOKEN },
        { job: 'stranger', port: own.port },
      ],
      rules: readDoc('dashboards/alerts.yml'),
    });
  });
  afterAll(async () => {
    await server?.remove();
    for (const close of closers.reverse()) await close();
  });

  it('are accepted by promtool without a word', async () => {
    const { contentType, body } = await exporter.metrics();
    expect(contentType).toContain('text/plain; version=0.0.4');
    expect(await runPromtool({ promtool }, ['check', 'metrics'], body)).toEqual(SILENT);
    // It has something to say where there is something.
    const { code, stderr } = await runPromtool({ promtool }, ['check', 'metrics'], '# TYPE db_x counter\ndb_x 1\n');
    expect([code, stderr]).toEqual([3, expect.stringContaining('_total') as string]);
    expect(body).not.toContain(new URL(url).password);
  });

  it('are scraped in both formats by whoever has the token, whole', async () => {
    const wanted = { openmetrics: 'up', text: 'up', stranger: expect.stringContaining('401') as string };
    await expect.poll(() => server.health(), PATIENT).toEqual(wanted);
    const { body } = await exporter.metrics();
    const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    const scraped = async (): Promise<object> => {
      const samples = await server.query('scrape_samples_scraped{job!="stranger"}');
      return Object.fromEntries(samples.map(({ labels, value }) => [labels['job'], value])) as object;
    };
    await expect.poll(scraped, PATIENT).toEqual({ openmetrics: lines, text: lines });
    expect([...contentTypes]).toEqual(['text/plain; version=0.0.4; charset=utf-8']);
  });

  describe.each(['openmetrics', 'text'])('as %s', (job) => {
    const valueOf = async (promql: string): Promise<number | undefined> => (await server.query(promql))[0]?.value;
    const of = (name: string, more = ''): string => `${name}{job="${job}",pool="shop",service="web"${more}}`;

    /** All at once, and again while a scrape is late: what is not scraped in time is gone until the next. */
    const answers = async (expected: object): Promise<object> => {
      const asked = Object.keys(expected).map(async (promql) => [promql, await valueOf(promql)] as const);
      return Object.fromEntries(await Promise.all(asked));
    };

    it('say what db.metrics() says', async () => {
      const { queries, connections, circuit, transactions, statements } = metrics;
      expect(queries.total).toBeGreaterThan(40);
      expect(Object.keys(queries.failedBy).sort()).toEqual(['CIRCUIT_OPEN', 'QUERY']);
      const failures = Object.entries(queries.failedBy).map(([code, count]) => {
        return [of('db_queries_failed_total', `,error_type="${code}"`), count] as const;
      });
      const expected = {
        ...Object.fromEntries(failures),
        [of('db_queries_total')]: queries.total,
        [of('db_queries_success_total')]: queries.success,
        [`sum(${of('db_queries_failed_total')})`]: queries.failed,
        [of('db_circuit_rejected_total')]: circuit.rejected,
        [of('db_circuit_state')]: 0,
        [of('db_circuit_transitions_total', ',from="closed",to="forced-open"')]: 1,
        [of('db_transactions_ended_total', ',end="committed"')]: transactions.committed,
        [of('db_transactions_ended_total', ',end="rolled-back"')]: 1,
        [`sum(${of('db_statement_cache_total')})`]: statements.hits + statements.misses,
        [of('db_connections_max_open')]: 4,
        [of('db_connections_create_seconds_count')]: connections.create.count,
        [of('db_connections_acquire_timeout_seconds')]: 10,
        [of('db_health_up')]: 1,
        [of('db_pool_info', `,driver="postgres",version="${metrics.version}"`)]: 1,
        [of('db_query_rows_sum')]: queries.rows.sum,
      };
      await expect.poll(() => answers(expected), PATIENT).toEqual(expected);
    });

    it('give the quantiles that their buckets have', async () => {
      const { count, sum } = metrics.queries.duration;
      const buckets = `sum by (le) (${of('db_queries_duration_seconds_bucket')})`;
      const quantiles = [0.5, 0.95, 0.99].map((quantile) => {
        const seconds = quantileOf(metrics.queries.duration, quantile) / 1_000;
        return [`histogram_quantile(${quantile}, ${buckets})`, expect.closeTo(seconds, 9) as number] as const;
      });
      const expected = {
        ...Object.fromEntries(quantiles),
        [`sum(${of('db_queries_duration_seconds_count')})`]: count,
        [`sum(${of('db_queries_duration_seconds_sum')})`]: expect.closeTo(sum / 1_000, 9) as number,
      };
      await expect.poll(() => answers(expected), PATIENT).toEqual(expected);
    });

    it('keep a name of any characters as it is', async () => {
      const found = () => server.query(`db_queries_total{job="${job}",pool!="shop"}`);
      await expect.poll(found, PATIENT).toMatchObject([{ labels: { pool: STRANGE, service: 'web' }, value: 1 }]);
    });
  });

  it('answer every question of the dashboard', async () => {
    const { panels } = JSON.parse(readDoc('dashboards/fluxor.json')) as {
      panels: { title: string; targets?: { expr: string }[] }[];
    };
    const questions = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
    expect(questions.length).toBeGreaterThan(40);
    const unanswered = async (): Promise<string[]> => {
      const empty: string[] = [];
      for (const { title, expr } of questions) {
        const promql = expr.replaceAll('$pool', '.*').replaceAll('$__rate_interval', '1m');
        if ((await server.query(promql)).length === 0) empty.push(title);
      }
      return empty;
    };
    // Nothing was run again; and what is a rate needs two scrapes.
    await expect.poll(unanswered, PATIENT).toEqual(['Retries']);
  });

  it('are what the alert rules ask for, and nothing is wrong', async () => {
    const rules = ['DatabaseDown', 'CircuitOpen', 'QueriesFail', 'AcquireTimeouts'];
    const more = ['PoolWaitsLong', 'PoolNearlyUsedUp', 'ConnectionLeak'];
    await expect
      .poll(() => server.rules(), PATIENT)
      .toEqual(Object.fromEntries([...rules, ...more].map((name) => [`Fluxor${name}`, 'ok'])));
    expect(await server.query('ALERTS{alertstate="firing"}')).toEqual([]);
  });

  it('are gone with the first scrape after the runtime', async () => {
    await strange.disconnect();
    await expect.poll(() => server.query('{__name__=~"db_.+",pool!="shop"}'), PATIENT).toEqual([]);
    const left = async () => (await server.query('db_queries_total')).map(({ labels }) => labels['job']).sort();
    await expect.poll(left, PATIENT).toEqual(['openmetrics', 'text']);
  });
});

describe.runIf(binaries !== null)('the alert rules', () => {
  it('are rules to promtool', async () => {
    const { code, stdout, stderr } = await runPromtool({ promtool }, [
      'check',
      'rules',
      `${ROOT}/dashboards/alerts.yml`,
    ]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('SUCCESS: 7 rules found');
  });

  it('fire when they should, and only then', async () => {
    const tests = `${ROOT}/test/integration/prometheus-alerts.yml`;
    const { code, stdout, stderr } = await runPromtool({ promtool }, ['test', 'rules', tests]);
    expect(`${stdout}${stderr}`).toContain('SUCCESS');
    expect(code).toBe(0);
  });
});

/** As Prometheus does it: evenly spread within a bucket, and the last bound for what is beyond it. */
function quantileOf({ bounds, counts, count }: BucketCounts, quantile: number): number {
  const rank = quantile * count;
  let below = 0;
  for (const [index, inBucket] of counts.entries()) {
    if (below + inBucket >= rank) {
      const from = bounds[index - 1] ?? 0;
      const to = bounds[index];
      return to === undefined ? from : from + (to - from) * ((rank - below) / inBucket);
    }
    below += inBucket;
  }
  return NaN;
}
