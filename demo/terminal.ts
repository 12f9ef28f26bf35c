/** The escape codes are those of `fluxor top`; whether there are colours, the environment of this process says. */
import { painter, wantsColours } from '../src/cli/terminal.js';

export { CLEAR_BELOW, CLEAR_TO_END_OF_LINE, cut, HIDE_CURSOR, rowsUp, SHOW_CURSOR } from '../src/cli/terminal.js';
export type { Style } from '../src/cli/terminal.js';

export const paint = painter(wantsColours(process.env));
