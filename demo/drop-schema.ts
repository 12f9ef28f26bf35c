/**
 * A program of its own: drops the schema of a demo that is in a hurry. Started by borrowed-database.ts at the second
 * Ctrl-C, which waits for its end; address and name come in the environment.
 */
import { dropSchema, openAdmin } from './borrowed-database.js';

// A third Ctrl-C reaches every process of the terminal; this one has a job to finish.
process.on('SIGINT', () => undefined);

const { FLUXOR_DEMO_URL: url = '', FLUXOR_DEMO_SCHEMA: schema = '' } = process.env;
await using admin = openAdmin(url, schema);
await dropSchema(admin, schema);
