/**
 * The command line of the demo. Read once by main.ts, before anything is started.
 * Invariant: whatever is unknown or malformed comes back as a `problem` for people, never as an exception, so that
 * main.ts can end with exit code 2 while there is still nothing to clean up.
 */
import { parseArgs } from 'node:util';
import { isFluxorError } from 'fluxor-db';
import { postgres } from 'fluxor-db/postgres';

export interface DemoOptions {
  /** How long the workload runs. */
  readonly seconds: number;
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

export const HELP = `Fluxor-DB, shown at work: cities, a mixed workload, a server that dies, and the figures.

Usage: npm run demo -- [options]

  --seconds N      length of the workload, ${SECONDS.min} to ${SECONDS.max} (default ${SECONDS.default}). It lasts a little
                   longer where less than 2 s would be left after the recovery
  --url URL        use this PostgreSQL database (postgres://user:password@host:port/database) instead of starting a
                   private server. The demo works in a schema of its own and drops it afterwards; a direct
                   connection is needed, not one through a pooler
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
        url: { type: 'string' },
        plain: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    const seconds = readSeconds(values.seconds);
    return { kind: 'run', options: { seconds, url: readUrl(values.url), isPlain: values.plain } };
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

/** The driver itself says whether it understands the address. Nothing is connected here. */
function readUrl(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  if (url === '') throw new Error("--url: got '', expected postgres://user:password@host:port/database");
  try {
    postgres({ url });
    return url;
  } catch (error) {
    if (isFluxorError(error, 'CONFIG')) throw new Error(`--url: ${error.message}`, { cause: error });
    throw error;
  }
}
