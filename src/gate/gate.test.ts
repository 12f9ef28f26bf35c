import { afterEach, describe, expect, it } from 'vitest';
import { RejectedError } from '../errors/rejected-error.js';
import { ConnectionError } from '../errors/connection-error.js';
import { DeadlineTimer } from '../kernel/deadline.js';
import { FakeClock } from '../testing/fake-clock.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { ConnectionLimitOptions } from './connection-limiter-options.js';
import { ConnectionLimiter } from './connection-limiter.js';
import type { GateRequest } from './gate.js';
import { Gate, Pass } from './gate.js';
import type { RateLimitOptions } from './rate-limiter-options.js';
import { RateLimiter } from './rate-limiter.js';

interface BenchOptions {
  readonly rate?: RateLimitOptions;
  readonly limit?: ConnectionLimitOptions;
  readonly poolSize?: number;
}

class GateBench {
  readonly clock = new FakeClock();
  readonly timers = new DeadlineTimer(this.clock);
  readonly gate: Gate;
  isHolder = false;
  poolSize: number;

  constructor({ rate, limit, poolSize = 10 }: BenchOptions) {
    const { clock, timers } = this;
    this.poolSize = poolSize;
    const ports = { clock, timers, random: () => 0.5 };
    this.gate = new Gate({
      circuit: new CircuitBreaker({ failures: 1, halfOpenSuccesses: 1 }, ports),
      isCircuitTimed: false,
      rate: rate === undefined ? undefined : new RateLimiter(rate, ports),
      limiter: limit === undefined ? undefined : new ConnectionLimiter(limit, ports),
      host: {
        now: () => clock.now(),
        poolSize: () => this.poolSize,
        isHolder: () => this.isHolder,
      },
    });
  }

  request(more: Partial<GateRequest> = {}): GateRequest {
    return { deadlineAt: this.clock.now() + 5_000, signal: undefined, priority: undefined, ...more };
  }

  enter(more?: Partial<GateRequest>): Pass | Promise<Pass> {
    return this.gate.enter(this.request(more), this.clock.now(), this.clock.now() + 2_000);
  }

  /** A pass that needs no wait. */
  enterNow(): Pass {
    const pass = this.enter();
    if (!(pass instanceof Pass)) throw new Error('it has to wait');
    return pass;
  }

  open(): void {
    const pass = this.enterNow();
    pass.fail(failure(), {});
    pass.onResourceFree();
  }
}

const failure = () =>
  new ConnectionError('lost', 'gone', { breaker: 'failure', outcome: 'unknown', cause: new Error() });
const end = (pass: Pass | undefined): void => {
  pass?.succeed('success');
  pass?.onResourceFree();
};
const benches: GateBench[] = [];
const bench = (options: BenchOptions = {}): GateBench => {
  const one = new GateBench(options);
  benches.push(one);
  return one;
};

afterEach(async () => {
  for (const { gate, clock, timers } of benches.splice(0)) {
    gate.stop();
    timers.stop();
    await clock.advance(0);
    expect(gate.circuit.inFlight).toBe(0);
    expect(gate.limiter?.stats().inUse ?? 0).toBe(0);
    expect(clock.pendingTimers).toEqual([]);
  }
});

describe('the gate', () => {
  it('lets a call pass at once where nothing has to wait', () => {
    const { gate } = bench({ rate: { perSecond: 10 }, limit: { max: 5 } });
    const pass = gate.enter({ deadlineAt: Infinity, signal: undefined, priority: undefined }, 0, 2_000);
    expect(pass).toBeInstanceOf(Pass);
    (pass as Pass).succeed('success');
    (pass as Pass).onResourceFree();
  });

  it('refuses before a token or a slot is taken while the circuit is open', () => {
    const one = bench({ rate: { perSecond: 10 }, limit: { max: 5 } });
    one.open();
    expect(() => one.enter()).toThrow(RejectedError);
    expect(one.gate.rate?.stats().tokens).toBe(9);
    expect(one.gate.limiter?.stats().acquired).toBe(1);
  });

  it('gives token and slot back when the circuit opens while a call stands in line', async () => {
    const one = bench({ rate: { perSecond: 10 }, limit: { max: 1 } });
    const first = one.enterNow();
    const second = one.enter();
    first.fail(failure(), {});
    first.onResourceFree();
    await expect(second).rejects.toMatchObject({ code: 'CIRCUIT_OPEN', outcome: 'not-sent' });
    expect(one.gate.rate?.stats().tokens).toBe(9);
    expect(one.gate.limiter?.stats()).toMatchObject({ inUse: 0, waiting: 0 });
  });

  it('gives the token back when the line of the limiter ends in nothing', async () => {
    const one = bench({ rate: { perSecond: 10 }, limit: { max: 1 } });
    const first = one.enterNow();
    const second = Promise.resolve(one.enter()).catch((error: unknown) => error);
    await one.clock.advance(2_000);
    expect(await second).toMatchObject({ code: 'TIMEOUT', reason: 'acquire' });
    expect(one.gate.rate?.stats().tokens).toBe(10);
    first.succeed('success');
    first.onResourceFree();
  });

  it('holds the slot until the connection is at nobody’s service, however the call has ended', () => {
    const one = bench({ limit: { max: 1 } });
    const pass = one.enterNow();
    pass.fail(failure(), {});
    expect(one.gate.limiter?.stats().inUse).toBe(1);
    pass.onResourceFree();
    pass.onResourceFree();
    pass.succeed('success');
    expect(one.gate.limiter?.stats().inUse).toBe(0);
  });

  it('leaves waiting to the pool where the limit is no lower than its size', () => {
    const one = bench({ limit: { max: 10 }, poolSize: 10 });
    const passes = Array.from({ length: 30 }, () => one.enterNow());
    expect(one.gate.limiter?.stats()).toMatchObject({ inUse: 30, waiting: 0 });
    for (const pass of passes) end(pass);
  });

  it('counts what runs while it makes nobody wait, so that a lower limit holds from then on', async () => {
    const one = bench({ limit: { max: 10 }, poolSize: 10 });
    const passes = Array.from({ length: 5 }, () => one.enterNow());
    one.gate.limiter?.set({ max: 3 });
    const waiting = Promise.resolve(one.enter());
    for (const pass of passes.splice(0, 2)) end(pass);
    await one.clock.settle();
    expect(one.gate.limiter?.stats()).toMatchObject({ inUse: 3, waiting: 1 });
    end(passes[0]);
    expect(one.gate.limiter?.stats()).toMatchObject({ inUse: 3, waiting: 0 });
    for (const pass of [...passes, await waiting]) end(pass);
  });

  it('lets nobody overtake those in its line when it is not the lower limit any more', async () => {
    const one = bench({ limit: { max: 2 }, poolSize: 10 });
    const passes = [one.enterNow(), one.enterNow()];
    const order: string[] = [];
    const enter = async (name: string) => {
      passes.push(await one.enter());
      order.push(name);
    };
    void enter('first');
    one.poolSize = 2;
    void enter('second');
    expect(one.gate.limiter?.stats()).toMatchObject({ inUse: 2, waiting: 2 });
    for (const pass of passes.splice(0)) end(pass);
    await one.clock.settle();
    expect(order).toEqual(['first', 'second']);
    for (const pass of passes) end(pass);
  });

  it('gives one time to acquire for all lines, which begins when there is a token', async () => {
    const one = bench({ rate: { perSecond: 1, burst: 2, maxWait: '5s' }, limit: { max: 1 } });
    const holder = one.enterNow();
    const second = Promise.resolve(one.enter());
    await one.clock.advance(1_500);
    end(holder);
    const pass = await second;
    expect(pass.acquireBy).toBe(2_000);
    end(pass);
    end(one.enterNow());
    const late = Promise.resolve(one.enter({ deadlineAt: 9_000 }));
    await one.clock.advance(500);
    expect((await late).acquireBy).toBe(1_500 + 500 + 2_000);
    end(await late);
  });

  it('hears the statements of a session again after the circuit has opened and closed', () => {
    const one = bench();
    const session = one.enterNow();
    const before = session.generation;
    one.gate.circuit.forceOpen();
    one.gate.circuit.reset();
    session.record(before, 'failure', { error: failure() });
    expect(one.gate.circuit.state).toBe('closed');
    session.record(session.generation, 'failure', { error: failure() });
    expect(one.gate.circuit.state).toBe('open');
    session.succeed('ignore');
  });

  it('lets holders of a connection pass by the line: they would wait for themselves', () => {
    const one = bench({ limit: { max: 1 } });
    const holder = one.enterNow();
    one.isHolder = true;
    const nested = one.enter();
    return Promise.resolve(nested).then((pass) => {
      expect(pass.hasSlot).toBe(false);
      pass.succeed('success');
      holder.succeed('success');
      holder.onResourceFree();
    });
  });

  it('lets calls in little by little after the circuit has closed', async () => {
    const one = bench({ limit: { max: 10 }, poolSize: 10 });
    one.open();
    await one.clock.advance(60_000);
    end(one.enterNow());
    expect(one.gate.circuit.state).toBe('closed');
    expect(one.gate.limiter?.stats()).toMatchObject({ limit: 1, inUse: 0 });
    const passes: Pass[] = [];
    for (let call = 0; call < 10; call += 1) void Promise.resolve(one.enter()).then((pass) => passes.push(pass));
    await one.clock.settle();
    expect(passes.length).toBe(1);
    await one.clock.advance(500);
    expect(passes.length).toBeGreaterThan(3);
    expect(passes.length).toBeLessThan(8);
    await one.clock.advance(600);
    expect(passes.length).toBe(10);
    for (const pass of passes) {
      pass.succeed('success');
      pass.onResourceFree();
    }
  });

  it('gives back a token that was spent on nothing', () => {
    const one = bench({ rate: { perSecond: 10 } });
    one.enterNow().fail(new ConnectionError('refused', 'nobody listens'), {});
    expect(one.gate.rate?.stats().tokens).toBe(10);
    const sent = one.enterNow();
    sent.fail(new ConnectionError('lost', 'gone', { outcome: 'unknown' }), {});
    expect(one.gate.rate?.stats().tokens).toBe(9);
  });
});
