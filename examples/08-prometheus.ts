/** What Prometheus sees of a runtime. Run it: `npx tsx examples/08-prometheus.ts`. */
import { connect } from 'fluxor-db';
import { prometheus } from 'fluxor-db/prometheus';

const db = await connect(process.env['FLUXOR_URL'] ?? 'pglite:', { name: 'shop' });
const exporter = prometheus({ runtimes: db, labels: { service: 'example' }, token: 'only-for-prometheus' });

// A server of its own on the loopback address; `exporter.handler` goes into one that is there.
await using server = await exporter.listen({ port: 0 });

const scrape = async (headers: Record<string, string>) => {
  const response = await fetch(server.url, { headers });
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
};

await db.query('select generate_series(1, 3)');
await db.query('select * from nowhere').catch(() => undefined);

const stranger = await scrape({});
console.log(stranger.status, stranger.text.trim());

const authorization = 'Bearer only-for-prometheus';
const { status, type, text } = await scrape({ authorization });
console.log(status, type);
const interesting = /^(db_queries_total|db_queries_failed|db_connections_open|db_query_rows_sum|db_health_up)/;
for (const line of text.split('\n')) if (interesting.test(line)) console.log(line);

const open = await scrape({ authorization, accept: 'application/openmetrics-text' });
console.log(open.type, open.text.trimEnd().split('\n').at(-1));

await db.disconnect();
console.log(`after the runtime: '${(await scrape({ authorization })).text}'`);
