/** As it comes: metrics are counted, the logger is the default one, nobody watches. */
import { observed } from './observed.js';

export const peer = observed({ name: 'default', settings: 'every guard on, as in `guards`; nobody watches' });
