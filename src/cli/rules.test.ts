/** Every rule, both ways: it speaks where it should, and holds its tongue or says that all is well where it should not. */
import { describe, expect, it } from 'vitest';
import type { Examination, Plan } from './finding.js';
import { sortFindings } from './finding.js';
import { isLoopback } from './link-rules.js';
import type { LinkFacts, TlsFacts } from './link-watch.js';
import { findingsOf } from './ping-command.js';
import type { Latency, ServerFacts } from './server-facts.js';
import { quantilesOf } from './server-facts.js';

const AT = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const PLAN: Plan = {
  ...{ maxSize: 50, minIdle: 0, instances: 1, idleTimeoutMs: 600_000, keepaliveMs: 120_000, queryTimeoutMs: 30_000 },
  ...{ acquireTimeoutMs: 10_000, connectTimeoutMs: 5_000, preparesStatements: true, resolvesOutcomes: false },
};
const TLS: TlsFacts = { protocol: 'TLSv1.3', cipher: 'AES', isVerified: true, validTo: AT + 90 * DAY };

interface Change {
  readonly server?: ServerFacts;
  readonly link?: LinkFacts;
  readonly latency?: Latency;
  readonly plan?: Partial<Plan>;
  readonly isEmbedded?: boolean;
  readonly endpoint?: string;
}

function examination({ plan, ...change }: Change): Examination {
  return {
    ...{ endpoint: 'postgres://app@db.example:5432/shop', dialect: 'postgres', isEmbedded: false, at: AT },
    ...{ server: {}, link: {}, latency: {}, ...change },
    plan: { ...PLAN, ...plan },
  };
}

const said = (rule: string, change: Change): string => {
  const found = findingsOf(examination(change)).find((finding) => finding.rule === rule);
  return found === undefined ? 'nothing' : found.level;
};

describe.each<[rule: string, level: string, when: string, change: Change]>([
  ['tls-off', 'warning', 'the server is elsewhere', { link: { address: '10.0.0.7' } }],
  ['tls-off', 'warning', 'nothing was seen of the way, and the host is elsewhere', {}],
  ['tls-off', 'ok', 'the address is of this machine', { link: { address: '::1' } }],
  ['tls-off', 'ok', 'the host is this machine', { endpoint: 'mysql://app@localhost:3306/shop' }],
  ['tls-off', 'nothing', 'it runs in the process', { isEmbedded: true }],
  ['tls-off', 'nothing', 'there is TLS', { link: { tls: TLS } }],
  ['tls', 'ok', 'the certificate was verified', { link: { tls: TLS } }],
  ['tls-unverified', 'warning', 'it was not', { link: { tls: { ...TLS, isVerified: false } } }],
  ['tls-old', 'warning', 'it is TLS 1.1', { link: { tls: { ...TLS, protocol: 'TLSv1.1' } } }],
  ['tls-old', 'nothing', 'it is TLS 1.2', { link: { tls: { ...TLS, protocol: 'TLSv1.2' } } }],
  ['tls-expiry', 'ok', 'there is time', { link: { tls: TLS } }],
  ['tls-expiry', 'warning', 'it is less than 30 days', { link: { tls: { ...TLS, validTo: AT + 29 * DAY } } }],
  ['tls-expiry', 'problem', 'it is less than 7 days', { link: { tls: { ...TLS, validTo: AT + 6 * DAY } } }],
  ['tls-expiry', 'problem', 'it is past', { link: { tls: { ...TLS, validTo: AT - DAY } } }],
  ['distance', 'ok', 'it is near', { latency: { rounds: quantilesOf([1]) } }],
  ['distance', 'note', 'it is far', { latency: { rounds: quantilesOf([40]) } }],
  ['distance', 'nothing', 'it was not measured', {}],
  ['connect-slow', 'warning', 'more than half of the time is gone', { latency: { connectMs: 2_600 } }],
  ['connect-slow', 'nothing', 'less is', { latency: { connectMs: 2_400 } }],
  ['resolve-slow', 'note', 'the name takes long', { link: { resolveMs: 300 } }],
  ['resolve-slow', 'nothing', 'it does not', { link: { resolveMs: 3 } }],

  ['pool-fits', 'ok', 'there is room', { server: { maxConnections: 100 } }],
  ['pool-too-large', 'problem', 'several are too many', { server: { maxConnections: 100 }, plan: { instances: 3 } }],
  [
    'pool-too-large',
    'problem',
    'what is reserved is missing',
    { server: { maxConnections: 52, reservedConnections: 3 } },
  ],
  ['pool-too-large', 'problem', 'the user may have fewer', { server: { maxConnections: 1_000, userConnections: 40 } }],
  ['pool-too-large', 'nothing', 'nobody says how many there may be', {}],
  ['pool-too-large', 'nothing', 'a pooler shares them out', { server: { maxConnections: 10, isPooled: true } }],
  ['pool-crowded', 'warning', 'others are there already', { server: { maxConnections: 100, otherConnections: 60 } }],
  ['pool-crowded', 'nothing', 'there is room for all', { server: { maxConnections: 100, otherConnections: 40 } }],
  ['server-crowded', 'warning', 'nine of ten are taken', { server: { maxConnections: 100, otherConnections: 95 } }],
  ['server-crowded', 'nothing', 'half are', { server: { maxConnections: 100, otherConnections: 50 } }],
  ['idle-timeout', 'warning', 'the server is faster', { server: { idleTimeoutMs: 60_000 } }],
  ['idle-timeout', 'ok', 'the keepalive is faster', { server: { idleTimeoutMs: 180_000 } }],
  [
    'idle-timeout',
    'warning',
    'there is no keepalive',
    { server: { idleTimeoutMs: 180_000 }, plan: { keepaliveMs: Infinity } },
  ],
  [
    'idle-timeout',
    'warning',
    'some stay for ever, whatever idleTimeout is',
    { server: { idleTimeoutMs: 1_200_000 }, plan: { keepaliveMs: Infinity, minIdle: 2 } },
  ],
  ['idle-timeout', 'nothing', 'a pooler keeps them', { server: { idleTimeoutMs: 60_000, isPooled: true } }],
  ['idle-timeout', 'nothing', 'the server ends none', { server: { idleTimeoutMs: 0 } }],
  ['statement-timeout', 'note', 'the server is faster', { server: { statementTimeoutMs: 10_000 } }],
  ['statement-timeout', 'nothing', 'the runtime is faster', { server: { statementTimeoutMs: 60_000 } }],
  ['pooler', 'note', 'there is one', { server: { isPooled: true } }],
  ['pooler', 'nothing', 'there is none', { server: { isPooled: false } }],
  ['prepare', 'warning', 'the limit is used up', { server: { prepare: { can: false, because: 'x' } } }],
  [
    'prepare',
    'nothing',
    'none are prepared',
    { server: { prepare: { can: false } }, plan: { preparesStatements: false } },
  ],
  ['prepare', 'nothing', 'they can be', { server: { prepare: { can: true } } }],

  ['read-only', 'warning', 'it is a replica', { server: { role: 'replica', isReadOnly: true } }],
  ['read-only', 'warning', 'a primary refuses writes', { server: { role: 'primary', isReadOnly: true } }],
  ['read-only', 'ok', 'it takes writes', { server: { role: 'primary', isReadOnly: false } }],
  ['superuser', 'note', 'it is one', { server: { isSuperuser: true } }],
  ['superuser', 'nothing', 'it is none', { server: { isSuperuser: false } }],
  ['cancel', 'ok', 'it was tried', { server: { cancel: { can: true } } }],
  ['cancel', 'warning', 'it failed', { server: { cancel: { can: false } } }],
  ['cancel', 'note', 'there is nothing to stop', { server: { cancel: { can: false } }, isEmbedded: true }],
  ['outcomes', 'ok', 'they can be seen', { server: { outcomes: { can: true } } }],
  ['outcomes', 'note', 'they cannot', { server: { outcomes: { can: false } } }],
  [
    'outcomes',
    'problem',
    'they cannot, and are asked for',
    { server: { outcomes: { can: false } }, plan: { resolvesOutcomes: true } },
  ],
  ['clock', 'ok', 'they agree', { server: { clockSkewMs: -300 } }],
  [
    'clock',
    'ok',
    'the way takes longer than they differ',
    { server: { clockSkewMs: 1_400 }, latency: { rounds: quantilesOf([900]) } },
  ],
  ['clock', 'note', 'they differ by seconds', { server: { clockSkewMs: 5_000 } }],
  ['clock', 'warning', 'they differ by minutes', { server: { clockSkewMs: -90_000 } }],
  ...['UTF8', 'utf8mb4', 'AL32UTF8'].map((encoding): [string, string, string, Change] => [
    'encoding',
    'ok',
    encoding,
    { server: { encoding } },
  ]),
  ...['LATIN1', 'SQL_ASCII', 'utf8mb3', 'utf8', 'WE8ISO8859P1'].map((encoding): [string, string, string, Change] => [
    ...(['encoding', 'warning', encoding] as const),
    { server: { encoding } },
  ]),
  ['durability', 'warning', 'nothing is synced', { server: { losesCommits: ['fsync = off'] } }],
  ['durability', 'nothing', 'everything is', { server: { losesCommits: [] } }],
  ['sql-mode', 'warning', 'it is not strict', { server: { sqlMode: 'NO_ENGINE_SUBSTITUTION' } }],
  ['sql-mode', 'warning', 'it is empty', { server: { sqlMode: '' } }],
  ['sql-mode', 'ok', 'it is strict', { server: { sqlMode: 'STRICT_TRANS_TABLES,NO_ZERO_DATE' } }],
  ['packet', 'warning', 'it is tiny', { server: { maxPacketBytes: 1024 ** 2 } }],
  ['packet', 'note', 'it is small', { server: { maxPacketBytes: 8 * 1024 ** 2 } }],
  ['packet', 'nothing', 'it is enough', { server: { maxPacketBytes: 64 * 1024 ** 2 } }],
  ['binlog', 'note', 'there is none', { server: { hasBinlog: false } }],
  ['binlog', 'note', 'there are no GTIDs', { server: { hasBinlog: true, hasGtid: false } }],
  ['binlog', 'ok', 'there are', { server: { hasBinlog: true, hasGtid: true } }],
  ['binlog', 'nothing', 'the database has no such thing', {}],
  ['unread', 'note', 'something was refused', { server: { unread: ['replication (permission)'] } }],
  ['unread', 'nothing', 'nothing was', { server: { unread: [] } }],
])('the rule %s says %s', (rule, level, when, change) => {
  it(`when ${when}`, () => expect(said(rule, change)).toBe(level));
});

describe('the findings', () => {
  it('come with the worst first, and have advice wherever something is to be done', () => {
    const server: ServerFacts = {
      maxConnections: 10,
      sqlMode: '',
      outcomes: { can: false },
      role: 'primary',
      isReadOnly: false,
    };
    const found = findingsOf(examination({ server }));
    const levels = found.map(({ level }) => level);
    expect(levels).toEqual(sortFindings(found).map(({ level }) => level));
    expect(levels[0]).toBe('problem');
    expect(levels.at(-1)).toBe('ok');
    for (const { level, advice } of found) expect(advice === undefined).toBe(level === 'ok');
  });

  it('of a pool that closes nothing say so, and advise what helps', () => {
    const plan = { keepaliveMs: Infinity, idleTimeoutMs: 60_000, minIdle: 1 };
    const [first] = findingsOf(examination({ server: { idleTimeoutMs: 120_000 }, plan, isEmbedded: true }));
    expect(first?.text).toContain('and the pool keeps them for ever: it will lend dead ones');
    expect(first?.advice).toBe('set pool.keepalive below 2 min');
  });

  it('of a database in the process do not speak of a server', () => {
    const [first] = findingsOf(examination({ server: { cancel: { can: false } }, isEmbedded: true }));
    expect([first?.rule, first?.advice]).toEqual(['cancel', expect.not.stringContaining('server')]);
  });

  it('count every instance', () => {
    const [first] = findingsOf(examination({ server: { maxConnections: 100 }, plan: { instances: 4 } }));
    expect(first?.text).toContain('pool.maxSize 50 × 4 instances = 200 is more than the 100 of the server');
  });
});

describe('this machine', () => {
  it.each(['localhost', '127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1', '/run/postgresql'])('is %s', (address) =>
    expect(isLoopback(address)).toBe(true),
  );
  it.each(['localhost.example', '10.0.0.1', '::2', '128.0.0.1', 'db'])('is not %s', (address) =>
    expect(isLoopback(address)).toBe(false),
  );
});
