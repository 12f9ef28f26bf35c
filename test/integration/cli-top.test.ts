/** `fluxor top`, as people run it: of a runtime by its diagnostics, and of real servers; on a terminal and without one. */
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DBRuntime } from 'fluxor-db';
import { connect } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Running } from '../support/cli/program.js';
import { CliProgram, startProcess } from '../support/cli/program.js';

const ENTERED = '\u001b[?1049h\u001b[?25l';
const LEFT = '\u001b[?25h\u001b[?1049l';

let fluxor: CliProgram;
beforeAll(async () => {
  fluxor = await CliProgram.make();
});
afterAll(() => fluxor?.remove());

/** On a terminal of 100 × 40, made by the `script` of util-linux. */
function onTerminal(args: string, env: Readonly<Record<string, string>> = {}): Running {
  const command = `stty cols 100 rows 40; exec ${fluxor.command} ${args}`;
  return startProcess('script', ['-qefc', command, '/dev/null'], { TERM: 'xterm', ...env });
}

const [postgres] = inject('postgresServers');

describe('top of a runtime', () => {
  let db: DBRuntime;
  let answer: RequestListener = (_request, response) => void response.end(JSON.stringify(db.diagnostics()));
  const diagnostics = answer;
  const server = createServer((request, response) => answer(request, response));
  let url: string;

  beforeAll(async () => {
    db = await connect(postgres?.url ?? '', { name: 'shop\u001b[31m' });
    await db.query("select 'canary-secret' as said, 4711 as number");
    await db.query('select nothing from nowhere_at_all').catch(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/diagnostics?key=canary-secret`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await db?.disconnect();
  });

  it('prints one look where there is no terminal', async () => {
    answer = diagnostics;
    const { code, stdout, stderr } = await fluxor.run(['top', url]);
    expect([code, stderr]).toEqual([0, '']);
    for (const text of ['running', 'in use', 'queries/s', 'p95', 'closed', 'select ? as said, ? as number', 'QUERY']) {
      expect(stdout).toContain(text);
    }
    expect(stdout).not.toMatch(/canary-secret|4711|\u001b/);
  });

  it('brings the token of the environment, to this host alone, and shows it nowhere', async () => {
    const seen: (string | undefined)[] = [];
    answer = (request, response) => {
      seen.push(request.headers.authorization);
      response
        .writeHead(request.headers.authorization === 'Bearer right' ? 302 : 401, { location: '/elsewhere' })
        .end();
    };
    const refused = await fluxor.run(['top', url], { FLUXOR_TOKEN: 'canary-token' });
    const redirected = await fluxor.run(['top', url, '--token', 'right']);
    expect(seen).toEqual(['Bearer canary-token', 'Bearer right']);
    expect([refused.code, redirected.code]).toEqual([1, 1]);
    expect(refused.stderr).toContain('is the token right?');
    expect(redirected.stderr).toContain('redirected (HTTP 302)');
    expect(refused.stderr + redirected.stderr).not.toMatch(/canary/);
  });

  it.each([
    ['another schema', { schema: 2 }, 'schema 2'],
    ['no diagnostics', { hello: 'canary-secret' }, 'no diagnostics'],
    ['part of them', { schema: 1, pool: {} }, 'incomplete: metrics'],
  ])('refuses %s in words', async (_what, body, words) => {
    answer = (_request, response) => void response.end(JSON.stringify(body));
    const { code, stderr } = await fluxor.run(['top', url]);
    expect(code).toBe(1);
    expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/canary|\n\s+at /);
  });

  it('draws on a terminal, says when the source is lost and when it is back, and leaves the terminal as it was', async () => {
    answer = diagnostics;
    const live = onTerminal(`top '${url}' --interval 100ms`);
    await expect.poll(() => live.stdout()).toContain('queries/s');
    answer = (_request, response) => void response.writeHead(503).end();
    await expect.poll(() => live.stdout()).toContain('lost for');
    answer = diagnostics;
    await expect.poll(() => live.stdout().slice(live.stdout().lastIndexOf('lost for'))).toContain('queries/s');
    live.child.stdin?.write('q');
    const { code, stdout } = await live.ended;
    expect(code).toBe(0);
    expect(stdout.startsWith(ENTERED)).toBe(true);
    expect(stdout.trimEnd().endsWith(LEFT)).toBe(true);
    expect(stdout).toContain('\u001b[1m');
    expect(stdout).not.toContain('canary-secret');
  });

  it('ends at Ctrl-C with 130, and without colours where they are not wanted', async () => {
    answer = diagnostics;
    const live = onTerminal(`top '${url}' --interval 100ms`, { NO_COLOR: '1' });
    await expect.poll(() => live.stdout()).toContain('queries/s');
    live.child.stdin?.write('\u0003');
    const { code, stdout } = await live.ended;
    expect(code).toBe(130);
    expect(stdout.trimEnd().endsWith(LEFT)).toBe(true);
    expect(stdout).not.toMatch(/\u001b\[\d+m/);
  });
});

const servers = [
  ...inject('postgresServers').map(({ name, url }) => ({ name, url, sleep: "select pg_sleep(30), 'canary-secret'" })),
  ...inject('mysqlServers').map(({ name, url }) => ({ name, url, sleep: "select sleep(30), 'canary-secret'" })),
];

describe.each(servers)('top of $name', ({ url, sleep }) => {
  it('shows what runs by its shape, and leaves no session behind', async () => {
    await using db = await connect(url);
    const stop = new AbortController();
    const asleep = db.query(sleep, [], { signal: stop.signal }).catch(() => undefined);
    const shape = sleep.replace("'canary-secret'", '?').replace('30', '?');
    const look = async (): Promise<string> => (await fluxor.run(['top', url, '--once'])).stdout;
    await expect.poll(look, { timeout: 20_000 }).toContain(shape);
    const { code, stdout, stderr } = await fluxor.run(['top', url, '--once']);
    stop.abort();
    await asleep;
    expect([code, stderr]).toEqual([0, '']);
    for (const text of ['sessions', 'transactions', 'locks']) expect(stdout).toContain(text);
    expect(stdout).not.toMatch(/canary-secret|fluxor-secret/);
  });

  it('explains what it cannot reach', async () => {
    const wrong = Object.assign(new URL(url), { password: 'canary-secret' }).href;
    const { code, stdout, stderr } = await fluxor.run(['top', wrong]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('user or password were refused');
    expect(stderr).not.toContain('canary-secret');
  });
});

describe.each(inject('postgresServers'))('top of $name, live', ({ url }) => {
  it('survives the end of its session', async () => {
    await using db = await connect(url);
    const live = onTerminal(`top '${url}' --interval 100ms`);
    await expect.poll(() => live.stdout()).toContain('/s');
    const seen = live.stdout().length;
    const end = `select count(pg_terminate_backend(pid))::int from pg_stat_activity
      where query like '%pg_stat_activity a where (backend_type%' and pid <> pg_backend_pid()`;
    await expect.poll(() => db.queryValue<number>(end)).toBeGreaterThan(0);
    await expect.poll(() => live.stdout().slice(seen)).toMatch(/transactions\/s[^]*transactions\/s[^]*transactions\/s/);
    live.child.stdin?.write('q');
    expect((await live.ended).code).toBe(0);
  });
});

describe.each(inject('oracleServers'))('top of $name', ({ url }) => {
  it('shows what may be asked, and names what may not', async () => {
    const { code, stdout, stderr } = await fluxor.run(['top', url, '--once']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('sessions');
  });
});
