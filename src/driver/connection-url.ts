/**
 * Takes a connection URL apart, the same way for every database. The URL holds a password, so nothing here ever quotes
 * it: an issue names the part that is wrong, not its text.
 */
import type { OptionIssue } from '../kernel/option-reader.js';

export interface ConnectionUrl {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  /** Query-string keys in order; each is for the driver's room to know or to refuse. */
  readonly parameters: ReadonlyMap<string, string>;
}

const FORM = 'scheme://user:password@host:port/database';

/** `undefined` when it cannot be read at all; then `issues` says why. */
export function parseConnectionUrl(
  url: string,
  schemes: readonly string[],
  path: string,
  issues: OptionIssue[],
): ConnectionUrl | undefined {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    const expected = `a URL like ${FORM}; special characters in user and password percent-encoded`;
    issues.push({ path, got: 'a text that is not a URL', expected });
    return undefined;
  }
  const scheme = parsed.protocol.slice(0, -1);
  if (!schemes.includes(scheme)) {
    issues.push({ path, got: `the scheme '${scheme}:'`, expected: schemes.map((known) => `'${known}:'`).join(' or ') });
    return undefined;
  }
  // A password with a bare '/', '?' or '#' ends the host early. What is left of it would be taken for a database or a
  // parameter, and shown as one in endpoints and messages; its '@' gives it away.
  if (`${parsed.pathname}${parsed.search}`.includes('@') || parsed.hash !== '') {
    const expected = "special characters percent-encoded: '/' as '%2F', '?' as '%3F', '#' as '%23', '@' as '%40'";
    issues.push({ path, got: "a '#', or an '@' behind the host", expected });
    return undefined;
  }
  if (parsed.port === '0') issues.push({ path, got: 'the port 0', expected: 'a port from 1 to 65,535' });
  const host = decode(parsed.hostname.replace(/^\[|\]$/g, ''), path, 'host', issues);
  return {
    host,
    port: parsed.port === '' ? undefined : Number(parsed.port),
    user: decode(parsed.username, path, 'user', issues),
    password: decode(parsed.password, path, 'password', issues),
    database: decode(parsed.pathname.replace(/^\//, ''), path, 'database', issues),
    parameters: new Map(parsed.searchParams),
  };
}

function decode(text: string, path: string, part: string, issues: OptionIssue[]): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    issues.push({ path, got: `a ${part} with a stray '%'`, expected: "'%' written as '%25'" });
    return undefined;
  }
}
