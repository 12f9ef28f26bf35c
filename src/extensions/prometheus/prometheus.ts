/**
 * The exporter: what the user of `fluxor-db/prometheus` holds. Thin; runtimes and their series are in collection.ts, text in
 * exposition.ts, HTTP in scrape-handler.ts and metrics-server.ts, prom-client in prom-client-registry.ts.
 * Invariants: nothing runs between scrapes; what is shown is read when it is asked for.
 */
import type { DBRuntime } from '../../index.js';
import { formatFor } from './accept.js';
import { Collection } from './collection.js';
import type { Exposition } from './exposition.js';
import { expose } from './exposition.js';
import type { MetricsServer, MetricsServerOptions } from './metrics-server.js';
import { serveMetrics } from './metrics-server.js';
import type { PromClientRegistry } from './prom-client-registry.js';
import { registerMetrics } from './prom-client-registry.js';
import type { PrometheusConfig, PrometheusOptions } from './prometheus-options.js';
import { resolvePrometheusOptions } from './prometheus-options.js';
import type { ScrapeRequest, ScrapeResponse } from './scrape-handler.js';
import { answerScrape } from './scrape-handler.js';

/**
 * Makes an exporter: what `db.metrics()` counts, as Prometheus scrapes it. Each series has the label `pool`, the name of its
 * runtime. Nothing is asked or counted between scrapes, and the query path does not know of it.
 *
 * @throws ConfigError listing every wrong option; two runtimes of one name are one.
 * @example
 * const exporter = prometheus({ runtimes: db });
 * await using server = await exporter.listen({ port: 9464 }); // http://127.0.0.1:9464/metrics
 */
export function prometheus(options?: PrometheusOptions): PrometheusExporter {
  return new PrometheusExporter(resolvePrometheusOptions(options));
}

/** Shows the metrics of runtimes to Prometheus. Made by `prometheus()`. */
export class PrometheusExporter {
  readonly #config: PrometheusConfig;
  readonly #collection: Collection;

  /** @internal */
  constructor(config: PrometheusConfig) {
    this.#config = config;
    this.#collection = new Collection(config);
  }

  /**
   * Shows one more runtime. Dispose the answer to show it no more; one that is disconnected goes by itself, and one that is being
   * disconnected gives up its name.
   * @throws ConfigError when it is no runtime, or a runtime of this name is shown.
   * @example using shown = exporter.add(db);
   */
  add(db: DBRuntime): Disposable {
    return this.#collection.add(db);
  }

  /**
   * One scrape: OpenMetrics 1.0 for those whose `Accept` header asks for it, else Prometheus' text format 0.0.4. For servers
   * that `handler` does not fit. Takes as long as the databases need to answer the health check, a second at most.
   * @example const { contentType, body } = await exporter.metrics(request.headers.get('accept') ?? undefined);
   */
  async metrics(accept?: string): Promise<Exposition> {
    return expose(await this.#collection.collect(), formatFor(accept));
  }

  /**
   * Answers a scrape: for `node:http`, Express and whatever hands out its request and response. GET and HEAD, else 405; 401
   * without the `token`, where there is one; gzip for those who accept it. Where it is mounted is the server's business.
   * @example createServer(exporter.handler).listen(9464, '127.0.0.1');
   */
  readonly handler = (request: ScrapeRequest, response: ScrapeResponse): Promise<void> =>
    answerScrape({ tokens: this.#config.tokens, expose: (accept) => this.metrics(accept) }, request, response);

  /**
   * Starts a server of its own, which answers `path` (default `/metrics`) at `host` (default `127.0.0.1`) as `handler` does, and
   * 404 elsewhere. It does not hold the process open.
   * @throws ConfigError when an option is wrong, or the port is taken.
   * @example await using server = await exporter.listen({ port: 9464 });
   */
  async listen(options: MetricsServerOptions): Promise<MetricsServer> {
    return serveMetrics(options, this.handler);
  }

  /**
   * Shows the same metrics in a registry of prom-client, beside what is there: `registry.metrics()` reads them when it is called.
   * Dispose the answer to take them out.
   * @throws ConfigError when it is no registry, or has metrics of these names.
   * @example
   * import { register } from 'prom-client';
   * exporter.registerWith(register);
   */
  registerWith(registry: PromClientRegistry): Disposable {
    return registerMetrics(registry, this.#config.prefix, () => this.#collection.collect());
  }
}
