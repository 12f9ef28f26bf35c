/**
 * A real PostgreSQL server in a temporary folder, for tests, the demo and the benches: start it, stop it, kill it, pause
 * it, and connect with `url`. It listens on 127.0.0.1 only and keeps its port over restarts.
 * Invariant: after `remove()` neither a process nor a folder nor a shared memory segment of it is left, also when the
 * server was paused or killed before; and the same holds when the process that started it ends without calling it.
 * It speaks no SQL; that is what the drivers under test are for.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { LocalServer, readText } from './local-server.js';
import type { Launch } from './local-server.js';
import { postgresEnvironment } from './postgres-binaries.js';
import type { PostgresMajor, Progress } from './postgres-binaries.js';
import { createCluster } from './postgres-cluster.js';
import type { PostgresCluster } from './postgres-cluster.js';
import { spawnOptions } from './server-folder.js';

export { ServerUnavailable } from './server-folder.js';

export interface PostgresServerOptions {
  readonly major: PostgresMajor;
  /** Lines of postgresql.conf, such as `{ max_connections: '10' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default: a free one. */
  readonly port?: number;
  /** Is told what takes long, such as a download. */
  readonly onProgress?: Progress;
}

const ROLE = { user: 'fluxor', password: 'fluxor-secret', database: 'fluxor' } as const;

export class PostgresServer extends LocalServer {
  readonly user: string = ROLE.user;
  readonly password: string = ROLE.password;
  readonly database: string = ROLE.database;
  /** The exact version, such as "18.4". */
  readonly version: string;
  readonly major: PostgresMajor;
  readonly #cluster: PostgresCluster;

  /**
   * Makes a new cluster and starts it; about a second. Throws ServerUnavailable when this machine has no programs of
   * that version and can't get them, and an Error with the tail of the log when the server does not come up.
   */
  static async start(options: PostgresServerOptions): Promise<PostgresServer> {
    const { major, settings = {}, port = await freePort(), onProgress = () => undefined } = options;
    const cluster = await createCluster({ major, port, settings, onProgress, role: ROLE });
    return LocalServer.started(new PostgresServer(cluster, major, port));
  }

  private constructor(cluster: PostgresCluster, major: PostgresMajor, port: number) {
    const { version } = cluster.binaries;
    super({ ...cluster, label: `PostgreSQL ${version}`, port, endSignal: 'QUIT' });
    this.#cluster = cluster;
    this.major = major;
    this.version = version;
  }

  get url(): string {
    return `postgres://${this.user}:${this.password}@${this.host}:${this.port}/${this.database}`;
  }

  get dataFolder(): string {
    return this.#cluster.dataFolder;
  }

  /** The programs, for those who need more of them (`pgbench`, where there is one). */
  get binFolder(): string {
    return this.#cluster.binaries.binFolder;
  }

  protected launch(): Launch {
    const { binaries, user, folder, dataFolder } = this.#cluster;
    const options = spawnOptions({ path: folder, user }, postgresEnvironment(binaries));
    return { command: [join(binaries.binFolder, 'postgres'), '-D', dataFolder], options };
  }

  /** The "fast shutdown": sessions are ended with 57P01. */
  protected get stopSignal(): NodeJS.Signals {
    return 'SIGINT';
  }

  /** The postmaster writes its state into the lock file: it is what `pg_ctl -w` waits for, and needs no client. */
  protected isReady(pid: number): boolean {
    const lines = readText(this.#cluster.pidFile).split('\n');
    const state = Number(lines[0]) === pid ? lines[7]?.trim() : undefined;
    return state === 'ready' || state === 'standby';
  }

  /**
   * What a crash of the machine would clear as well. Line 7 of the lock file names the System V segment (key and id) that a
   * killed server could not free.
   */
  protected override clearRemains(): void {
    const segment = readText(this.#cluster.pidFile).split('\n')[6]?.trim().split(/\s+/)[1];
    try {
      if (segment !== undefined) execFileSync('ipcrm', ['-m', segment], { stdio: 'ignore' });
    } catch {
      // 56 bytes of the kernel's memory; where ipcrm is missing, the next start in the same folder takes them over.
    }
    rmSync(this.#cluster.pidFile, { force: true });
  }
}
