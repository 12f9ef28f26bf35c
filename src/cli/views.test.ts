/** What is drawn of a server and of an examination, line by line; and what answers become on their way there. */
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ConnectionError, QueryError } from '../index.js';
import { FakeClock } from '../testing/fake-clock.js';
import { LinkWatch } from './link-watch.js';
import { mysqlFacts } from './mysql-facts.js';
import { oracleFacts } from './oracle-facts.js';
import { pingLines, pingReport } from './ping-report.js';
import { postgresFacts } from './postgres-facts.js';
import { Probe } from './probe.js';
import { quantilesOf } from './server-facts.js';
import { lookAtServer } from './server-questions.js';
import type { ServerSample } from './server-sample.js';
import { serverLines } from './server-view.js';
import { painter } from './terminal.js';

const plain = painter(false);
const AT = 1_767_225_600_000;

/** Answers by a piece of the question; `undefined` for a refusal. */
function probeOf(answers: readonly (readonly [part: string, rows: readonly object[] | undefined])[]): Probe {
  return new Probe({
    query: (text) => {
      const found = answers.find(([part]) => text.includes(part));
      const refusal = new QueryError('permission', 'canary', { sqlState: '42501' });
      return found?.[1] === undefined ? Promise.reject(refusal) : Promise.resolve(found[1]);
    },
  });
}

describe('a probe', () => {
  it('notes what is refused and goes on, and ends where the session has', async () => {
    const probe = probeOf([['one', [{ A: 1n, B: null, C: new Date(0) }]]]);
    expect(await probe.row('first', 'one')).toEqual({ a: '1', b: null, c: '1970-01-01T00:00:00.000Z' });
    expect(await probe.row('second', 'two')).toEqual({});
    expect(await probe.firstOf('third', ['two', 'one'])).toHaveLength(1);
    expect(await probe.firstOf('fourth', ['two', 'three'])).toBeUndefined();
    expect(probe.unread).toEqual(['second (permission)', 'fourth (permission)']);
    const lost = new Probe({ query: () => Promise.reject(new ConnectionError('lost', 'x')) });
    await expect(lost.row('first', 'one')).rejects.toMatchObject({ reason: 'lost' });
  });
});

describe('facts', () => {
  it('of PostgreSQL count what is reserved for others, and the narrower limit', async () => {
    const settings = Object.entries({
      server_version: '16.4',
      max_connections: '100',
      superuser_reserved_connections: '3',
    });
    const probe = probeOf([
      [
        'as pid',
        [{ user: 'app', database: 'shop', schema: null, pid: '7', is_replica: 'false', now: String(AT / 1_000 + 2) }],
      ],
      [
        'pg_settings',
        [...settings, ['reserved_connections', '2'], ['fsync', 'off'], ['idle_session_timeout', '60000']].map(
          ([name, setting]) => ({ name, setting }),
        ),
      ],
      ['rolconnlimit', [{ is_superuser: 'false', role_limit: '20', database_limit: '-1', others: '4' }]],
      ['pg_xact_status', [{ can: 'f' }]],
    ]);
    expect(await postgresFacts(probe, () => AT)).toEqual({
      ...{ product: 'PostgreSQL', version: '16.4', user: 'app', database: 'shop', sessionId: '7', role: 'primary' },
      ...{ isSuperuser: false, maxConnections: 100, reservedConnections: 5, otherConnections: 4, userConnections: 20 },
      ...{ idleTimeoutMs: 60_000, clockSkewMs: 2_000, losesCommits: ['fsync = off'] },
      outcomes: { can: false, because: 'no right to call pg_xact_status()' },
    });
  });

  it('of PostgreSQL claim nothing where everything is refused', async () => {
    const probe = probeOf([]);
    expect(await postgresFacts(probe, () => AT)).toEqual({ product: 'PostgreSQL', losesCommits: [] });
    expect(probe.unread).toHaveLength(4);
    const older = probeOf([['pg_xact_status', []]]);
    expect((await postgresFacts(older, () => AT)).outcomes).toMatchObject({ can: false });
  });

  it('of MySQL and MariaDB read seconds and milliseconds each in their own unit', async () => {
    const answers = (variables: Record<string, string>, version: string) =>
      probeOf([
        ['version()', [{ version, user: 'app@%', db: 'shop', id: 7n, now: String(AT / 1_000) }]],
        ['session variables', Object.entries(variables).map(([Variable_name, Value]) => ({ Variable_name, Value }))],
        [
          'global status',
          [
            { Variable_name: 'Threads_connected', Value: '5' },
            { Variable_name: 'Prepared_stmt_count', Value: '10' },
          ],
        ],
        ['max_prepared_stmt_count', [{ Variable_name: 'max_prepared_stmt_count', Value: '10' }]],
        ['show slave status', [{ Slave_IO_State: 'x' }]],
      ]);
    const common = {
      wait_timeout: '60',
      max_user_connections: '0',
      log_bin: 'ON',
      sync_binlog: '0',
      time_zone: 'SYSTEM',
      system_time_zone: 'CET',
    };
    const mysql = await mysqlFacts(
      answers({ ...common, max_execution_time: '2000', gtid_mode: 'OFF' }, '8.4.2'),
      () => AT,
    );
    expect(mysql).toMatchObject({
      ...{ product: 'MySQL', version: '8.4.2', role: 'replica', idleTimeoutMs: 60_000, statementTimeoutMs: 2_000 },
      ...{ hasGtid: false, otherConnections: 4, timeZone: 'CET', losesCommits: ['sync_binlog = 0'], clockSkewMs: 0 },
      prepare: { can: false, because: 'all 10 of max_prepared_stmt_count are taken' },
    });
    expect(mysql.userConnections).toBeUndefined();
    const mariadb = await mysqlFacts(
      answers({ ...common, max_statement_time: '1.5', gtid_domain_id: '0', read_only: 'ON' }, '10.11.19-MariaDB-log'),
      () => AT,
    );
    expect(mariadb).toMatchObject({
      product: 'MariaDB',
      version: '10.11.19',
      statementTimeoutMs: 1_500,
      hasGtid: true,
      isReadOnly: true,
    });
  });

  it('of Oracle read the mode, the profile and the clock', async () => {
    const probe = probeOf([
      [
        'session_user',
        [
          {
            SESSION_USER: 'APP',
            CURRENT_SCHEMA: 'APP',
            SERVICE_NAME: 'shop',
            CON_NAME: 'PDB1',
            SID: '7',
            DB_NAME: null,
            DATABASE_ROLE: null,
          },
        ],
      ],
      ['systimestamp', [{ NOW: '2026-01-01T00:00:01.000' }]],
      ['product_component_version', undefined],
      ['v$instance', [{ VERSION: '19.0.0.0.0' }]],
      [
        'user_resource_limits',
        [
          { RESOURCE_NAME: 'IDLE_TIME', LIMIT: '30' },
          { RESOURCE_NAME: 'SESSIONS_PER_USER', LIMIT: 'UNLIMITED' },
        ],
      ],
      ['open_mode', [{ OPEN_MODE: 'READ ONLY WITH APPLY', DATABASE_ROLE: 'PHYSICAL STANDBY' }]],
    ]);
    expect(await oracleFacts(probe, () => AT)).toEqual({
      ...{
        product: 'Oracle Database',
        version: '19.0.0.0.0',
        user: 'APP',
        database: 'PDB1',
        schema: 'APP',
        sessionId: '7',
      },
      ...{ role: 'replica', isReadOnly: true, idleTimeoutMs: 1_800_000, clockSkewMs: 1_000 },
    });
  });
});

describe('a report', () => {
  const about = { endpoint: 'postgres://app@db:5432/shop\u001b[2J', driver: 'postgres', at: AT };
  const examined = {
    server: {
      product: 'PostgreSQL',
      version: '18.4',
      user: 'app\u0007',
      role: 'replica' as const,
      cancel: { can: true },
      prepare: { can: false },
    },
    link: { resolveMs: 1, tcpMs: 2, tlsMs: 3, logonMs: 4, address: '10.0.0.7' },
    latency: { connectMs: 10, firstQueryMs: 5, rounds: quantilesOf([1, 2, 3, 4, 100]) },
  };

  it('shows the phases, what the session may, what was found, and how it stands', () => {
    const finding = { level: 'warning', rule: 'x', text: 'something', advice: 'do it' } as const;
    const lines = pingLines(pingReport(about, examined, [finding], undefined), plain);
    expect(lines).toEqual([
      'postgres://app@db:5432/shop�[2J (10.0.0.7)',
      '',
      'server       PostgreSQL 18.4',
      'session      app�',
      'role         replica',
      'TLS          none',
      'may          cancel: yes, prepare: no',
      '',
      'connect           10.0 ms',
      '  name            1.00 ms',
      '  TCP             2.00 ms',
      '  TLS             3.00 ms',
      '  logon           4.00 ms',
      'first query       5.00 ms',
      'round trip        3.00 ms median of 5; min 1.00, p95 100, max 100',
      '',
      'warning  something',
      '         → do it',
      '',
      'no problems, 1 warning, no notes',
    ]);
  });

  it('is not well where something failed, and says during what', () => {
    const failure = { during: 'connecting', code: 'AUTH', reason: 'credentials', text: 'refused', advice: 'check' };
    const report = pingReport(about, { server: {}, link: {}, latency: { loadMs: 1 } }, [], failure);
    expect(report).toMatchObject({ ok: false, tls: null, latency: { loadMs: 1 } });
    expect(pingLines(report, plain).slice(2)).toEqual([
      'problem  connecting: refused (AUTH, credentials)',
      '         → check',
      '',
      '1 problem, no warnings, no notes',
    ]);
  });
});

describe('a look at a server', () => {
  const sample: ServerSample = {
    ...{
      at: AT,
      role: 'primary',
      states: { idle: 3, active: 1 },
      maxConnections: 100,
      counters: { transactions: 10 },
      unread: [],
    },
    transactions: { open: 1, oldestMs: 61_000 },
    busy: [
      {
        id: '7',
        user: 'app\u001b[31m',
        state: 'active',
        runningMs: 1_500,
        waitsFor: 'relation',
        fingerprint: 'select ?',
      },
    ],
    blocked: [{ id: '7', waitedMs: 900, blockedBy: '8', fingerprint: 'update t set a = ?' }],
  };

  it('is drawn with its states, its oldest transaction, what runs and who waits for whom', () => {
    const lines = serverLines({ title: 'postgres://db', sample, previous: undefined, rows: 40 }, plain);
    const text = lines.join('\n');
    expect(lines[0]).toBe('postgres://db  primary');
    expect(text).toContain('4 others of 100: 3 idle, 1 active');
    expect(text).toContain('1 open, the oldest for 1.0 min');
    expect(text).toContain('1 wait');
    expect(text).toMatch(/7 {2}app�\[31m +active +1,500 {2}relation +select \?/);
    expect(text).toMatch(/7 {2}8 +900 {2}update t set a = \?/);
    expect(text).not.toContain('\u001b');
  });

  it('has rates from differences, and none after counters began anew', () => {
    const later: ServerSample = { ...sample, at: AT + 2_000, counters: { transactions: 30 } };
    const rates = (now: ServerSample, previous: ServerSample | undefined): string | undefined =>
      serverLines({ title: 'x', sample: now, previous, rows: 40 }, plain).find((line) => line.startsWith('rates'));
    expect(rates(later, sample)).toBe('rates        10 transactions/s');
    expect(rates({ ...later, counters: { transactions: 1 } }, sample)).toBe('rates        –');
    expect(rates(sample, undefined)).toBe('rates        –');
  });

  it('shows statements by their shape alone, also those that the server has cut off', async () => {
    const busy = ["update users set token = 'canary' where id = 4711", "insert into t values ('cana"];
    const probe = probeOf([
      [
        "state <> 'idle'",
        busy.map((statement) => ({
          id: '1',
          user: 'app',
          state: 'active',
          running: '5',
          in_transaction: null,
          wait: null,
          statement,
        })),
      ],
    ]);
    const looked = await lookAtServer('postgres', probe, AT);
    expect(looked.busy.map(({ fingerprint }) => fingerprint)).toEqual([
      'update users set token = ? where id = ?',
      'insert into t values (?',
    ]);
    expect(JSON.stringify(looked)).not.toMatch(/cana|4711/);
    expect(looked.unread.length).toBeGreaterThan(3);
  });
});

describe('a look by a user who may not see everything', () => {
  it('counts the sessions of others on PostgreSQL, and says that the rest is hidden', async () => {
    const probe = probeOf([
      ['group by 1', [{ state: 'hidden', sessions: '5' }]],
      ['xact_start is not null', [{ open: '0', oldest: null }]],
    ]);
    const looked = await lookAtServer('postgres', probe, AT);
    expect(looked.states).toEqual({ hidden: 5 });
    expect(looked.unread).toContain('what other users do (permission)');
  });

  it('counts them on MySQL, where the list has its own alone', async () => {
    const probe = probeOf([
      ['processlist', [{ id: 3, user: 'app', command: 'Sleep', running: 0, wait: '', statement: null }]],
      ['show global status', [{ Variable_name: 'Threads_connected', Value: '9' }]],
    ]);
    const looked = await lookAtServer('mysql', probe, AT);
    expect(looked.states).toEqual({ idle: 1, hidden: 7 });
    expect(looked.counters).toEqual({});
    expect(looked.unread).toContain('transactions (permission)');
  });
});

describe('measurements', () => {
  it('are told by the nearest rank', () => {
    const durations = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantilesOf(durations)).toEqual({ count: 100, minMs: 1, medianMs: 50, p95Ms: 95, maxMs: 100 });
    expect(quantilesOf([7])).toEqual({ count: 1, minMs: 7, medianMs: 7, p95Ms: 7, maxMs: 7 });
  });

  it('leave Node as it was', () => {
    const tls = process.getBuiltinModule('node:tls') as unknown as Record<string, unknown>;
    const sockets = Socket.prototype as unknown as Record<string, unknown>;
    const state = (): unknown[] => [sockets['connect'], tls['connect']];
    const before = state();
    const watch = new LinkWatch(new FakeClock());
    watch.start();
    expect(state()[0]).not.toBe(before[0]);
    watch.stop();
    watch.stop();
    expect(state()).toEqual(before);
    expect(watch.facts(1)).toEqual({});
  });
});
