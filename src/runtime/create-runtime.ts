/** The composition root: the one file in which the rooms are put together. */
import { resolveConfig } from '../config/resolve-config.js';
import type { RuntimeOptions } from '../config/runtime-options.js';
import type { ConnectionConfig } from '../connection/connection-options.js';
import { ConnectionFactory } from '../connection/connection-factory.js';
import { DeadlineTimer } from '../kernel/deadline.js';
import { PoolSettings } from '../pool/pool-settings.js';
import { Pool } from '../pool/pool.js';
import { StatementCompiler } from '../sql/statement-compiler.js';
import { Hub } from '../telemetry/hub.js';
import { AsyncLeaseScopes, createDetached, detachClock } from './async-lease-scopes.js';
import { House } from './house.js';
import { Lifecycle } from './lifecycle.js';
import { buildInnerRoad, buildRoad } from './pipeline.js';
import { PoolController } from './pool-control.js';
import type { DBRuntime } from './runtime.js';
import { Runtime } from './runtime.js';

/**
 * Makes a runtime. No I/O happens here: the first call, or `connect()`, opens the first connection.
 *
 * @throws ConfigError listing every wrong option.
 *
 * @example
 * const db = createRuntime({ driver: postgres({ url }), pool: { maxSize: 20 } });
 * const user = await db.queryRow('select * from users where id = $1', [id]);
 * await db.disconnect();
 */
export function createRuntime(options: RuntimeOptions): DBRuntime {
  const config = resolveConfig(options);
  const { random, driver } = config;
  const detached = createDetached();
  const clock = detachClock(config.clock, detached);
  const settings = new PoolSettings(config.pool);
  const timers = new DeadlineTimer(clock);
  const hub = new Hub(clock);
  const connectionConfig = liveConnectionConfig(settings);
  const ports = { driver, clock, timers, hub, config: () => connectionConfig };
  const factory = new ConnectionFactory(ports, config.types);
  const scopes = new AsyncLeaseScopes(settings);
  const pool = new Pool(factory, settings, { clock, timers, random, hub, scopes, detached });
  const { maxSessions } = driver.capabilities;
  const poolControl = new PoolController({ pool, settings, options: structuredClone(options.pool ?? {}), maxSessions });
  const lifecycle = new Lifecycle(config.name);
  const start = () => {
    lifecycle.move('running');
    hub.tell('runtime:started', {});
    // Its end is told as `pool:warmed`; only `connect()` waits for it.
    pool.start()?.catch(() => undefined);
  };
  const road = buildRoad({ lifecycle, start, hub, clock, pool, settings });
  const innerRoad = buildInnerRoad({ hub, clock });
  const compiler = new StatementCompiler(driver.dialect);
  return new Runtime(
    new House({ config, hub, timers, pool, settings, poolControl, scopes, compiler, lifecycle, road, innerRoad }),
  );
}

/** Read at every release, so it is one object for ever whose fields follow the settings. */
function liveConnectionConfig(settings: PoolSettings): ConnectionConfig {
  return {
    get onRelease() {
      return settings.current.onRelease;
    },
    get validationQuery() {
      const { validation } = settings.current;
      return validation === false ? undefined : validation.query;
    },
  };
}
