/**
 * A real Prometheus in a temporary folder, for tests: it scrapes what it is told to twice a second, and answers
 * questions in PromQL. It listens on 127.0.0.1 only.
 * Invariant: after `remove()` neither its process nor its folder is left; and the same holds when the process that started it ends
 * without calling it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { LocalServer } from './local-server.js';
import type { Launch } from './local-server.js';
import { reachable } from './postgres-cluster.js';
import type { PrometheusBinaries } from './prometheus-binaries.js';
import { findPrometheus } from './prometheus-binaries.js';
import { makeServerFolder, ServerUnavailable, spawnOptions } from './server-folder.js';
import { handOver } from './server-user.js';
import type { ServerUser } from './server-user.js';

export interface ScrapeTarget {
  readonly job: string;
  /** Of 127.0.0.1. */
  readonly port: number;
  /** Default: none. */
  readonly bearerToken?: string;
}

export interface PrometheusPlan {
  /** Default: looked for. */
  readonly binaries?: PrometheusBinaries;
  readonly targets: readonly ScrapeTarget[];
  /** The text of a file of rules. Default: none. */
  readonly rules?: string;
}

/** One series of an answer. */
export interface PromSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Installed {
  readonly program: string;
  readonly user: ServerUser | undefined;
  readonly folder: string;
}

const PID_FILE = 'prometheus.pid';
const READY = /Server is ready to receive web requests/;

export class PrometheusServer extends LocalServer {
  /** Holds everything of this Prometheus, and goes with it. */
  readonly folder: string;
  readonly #installed: Installed;

  /**
   * Starts one; well below a second. Throws ServerUnavailable when this machine has no program and can't get it, and an Error
   * with the tail of the log when it does not come up.
   */
  static async start({ binaries, targets, rules = '' }: PrometheusPlan): Promise<PrometheusServer> {
    const found = binaries ?? (await findPrometheus());
    if ('unavailable' in found) throw new ServerUnavailable('Prometheus', found.unavailable);
    const port = await freePort();
    const plan = { prefix: 'fluxor-prometheus-', pidFile: PID_FILE, endSignal: 'KILL' } as const;
    const installed = await makeServerFolder(plan, ({ path, user }): Installed => {
      writeFileSync(join(path, 'prometheus.yml'), configurationOf(targets), { mode: 0o600 });
      writeFileSync(join(path, 'alerts.yml'), rules);
      mkdirSync(join(path, 'data'), { mode: 0o700 });
      if (user !== undefined) for (const name of ['prometheus.yml', 'data']) handOver(join(path, name), user);
      return { program: join(reachable(found, user, path).binFolder, 'prometheus'), user, folder: path };
    });
    return LocalServer.started(new PrometheusServer(installed, found.version, port));
  }

  private constructor(installed: Installed, version: string, port: number) {
    const { folder } = installed;
    const files = { logFile: join(folder, 'prometheus.log'), pidFile: join(folder, PID_FILE) };
    super({ label: `Prometheus ${version}`, port, folder, ...files, endSignal: 'KILL' });
    this.folder = folder;
    this.#installed = installed;
  }

  /** The answer to an instant query. Rejects with what Prometheus has against it. */
  async query(promql: string): Promise<PromSample[]> {
    const answer = await this.#get(`query?query=${encodeURIComponent(promql)}`);
    const { result } = answer as { result: { metric: Record<string, string>; value: [number, string] }[] };
    return result.map(({ metric: { __name__: _, ...labels }, value }) => ({ labels, value: Number(value[1]) }));
  }

  /** What it makes of its targets: `up`, or why not. */
  async health(): Promise<Record<string, string>> {
    const { activeTargets } = (await this.#get('targets?state=active')) as {
      activeTargets: { labels: { job: string }; health: string; lastError: string }[];
    };
    return Object.fromEntries(
      activeTargets.map(({ labels: { job }, health, lastError }) => [job, lastError === '' ? health : lastError]),
    );
  }

  /** The names of the alert rules that it has loaded, each with what it makes of the rule: `ok`, or why not. */
  async rules(): Promise<Record<string, string>> {
    const { groups } = (await this.#get('rules')) as {
      groups: { rules: { name: string; health: string; lastError?: string }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    return Object.fromEntries(rules.map(({ name, health, lastError }) => [name, lastError ?? health]));
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`http://${this.host}:${this.port}/api/v1/${path}`);
    const { status, data, error } = (await response.json()) as { status: string; data?: unknown; error?: string };
    if (status !== 'success') throw new Error(`${path}: ${error}`);
    return data;
  }

  protected launch(): Launch {
    const { program, user, folder } = this.#installed;
    const flags = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${this.host}:${this.port}`,
      // Its pages for people are in packages that are not unpacked.
      `--web.console.templates=${folder}`,
      `--web.console.libraries=${folder}`,
    ];
    return {
      command: [program, ...flags],
      options: spawnOptions({ path: folder, user }, { PATH: process.env['PATH'] }),
    };
  }

  protected isReady(_pid: number, said: string): boolean {
    return READY.test(said);
  }

  protected get stopSignal(): NodeJS.Signals {
    return 'SIGTERM';
  }
}

function configurationOf(targets: readonly ScrapeTarget[]): string {
  const jobs = targets.flatMap(({ job, port, bearerToken }) => [
    `  - job_name: ${job}`,
    ...(bearerToken === undefined ? [] : [`    authorization: { credentials: '${bearerToken}' }`]),
    '    static_configs:',
    `      - targets: ['127.0.0.1:${port}']`,
  ]);
  const often = ['global:', '  scrape_interval: 500ms', '  scrape_timeout: 500ms', '  evaluation_interval: 500ms'];
  return [...often, "rule_files: ['alerts.yml']", 'scrape_configs:', ...jobs, ''].join('\n');
}
