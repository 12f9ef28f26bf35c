/** What `--help` prints. Kept beside command-line.ts, and compared with it by a test. */
import type { CommandName } from './command-line.js';

const OVERVIEW = `fluxor: looks at a database, and at the runtimes that use it.

Usage: fluxor <command> [url] [options]

  ping     a doctor's report: connects, measures, reads the server's settings, says what would go wrong
  top      a live view of a runtime (the URL of its diagnostics) or of a database server
  config   the configuration in force, without secrets, and where each value was said

  fluxor <command> --help    the options of a command
  fluxor --version           the version of fluxor-db

The URL may be left out where FLUXOR_URL or DATABASE_URL says it.
`;

const COMMON = `  --env-file FILE  variables of this file, where the environment does not say otherwise
  --no-color       no colours; NO_COLOR=1 does the same
  --help, -h       this text
`;

const EXIT_CODES = `Exit codes: 0 all is well or can be lived with, 1 a problem was found or the database cannot be reached, 2 wrong
arguments, URL or options, 130 ended by Ctrl-C.
`;

const PING = `fluxor ping [url] [options]: a doctor's report about a database, as this configuration would use it.

Opens one connection, asks what the session is and may do, measures round trips, stops a sleeping statement to see whether it
can, and compares the server's settings with the options of the runtime. Changes nothing.

  --timeout TIME   for everything together, 100ms to 10m (default 10s)
  --rounds N       round trips to measure (default 20)
  --instances N    processes that will run with this configuration, for the connections they need (default 1)
  --preset NAME    production, development or serverless, below the URL and the environment
  --json           the report as JSON
${COMMON}
${EXIT_CODES}`;

const TOP = `fluxor top [url] [options]: a live view; q or Ctrl-C ends it.

For http: and https:, the URL gives what db.diagnostics() answers, as JSON: pool, rates, durations, circuit, limits, statements,
slow queries, errors, who waits. For a database, what the server says of itself: sessions, long statements, locks, transactions.
Statements are shown by their shape, without values.

  --interval TIME  between two looks, 100ms to 1h (default 1s)
  --timeout TIME   for one look (default 10s)
  --token TOKEN    bearer token for a diagnostics URL; better in FLUXOR_TOKEN, where nobody sees it
  --once           one look, and the end (automatic when the output is no terminal)
${COMMON}
${EXIT_CODES}`;

const CONFIG = `fluxor config [url] [options]: every option in force and where it was said: in the URL, in a variable of the
environment, by a preset, or nowhere (default). What is wrong is listed at once. Connects to nothing.

  --preset NAME    production, development or serverless, below the URL and the environment
  --json           as JSON
${COMMON}
Exit codes: 0 the configuration is right, 2 something is wrong with it, or with the arguments.
`;

const TEXTS: Readonly<Record<CommandName, string>> = { ping: PING, top: TOP, config: CONFIG };

export function helpText(command: CommandName | undefined): string {
  return command === undefined ? OVERVIEW : TEXTS[command];
}
