/** `fluxor ping` and `fluxor config`, as people run them, against real servers and against what is wrong with them. */
import { chmodSync, chownSync, copyFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freePort } from '../servers/free-port.js';
import { PostgresServer } from '../servers/postgres-server.js';
import type { PingReport } from '../../src/cli/ping-report.js';
import { CliProgram } from '../support/cli/program.js';
import { silentServer, talkingServer } from '../support/cli/small-server.js';

const fixture = (name: string): string => fileURLToPath(new URL(`./tls/${name}`, import.meta.url));

let fluxor: CliProgram;
beforeAll(async () => {
  fluxor = await CliProgram.make();
});
afterAll(() => fluxor?.remove());

async function report(...args: string[]): Promise<{ readonly code: number | null; readonly report: PingReport }> {
  const { code, stdout, stderr } = await fluxor.run(['ping', ...args, '--json', '--timeout', '30s']);
  expect(stderr).toBe('');
  return { code, report: JSON.parse(stdout) as PingReport };
}

const rules = ({ findings }: PingReport, ...levels: string[]): string[] =>
  findings.filter(({ level }) => levels.includes(level)).map(({ rule }) => rule);

/** The URL with other parts. */
function changed(url: string, change: Partial<Pick<URL, 'password' | 'pathname' | 'search' | 'port'>>): string {
  return Object.assign(new URL(url), change).href;
}

describe.each(inject('postgresServers'))('ping of $name', ({ url, major }) => {
  it('tells what is there, and how long it takes', async () => {
    const { code, report: told } = await report(url);
    expect(code).toBe(0);
    expect(told).toMatchObject({
      ...{ schema: 1, ok: true, tls: null, driver: 'postgres' },
      server: {
        ...{ product: 'PostgreSQL', database: 'fluxor', schema: 'public', role: 'primary', isReadOnly: false },
        ...{ encoding: 'UTF8', cancel: { can: true }, outcomes: { can: true }, prepare: { can: true }, unread: [] },
      },
    });
    expect(told.server.version).toMatch(new RegExp(`^${major}`));
    const { connectMs = 0, tcpMs = 0, logonMs = 0, rounds } = told.latency;
    expect(connectMs).toBeGreaterThanOrEqual(tcpMs + logonMs - 0.001);
    expect(rounds).toMatchObject({ count: 20 });
    expect(rules(told, 'problem')).toEqual([]);
    expect(rules(told, 'ok')).toEqual(expect.arrayContaining(['cancel', 'tls-off', 'encoding', 'clock', 'read-only']));
  });

  it('has the exit code of what was found where nobody reads on', async () => {
    const { child, ended } = fluxor.start(['ping', url]);
    child.stdout?.destroy();
    expect(await ended).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  });

  it('leaves no session behind, whether it ends by itself or by Ctrl-C', async () => {
    const name = 'cli-leftovers';
    const named = changed(url, { search: `?application_name=${name}` });
    await using db = await connect(url);
    const sessions = (): Promise<number | undefined> =>
      db.queryValue<number>('select count(*)::int from pg_stat_activity where application_name = $1', [name]);
    expect((await fluxor.run(['ping', named])).code).toBe(0);
    await expect.poll(sessions).toBe(0);
    const { child, ended } = fluxor.start(['ping', named, '--rounds', '10000', '--timeout', '10m']);
    await expect.poll(sessions).toBe(1);
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 130, signal: null, stdout: '', stderr: '' });
    await expect.poll(sessions).toBe(0);
  });

  it('says what would go wrong: a pool that does not fit, a server that closes and stops first, nothing to write', async () => {
    const settings = '-c statement_timeout=20s -c default_transaction_read_only=on -c idle_session_timeout=30s';
    const search = `?options=${encodeURIComponent(settings)}&pool.maxSize=60&pool.maxIdle=5&pool.keepalive=false`;
    const { code, report: told } = await report(changed(url, { search }), '--instances', '5');
    expect(code).toBe(1);
    expect(rules(told, 'problem')).toEqual(['pool-too-large']);
    expect(rules(told, 'warning')).toEqual(expect.arrayContaining(['read-only', 'idle-timeout']));
    expect(rules(told, 'note')).toContain('statement-timeout');
  });

  it.each([
    ['a wrong password', { password: 'canary-secret' }, { code: 'AUTH', reason: 'credentials' }],
    ['a database that is not there', { pathname: '/nowhere' }, { code: 'CONNECTION', reason: 'unknown-database' }],
    ['TLS that the server does not offer', { search: '?sslmode=require' }, { code: 'CONNECTION', reason: 'tls' }],
  ])('explains %s', async (_what, change, failure) => {
    const { code, stdout, stderr } = await fluxor.run(['ping', changed(url, change)]);
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toContain(`(${failure.code}, ${failure.reason}`);
    expect(stdout).toContain('→');
    expect(stdout).not.toMatch(/canary-secret|fluxor-secret|\n\s+at /);
    const { report: told } = await report(changed(url, change));
    expect(told).toMatchObject({ ok: false, failure: { during: 'connecting', ...failure }, findings: [] });
  });

  it('takes the URL and the options from the environment, and from a file below it', async () => {
    const env = { FLUXOR_URL: url, FLUXOR_POOL_MAX_SIZE: '5000', FLUXOR_TOKEN: 'canary-secret' };
    const { code, stdout } = await fluxor.run(['ping'], env);
    expect(code).toBe(1);
    expect(stdout).toContain('pool.maxSize 5,000 is more than');
    expect(stdout).not.toMatch(/canary-secret|fluxor-secret/);
  });
});

describe('ping', () => {
  it('explains a port where nothing listens', async () => {
    const url = `postgres://app:canary-secret@127.0.0.1:${await freePort()}/shop`;
    const { code, stdout, stderr } = await fluxor.run(['ping', url]);
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toContain('nothing listens there');
    expect(stdout).not.toContain('canary-secret');
  });

  it.each(['postgres', 'mysql', 'mariadb', 'oracle'])(
    'gives up in time where a server of %s says nothing',
    async (scheme) => {
      await using silent = await silentServer();
      const url = `${scheme}://app:canary-secret@127.0.0.1:${silent.port}/shop`;
      const { code, stdout } = await fluxor.run(['ping', url, '--timeout', '500ms']);
      expect(code).toBe(1);
      expect(stdout).toMatch(/connecting: not done within 500 ms|did not answer in time/);
      expect(stdout).not.toContain('canary-secret');
    },
  );

  it.each(['SIGINT', 'SIGTERM'] as const)('ends at %s while it connects, with nothing left', async (signal) => {
    await using silent = await silentServer();
    const { child, ended } = fluxor.start(['ping', `postgres://app@127.0.0.1:${silent.port}/shop`, '--timeout', '10m']);
    await expect.poll(() => silent.connections()).toBe(1);
    child.kill(signal);
    expect(await ended).toEqual({ code: signal === 'SIGINT' ? 130 : 143, signal: null, stdout: '', stderr: '' });
    await expect.poll(() => silent.connections()).toBe(0);
  });

  it('ends in order at what a client library throws in a turn of its own, and shows the name alone', async () => {
    await using silent = await silentServer();
    const thrower = `process.on('SIGUSR2', () => { throw new RangeError('canary-secret'); })`;
    const url = `postgres://app@127.0.0.1:${silent.port}/shop`;
    const { child, ended } = fluxor.start(['ping', url, '--timeout', '10m'], {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(thrower)}`,
    });
    await expect.poll(() => silent.connections()).toBe(1);
    child.kill('SIGUSR2');
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toBe(
      'fluxor: something unexpected happened (RangeError). This should not happen: please report it.\n',
    );
    await expect.poll(() => silent.connections()).toBe(0);
  });

  it('explains what is no database', async () => {
    await using server = await talkingServer('HTTP/1.1 400 Bad Request\r\n\r\ncanary-secret');
    for (const scheme of ['postgres', 'mysql', 'mariadb', 'oracle']) {
      const { code, stdout } = await fluxor.run([
        'ping',
        `${scheme}://app:x@127.0.0.1:${server.port}/shop`,
        '--timeout',
        '5s',
      ]);
      expect(code).toBe(1);
      expect(stdout).toContain('→');
      expect(stdout).not.toMatch(/canary-secret|\n\s+at /);
    }
  });

  it('works on PGlite, where there is no way there', async () => {
    const { code, report: told } = await report('pglite:');
    expect(code).toBe(0);
    expect(told).toMatchObject({ ok: true, server: { product: 'PostgreSQL', cancel: { can: false } } });
    expect(told.latency.tcpMs).toBeUndefined();
  });

  it('refuses wrong options and URLs with everything that is wrong, before it connects', async () => {
    const { code, stdout, stderr } = await fluxor.run(
      ['ping', 'postgres://app:canary-secret@localhost/shop?pool.maxSise=5'],
      {
        FLUXOR_QUERY_TIMOUT: '5s',
      },
    );
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('pool.maxSize');
    expect(stderr).toContain('FLUXOR_QUERY_TIMEOUT');
    expect(stderr).not.toContain('canary-secret');
    expect((await fluxor.run(['ping'])).code).toBe(2);
    for (const command of ['ping', 'top']) {
      const wrong = await fluxor.run([command, 'postgres://app:canary-secret@localhost/shop?sslmode=maybe']);
      expect([wrong.code, wrong.stdout]).toEqual([2, '']);
      expect(wrong.stderr).toMatch(/^One option is wrong:\n {2}postgres\.url\?sslmode: got 'maybe'/);
    }
    expect((await fluxor.run(['ping', '--jsn'])).stderr).toContain('did you mean --json?');
  });
});

describe('ping over TLS', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start({ major: 18 });
    for (const name of ['server.crt', 'server.key']) {
      const target = join(server.dataFolder, name);
      copyFileSync(fixture(name), target);
      chmodSync(target, 0o600);
      const { uid, gid } = statSync(server.dataFolder);
      chownSync(target, uid, gid);
    }
    const db = await connect(server.url);
    await db.exec('alter system set ssl to on');
    await db.disconnect();
    await server.restart();
  });
  afterAll(() => server?.remove());

  it('tells protocol, cipher, and that nobody has verified the certificate', async () => {
    const { code, report: told } = await report(changed(server.url, { search: '?sslmode=no-verify' }));
    expect(code).toBe(0);
    expect(told.tls).toMatchObject({
      protocol: 'TLSv1.3',
      isVerified: false,
      unverifiedBecause: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    expect(told.tls?.validTo).toBeGreaterThan(told.at);
    expect(told.latency.tlsMs).toBeGreaterThan(0);
    expect(rules(told, 'warning')).toContain('tls-unverified');
  });

  it('tells that it was verified, where the authority is known', async () => {
    const url = changed(server.url, { search: '?sslmode=verify-ca' }).replace('127.0.0.1', 'localhost');
    const { stdout } = await fluxor.run(['ping', url, '--json'], { NODE_EXTRA_CA_CERTS: fixture('server.crt') });
    const told = JSON.parse(stdout) as PingReport;
    expect(told).toMatchObject({ ok: true, tls: { isVerified: true } });
    expect(rules(told, 'ok')).toContain('tls');
    expect(told.latency.resolveMs).toBeGreaterThanOrEqual(0);
  });

  it('explains a certificate that nobody known has signed', async () => {
    const { code, stdout } = await fluxor.run(['ping', changed(server.url, { search: '?sslmode=require' })]);
    expect(code).toBe(1);
    expect(stdout).toContain('signed by nobody who is trusted here (CONNECTION, tls, DEPTH_ZERO_SELF_SIGNED_CERT)');
  });

  it('counts sessions that its user may not look into, and claims nothing of a sleep that was refused', async () => {
    await using db = await connect(server.url);
    await db.exec("create role app login password 'app'");
    await db.exec('revoke execute on function pg_sleep(double precision) from public');
    const url = Object.assign(new URL(server.url), { username: 'app', password: 'app' }).href;
    const { report: told } = await report(url);
    expect(told.server.otherConnections).toBeGreaterThanOrEqual(1);
    expect(told.server.cancel).toEqual({});
    expect(rules(told, 'ok', 'warning')).not.toContain('cancel');
    const { stdout } = await fluxor.run(['top', url, '--once']);
    expect(stdout).toMatch(/sessions +[1-9]\d* others of \d+: .*[1-9]\d* hidden/);
    expect(stdout).toMatch(/refused +what other users do \(permission\)/);
  });

  it('tells of a standby that it takes no writes', async () => {
    await server.stop();
    const signal = join(server.dataFolder, 'standby.signal');
    writeFileSync(signal, '');
    const { uid, gid } = statSync(server.dataFolder);
    chownSync(signal, uid, gid);
    await server.start();
    const { code, report: told } = await report(server.url);
    expect(code).toBe(0);
    expect(told.server).toMatchObject({ role: 'replica', isReadOnly: true });
    expect(rules(told, 'warning')).toContain('read-only');
  });
});

describe.each(inject('pgBouncers'))('ping through $name', ({ url }) => {
  it('tells of the pooler, and what is not to be had behind it', async () => {
    const { code, report: told } = await report(url);
    expect(code).toBe(0);
    expect(told.server).toMatchObject({ isPooled: true, prepare: { can: false }, cancel: { can: true } });
    expect(rules(told, 'note')).toContain('pooler');
  });

  it('explains a wrong password', async () => {
    const { report: told } = await report(changed(url, { password: 'canary-secret' }));
    expect(told.failure).toMatchObject({ code: 'AUTH', reason: 'credentials' });
  });
});

describe.each(inject('mysqlServers'))('ping of $name', ({ url, product }) => {
  describe.each(['mysql', 'mariadb'])('by the door %s', (door) => {
    const at = (change: Parameters<typeof changed>[1] = {}): string =>
      changed(url, change).replace(/^\w+:/, `${door}:`);

    it('tells what is there, and what would go wrong', async () => {
      const { code, report: told } = await report(at());
      expect(told).toMatchObject({
        ...{ ok: true, driver: door },
        server: {
          ...{ product: product === 'mariadb' ? 'MariaDB' : 'MySQL', database: 'fluxor', role: 'primary' },
          ...{ encoding: 'utf8mb4', hasBinlog: true, hasGtid: true, maxConnections: 200 },
          ...{ cancel: { can: true }, prepare: { can: true }, outcomes: { can: false } },
        },
      });
      expect(code).toBe(0);
      // The servers of the tests sync nothing.
      expect(rules(told, 'warning')).toContain('durability');
      expect(rules(told, 'ok')).toEqual(
        expect.arrayContaining(['cancel', 'sql-mode', 'binlog', 'idle-timeout', 'pool-fits']),
      );
    });

    it.each([
      ['a wrong password', { password: 'canary-secret' }, 'credentials'],
      [
        'a database that is not there, or that this user may not see',
        { pathname: '/nowhere' },
        /^(unknown-database|credentials|permission)$/,
      ],
    ])('explains %s', async (_what, change, reason) => {
      const { code, report: told } = await report(at(change));
      expect(code).toBe(1);
      expect(told.failure?.reason ?? told.failure?.code).toMatch(reason);
      expect(JSON.stringify(told)).not.toMatch(/canary-secret|fluxor-secret/);
    });
  });
});

describe.each(inject('oracleServers'))('ping of $name', ({ url, isWireServer }) => {
  it('tells what is there', async () => {
    const { code, report: told } = await report(url);
    expect(told).toMatchObject({
      driver: 'oracle',
      server: { product: 'Oracle Database', cancel: { can: true }, prepare: { can: true } },
    });
    expect(told.server.user).toBeDefined();
    if (isWireServer) expect(told.server.outcomes).toMatchObject({ can: false });
    expect(code).toBe(0);
  });

  it.each([
    ['a wrong password', { password: 'canary-secret' }, 'credentials'],
    ['a service that is not there', { pathname: '/nowhere' }, 'unknown-database'],
  ])('explains %s', async (_what, change, reason) => {
    const { code, report: told } = await report(changed(url, change));
    expect(code).toBe(1);
    expect(told.failure).toMatchObject({ reason });
    expect(JSON.stringify(told)).not.toContain('canary-secret');
  });
});

describe('config', () => {
  it('says what is in force and who said it', async () => {
    const env = {
      DATABASE_URL: 'mysql://app:canary-secret@db.example/shop?query.timeout=5s',
      FLUXOR_POOL_MAX_SIZE: '70',
    };
    const { code, stdout, stderr } = await fluxor.run(['config', '--json', '--preset', 'production'], env);
    expect([code, stderr]).toEqual([0, '']);
    const { options } = JSON.parse(stdout) as { options: { path: string; value: unknown; source: string }[] };
    const of = (wanted: string) => options.find(({ path }) => path === wanted);
    expect(of('pool.maxSize')).toEqual({ path: 'pool.maxSize', value: 70, source: 'env:FLUXOR_POOL_MAX_SIZE' });
    expect(of('query.timeout')).toMatchObject({ value: 5_000, source: 'env:DATABASE_URL' });
    expect(of('pool.maxLifetime')).toMatchObject({ source: 'preset' });
    expect(stdout).not.toContain('canary-secret');
  });

  it('lists everything that is wrong at once', async () => {
    const env = { FLUXOR_POOL_MAXSIZE: '7', FLUXOR_QUERY_TIMEOUT: 'canary-secret' };
    const { code, stdout } = await fluxor.run(
      ['config', 'postgres://app:canary-secret@localhost/shop?pool.maxIdel=3'],
      env,
    );
    expect(code).toBe(2);
    for (const text of ['FLUXOR_POOL_MAX_SIZE', 'pool.maxIdle', 'query.timeout']) expect(stdout).toContain(text);
    expect(stdout).not.toContain('app:canary-secret');
  });
});
