/**
 * What the runtime is made of, in one record: built by create-runtime.ts, where the rooms are put together,
 * used by the runtime, its sessions and its transactions. Nothing here is module-level: two runtimes share nothing.
 */
import type { RuntimeConfig } from '../config/runtime-options.js';
import type { Connection } from '../connection/connection.js';
import type { Deadline, DeadlineTimer } from '../kernel/deadline.js';
import type { Lease } from '../pool/lease.js';
import type { PoolSettings } from '../pool/pool-settings.js';
import type { Pool } from '../pool/pool.js';
import type { StatementCompiler } from '../sql/statement-compiler.js';
import type { Hub } from '../telemetry/hub.js';
import type { Holding, Work } from './call.js';
import { Call } from './call.js';
import type { AsyncLeaseScopes } from './async-lease-scopes.js';
import type { PoolControl } from './pool-control.js';
import type { Lifecycle } from './lifecycle.js';
import type { QueryOptions } from './query-options.js';
import type { Handler } from './stages.js';

export interface HouseParts {
  /** What never changes; the pool's part is in `settings`. */
  readonly config: Omit<RuntimeConfig, 'pool'>;
  readonly hub: Hub;
  readonly timers: DeadlineTimer;
  readonly pool: Pool<Connection>;
  readonly settings: PoolSettings;
  readonly poolControl: PoolControl;
  readonly scopes: AsyncLeaseScopes;
  readonly compiler: StatementCompiler;
  readonly lifecycle: Lifecycle;
  /** From the application to a connection. */
  readonly road: Handler;
  /** For statements that have their connection already. */
  readonly innerRoad: Handler;
}

export interface CallRequest {
  readonly kind: Call['kind'];
  readonly timeoutMs: number;
  readonly options: QueryOptions;
  readonly holding?: Holding;
  readonly work: Work;
  readonly outer?: { readonly deadline: Deadline; readonly timeoutMs: number };
  readonly connectionId?: number;
}

export class House {
  readonly parts: HouseParts;
  readonly #handles = new FinalizationRegistry<Lease<Connection>>((lease) => this.parts.pool.dropped(lease));
  #config: RuntimeConfig | undefined;
  #lastCallId = 0;
  #lastTransactionId = 0;

  constructor(parts: HouseParts) {
    this.parts = parts;
  }

  /** The configuration in force now; the pool's part of it may change. */
  get config(): RuntimeConfig {
    const { config, settings } = this.parts;
    if (this.#config?.pool !== settings.current) this.#config = Object.freeze({ ...config, pool: settings.current });
    return this.#config;
  }

  /** A handle that user code dropped without releasing it gives its connection back when the garbage collector finds it. */
  watchHandle(handle: object, lease: Lease<Connection>): void {
    this.#handles.register(handle, lease);
  }

  /** Starts the clock of a call. */
  newCall(request: CallRequest): Call {
    const { config } = this.parts;
    this.#lastCallId += 1;
    return new Call({ ...request, id: this.#lastCallId, runtimeName: config.name, clock: config.clock });
  }

  nextTransactionId(): number {
    this.#lastTransactionId += 1;
    return this.#lastTransactionId;
  }
}
