/** Without a logger. */
import { observed } from './observed.js';

export const peer = observed({ name: 'silent', settings: '`logger: false`', options: { logger: false } });
