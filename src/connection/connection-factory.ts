/**
 * Where driver and pool meet: the pool's ResourceFactory for database connections. Turns every failure to connect into
 * an error of the house before the pool sees it.
 */
import type { ConnectRequest, Driver, FailureSituation } from '../driver/driver.js';
import type { TypeConfig } from '../driver/query.js';
import type { CreateRequest, ResourceFactory, ResourceFacts } from '../pool/resource-factory.js';
import type { ConnectTrace } from '../telemetry/channels.js';
import { CONNECT_CHANNEL, traced } from '../telemetry/channels.js';
import type { Tracing } from '../telemetry/tracing.js';
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
  readonly #runtime: string;
  /** Told once: it is one pooler for all connections. */
  #isPoolerTold = false;

  /** `runtime` is its name, for traces. */
  constructor(ports: ConnectionPorts, types: TypeConfig, limits: SessionLimits = {}, runtime = '') {
    this.label = ports.driver.endpoint;
    this.#driver = ports.driver;
    this.#types = types;
    this.#ports = ports;
    this.#limits = limits;
    this.#runtime = runtime;
  }

  create(request: CreateRequest): Promise<Connection> {
    const { tracing } = this.#ports;
    if (tracing?.isOn === true || CONNECT_CHANNEL.hasSubscribers) return this.#traced(request, tracing);
    return this.#create(request);
  }

  #traced(request: CreateRequest, tracing: Tracing | undefined): Promise<Connection> {
    const { clock, driver } = this.#ports;
    const startedAt = clock.now();
    const context: ConnectTrace = {
      type: 'connect',
      runtime: this.#runtime,
      driver: driver.name,
      endpoint: driver.endpoint,
      connectionId: request.id,
      error: undefined,
      durationMs: undefined,
    };
    const open = tracing?.begin(context);
    const end = (error?: unknown): void => {
      context.error = error;
      context.durationMs = clock.now() - startedAt;
      open?.end();
    };
    const run = (): Promise<Connection> => {
      const answer = open === undefined ? this.#create(request) : open.run(() => this.#create(request));
      answer.then(() => end(), end);
      return answer;
    };
    return CONNECT_CHANNEL.hasSubscribers ? traced(CONNECT_CHANNEL, context, run, () => undefined) : run();
  }

  async #create(request: CreateRequest): Promise<Connection> {
    try {
      const { tracing } = this.#ports;
      const ask: ConnectRequest = {
        signal: request.signal,
        types: this.#types,
        onLost: (error) => this.#aloud(() => this.#tellLost(error, request)),
        onRotated: () => this.#aloud(() => request.onRotated?.()),
        onHealed: () => {
          this.#ports.book.counts.healed += 1;
          this.#aloud(() => this.#ports.hub.tell('statement:healed', { connectionId: request.id }));
        },
        ...(tracing?.sessionName === undefined ? {} : { sessionName: tracing.sessionName }),
        ...(tracing === undefined ? {} : { quietly: (work) => (tracing.isQuiet ? tracing.quietly(work) : work()) }),
        ...this.#limits,
      };
      const native = await this.#quietly(() => this.#driver.connect(ask));
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
    return this.#quietly(() => connection.validate());
  }

  reset(connection: Connection): Promise<void> {
    return this.#quietly(() => connection.reset());
  }

  close(connection: Connection): Promise<void> {
    return this.#quietly(() => connection.close());
  }

  destroy(connection: Connection): void {
    connection.destroy();
  }

  describe(connection: Connection): ResourceFacts {
    return connection.describe();
  }

  #quietly<T>(work: () => T): T {
    const { tracing } = this.#ports;
    return tracing?.isQuiet === true ? tracing.quietly(work) : work();
  }

  /** What the client library calls by itself. */
  #aloud(tell: () => void): void {
    const { tracing } = this.#ports;
    if (tracing === undefined) tell();
    else tracing.aloud(tell);
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
