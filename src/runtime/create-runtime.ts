/** The composition root: the one file in which the rooms are put together. */
import { resolveConfig } from '../config/resolve-config.js';
import type { RuntimeOptions } from '../config/runtime-options.js';
import { ConnectionFactory } from '../connection/connection-factory.js';
import { DeadlineTimer } from '../kernel/deadline.js';
import { Pool } from '../pool/pool.js';
import { StatementCompiler } from '../sql/statement-compiler.js';
import { Hub } from '../telemetry/hub.js';
import { House } from './house.js';
import { Lifecycle } from './lifecycle.js';
import { buildInnerRoad, buildRoad } from './pipeline.js';
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
  const { clock, random, driver, pool: poolConfig } = config;
  const timers = new DeadlineTimer(clock);
  const hub = new Hub(clock);
  const validationQuery = poolConfig.validation === false ? undefined : poolConfig.validation.query;
  const connectionConfig = { validationQuery, onRelease: poolConfig.onRelease };
  const factory = new ConnectionFactory({ driver, clock, timers, hub, config: connectionConfig }, config.types);
  const pool = new Pool(factory, poolConfig, { clock, timers, random, hub });
  const lifecycle = new Lifecycle(config.name);
  const start = () => {
    lifecycle.move('running');
    hub.tell('runtime:started', {});
  };
  const road = buildRoad({ lifecycle, start, hub, clock, pool, acquireTimeoutMs: poolConfig.acquireTimeoutMs });
  const innerRoad = buildInnerRoad({ hub, clock });
  const compiler = new StatementCompiler(driver.dialect);
  return new Runtime(new House({ config, hub, timers, pool, compiler, lifecycle, road, innerRoad }));
}
