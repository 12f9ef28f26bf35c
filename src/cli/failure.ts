/**
 * Why there is no connection, for people: what happened, and the next step. By code, reason and number of the error alone: its text
 * may come from a server, and is not shown. A pure function over the error.
 */
import type { FluxorError } from '../index.js';
import { ConfigError, ERROR_CATALOGUE, isFluxorError } from '../index.js';

export interface Failure {
  readonly code: string;
  readonly reason?: string;
  readonly sqlState?: string;
  readonly vendorCode?: string;
  readonly text: string;
  /** The next step. */
  readonly advice: string;
}

type Words = readonly [text: string, advice: string];

const BY_REASON: Readonly<Record<string, Words>> = {
  dns: [
    'the name of the host is unknown',
    'check its spelling, and whether this machine can resolve it: getent hosts NAME',
  ],
  refused: [
    'nothing listens there: the connection was refused',
    'is the server running, on this host and this port, and does it listen on this address?',
  ],
  unreachable: ['the host cannot be reached', 'check the route: firewall, security group, VPN'],
  tls: ['the TLS handshake failed', 'check that server and URL agree on TLS'],
  lost: [
    'the connection was closed before the session was there',
    'does the port belong to this kind of database, and does it speak TLS? Look into the log of the server',
  ],
  'starting-up': ['the server is starting', 'wait, and try again'],
  'shutting-down': ['the server is shutting down', 'wait until it is back'],
  'too-many-connections': [
    'all connections of the server, the database, the user or the pooler are taken',
    'find out who holds them, make pools smaller, or raise the limit',
  ],
  'unknown-database': ['there is no such database there', 'check the name at the end of the URL; create it'],
  credentials: [
    'user or password were refused',
    'check both; percent-encode special characters in a URL; look at the rules of the server (pg_hba.conf, host of the user, locked account)',
  ],
  'local-resources': [
    'this machine ran out of sockets, files or memory, or could not load the client library',
    'look at ulimit -n, and reinstall the client library',
  ],
  settings: ['the server does not accept the settings of the connection', 'check the parameters of the URL'],
  protocol: [
    'the other side does not speak the protocol that was expected',
    'does the port belong to this kind of database, and not to another, a proxy or an HTTP server?',
  ],
  'idle-timeout': ['the session was ended for being idle', 'try again'],
};

/** Of Node's codes for certificates, and what they have in common. */
const CERTIFICATES: readonly (readonly [codes: RegExp, ...words: Words])[] = [
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|UNTRUSTED|INVALID_CA/,
    "the server's certificate is signed by nobody who is trusted here",
    'name the authority: NODE_EXTRA_CA_CERTS=FILE for this command, the option ssl.ca of the driver in the service',
  ],
  [/EXPIRED/, "the server's certificate has run out", 'renew it at the server'],
  [
    /NOT_YET_VALID/,
    "the server's certificate is not valid yet",
    "compare the clocks of both machines, and the certificate's dates",
  ],
  [
    /ALTNAME|HOSTNAME/,
    "the server's certificate is for another name",
    'connect by a name that is in it, or have one made for this name',
  ],
];

const NO_TLS: readonly [text: string, advice: string] = [
  'the server does not offer TLS, or will not do without',
  'turn TLS on at the server, or change what the URL asks for (sslmode, ssl-mode)',
];

/** There is no answer to a connect. */
export const UNANSWERED =
  'is it the right host and port? A firewall that drops packets looks like this. --timeout gives more time';
/** There was a session, and then it took too long. */
export const SLOW_SERVER = 'give it more time (--timeout), or find out what holds the server up (fluxor top)';
const SLOW: readonly [text: string, advice: string] = ['it took too long', SLOW_SERVER];
const TIMEOUTS: Readonly<Record<string, Words>> = {
  connect: ['the server did not answer in time', UNANSWERED],
  acquire: ['the server did not answer in time', UNANSWERED],
};

export function failureOf(error: unknown): Failure {
  if (!isFluxorError(error)) {
    const name = error instanceof Error && /^\w{1,40}$/.test(error.name) ? error.name : 'Error';
    return {
      code: 'OTHER',
      text: `something unexpected happened (${name})`,
      advice: 'this should not happen: please report it',
    };
  }
  const [text, advice] = wordsFor(error);
  const vendor = error.vendorCode === undefined ? undefined : String(error.vendorCode);
  return {
    code: error.code,
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    ...(isPlain(error.sqlState) ? { sqlState: error.sqlState } : {}),
    ...(isPlain(vendor) ? { vendorCode: vendor } : {}),
    text,
    advice,
  };
}

function wordsFor(error: FluxorError): Words {
  if (error instanceof ConfigError || error.code === 'DRIVER_MISSING') return wordsForConfig(error);
  if (error.code === 'TIMEOUT') return TIMEOUTS[error.reason ?? ''] ?? SLOW;
  if (error.code === 'CONNECTION' && error.reason === 'tls') return wordsForTls(String(error.vendorCode ?? ''));
  const words = BY_REASON[error.reason ?? ''];
  if (words !== undefined && (error.code === 'CONNECTION' || error.code === 'AUTH')) return words;
  return [ERROR_CATALOGUE[error.code].meaning, ERROR_CATALOGUE[error.code].action];
}

function wordsForConfig(error: FluxorError): Words {
  const issues = (error as Partial<ConfigError>).issues ?? [];
  if (error.code === 'DRIVER_MISSING') {
    return [
      'the client library of this database is not installed',
      `install it: ${issues[0]?.expected ?? 'see the documentation of the door'}`,
    ];
  }
  const lines = issues.map(({ path, got, expected }) => `${path}: got ${got}, expected ${expected}`);
  return [lines.join('; ') || 'the options are wrong', 'correct them, and try again'];
}

function wordsForTls(code: string): Words {
  const row = CERTIFICATES.find(([codes]) => codes.test(code));
  if (row !== undefined) return [row[1], row[2]];
  return code === '' ? NO_TLS : (BY_REASON['tls'] as Words);
}

/** A number of the vendor or a state of the standard; anything else may be more. */
function isPlain(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z0-9_-]{1,60}$/.test(text);
}
