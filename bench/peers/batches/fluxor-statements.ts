/** Ours without COPY: one prepared statement, pipelined. What a text gets that is no plain insert. */
import { fluxor } from './fluxor.js';

export const peer = fluxor('fluxor-statements', 'statements');
