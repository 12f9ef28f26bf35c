/**
 * A server for scrapes alone, for programs that have no other. On the loopback address unless it is told otherwise.
 * Invariants: neither it nor a connection to it holds the process open; after `close()` has resolved nothing of it is left, and a
 * scrape that was under way has had its answer, unless that took longer than two seconds.
 */
import type { ConfigIssue } from '../../index.js';
import { ConfigError } from '../../index.js';
import { systemClock } from '../../kernel/clock.js';
import { OptionReader } from '../../kernel/option-reader.js';
import { refuse } from './scrape-handler.js';
import type { ScrapeRequest, ScrapeResponse } from './scrape-handler.js';

export interface MetricsServerOptions {
  /** 0 for any that is free. 0 to 65,535. */
  readonly port: number;
  /**
   * Address to listen at. When: Prometheus comes from another machine; then let it show a `token`.
   * @default '127.0.0.1'
   */
  readonly host?: string;
  /**
   * Where the metrics are; everything else is 404. Begins with a slash.
   * @default '/metrics'
   */
  readonly path?: string;
}

/** A server that listens. `await using` closes it. */
export interface MetricsServer extends AsyncDisposable {
  readonly port: number;
  /** Where the metrics are: `http://127.0.0.1:9464/metrics`. */
  readonly url: string;
  /** Takes no more scrapes, lets those under way finish, closes every connection. May be called twice. */
  close(): Promise<void>;
}

type Answer = (request: ScrapeRequest, response: ScrapeResponse) => Promise<void>;

const GRACE_MS = 2_000;

/** @throws ConfigError when an option is wrong, or nobody may listen there. */
export async function serveMetrics(options: MetricsServerOptions, answer: Answer): Promise<MetricsServer> {
  const { port, host, path } = resolveServerOptions(options);
  const { createServer } = await import('node:http');
  const server = createServer((request, response) => {
    // Whoever keeps a connection after the end would keep the server.
    response.once('close', () => server.listening || request.socket.destroy());
    if (!server.listening) response.shouldKeepAlive = false;
    if (request.url?.split('?', 1)[0] === path) void answer(request, response);
    else refuse(response, 404, `The metrics are at ${path}.`);
  });
  // Nobody has more than a line to say, and what hangs is cut.
  server.requestTimeout = 10_000;
  server.headersTimeout = 10_000;
  server.unref();
  server.on('connection', (socket) => socket.unref());
  await new Promise<void>((resolve, reject) => {
    // Stays: a connection that cannot be taken later, for want of file descriptors, would end the process if nobody heard of it.
    server.on('error', (error: NodeJS.ErrnoException) => reject(notListening(error, host, port)));
    server.listen(port, host, resolve);
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= new Promise((resolve) => {
      // By one moment for all: who says a byte a second would be idle never, and Node looks for no late headers any more.
      const cut = systemClock.setTimer(GRACE_MS, () => server.closeAllConnections(), { keepAlive: false });
      server.close(() => {
        cut.cancel();
        resolve();
      });
      server.closeIdleConnections();
    }));
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${actual}${path}`;
  return Object.freeze({ port: actual, url, close, [Symbol.asyncDispose]: close });
}

function resolveServerOptions(options: MetricsServerOptions): Required<MetricsServerOptions> {
  const issues: ConfigIssue[] = [];
  const reader = new OptionReader(options, '', issues);
  const isGiven = reader.has('port');
  const port = isGiven ? reader.integer('port', 0, { min: 0, max: 65_535 }) : reader.refuse('port', 'a port', 0);
  const host = reader.text('host', '127.0.0.1');
  const path = reader.text('path', '/metrics');
  if (!/^\/[^?#\s]*$/.test(path)) reader.refuse('path', 'a path that begins with a slash', '');
  reader.refuseUnknown();
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return { port, host, path };
}

function notListening(error: NodeJS.ErrnoException, host: string, port: number): ConfigError {
  const issue = { path: 'port', got: `${port}`, expected: `one at ${host} that this process may listen to` };
  return new ConfigError(`Nobody can listen to port ${port} of ${host}: ${error.code ?? error.name}`, [issue], {
    cause: error,
  });
}
