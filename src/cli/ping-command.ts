/** `fluxor ping`: reads the configuration, examines the database, judges, prints. The exit code says whether there is a problem. */
import { ConfigError } from '../index.js';
import type { PingOptions } from './command-line.js';
import { issueLines, issuesJson } from './config-report.js';
import type { Examined } from './examine.js';
import { examine } from './examine.js';
import { failureOf, SLOW_SERVER, UNANSWERED } from './failure.js';
import type { Examination } from './finding.js';
import { planOf, sortFindings } from './finding.js';
import { formatLength } from './format.js';
import { buildConfig, NO_URL, readVariables, urlOf, wrongOptions } from './given-config.js';
import { LINK_RULES } from './link-rules.js';
import type { Outside } from './outside.js';
import { EXIT } from './outside.js';
import type { PingReport } from './ping-report.js';
import { pingLines, pingReport } from './ping-report.js';
import { POOL_RULES } from './pool-rules.js';
import { Progress } from './progress.js';
import { SERVER_RULES } from './server-rules.js';
import type { Paint } from './terminal.js';
import { jsonText, painter } from './terminal.js';

export async function runPing(options: PingOptions, outside: Outside, paint: Paint): Promise<number> {
  const { out, err, clock, signal } = outside;
  try {
    const variables = readVariables(outside, options.envFile);
    if (urlOf(options.url, variables) === undefined) {
      err.write(`${NO_URL}\n`);
      return EXIT.usage;
    }
    const config = buildConfig(options.url, variables, options.preset);
    const progress = new Progress(options.isJson ? undefined : outside);
    const limit = new TimeLimit(outside, options.timeoutMs);
    const { timeoutMs, rounds } = options;
    let examined: Examined;
    try {
      const onProgress = (doing: string): void => progress.show(doing);
      examined = await examine({ config, clock, signal: limit.signal, timeoutMs, rounds, onProgress });
    } finally {
      limit.end();
      progress.clear();
    }
    if (signal.aborted) return EXIT.interrupted;
    const wrong = wrongOptions(examined.failure?.error);
    if (wrong !== undefined) throw wrong;
    const { driver } = config;
    const at = clock.wallNow();
    const about = { endpoint: driver.endpoint, driver: driver.name, at };
    const isEmbedded = driver.name === 'pglite';
    const plan = planOf(config, options.instances);
    const { server, link, latency } = examined;
    const findings = findingsOf({ ...about, dialect: driver.dialect, isEmbedded, server, link, latency, plan });
    // Without a session nothing is known that could be judged.
    const isConnected = latency.rounds !== undefined && server.product !== undefined;
    const report = pingReport(about, examined, isConnected ? findings : [], failureIn(examined, limit));
    out.write(`${options.isJson ? jsonText(report) : pingLines(report, paint).join('\n')}\n`);
    return report.ok ? EXIT.ok : EXIT.problem;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (options.isJson) out.write(`${issuesJson(error)}\n`);
    else err.write(`${issueLines(error, outside.isErrTerminal ? paint : painter(false)).join('\n')}\n`);
    return EXIT.usage;
  }
}

/** All rules on one examination, the worst first. */
export function findingsOf(examination: Examination): PingReport['findings'] {
  const rules = [...LINK_RULES, ...POOL_RULES, ...SERVER_RULES];
  return sortFindings(rules.map((rule) => rule(examination)).filter((finding) => finding !== undefined));
}

function failureIn({ failure }: Examined, limit: TimeLimit): PingReport['failure'] {
  if (failure === undefined) return undefined;
  const { during, error, isCut } = failure;
  // What failed by itself did so, even if the time was up before everything was closed.
  if (!isCut || !limit.isOver) return { during, ...failureOf(error) };
  const text = `not done within ${formatLength(limit.ms)}`;
  const isConnecting = during === 'connecting';
  const advice = isConnecting ? UNANSWERED : SLOW_SERVER;
  return { during, code: 'TIMEOUT', reason: isConnecting ? 'connect' : 'statement', text, advice };
}

/** One limit over everything, and Ctrl-C with it. */
class TimeLimit {
  readonly ms: number;
  readonly #controller = new AbortController();
  readonly #end: () => void;
  #isOver = false;

  constructor({ clock, signal }: Outside, ms: number) {
    this.ms = ms;
    const timer = clock.setTimer(ms, () => {
      this.#isOver = true;
      this.#controller.abort();
    });
    const onAbort = (): void => this.#controller.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.#end = () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The time was up before the work was done. */
  get isOver(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#end();
  }
}
