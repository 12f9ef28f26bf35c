/**
 * The stage of a pool's simulation: a real pool on a fake clock, resources that do as they are told, and the record of what
 * happened. Knows which of the pool's timers will wake it up, and stops the process or leaps the wall clock.
 */
import type { Clock } from '../../src/kernel/clock.js';
import { DeadlineTimer } from '../../src/kernel/deadline.js';
import type { LeaseScope } from '../../src/pool/lease-scopes.js';
import type { SharingPorts } from '../../src/pool/lane.js';
import { PoolSettings } from '../../src/pool/pool-settings.js';
import { Pool } from '../../src/pool/pool.js';
import type { CreateRequest } from '../../src/pool/resource-factory.js';
import type { EventName } from '../../src/telemetry/events.js';
import { EVENT_NAMES } from '../../src/telemetry/events.js';
import { Hub } from '../../src/telemetry/hub.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import type { FakeResource } from '../fakes/fake-resources.js';
import { FakeResources } from '../fakes/fake-resources.js';
import { Dice } from './dice.js';
import { Happenings } from './pool-happenings.js';
import { randomConfig } from './pool-random-config.js';

/** Deadlines are noticed up to this much late. */
export const TICK_MS = 1;

/** Every event of the pool. */
export const POOL_EVENTS = (Object.keys(EVENT_NAMES) as EventName[]).filter((name) =>
  /^(connection|lease|acquire|pool):/.test(name),
);

class TimedResources extends FakeResources {
  /** When each attempt began, the last one last. */
  readonly attempts: number[] = [];
  /** The id of the last attempt. */
  lastId = 0;
  /** Attempts that brought something after they had been given up. */
  late = 0;
  onAttempt: (id: number) => void = () => undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super(clock);
    this.#clock = clock;
  }

  override create(request: CreateRequest): Promise<FakeResource> {
    this.attempts.push(this.#clock.now());
    this.lastId = request.id;
    this.onAttempt(request.id);
    const attempt = super.create(request);
    attempt.then(
      () => (this.late += request.signal.aborted ? 1 : 0),
      () => undefined,
    );
    return attempt;
  }

  /** Made and not yet destroyed. */
  get living(): readonly FakeResource[] {
    return this.made.filter((resource) => !resource.isDestroyed);
  }
}

export class PoolWorld {
  readonly history: string[] = [];
  readonly happenings = new Happenings();
  readonly dice: Dice;
  readonly clock = new FakeClock();
  readonly timers = new DeadlineTimer(this.clock);
  readonly hub = new Hub(this.clock);
  readonly factory = new TimedResources(this.clock);
  readonly settings: PoolSettings;
  /** In most lives statements share connections. */
  readonly sharing: SharingPorts | undefined;
  /** Connections may have become too old at some time. */
  hadLifetimes: boolean;
  readonly pool: Pool<FakeResource>;
  /** The scope that the code runs in which asks now. */
  scope: LeaseScope | undefined;
  isStarted = false;
  isClosing = false;
  isLastAttemptFailed = false;
  /** For how long the process has stood still, if that is long enough to be noticed; until it had the chance to be. */
  frozenMs = 0;
  readonly #violations: string[] = [];
  /** Timers of the pool that hold no process open: pauses before attempts, and the housekeeper's. */
  #quietTimers = 0;
  #loudTimers = 0;

  constructor(seed: number) {
    this.dice = new Dice(seed);
    this.settings = new PoolSettings(randomConfig(this.dice));
    const depth = this.dice.oneOf([1, 2, 3, 16]);
    this.sharing = this.dice.chance(0.7) ? { depth: () => depth, maxStatementMs: 5, statementMs: () => 1 } : undefined;
    this.hadLifetimes = this.settings.current.maxLifetimeMs !== Infinity;
    const { timers, hub, dice, sharing } = this;
    const scopes = { current: () => this.scope };
    const ports = { clock: this.#countedClock(), timers, hub, random: dice.random, scopes, sharing };
    this.pool = new Pool(this.factory, this.settings, ports);
    this.factory.onAttempt = (id) => this.note(`  ${id} is begun`);
    for (const name of POOL_EVENTS) hub.on(name, () => this.happenings.count(name));
    hub.on('connection:lost', ({ connectionId }) => this.note(`  ${connectionId} is lost`));
    hub.on('pool:evicted', ({ reason, count }) => this.note(`  ${count} are told to go: ${reason}`));
    hub.on('connection:created', ({ connectionId }) => {
      this.note(`  ${connectionId} is made`);
      this.isLastAttemptFailed = false;
    });
    hub.on('connection:create-failed', ({ error }) => {
      this.note(`  an attempt fails: ${error.message}`);
      this.isLastAttemptFailed = true;
    });
    hub.on('connection:closed', ({ connectionId, reason }) => {
      this.note(`  ${connectionId} is closed: ${reason}`);
      this.happenings.count(`closed: ${reason}`);
    });
    hub.on('pool:evicted', ({ reason }) => this.happenings.count(`evicted: ${reason}`));
  }

  /** Timers that will wake the pool up to make something; the housekeeper's, every second, would hide a forgotten line. */
  get pauses(): number {
    return this.#quietTimers - (this.isStarted ? 1 : 0);
  }

  /** All timers the pool has set by itself; deadlines are watched elsewhere. */
  get poolTimers(): number {
    return this.#quietTimers + this.#loudTimers;
  }

  note(text: string): void {
    this.history.push(`${this.clock.now().toFixed(0)} ms: ${text}`);
  }

  violate(text: string): void {
    this.note(`VIOLATION ${text}`);
    this.#violations.push(text);
  }

  throwViolations(): void {
    if (this.#violations.length > 0) throw new Error(this.#violations.join('\n'));
  }

  #countedClock(): Clock {
    const { clock } = this;
    return {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      setTimer: (delayMs, fire, options) => {
        const isQuiet = options?.keepAlive === false;
        let isPending = true;
        const end = () => {
          if (isPending) this.#countTimer(isQuiet, -1);
          isPending = false;
        };
        this.#countTimer(isQuiet, 1);
        const onFire = () => {
          end();
          fire();
        };
        const timer = clock.setTimer(delayMs, onFire, options);
        return { ...timer, cancel: () => (end(), timer.cancel()) };
      },
    };
  }

  #countTimer(isQuiet: boolean, change: 1 | -1): void {
    if (isQuiet) this.#quietTimers += change;
    else this.#loudTimers += change;
  }
}
