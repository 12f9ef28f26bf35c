/**
 * A real MySQL or MariaDB server in a temporary folder, for tests, the demo and the benches: start it, stop it, kill it,
 * pause it, and connect with `url`. It listens on 127.0.0.1 and on a socket in its folder, and keeps its port over
 * restarts.
 * Invariant: after `remove()` neither a process nor a folder of it is left, also when the server was paused or killed
 * before; and the same holds when the process that started it ends without calling it.
 * It speaks no SQL; that is what the drivers under test are for.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from './debian-packages.js';
import { freePort } from './free-port.js';
import { LocalServer } from './local-server.js';
import type { Launch } from './local-server.js';
import { productName, serverCommand, serverEnvironment } from './mysql-binaries.js';
import type { MysqlProduct } from './mysql-binaries.js';
import { createInstallation } from './mysql-installation.js';
import type { MysqlCertificate, MysqlInstallation } from './mysql-installation.js';
import { LOGIN } from './mysql-settings.js';
import type { MysqlSettings } from './mysql-settings.js';
import { spawnOptions } from './server-folder.js';

export type { MysqlProduct } from './mysql-binaries.js';
export { ServerUnavailable } from './server-folder.js';

export interface MysqlServerOptions {
  readonly product: MysqlProduct;
  /** Server variables, such as `{ max_connections: '10' }`. */
  readonly settings?: MysqlSettings;
  /** Default: a free one. */
  readonly port?: number;
  /** Default: MySQL makes a certificate of its own (see `ownCa`), and MariaDB offers no TLS. */
  readonly tls?: MysqlCertificate;
  /** Is told what takes long, such as a download. */
  readonly onProgress?: Progress;
}

/** The last thing it says before it takes connections. */
const READY = /ready for connections/;

export class MysqlServer extends LocalServer {
  readonly user: string = LOGIN.user;
  readonly password: string = LOGIN.password;
  readonly database: string = LOGIN.database;
  readonly product: MysqlProduct;
  /** The exact version, such as "9.7.4". */
  readonly version: string;
  readonly #installation: MysqlInstallation;

  /**
   * Makes a new data folder and starts the server in it; about a second, and three for the first of a cache.
   * Throws ServerUnavailable when this machine has no programs and can't get them, and an Error with the tail of the log
   * when the server does not come up.
   */
  static async start(options: MysqlServerOptions): Promise<MysqlServer> {
    const { product, settings = {}, port = await freePort(), tls, onProgress = () => undefined } = options;
    const installation = await createInstallation({ product, port, settings, tls, onProgress });
    return LocalServer.started(new MysqlServer(installation, port));
  }

  private constructor(installation: MysqlInstallation, port: number) {
    const { product, version } = installation.binaries;
    super({ ...installation, label: `${productName(product)} ${version}`, port, endSignal: 'KILL' });
    this.#installation = installation;
    this.product = product;
    this.version = version;
  }

  /** Such as "MariaDB 10.11". */
  get name(): string {
    return `${productName(this.product)} ${this.version.split('.').slice(0, 2).join('.')}`;
  }

  /** The user of the database: all rights there, PROCESS everywhere. */
  get url(): string {
    return this.#urlOf(this.user, this.password);
  }

  /** The user with all rights. */
  get adminUrl(): string {
    return this.#urlOf(LOGIN.admin, LOGIN.adminPassword);
  }

  /** A user like that of `url` who logs in with MariaDB's "ed25519"; `undefined` where the plugin is missing. */
  get ed25519Url(): string | undefined {
    return this.#installation.hasEd25519 ? this.#urlOf(LOGIN.ed25519, this.password) : undefined;
  }

  /** The unix socket. */
  get socketPath(): string {
    return this.#installation.socket;
  }

  /** The authority, as PEM text, that has signed the certificate MySQL makes for itself; it names no host. */
  get ownCa(): string | undefined {
    const file = join(this.dataFolder, 'ca.pem');
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  get dataFolder(): string {
    return this.#installation.dataFolder;
  }

  protected launch(): Launch {
    const { binaries, flags, folder, user } = this.#installation;
    const options = spawnOptions({ path: folder, user }, serverEnvironment(binaries));
    return { command: [...serverCommand(binaries), ...flags], options };
  }

  /** MySQL takes a second for it. */
  protected get stopSignal(): NodeJS.Signals {
    return 'SIGTERM';
  }

  protected isReady(_pid: number, said: string): boolean {
    return READY.test(said);
  }

  /** The socket and what names its process: the next holder of the process id is nobody to wait for, or to end. */
  protected override clearRemains(): void {
    const { socket, pidFile, dataFolder } = this.#installation;
    const remains = [pidFile, socket, `${socket}.lock`, join(dataFolder, 'mysqld.pid')];
    for (const file of remains) rmSync(file, { force: true });
  }

  #urlOf(user: string, password: string): string {
    return `mysql://${user}:${password}@${this.host}:${this.port}/${this.database}`;
  }
}
