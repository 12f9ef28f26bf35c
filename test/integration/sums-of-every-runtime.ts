/**
 * For every runtime that a test with a real server makes: its numbers add up while it works (looked at every 50 ms), when its
 * test ends, and, once it is disconnected, nothing of it is under way. vitest.config.ts loads this before each test file of the
 * project `servers`, so that no test can forget it.
 *
 * Runtimes are found by their first call, which touches neither their API nor the stack of what they throw.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach } from 'vitest';
import { House } from '../../src/runtime/house.js';
import { snapshotOf } from '../../src/runtime/metrics-snapshot.js';
import { checkMetricsAtRest, checkMetricSums, checkPoolSums, checkStatementSums } from '../chaos/metric-sums.js';

/** How long a runtime that has been disconnected may take to finish what it was doing. */
const REST_MS = 5_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const houses = new Set<House>();
/** What was wrong between two moments at which somebody can be told. */
const found: string[] = [];

// What the prototype had goes on being called on each house.
// eslint-disable-next-line @typescript-eslint/unbound-method
const newCall = House.prototype.newCall;
House.prototype.newCall = function (this: House, init) {
  houses.add(this);
  return newCall.call(this, init);
};

function check(house: House, when: string): void {
  const { pool, meter, config } = house.parts;
  checkMetricSums(snapshotOf(house), `${config.name}, ${when}`);
  checkPoolSums(pool.stats(), pool.inspection.times(), `${config.name}, ${when}`);
  checkStatementSums(meter, `${config.name}, ${when}`);
}

const watch = setInterval(() => {
  for (const house of houses) {
    try {
      check(house, 'while it worked');
    } catch (error) {
      found.push((error as Error).message);
      houses.delete(house);
    }
  }
}, 50);
watch.unref();

async function checkAll(): Promise<void> {
  const until = performance.now() + REST_MS;
  for (const house of houses) {
    check(house, 'at the end of a test');
    if (house.parts.lifecycle.state !== 'closed') continue;
    await untilAtRest(house, until);
    houses.delete(house);
  }
  if (found.length > 0) throw new Error(found.splice(0).join('\n'));
}

async function untilAtRest(house: House, until: number): Promise<void> {
  for (;;) {
    try {
      return checkMetricsAtRest(snapshotOf(house), `${house.parts.config.name}, disconnected`);
    } catch (error) {
      if (performance.now() >= until) throw error;
    }
    // A stream that user code has left between two pages is under way until it is collected, and nobody says when that is.
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

afterEach(checkAll);
afterAll(async () => {
  clearInterval(watch);
  await checkAll();
});
