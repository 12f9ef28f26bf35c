/** The wire server in a process of its own: it serves, obeys, tells what it saw, and is gone when it should be. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { driver, errorOf, oraIn, TIME_LIMIT_MS } from './driver-bench.js';
import type { OracleProcess } from './oracle-process.js';
import { startOracleProcess } from './oracle-process.js';

const OPTIONS = { timeout: 2 * TIME_LIMIT_MS };
const backend = { module: fileURLToPath(new URL('./generated-backend.ts', import.meta.url)) };
const started: OracleProcess[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

async function start(profile: '23ai' | '19c'): Promise<OracleProcess> {
  const server = await startOracleProcess({ profile, backend });
  started.push(server);
  return server;
}

it.each(['23ai', '19c'] as const)(
  'serves as %s, goes wrong as told, and tells what it saw',
  OPTIONS,
  async (profile) => {
    const server = await start(profile);
    const { user, password, connectString } = server;
    const connection = await driver.getConnection({ user, password, connectString });
    let sum = 0;
    for await (const [n] of connection.queryStream('SELECT n, text FROM generated WHERE n <= :1', [20_000])) {
      sum += Number(n);
    }
    expect(sum).toBe((20_000 * 20_001) / 2);
    await server.fail(60, { match: 'INSERT' });
    expect(await errorOf(connection.execute('INSERT INTO t VALUES (1)'))).toMatchObject({ errorNum: 60 });
    const held = await server.hold('execute', 'UPDATE');
    const working = connection.execute('UPDATE t SET a = 1');
    await held.reached;
    await held.release();
    expect((await working).rowsAffected).toBe(1);
    const { calls, sessions, protocolErrors } = await server.look();
    expect(calls.at(-1)).toMatchObject({ op: 'execute', sql: 'UPDATE t SET a = 1', sqlSent: true });
    expect(sessions).toMatchObject([{ user: 'SCOTT', inTransaction: true }]);
    expect(protocolErrors).toEqual([]);
    await server.setInstance('down');
    expect(oraIn(await errorOf(driver.getConnection({ user, password, connectString })))).toBe(1034);
    await server.fault('clear');
    await connection.close();
    await expect.poll(async () => (await server.look()).connections).toBe(0);
  },
);

it('leaves no process behind, and fails what is asked of it afterwards', OPTIONS, async () => {
  const server = await start('23ai');
  await server.stop();
  expect(isAlive(server.pid)).toBe(false);
  await expect(server.look()).rejects.toThrow('process ended');
  await server.stop();
});

it('is gone with the process that started it', OPTIONS, async () => {
  const module = new URL('./oracle-process.ts', import.meta.url).href;
  const script = `
    import { startOracleProcess } from ${JSON.stringify(module)};
    const server = await startOracleProcess({ backend: ${JSON.stringify(backend)} });
    process.stdout.write(String(server.pid), () => process.exit(0));
  `;
  const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let told = '';
  parent.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  await new Promise((resolve) => parent.once('close', resolve));
  expect(Number(told)).toBeGreaterThan(0);
  await expect.poll(() => isAlive(Number(told))).toBe(false);
});

it('says why it could not start', OPTIONS, async () => {
  const nowhere = { module: '/nowhere/backend.ts' };
  await expect(startOracleProcess({ backend: nowhere })).rejects.toThrow(/nowhere/);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
