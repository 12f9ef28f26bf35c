/**
 * Where driver and pool meet: the pool's ResourceFactory for database connections. Turns every failure to connect into
 * an error of the house before the pool sees it.
 */
import type { ConnectRequest, Driver, FailureSituation } from '../driver/driver.js';
import type { TypeConfig } from '../driver/query.js';
import type { CreateRequest, ResourceFactory, ResourceFacts } from '../pool/resource-factory.js';
import type { ConnectTrace } from '../telemetry/channels.js';
import { CONNECT_CHANNEL, traced } from '../telemetry/channels.js';
import type { ConnectionPorts } from './connection.js';
import { Connection } from './connection.js';

/** What holds for each session from its start. */
export type SessionLimits = Pick<ConnectRequest, 'statementLimitMs' | 'preparedStatements'>;

export class ConnectionFactory implements ResourceFactory<Connection> {
  readonly label: string;
  readonly #driver: Driver;
  readonly #types: TypeConfig;
  readonly #ports: ConnectionPorts;
  readonly #limits: SessionLimits;
  /** Told once: it is one pooler for all connections. */
  #isPoolerTold = false;

  constructor(ports: ConnectionPorts, types: TypeConfig, limits: SessionLimits = {}) {
    this.label = ports.driver.endpoint;
    this.#driver = ports.driver;
    this.#types = types;
    this.#ports = ports;
    this.#limits = limits;
  }

  create(request: CreateRequest): Promise<Connection> {
    if (!CONNECT_CHANNEL.hasSubscribers) return this.#create(request);
    const { clock, driver } = this.#ports;
    const startedAt = clock.now();
    const context: ConnectTrace = {
      type: 'connect',
      driver: driver.name,
      endpoint: driver.endpoint,
      connectionId: request.id,
      error: undefined,
      durationMs: undefined,
    };
    return traced(
      CONNECT_CHANNEL,
      context,
      () => this.#create(request),
      () => {
        context.durationMs = clock.now() - startedAt;
      },
    );
  }

  async #create(request: CreateRequest): Promise<Connection> {
    try {
      const native = await this.#driver.connect({
        signal: request.signal,
        types: this.#types,
        onLost: (error) => this.#tellLost(error, request),
        onRotated: request.onRotated,
        onHealed: () => (this.#ports.book.counts.healed += 1),
        ...this.#limits,
      });
      if (native.isPooled === true) this.#tellPooler(request.id);
      return new Connection(request.id, native, this.#ports, request.onSiblings);
    } catch (error) {
      throw this.#ports.classify(error, situation('connect', request.id));
    }
  }

  condition(connection: Connection): ReturnType<Connection['condition']> {
    return connection.condition();
  }

  isBusy(connection: Connection): boolean {
    return connection.isBusy;
  }

  canShare(connection: Connection, now: number): boolean {
    return connection.canShare(now);
  }

  validate(connection: Connection): Promise<void> {
    return connection.validate();
  }

  reset(connection: Connection): Promise<void> {
    return connection.reset();
  }

  close(connection: Connection): Promise<void> {
    return connection.close();
  }

  destroy(connection: Connection): void {
    connection.destroy();
  }

  describe(connection: Connection): ResourceFacts {
    return connection.describe();
  }

  #tellPooler(connectionId: number): void {
    if (this.#isPoolerTold) return;
    this.#isPoolerTold = true;
    this.#ports.hub.tell('pooler:detected', { connectionId });
  }

  #tellLost(error: unknown, { id, onLost, onSiblings }: CreateRequest): void {
    const classified = this.#ports.classify(error, situation('idle', id));
    onLost(classified);
    if (classified.siblings !== 'keep') onSiblings(classified.siblings, classified);
  }
}

function situation(phase: FailureSituation['phase'], connectionId: number): FailureSituation {
  return {
    phase,
    wasSent: false,
    isReadOnly: false,
    isSafeToRepeat: false,
    inTransaction: false,
    askedReadOnly: false,
    context: { connectionId },
  };
}
