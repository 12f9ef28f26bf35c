/** pg-query-stream with pages as large as ours. */
import { pgQueryStream } from './pg-query-stream.js';

export const peer = pgQueryStream('pg-query-stream-500', 'batchSize 500', { batchSize: 500 });
