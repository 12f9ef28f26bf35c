/** Around transactions: what tracers are handed, and what is published on the tracing channel. */
import type { TransactionTrace } from '../telemetry/channels.js';
import { traced, TRANSACTION_CHANNEL } from '../telemetry/channels.js';
import type { TraceParts } from './call-trace.js';
import type { House } from './house.js';
import type { TransactionOptions } from './query-options.js';

/** A transaction that is traced, as its runs and its handle see it. */
export interface TracedTransaction {
  readonly trace: TransactionTrace;
  readonly parts: TraceParts;
  /** What the database is to be told of it. */
  readonly carrier: string | undefined;
  /** Of a `begin()`: its handle has ended. */
  readonly onEnd: (() => void) | undefined;
}

/** Whether anybody wants to be around transactions. */
export function tracesTransactions({ parts }: House): boolean {
  return parts.tracing.tracing.isOn || TRANSACTION_CHANNEL.hasSubscribers;
}

export function traceTransaction<T>(
  { parts: { tracing: parts } }: House,
  way: TransactionTrace['way'],
  { label, isolation, readOnly = false }: TransactionOptions,
  work: (traced: TracedTransaction) => Promise<T>,
): Promise<T> {
  const { tracing, place, clock } = parts;
  const startedAt = clock.now();
  const trace: TransactionTrace = {
    type: 'transaction',
    runtime: place.runtime,
    driver: place.driver,
    endpoint: place.endpoint,
    way,
    label,
    isolation,
    readOnly,
    connectionId: undefined,
    outcome: undefined,
    statements: 0,
    attempts: 1,
    waits: [],
    error: undefined,
    durationMs: undefined,
  };
  const open = tracing.begin(trace);
  const end = (): void => {
    trace.durationMs = clock.now() - startedAt;
    open?.end();
  };
  const fail = (error: unknown): void => {
    trace.error = error;
    end();
  };
  const onEnd = way === 'begin' ? end : undefined;
  const run = (): Promise<T> => {
    const begun = () => work({ trace, parts, carrier: open?.carrier, onEnd });
    const answer = open === undefined ? begun() : open.run(begun);
    answer.then(onEnd === undefined ? end : ignore, fail);
    return answer;
  };
  if (!TRANSACTION_CHANNEL.hasSubscribers) return run();
  return traced(TRANSACTION_CHANNEL, trace, run, () => {
    trace.durationMs ??= clock.now() - startedAt;
  });
}

function ignore(): void {
  // The handle has begun, and ends by itself.
}
