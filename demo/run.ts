/**
 * The run of acts 3 and 4: the workload, the pulse that shows its figures five times a second, and what happens to it.
 * Made and stopped by main.ts.
 */
import type { DemoDatabase } from './database.js';
import type { OutageReport } from './outage.js';
import { causeOutage } from './outage.js';
import type { Statistics } from './statistics.js';
import { TICK_MS } from './statistics.js';
import type { View } from './view.js';
import type { World } from './workload.js';
import { Workload } from './workload.js';

/** A moment of the run, for the throughput between two of them. */
interface Mark {
  readonly elapsedMs: number;
  readonly queries: number;
}

export class Run {
  readonly #statistics: Statistics;
  readonly #view: View;
  readonly #workload: Workload;
  readonly #pulse: NodeJS.Timeout;
  readonly #marks: { broken?: Mark; recovered?: Mark } = {};
  #status = 'running';

  /** Starts at once. */
  constructor(world: World, statistics: Statistics, view: View) {
    this.#statistics = statistics;
    this.#view = view;
    statistics.startMeasuring();
    this.#workload = new Workload(world, statistics);
    this.#pulse = setInterval(() => this.#show(), TICK_MS);
  }

  get elapsedMs(): number {
    return this.#statistics.figures().elapsedMs;
  }

  /** Queries per second until the outage, and from the recovery on. */
  get throughput(): { before: number; after: number } {
    const { broken = START, recovered = START } = this.#marks;
    return { before: rate(START, broken), after: rate(recovered, this.#statistics.figures()) };
  }

  async surviveOutage(database: DemoDatabase): Promise<OutageReport> {
    this.#marks.broken = this.#statistics.figures();
    this.#status = 'outage';
    const report = await causeOutage(database, this.#statistics, (text) => this.#view.say(text));
    this.#marks.recovered = this.#statistics.figures();
    this.#status = report.recoveryMs === undefined ? 'not recovered' : 'recovered';
    return report;
  }

  /** Lets the workers finish; from here on nothing is counted any more. */
  async stop(): Promise<void> {
    await this.#workload.stop();
    this.#statistics.stopMeasuring();
    clearInterval(this.#pulse);
  }

  #show(): void {
    this.#statistics.tick();
    this.#view.figures(this.#statistics.figures(), this.#status);
  }
}

const START: Mark = { elapsedMs: 0, queries: 0 };

function rate(from: Mark, to: Mark): number {
  return ((to.queries - from.queries) * 1000) / Math.max(to.elapsedMs - from.elapsedMs, 1);
}
