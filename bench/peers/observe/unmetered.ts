/**
 * The meters cannot be switched off, so that their methods are emptied here, in a process in which nothing else is measured: what
 * is left is the runtime as if it counted nothing. The pool's own numbers (`stats()`) and the events are as they were before
 * there were metrics.
 */
import { BucketHistogram } from '../../../src/kernel/bucket-histogram.js';
import { QueryMeter } from '../../../src/telemetry/query-meter.js';
import { observed } from './observed.js';

QueryMeter.prototype.begin = () => undefined;
QueryMeter.prototype.success = () => undefined;
BucketHistogram.prototype.add = () => undefined;

export const peer = observed({
  name: 'unmetered',
  settings: 'the methods that count queries and times are emptied',
  isUnmetered: true,
});
