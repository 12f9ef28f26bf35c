/**
 * A program of its own: drops what a demo that is in a hurry has made in a database of the user's. Started by
 * borrowed-database.ts at the second Ctrl-C, which waits for its end; address, name and sessions come in the environment.
 */
import { lodgingAt, openAdmin } from './borrowed-database.js';

// A third Ctrl-C reaches every process of the terminal; this one has a job to finish.
process.on('SIGINT', () => undefined);

const { FLUXOR_DEMO_URL: url = '', FLUXOR_DEMO_NAME: name = '', FLUXOR_DEMO_SESSIONS: sessions = '' } = process.env;
await using admin = openAdmin(url, name);
await lodgingAt(url, name, new Set(sessions.split(',').filter(Boolean))).drop(admin);
