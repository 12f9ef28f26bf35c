/** The parts of the fleet's simulation, each alone: a figure of docs/fleet.md is worth what these are worth. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/kernel/random.js';
import type { FakeClock } from '../../src/testing/fake-clock.js';
import { fakeClock } from '../../src/testing/fake-clock.js';
import { FleetClock } from './fleet-clock.js';
import { DatabaseModel } from './fleet-database.js';
import { fleetDriver, FleetServer, WORK } from './fleet-driver.js';

describe('The fleet clock', () => {
  it('fires what the fake clock fires, in the same order', async () => {
    const fleet = new FleetClock();
    const fake = fakeClock();
    const logs = [log(fleet), log(fake)];
    for (let second = 1; second <= 20; second += 1) {
      await fleet.runUntil(second * 1_000);
      await fake.advance(1_000);
    }
    expect(logs[0]?.length).toBeGreaterThan(500);
    expect(logs[0]).toEqual(logs[1]);
    expect(fleet.pendingTimerCount).toBe(fake.pendingTimerCount);
  });
});

/** Timers that set timers and cancel others, drawn from one seed. */
function log(clock: FleetClock | FakeClock): string[] {
  const lines: string[] = [];
  const random = seededRandom(7);
  const timers = Array.from({ length: 50 }, (_, index) => set(index));
  function set(index: number): ReturnType<typeof clock.setTimer> {
    return clock.setTimer(Math.floor(random() * 40) * 25, () => {
      lines.push(`${clock.now()} ${index}`);
      void Promise.resolve().then(() => lines.push(`after ${index}`));
      timers[index] = set(index);
      const other = Math.floor(random() * timers.length);
      if (other === index) return;
      timers[other]?.cancel();
      timers[other] = set(other);
    });
  }
  return lines;
}

describe('The modelled database', () => {
  async function endsOf(processors: number, works: readonly number[], change?: (database: DatabaseModel) => void) {
    const clock = new FleetClock();
    const database = new DatabaseModel(clock, processors);
    const ends: number[] = [];
    for (const work of works) database.start(work, () => ends.push(Math.round(clock.now() * 100) / 100));
    if (change !== undefined) clock.setTimer(10, () => change(database));
    await clock.runUntil(10_000);
    expect([database.load, clock.pendingTimerCount]).toEqual([0, 0]);
    return ends;
  }

  it('gives each piece of work a processor while there are enough', async () => {
    expect(await endsOf(4, [20, 30, 40, 50])).toEqual([20, 30, 40, 50]);
  });

  it('shares the processors evenly when there are more pieces than processors', async () => {
    expect(await endsOf(2, [20, 20, 20, 20])).toEqual([40, 40, 40, 40]);
    expect(await endsOf(1, [10, 20])).toEqual([20, 30]);
  });

  it('does a tenth of the work in a brown-out, of what is under way too', async () => {
    expect(await endsOf(10, Array<number>(10).fill(20), (database) => database.setProcessors(1))).toEqual(
      Array<number>(10).fill(110),
    );
  });

  it('has used what a piece got before it was cut short', async () => {
    const clock = new FleetClock();
    const database = new DatabaseModel(clock, 1);
    const ends: number[] = [];
    const job = database.start(100, () => ends.push(clock.now()));
    await clock.runUntil(30);
    database.shorten(job, 2);
    await clock.runUntil(1_000);
    database.shorten(job, 2);
    expect(ends).toEqual([32]);
  });
});

describe('The driver of the modelled database', () => {
  const controller = new AbortController();
  const query = { text: 'select 1', params: [] } as unknown as Parameters<
    Awaited<ReturnType<FleetServer['connect']>>['execute']
  >[0];

  async function serve(maxSessions: number) {
    const clock = new FleetClock();
    const database = new DatabaseModel(clock, 4);
    const server = new FleetServer(database, maxSessions, () => 0.5);
    const connect = () => server.connect({ signal: controller.signal } as Parameters<FleetServer['connect']>[0]);
    return { clock, database, server, connect };
  }

  it('lets a statement whose client is gone run on, and keeps its session until then', async () => {
    const { clock, database, server, connect } = await serve(10);
    const connecting = connect();
    await clock.runUntil(WORK.login);
    const session = await connecting;
    const running = session.execute(query).catch((error: Error) => error.message);
    session.destroy();
    expect(await running).toBe('Connection terminated unexpectedly');
    expect([database.load, server.sessions]).toEqual([1, 1]);
    await clock.runUntil(WORK.login + WORK.statement);
    expect([database.load, server.sessions]).toEqual([0, 0]);
  });

  it('obeys a cancel some work later, with the error of PostgreSQL', async () => {
    const { clock, connect } = await serve(10);
    const connecting = connect();
    await clock.runUntil(WORK.login);
    const session = await connecting;
    const running = session.execute(query).catch((error: unknown) => error);
    void session.cancel();
    await clock.runUntil(WORK.login + WORK.cancel + WORK.untilNoticed);
    expect(await running).toMatchObject({ code: '57014' });
    expect(session.state).toBe('idle');
  });

  it('refuses a session too many, and its error is read as PostgreSQL’s', async () => {
    const { clock, server, connect } = await serve(1);
    const [first, second] = [connect(), connect().catch((error: unknown) => error)];
    await clock.runUntil(WORK.login);
    expect((await first).state).toBe('idle');
    expect(await second).toMatchObject({ code: '53300' });
    expect(fleetDriver(server).endpoint).toContain('model');
    expect(server.sessions).toBe(1);
  });
});
