/** What would go wrong on the way: TLS, certificates, distance. Pure. */
import type { Rule } from './finding.js';
import { formatLength, formatMs } from './format.js';

const DAY_MS = 86_400_000;

/** Names and addresses that lead to this machine, and paths of sockets. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|::1|::ffff:127(\.\d+){3}|\/.*|)$/i;

export function isLoopback(address: string): boolean {
  return LOOPBACK.test(address);
}

const tls: Rule = ({ link, endpoint, isEmbedded }) => {
  if (isEmbedded) return undefined;
  const { tls: facts, address } = link;
  if (facts === undefined) {
    const isNear = address === undefined ? isLoopback(hostOf(endpoint)) : isLoopback(address);
    if (isNear) return { level: 'ok', rule: 'tls-off', text: 'no TLS, and none needed: the server is on this machine' };
    return {
      ...{
        level: 'warning',
        rule: 'tls-off',
        text: 'no TLS: passwords, statements and rows cross the network in the clear',
      },
      advice: TLS_ADVICE[endpoint.split(':')[0] ?? ''] ?? 'ask for TLS in the URL',
    };
  }
  if (/^(TLSv1(\.[01])?|SSL.*)$/.test(facts.protocol)) {
    return {
      ...{ level: 'warning', rule: 'tls-old', text: `${facts.protocol} is broken; it has been out of use since 2021` },
      advice: 'let the server speak TLS 1.2 or 1.3',
    };
  }
  if (facts.isVerified)
    return { level: 'ok', rule: 'tls', text: `${facts.protocol}, and the certificate was verified` };
  const because = facts.unverifiedBecause === undefined ? '' : ` (${facts.unverifiedBecause})`;
  return {
    ...{ level: 'warning', rule: 'tls-unverified' },
    text: `${facts.protocol}, but the certificate was not verified${because}: whoever is on the way can be the server`,
    advice:
      'verify it: sslmode=verify-full, ssl-mode=VERIFY_IDENTITY, or the option ssl of the driver with the authority (ca)',
  };
};

const TLS_ADVICE: Readonly<Record<string, string>> = {
  postgres: 'add ?sslmode=verify-full to the URL, and name the authority (ssl.ca) where it is your own',
  mysql: 'add ?ssl-mode=VERIFY_IDENTITY to the URL, and name the authority (ssl.ca) where it is your own',
  mariadb: 'add ?ssl-mode=VERIFY_IDENTITY to the URL, and name the authority (ssl.ca) where it is your own',
  oracle: 'add ?tls=true to the URL, for a listener that speaks TCPS',
};

const expiry: Rule = ({ link, at }) => {
  const until = link.tls?.validTo;
  if (until === undefined) return undefined;
  const left = until - at;
  const when = left <= 0 ? `ran out ${formatLength(-left)} ago` : `runs out in ${formatLength(left)}`;
  const text = `the server's certificate ${when}`;
  const advice = 'renew it: from that day on, everybody who verifies it is refused';
  if (left < 7 * DAY_MS) return { level: 'problem', rule: 'tls-expiry', text, advice };
  if (left < 30 * DAY_MS) return { level: 'warning', rule: 'tls-expiry', text, advice };
  return { level: 'ok', rule: 'tls-expiry', text };
};

const distance: Rule = ({ latency, isEmbedded }) => {
  const rounds = latency.rounds;
  if (rounds === undefined || isEmbedded) return undefined;
  const text = `a round trip takes ${formatMs(rounds.medianMs)} ms`;
  if (rounds.medianMs < 20) return { level: 'ok', rule: 'distance', text };
  return {
    ...{
      level: 'note',
      rule: 'distance',
      text: `${text}: a transaction of five statements takes at least ${formatMs(rounds.medianMs * 7)} ms`,
    },
    advice: 'run closer to the database, or send fewer, larger statements (batches, pipelining)',
  };
};

const slowConnect: Rule = ({ latency: { connectMs }, plan, isEmbedded }) => {
  if (isEmbedded || connectMs === undefined || connectMs < plan.connectTimeoutMs / 2) return undefined;
  return {
    ...{ level: 'warning', rule: 'connect-slow' },
    text: `connecting took ${formatMs(connectMs)} ms, more than half of pool.connectTimeout (${formatLength(plan.connectTimeoutMs)})`,
    advice: 'find out which phase takes so long (above), or give it more time',
  };
};

const resolving: Rule = ({ link: { resolveMs } }) => {
  if (resolveMs === undefined || resolveMs < 200) return undefined;
  return {
    ...{ level: 'note', rule: 'resolve-slow', text: `the name took ${formatMs(resolveMs)} ms to resolve` },
    advice: 'every new connection pays for it: look at the name servers and the search list of this machine',
  };
};

export const LINK_RULES: readonly Rule[] = [tls, expiry, distance, slowConnect, resolving];

/** Of `postgres://app@db.example:5432/shop`; empty for what is no URL of a server. */
function hostOf(endpoint: string): string {
  const host = /^\w+:\/\/(?:[^/]*@)?(\[[^\]]*\]|[^:/]*)/.exec(endpoint)?.[1] ?? '';
  return host.replace(/^\[|\]$/g, '');
}
