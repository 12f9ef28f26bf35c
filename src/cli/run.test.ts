/** Whole runs in a world of strings: what is printed where, and the exit code. Connections are made in test/integration/cli.test.ts. */
import { describe, expect, it } from 'vitest';
import { CliWorld } from '../../test/fakes/cli-outside.js';
import { run } from './run.js';

const TOLD = { version: '1.2.3', isTerminal: true };
const URL_WITH_SECRET = 'postgres://app:canary@localhost/shop';

async function ran(world: CliWorld, ...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const code = await run(argv, world.outside, TOLD);
  return { code, out: world.out, err: world.err };
}

describe('fluxor', () => {
  it('tells its version and how it is used', async () => {
    expect(await ran(new CliWorld(), '--version')).toEqual({ code: 0, out: '1.2.3\n', err: '' });
    const { code, out } = await ran(new CliWorld(), 'ping', '--help');
    expect([code, out]).toEqual([0, expect.stringContaining('--instances N')]);
  });

  it('answers a mistake on the other output, with 2', async () => {
    const { code, out, err } = await ran(new CliWorld(), 'ping', '--tiemout', '5s');
    expect([code, out]).toEqual([2, '']);
    expect(err).toBe('unknown option --tiemout; did you mean --timeout?\n\nfluxor ping --help says more.\n');
  });

  it.each(['ping', 'top'])('%s asks for a URL where nobody says one', async (command) => {
    const { code, out, err } = await ran(new CliWorld({ env: { FLUXOR_URL: '' } }), command);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('FLUXOR_URL or DATABASE_URL');
  });

  it.each(['ping', 'top'])('%s refuses what is wrong before it connects, all of it', async (command) => {
    const world = new CliWorld({ env: { FLUXOR_QUERY_TIMOUT: '5s' } });
    const { code, out, err } = await ran(world, command, `${URL_WITH_SECRET}?pool.maxSise=1`);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('2 options are wrong:');
    // The output is a terminal; where this goes is none.
    expect(err).not.toContain('\u001b');
    expect(err).toContain('did you mean pool.maxSize?');
    expect(err).toContain('did you mean FLUXOR_QUERY_TIMEOUT?');
    expect(err).not.toContain('canary');
  });

  it.each([
    ['a user that is not percent-encoded', 'http://app:ca%nary@metrics.example/x', {}, "url: got a '%'"],
    ['a token with a line break', 'http://metrics.example/x', { FLUXOR_TOKEN: 'ca\nnary' }, 'token: got characters'],
  ])('top refuses %s in words, and asks nobody', async (_what, url, env, words) => {
    const world = new CliWorld({ env, fetch: () => Promise.reject(new Error('asked')) });
    const { code, out, err } = await ran(world, 'top', url);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(words);
    expect(err).not.toContain('nary');
  });

  it('gives JSON to programs, also of what is wrong', async () => {
    const { code, out } = await ran(new CliWorld(), 'ping', `${URL_WITH_SECRET}?pool.maxSise=1`, '--json');
    expect([code, JSON.parse(out)]).toMatchObject([2, { ok: false, issues: [{ path: 'pool.maxSise' }] }]);
  });
});

describe('fluxor config', () => {
  it('lets the environment win over the URL, the URL over the preset, and names each', async () => {
    const env = { FLUXOR_POOL_MAX_SIZE: '77', DATABASE_URL: 'mysql://elsewhere/db', FLUXOR_TOKEN: 'canary' };
    const url = `${URL_WITH_SECRET}?pool.maxSize=66&query.timeout=5s`;
    const { code, out, err } = await ran(new CliWorld({ env }), 'config', url, '--preset', 'development', '--no-color');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^driver +postgres \(postgres:\/\/app@localhost:5432\/shop\) +url$/m);
    expect(out).toMatch(/^pool\.maxSize +77 +env:FLUXOR_POOL_MAX_SIZE$/m);
    expect(out).toMatch(/^query\.timeout +5000 +url$/m);
    expect(out).toMatch(/^query\.slowThreshold +500 +preset$/m);
    expect(out).toMatch(/^pool\.acquireTimeout +10000 +default$/m);
    expect(out).not.toMatch(/canary|elsewhere|\u001b/);
  });

  it('reads a file of variables below the environment', async () => {
    const files = { '.env': `FLUXOR_URL=${URL_WITH_SECRET}\nFLUXOR_POOL_MAX_SIZE=60\nFLUXOR_QUERY_TIMEOUT=7s\n` };
    const world = new CliWorld({ files, env: { FLUXOR_POOL_MAX_SIZE: '70', FLUXOR_QUERY_TIMEOUT: '' } });
    const { code, out } = await ran(world, 'config', '--env-file', '.env', '--json');
    const { options } = JSON.parse(out) as { options: { path: string; value: unknown }[] };
    const of = (wanted: string) => options.find(({ path }) => path === wanted)?.value;
    expect([code, of('pool.maxSize'), of('query.timeout')]).toEqual([0, 70, 7_000]);
  });

  it('says that a file is not there, and that nobody names a database, with 2 as the others do', async () => {
    const missing = await ran(new CliWorld(), 'config', '--env-file', 'canary.env', '--no-color');
    expect([missing.code, missing.out]).toEqual([
      2,
      expect.stringContaining('--env-file: got a file that is not there'),
    ]);
    const nothing = await ran(new CliWorld({ env: { FLUXOR_POOL_MAX_SIZE: 'many' } }), 'config', '--no-color');
    expect(nothing.code).toBe(2);
    expect(nothing.out).toMatch(/url: got none, expected one as an argument[^]*pool\.maxSize: got/);
  });

  it('paints what nobody said more faintly, where there are colours', async () => {
    const { out } = await ran(new CliWorld(), 'config', URL_WITH_SECRET);
    expect(out).toContain('\u001b[2mpool.maxSize');
    const plain = new CliWorld({ env: { NO_COLOR: '1' } });
    expect((await ran(plain, 'config', URL_WITH_SECRET)).out).not.toContain('\u001b');
  });
});
