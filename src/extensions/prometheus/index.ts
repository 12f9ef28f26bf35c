/** The door `fluxor-db/prometheus`: metrics as Prometheus scrapes them, alone or through prom-client. Re-exports only. */
export { prometheus } from './prometheus.js';
export type { PrometheusExporter } from './prometheus.js';
export type { PrometheusOptions } from './prometheus-options.js';
export type { Exposition } from './exposition.js';
export type { ScrapeRequest, ScrapeResponse } from './scrape-handler.js';
export type { MetricsServer, MetricsServerOptions } from './metrics-server.js';
export type { PromClientRegistry } from './prom-client-registry.js';
