/**
 * A real PgBouncer in a temporary folder, in front of a PostgreSQL that runs already, for tests: start it, stop it, kill
 * it, pause it, and connect with `url`. It listens on 127.0.0.1 only and keeps its port over restarts.
 * Invariant: after `remove()` neither its process nor its folder is left, also when it was paused or killed before; and
 * the same holds when the process that started it ends without calling it.
 * It speaks no SQL and knows nothing of the server behind it but its address and one login.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { LocalServer } from './local-server.js';
import type { Launch } from './local-server.js';
import { findPgBouncer } from './pgbouncer-binaries.js';
import type { PgBouncerBinaries } from './pgbouncer-binaries.js';
import { configurationOf, isAtLeast, USER_LIST, userListOf } from './pgbouncer-configuration.js';
import type { PgBouncerPlan } from './pgbouncer-configuration.js';
import { postgresEnvironment } from './postgres-binaries.js';
import type { Progress } from './postgres-binaries.js';
import { reachable } from './postgres-cluster.js';
import { makeServerFolder, ServerUnavailable, spawnOptions } from './server-folder.js';
import { handOver } from './server-user.js';
import type { ServerUser } from './server-user.js';

export interface PgBouncerServerOptions extends PgBouncerPlan {
  /** Default: a free one. */
  readonly port?: number;
  /** Is told what takes long, such as a download. */
  readonly onProgress?: Progress;
}

const PID_FILE = 'pgbouncer.pid';
const CONFIGURATION_FILE = 'pgbouncer.ini';
/** The last thing it says before it takes connections. */
const READY = /process up: PgBouncer/i;

interface Installed {
  readonly binaries: PgBouncerBinaries;
  /** `undefined`: the user who runs the tests. PgBouncer, too, refuses to run as root. */
  readonly user: ServerUser | undefined;
  readonly folder: string;
}

export class PgBouncerServer extends LocalServer {
  /** The exact version, such as "1.18.0". */
  readonly version: string;
  readonly poolMode: 'transaction' | 'session';
  /** Address of the PostgreSQL behind it. */
  readonly target: string;
  /** Holds everything of this PgBouncer, and goes with it. */
  readonly folder: string;
  readonly #installed: Installed;

  /**
   * Starts one; well below a second. It does not look at the server behind it, which may be down. Throws
   * ServerUnavailable when this machine has no program and can't get it, and an Error with the tail of the log when it
   * does not come up.
   */
  static async start(options: PgBouncerServerOptions): Promise<PgBouncerServer> {
    const { port = await freePort(), onProgress } = options;
    const found = await findPgBouncer(onProgress);
    if ('unavailable' in found) throw new ServerUnavailable('PgBouncer', found.unavailable);
    const configuration = configurationOf(options, port, found.version);
    const plan = { prefix: 'fluxor-pgbouncer-', pidFile: PID_FILE, endSignal: 'KILL' } as const;
    const installed = await makeServerFolder(plan, ({ path, user }): Installed => {
      // The login is readable for its user alone.
      const users = join(path, USER_LIST);
      writeFileSync(users, userListOf(options.target), { mode: 0o600 });
      writeFileSync(join(path, CONFIGURATION_FILE), configuration);
      if (user !== undefined) handOver(users, user);
      return { binaries: reachable(found, user, path), user, folder: path };
    });
    return LocalServer.started(new PgBouncerServer(installed, options, port));
  }

  private constructor(installed: Installed, options: PgBouncerServerOptions, port: number) {
    const { binaries, folder } = installed;
    const files = { logFile: join(folder, 'pgbouncer.log'), pidFile: join(folder, PID_FILE) };
    super({ label: `PgBouncer ${binaries.version}`, port, folder, ...files, endSignal: 'KILL' });
    this.folder = folder;
    this.version = binaries.version;
    this.poolMode = options.poolMode;
    this.target = options.target;
    this.#installed = installed;
  }

  /** The target's address with this host and port. */
  get url(): string {
    return this.#urlOf(new URL(this.target).pathname);
  }

  /** The admin console: a database of PgBouncer's own that takes SHOW, PAUSE, KILL and the like, as simple queries. */
  get adminUrl(): string {
    return this.#urlOf('/pgbouncer');
  }

  protected launch(): Launch {
    const { binaries, user, folder } = this.#installed;
    const options = spawnOptions({ path: folder, user }, postgresEnvironment(binaries));
    return { command: [join(binaries.binFolder, 'pgbouncer'), join(folder, CONFIGURATION_FILE)], options };
  }

  /**
   * The immediate shutdown: clients in the middle of a transaction lose it, and nobody is told why. Since 1.23 SIGTERM
   * waits until the last client has gone, and SIGQUIT is what SIGTERM was.
   */
  protected get stopSignal(): NodeJS.Signals {
    return isAtLeast(this.version, 1, 23) ? 'SIGQUIT' : 'SIGTERM';
  }

  protected isReady(_pid: number, said: string): boolean {
    return READY.test(said);
  }

  #urlOf(path: string): string {
    const url = new URL(this.target);
    url.hostname = this.host;
    url.port = String(this.port);
    url.pathname = path;
    url.search = '';
    return url.href;
  }
}
