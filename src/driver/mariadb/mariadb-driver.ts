/**
 * The driver over the mariadb connector: loads it, opens its single connections, and says what its errors mean. The rest is
 * mysql-server/mysql-family-driver.ts.
 */
import type { FluxorError } from '../../errors/fluxor-error.js';
import type { Clock } from '../../kernel/clock.js';
import type { Capabilities } from '../capabilities.js';
import type { ConnectRequest, FailureSituation } from '../driver.js';
import { loadPeer } from '../load-peer.js';
import type { ControlSession } from '../mysql-server/mysql-cancel.js';
import { classifyMysqlError } from '../mysql-server/mysql-errors.js';
import { MYSQL_CAPABILITIES, MysqlFamilyDriver } from '../mysql-server/mysql-family-driver.js';
import { flavourOf } from '../mysql-server/mysql-flavour.js';
import type { MysqlConfig } from '../mysql-server/mysql-options.js';
import { serverErrorOf } from '../mysql-server/mysql-server-error.js';
import { serverOf } from '../mysql-server/mysql-session.js';
import { classifyMariadbClient } from './mariadb-client-errors.js';
import { clientOptions } from './mariadb-client-options.js';
import { MariadbConnection } from './mariadb-connection.js';
import type { MariadbModule } from './mariadb-module.js';
import { MariadbWire } from './mariadb-wire.js';

export class MariadbDriver extends MysqlFamilyDriver<MariadbModule> {
  override readonly capabilities: Capabilities = { ...MYSQL_CAPABILITIES, pipelining: true };

  constructor(config: MysqlConfig, clock?: Clock) {
    super('mariadb', config, clock);
  }

  classify(error: unknown, situation: FailureSituation): FluxorError {
    return classifyMysqlError(error, situation, this.endpoint, classifyMariadbClient);
  }

  protected loadLibrary(): Promise<MariadbModule> {
    return loadPeer<MariadbModule>('mariadb', () => import('mariadb/callback'));
  }

  protected async openSession(request: ConnectRequest): Promise<MariadbConnection> {
    const { config, control } = this;
    const module = await this.library();
    return this.logIn(request, (login) =>
      MariadbConnection.open(module, clientOptions(config, login), config, request, control),
    );
  }

  protected async openControl(onGone: () => void, signal: AbortSignal): Promise<ControlSession> {
    const module = await this.library();
    const wire = await this.logIn({ signal }, (login) =>
      // Each is sent at once, whatever is still to be answered.
      MariadbWire.open(module, { ...clientOptions(this.config, login), pipelining: true }, signal, onGone),
    );
    wire.unref();
    signal.addEventListener('abort', () => wire.destroy(), { once: true });
    try {
      if (signal.aborted) wire.destroy();
      const flavour = flavourOf(wire.info.serverVersion?.raw ?? '');
      return {
        server: await serverOf(flavour, (text) => wire.valueOf(text)),
        run: (texts) => Promise.all(texts.map((text) => wire.query(text).then(() => undefined, errorOfServer))),
        destroy: () => wire.destroy(),
      };
    } catch (error) {
      wire.destroy();
      throw error;
    }
  }
}

/** What the server says of one statement is its answer; anything else is the end of the session. */
function errorOfServer(error: unknown): unknown {
  if (serverErrorOf(error) === undefined) throw error;
  return error;
}
