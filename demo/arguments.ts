/**
 * The command line of the demo. Read once by main.ts, before anything is started.
 * Invariant: whatever is unknown or malformed comes back as a `problem` for people, never as an exception, so that
 * main.ts can end with exit code 2 while there is still nothing to clean up.
 */
import { parseArgs } from 'node:util';
import { EXPECTED_URL, openDoor } from './doors.js';

/** What a private server can be. */
export type Product = 'postgres' | 'mysql' | 'mariadb' | 'oracle';

export interface DemoOptions {
  /** How long the workload runs. */
  readonly seconds: number;
  /** What kind of private server is started. */
  readonly product: Product;
  /** A database of the user's; `undefined` starts a private server. */
  readonly url: string | undefined;
  /** One line per second instead of a live picture. */
  readonly isPlain: boolean;
}

export type Arguments =
  | { readonly kind: 'run'; readonly options: DemoOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'problem'; readonly problem: string };

/** Below 3 s the outage in the middle would leave nothing to measure before it; an hour is a soak test, not a demo. */
const SECONDS = { min: 3, max: 3600, default: 20 } as const;

/** The first one is the default. */
const PRODUCTS: readonly [Product, ...Product[]] = ['postgres', 'mysql', 'mariadb', 'oracle'];

export const HELP = `Fluxor-DB, shown at work: cities, a mixed workload, a server that dies, and the figures.

Usage: npm run demo -- [options]

  --seconds N      length of the workload, ${SECONDS.min} to ${SECONDS.max} (default ${SECONDS.default}). It lasts a little
                   longer where less than 2 s would be left after the recovery
  --db NAME        the private server that is started: ${PRODUCTS.join(', ')} (default ${PRODUCTS[0]}).
                   oracle is a wire-level test server, not an Oracle Database: it speaks Oracle's protocol to the real
                   client library, and a PostgreSQL behind it answers the SQL
  --url URL        use this database instead of starting a private server: postgres://user:password@host:port/database,
                   mysql://… (by the client library mysql2), mariadb://… (by the mariadb connector) or
                   oracle://user:password@host:port/service. The demo works in a schema of its own (on all but PostgreSQL:
                   a table of its own) and drops it afterwards; a direct connection is needed, not one through a pooler
  --plain          one line of figures per second and no escape codes (automatic when the output is not a terminal)
  --help           this text

NO_COLOR=1 turns colours off. Ctrl-C ends the demo at any time and leaves nothing behind.
Exit codes: 0 recovered and every check holds, 1 something failed, 2 wrong arguments, 128 + n ended by signal n.
`;

export function readArguments(argv: readonly string[]): Arguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seconds: { type: 'string' },
        db: { type: 'string' },
        url: { type: 'string' },
        plain: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    if (values.db !== undefined && values.url !== undefined)
      throw new Error('--db starts a private server, and --url uses one of yours: give one of the two');
    const seconds = readSeconds(values.seconds);
    const product = readProduct(values.db);
    return { kind: 'run', options: { seconds, product, url: readUrl(values.url), isPlain: values.plain } };
  } catch (error) {
    return { kind: 'problem', problem: (error as Error).message };
  }
}

function readSeconds(text: string | undefined): number {
  if (text === undefined) return SECONDS.default;
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (seconds >= SECONDS.min && seconds <= SECONDS.max) return seconds;
  throw new Error(`--seconds: got '${text}', expected a whole number, ${SECONDS.min} to ${SECONDS.max}`);
}

function readProduct(name: string | undefined): Product {
  const product = name === undefined ? PRODUCTS[0] : PRODUCTS.find((known) => known === name);
  if (product !== undefined) return product;
  throw new Error(`--db: got '${name}', expected one of ${PRODUCTS.join(', ')}`);
}

/** The driver itself says whether it understands the address. Nothing is connected here. */
function readUrl(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  if (url === '') throw new Error(`--url: got '', expected ${EXPECTED_URL}`);
  try {
    const { dialect } = openDoor(url);
    const hasDatabase = new URL(url).pathname.length > 1;
    // PostgreSQL has a default one; here there would be nowhere to make a table.
    if (dialect === 'mysql' && !hasDatabase) throw new Error('no database is named; end it with /database');
    return url;
  } catch (error) {
    throw new Error(`--url: ${(error as Error).message}`, { cause: error });
  }
}
