/** The doctor's report as text and as JSON. Pure: what was found out goes in, lines come out. */
import type { Examined } from './examine.js';
import type { Failure } from './failure.js';
import type { Finding, Level } from './finding.js';
import { formatCount, formatLength, formatMs } from './format.js';
import type { LinkFacts } from './link-watch.js';
import type { Ability, Latency, ServerFacts } from './server-facts.js';
import type { Paint, Style } from './terminal.js';
import { printable } from './terminal.js';

export interface PingReport {
  readonly schema: 1;
  /** No problem among the findings, and no failure. */
  readonly ok: boolean;
  readonly endpoint: string;
  readonly driver: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly latency: Latency & Omit<LinkFacts, 'tls' | 'address'>;
  readonly address?: string;
  /** `null`: there is none. */
  readonly tls: LinkFacts['tls'] | null;
  readonly server: ServerFacts;
  readonly findings: readonly Finding[];
  readonly failure?: Failure & { readonly during: string };
}

const MARKS: Readonly<Record<Level, readonly [mark: string, style: Style]>> = {
  ok: ['ok     ', 'green'],
  note: ['note   ', 'cyan'],
  warning: ['warning', 'yellow'],
  problem: ['problem', 'red'],
};
const LABEL = 12;

export function pingReport(
  about: Pick<PingReport, 'endpoint' | 'driver' | 'at'>,
  { server, link, latency }: Examined,
  findings: readonly Finding[],
  failure: PingReport['failure'],
): PingReport {
  const { tls, address, ...phases } = link;
  const isBad = failure !== undefined || findings.some(({ level }) => level === 'problem');
  return {
    ...{ schema: 1, ok: !isBad, ...about, latency: { ...latency, ...phases } },
    ...(address === undefined ? {} : { address }),
    tls: tls ?? null,
    server,
    findings,
    ...(failure === undefined ? {} : { failure }),
  };
}

export function pingLines(report: PingReport, paint: Paint): string[] {
  const { endpoint, address, failure, findings } = report;
  const way = address === undefined ? '' : ` (${printable(address)})`;
  const isConnected = report.latency.connectMs !== undefined;
  return [
    `${paint('bold', printable(endpoint))}${way}`,
    '',
    ...(isConnected ? aboutServer(report) : []),
    ...latencyLines(report.latency, paint),
    ...findings.flatMap((finding) => findingLines(finding, paint)),
    ...(failure === undefined ? [] : failureLines(failure, paint)),
    '',
    verdict(report, paint),
  ];
}

function aboutServer({ server, tls, driver }: PingReport): string[] {
  const { product, version, user, database, schema, sessionId, encoding, timeZone, isolation } = server;
  const rows: readonly (readonly [label: string, text: string | undefined])[] = [
    ['server', joined([product, version], ' ')],
    [
      'session',
      joined([
        user,
        database,
        schema === undefined ? undefined : `schema ${schema}`,
        sessionId === undefined ? undefined : `number ${sessionId}`,
      ]),
    ],
    ['role', roleText(server)],
    [
      'TLS',
      tls === null || tls === undefined
        ? driver === 'pglite'
          ? undefined
          : 'none'
        : joined([tls.protocol, tls.cipher, tls.isVerified ? 'verified' : 'not verified', tls.subject]),
    ],
    [
      'may',
      joined([
        ability('cancel', server.cancel),
        ability('see outcomes', server.outcomes),
        ability('prepare', server.prepare),
      ]),
    ],
    ['connections', connectionsText(server)],
    ['timeouts', timeoutsText(server)],
    ['text, time', joined([encoding, timeZone, isolation])],
  ];
  return [
    ...rows.flatMap(([label, text]) => (text === undefined ? [] : [`${label.padEnd(LABEL)} ${printable(text)}`])),
    '',
  ];
}

function roleText({ role, isReadOnly, isPooled }: ServerFacts): string | undefined {
  return joined([
    role,
    isReadOnly === true ? 'read-only' : undefined,
    isPooled === true ? 'behind a pooler' : undefined,
  ]);
}

function connectionsText({ maxConnections, otherConnections, userConnections }: ServerFacts): string | undefined {
  return joined([
    otherConnections === undefined ? undefined : `${formatCount(otherConnections)} others open`,
    maxConnections === undefined ? undefined : `${formatCount(maxConnections)} at most`,
    userConnections === undefined ? undefined : `${formatCount(userConnections)} of this user`,
  ]);
}

function timeoutsText({ statementTimeoutMs, idleTimeoutMs, lockTimeoutMs }: ServerFacts): string | undefined {
  const of = (name: string, ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : `${name} ${ms === 0 ? 'none' : formatLength(ms)}`;
  return joined([of('statement', statementTimeoutMs), of('idle', idleTimeoutMs), of('lock', lockTimeoutMs)]);
}

function ability(what: string, { can }: Ability = {}): string | undefined {
  return can === undefined ? undefined : `${what}: ${can ? 'yes' : 'no'}`;
}

/** Phases that were not seen are not shown: a connect whose parts cannot be told apart is one. */
function latencyLines(latency: PingReport['latency'], paint: Paint): string[] {
  const { resolveMs, tcpMs, tlsMs, logonMs, connectMs, firstQueryMs, rounds } = latency;
  const phases: readonly (readonly [label: string, ms: number | undefined])[] = [
    ['  name', resolveMs],
    ['  TCP', tcpMs],
    ['  TLS', tlsMs],
    ['  logon', logonMs],
    ['first query', firstQueryMs],
  ];
  const line = (label: string, ms: number): string => `${label.padEnd(LABEL)} ${formatMs(ms).padStart(9)} ms`;
  const lines = [
    ...(connectMs === undefined ? [] : [line('connect', connectMs)]),
    ...phases.flatMap(([label, ms]) =>
      ms === undefined ? [] : [label.startsWith(' ') ? paint('dim', line(label, ms)) : line(label, ms)],
    ),
    ...(rounds === undefined
      ? []
      : [
          `${line('round trip', rounds.medianMs)} median of ${formatCount(rounds.count)}; min ${formatMs(rounds.minMs)}, p95 ${formatMs(rounds.p95Ms)}, max ${formatMs(rounds.maxMs)}`,
        ]),
  ];
  return lines.length === 0 ? [] : [...lines, ''];
}

function findingLines({ level, text, advice }: Finding, paint: Paint): string[] {
  const [mark, style] = MARKS[level];
  const head = `${paint(style, mark)}  ${printable(text)}`;
  return advice === undefined
    ? [head]
    : [head, `${' '.repeat(mark.length + 2)}${paint('dim', `→ ${printable(advice)}`)}`];
}

function failureLines(
  { text, advice, during, code, reason, sqlState, vendorCode }: NonNullable<PingReport['failure']>,
  paint: Paint,
): string[] {
  const facts = [code, reason, sqlState, vendorCode].filter((fact) => fact !== undefined).join(', ');
  return findingLines({ level: 'problem', rule: 'failure', text: `${during}: ${text} (${facts})`, advice }, paint);
}

function verdict({ ok, findings, failure }: PingReport, paint: Paint): string {
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  const problems = count('problem') + (failure === undefined ? 0 : 1);
  const counts = [counted(problems, 'problem'), counted(count('warning'), 'warning'), counted(count('note'), 'note')];
  return paint(ok ? 'green' : 'red', counts.join(', '));
}

function counted(count: number, what: string): string {
  return `${count === 0 ? 'no' : formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}

function joined(parts: readonly (string | undefined)[], by = ', '): string | undefined {
  const there = parts.filter((part) => part !== undefined && part !== '');
  return there.length === 0 ? undefined : there.join(by);
}
