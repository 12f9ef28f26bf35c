/**
 * How long a stream has waited for the database, page by page. The time that its consumer takes between two pages is the
 * consumer's, and no part of the query's duration.
 */
import { isFluxorError } from '../errors/fluxor-error.js';
import type { Clock } from '../kernel/clock.js';
import type { QueryMeter } from '../telemetry/query-meter.js';
import { waitsOf } from './call-waits.js';
import type { Call } from './call.js';

export class StreamMeter {
  readonly #meter: QueryMeter;
  readonly #clock: Clock;
  /** Milliseconds, of the first page with all that came before it, and of the others. */
  #firstMs = 0;
  #fetchingMs = 0;

  constructor(meter: QueryMeter, clock: Clock) {
    this.#meter = meter;
    this.#clock = clock;
  }

  noteFirst(call: Call): void {
    this.#firstMs = this.#clock.now() - call.startedAt;
  }

  notePage(askedAt: number): void {
    this.#fetchingMs += this.#clock.now() - askedAt;
  }

  /** Once: what comes after it counts for nothing. */
  completed(call: Call, rows: number, rowsAffected: number): void {
    const now = this.#clock.now();
    const durationMs = this.#duration(call);
    this.#meter.success(call, durationMs, now, rows, rowsAffected);
    call.traced?.end(call, durationMs, now, rows, rowsAffected);
  }

  failed(call: Call, error: unknown): void {
    const known = isFluxorError(error) ? error : undefined;
    const now = this.#clock.now();
    const durationMs = this.#duration(call);
    this.#meter.failure(call, durationMs, now, error, known);
    call.traced?.fail(call, durationMs, now, error);
  }

  #duration(call: Call): number {
    if (this.#fetchingMs > 0) waitsOf(call).fetchingMs = this.#fetchingMs;
    return this.#firstMs + this.#fetchingMs;
  }
}
