/** Ours with a line that is served within the callers' deadline: what `pool.maxWaiting` is for. */
import { fluxor } from './fluxor.js';

const LINE = 200;

export const peer = fluxor('fluxor-short-line', { maxWaiting: LINE }, `pool.maxWaiting: ${LINE}`);
