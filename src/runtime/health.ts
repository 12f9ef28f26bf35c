/**
 * Whether the database can be used through this runtime, asked of the database itself. Loaded with the first check.
 * Invariants: one probe at a time, however many ask; an answer is good for a second; a probe waits behind everybody else for
 * its connection, and never longer than a second; no text of an error is part of the answer.
 */
import { isFluxorError } from '../errors/fluxor-error.js';
import { TimeoutError } from '../errors/timeout-error.js';
import type { CircuitState } from '../gate/circuit-state.js';
import { formatMs } from '../kernel/duration.js';
import { within } from '../kernel/within.js';
import type { PoolStats } from '../pool/pool-stats.js';
import type { House } from './house.js';
import type { HealthStatus } from './metrics.js';

/** How the runtime is, frozen. */
export interface Health {
  readonly status: HealthStatus;
  /** Why it is not `up`: each a word for programs, and more for people. `circuit-open: 5 failures in a row within 800 ms`. */
  readonly reasons: readonly string[];
  /** Of the probe: until a connection was there, and the database had answered on it. */
  readonly latencyMs: number;
  /** Epoch milliseconds of the probe. */
  readonly at: number;
  /** The answer of an earlier check, at most a second old. */
  readonly isCached: boolean;
  readonly pool: PoolStats;
  readonly circuit: CircuitState;
}

const PROBE_MS = 1_000;
const CACHE_MS = 1_000;
/** Of the acquire timeout: whoever has waited for so much of it may well wait in vain. */
const LONG_WAIT = 0.5;

interface Finding {
  readonly status: Exclude<HealthStatus, 'up'>;
  readonly reason: string;
}

export class HealthCheck {
  readonly #house: House;
  #running: Promise<Health> | undefined;
  #last: { readonly endedAt: number; readonly health: Health } | undefined;

  constructor(house: House) {
    this.#house = house;
  }

  async check(): Promise<Health> {
    const { config } = this.#house.parts;
    const ending = this.#ending();
    if (ending !== undefined) return this.#healthOf([ending], 0);
    if (this.#last !== undefined && config.clock.now() - this.#last.endedAt < CACHE_MS) {
      return Object.freeze({ ...this.#last.health, isCached: true });
    }
    this.#running ??= this.#probe().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #probe(): Promise<Health> {
    const { clock } = this.#house.parts.config;
    const startedAt = clock.now();
    const findings = this.#look();
    // A suspended pool lends nothing, and that is no news of the database.
    const trouble = this.#house.parts.pool.stats().isSuspended ? undefined : await this.#ask(startedAt);
    // Whoever ends his runtime meanwhile is no trouble of the database, and hears of no change.
    const ending = this.#ending();
    if (ending !== undefined) return this.#healthOf([ending], clock.now() - startedAt);
    if (trouble !== undefined) findings.push(trouble);
    const endedAt = clock.now();
    const health = this.#healthOf(findings, endedAt - startedAt);
    const from = this.#last?.health.status ?? 'up';
    this.#last = { endedAt, health };
    const { status: to, reasons, latencyMs } = health;
    if (from !== to) this.#house.parts.hub.tell('health:changed', { from, to, reasons, latencyMs });
    return health;
  }

  #ending(): Finding | undefined {
    const { state } = this.#house.parts.lifecycle;
    const isEnding = state === 'draining' || state === 'closed';
    return isEnding ? { status: 'down', reason: `closed: the runtime is ${state}` } : undefined;
  }

  /** What is known without asking. */
  #look(): Finding[] {
    const { gate, pool, settings } = this.#house.parts;
    const findings: Finding[] = [];
    const { why = 'by hand' } = gate.circuit.condition;
    const { state } = gate.circuit;
    if (state === 'open' || state === 'forced-open') findings.push({ status: 'down', reason: `circuit-open: ${why}` });
    if (state === 'half-open') findings.push({ status: 'degraded', reason: `circuit-half-open: ${why}` });
    const { isSuspended, waiting } = pool.stats();
    const atGate = gate.limiter?.stats();
    if (isSuspended) findings.push({ status: 'degraded', reason: 'suspended: the pool lends nothing until resume()' });
    const oldestWaitMs = Math.max(pool.inspection.times().oldestWaitMs, atGate?.oldestWaitMs ?? 0);
    if (oldestWaitMs > LONG_WAIT * settings.current.acquireTimeoutMs) {
      const many = waiting + (atGate?.waiting ?? 0);
      const text = `long-wait: ${many} wait for a connection, the first for ${formatMs(oldestWaitMs)}`;
      findings.push({ status: 'degraded', reason: text });
    }
    return findings;
  }

  async #ask(startedAt: number): Promise<Finding | undefined> {
    const { pool, lifecycle, listening, timers } = this.#house.parts;
    if (lifecycle.state === 'idle') listening.start();
    const deadlineAt = startedAt + PROBE_MS;
    try {
      const lease = await pool.acquire({ deadlineAt, priority: 'low' });
      try {
        await within(lease.resource.validate(), { deadlineAt, signal: undefined }, timers, () => {
          throw new TimeoutError('validate', 'no proof of life in time', { outcome: 'not-sent' });
        });
      } catch (error) {
        lease.discard();
        throw error;
      }
      lease.release();
      return undefined;
    } catch (error) {
      return this.#findingOf(error);
    }
  }

  /** A pool in which everything is lent works; one that cannot connect does not. */
  #findingOf(error: unknown): Finding {
    if (!isFluxorError(error)) return { status: 'down', reason: 'failed: the probe failed' };
    const phase = error instanceof TimeoutError ? ` ${error.phase}` : '';
    const what = `${error.code}${phase}${error.reason === undefined || phase !== '' ? '' : ` ${error.reason}`}`;
    const isCrowded = error.code === 'POOL_EXHAUSTED' || phase === ' acquire';
    const { inUse, isSuspended } = this.#house.parts.pool.stats();
    if (isCrowded && (inUse > 0 || isSuspended)) {
      return { status: 'degraded', reason: `pool-exhausted: no connection came free for the probe (${what})` };
    }
    return { status: 'down', reason: `unreachable: ${what}` };
  }

  #healthOf(findings: readonly Finding[], latencyMs: number): Health {
    const { config, pool, gate } = this.#house.parts;
    const isDown = findings.some((finding) => finding.status === 'down');
    const status = isDown ? 'down' : findings.length > 0 ? 'degraded' : 'up';
    const at = config.clock.wallNow();
    this.#house.lastHealth = Object.freeze({ status, at });
    return Object.freeze({
      status,
      reasons: Object.freeze(findings.map(({ reason }) => reason)),
      latencyMs,
      at,
      isCached: false,
      pool: pool.stats(),
      circuit: gate.circuit.state,
    });
  }
}
