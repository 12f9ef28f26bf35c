/** The live view over a diagnostics URL, on a terminal that remembers and a clock that stands still. */
import { describe, expect, it } from 'vitest';
import { CliWorld } from '../../test/fakes/cli-outside.js';
import { runtimeBench } from '../../test/fakes/runtime-bench.js';
import type { TopOptions } from './command-line.js';
import { ENTER_SCREEN, HIDE_CURSOR, LEAVE_SCREEN, painter, SHOW_CURSOR } from './terminal.js';
import { runTop } from './top-command.js';

const OPTIONS: TopOptions = {
  ...{ url: 'https://user:canary@metrics.example/diagnostics?key=canary', envFile: undefined, hasColours: false },
  ...{ timeoutMs: 5_000, intervalMs: 1_000, token: undefined, isOnce: false },
};

/** Diagnostics of a runtime that has done something, `queries` of them in all. */
async function sampleOf(queries: number): Promise<Record<string, unknown>> {
  const bench = runtimeBench({ name: 'shop' });
  for (let n = 0; n < queries; n += 1) await bench.run(bench.db.query(`select ${n}, 'canary'`));
  const text = JSON.stringify(bench.db.diagnostics());
  await bench.db.disconnect();
  return JSON.parse(text) as Record<string, unknown>;
}

interface Asked {
  readonly headers: Record<string, string>;
  readonly url: string;
}

/** A site that answers one after the other, the last one for ever. */
function site(...answers: (object | number | Error | 'never')[]) {
  const asked: Asked[] = [];
  const fetch = ((url: URL, { headers, signal }: { headers: Record<string, string>; signal: AbortSignal }) => {
    asked.push({ headers, url: url.href });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === 'never')
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    if (answer instanceof Error) return Promise.reject(answer);
    if (typeof answer === 'number') return Promise.resolve(new Response('canary', { status: answer }));
    return Promise.resolve(new Response(JSON.stringify(answer)));
  }) as unknown as typeof globalThis.fetch;
  return { fetch, asked };
}

function live(fetch: typeof globalThis.fetch, options: Partial<TopOptions> = {}) {
  const world = new CliWorld({ hasScreen: true, fetch });
  const ended = runTop({ ...OPTIONS, ...options }, world.outside, painter(false));
  return { world, screen: world.screen, ended };
}

/** What is read of an answer takes turns of the machine, and no time. */
const turns = async (check: () => unknown): Promise<void> =>
  void (await expect.poll(check, { interval: 1 }).toBeTruthy());

describe('fluxor top on a terminal', () => {
  it('draws, counts by the second, and leaves everything as it was at q', async () => {
    const [one, two] = [await sampleOf(3), await sampleOf(13)];
    const { at } = one as { at: number };
    const { fetch } = site(one, { ...two, at: at + 1_000 });
    const { world, screen, ended } = live(fetch);
    await turns(() => screen.picture.some((line) => line.includes('– failed/s')));
    expect(screen.text.startsWith(`${ENTER_SCREEN}${HIDE_CURSOR}`)).toBe(true);
    expect(screen.picture[0]).toContain('shop');
    expect(screen.picture.join('\n')).toContain('select ?, ?');
    await world.clock.advance(1_000);
    await turns(() => screen.picture.some((line) => line.includes('10 queries/s  0.00 failed/s')));
    screen.press('q');
    expect(await ended).toBe(0);
    expect(screen.text.endsWith(`${SHOW_CURSOR}${LEAVE_SCREEN}`)).toBe(true);
    expect([screen.hasKeys, world.clock.pendingTimerCount]).toEqual([false, 0]);
    expect(screen.text + world.out + world.err).not.toContain('canary');
  });

  it.each([
    ['Ctrl-C', '\u0003', 130],
    ['Escape', '\u001b', 0],
    ['Q', 'Q', 0],
    ['a q among others that came with it', 'xq', 0],
    ['a Ctrl-C among others that came with it', 'x\u0003', 130],
  ])('ends at %s, also while it waits for an answer', async (_name, key, code) => {
    const { world, screen, ended } = live(site('never').fetch);
    screen.press('x');
    // The key F1: an Escape with more behind it.
    screen.press('\u001bOP');
    expect(screen.hasKeys).toBe(true);
    screen.press(key);
    expect(await ended).toBe(code);
    expect(screen.text.endsWith(LEAVE_SCREEN)).toBe(true);
    // The answer that never comes holds nothing up.
    await world.clock.settle();
    expect(world.clock.pendingTimerCount).toBe(0);
  });

  it('says that the source is lost, above what was seen last, and goes on when it is back', async () => {
    const sample = await sampleOf(1);
    const { world, screen, ended } = live(site(sample, 503, new TypeError('fetch failed'), sample).fetch);
    await turns(() => screen.picture.some((line) => line.includes('in use')));
    await world.clock.advance(1_000);
    await turns(() => screen.picture[0]?.startsWith('lost for'));
    expect(screen.picture[0]).toContain('HTTP 503. Asking again.');
    expect(screen.picture.join('\n')).toContain('in use');
    await world.clock.advance(1_000);
    await turns(() => screen.picture[0]?.includes('lost for 1 s: cannot be reached'));
    await world.clock.advance(1_000);
    await turns(() => screen.picture[0]?.startsWith('shop'));
    screen.press('q');
    expect(await ended).toBe(0);
  });

  it('waits for a source that is not there yet', async () => {
    const sample = await sampleOf(1);
    const { world, screen, ended } = live(site(new TypeError('fetch failed'), sample).fetch);
    await turns(() => screen.picture[0]?.startsWith('lost for'));
    await world.clock.advance(1_000);
    await turns(() => screen.picture[0]?.startsWith('shop'));
    screen.press('q');
    expect(await ended).toBe(0);
  });

  it.each([
    [401, 'is the token right?'],
    [404, 'is this the URL of the diagnostics?'],
    [302, 'name the URL that it leads to'],
  ])('ends at HTTP %i at the start, and says what to do', async (status, words) => {
    const { world, screen, ended } = live(site(status).fetch);
    expect(await ended).toBe(1);
    expect(screen.text.endsWith(LEAVE_SCREEN)).toBe(true);
    expect(world.err).toContain(`https://metrics.example/diagnostics: `);
    expect(world.err).toContain(words);
    expect(world.err).not.toContain('canary');
  });

  it('gives an answer no more time than it has', async () => {
    const { world, screen, ended } = live(site('never').fetch);
    await world.clock.advance(5_000);
    await turns(() => screen.picture[0]?.includes('no answer in time'));
    screen.press('q');
    expect(await ended).toBe(0);
  });

  it('is never wider or higher than the window, and drawn anew when that changes', async () => {
    const { screen, ended } = live(site(await sampleOf(30)).fetch);
    await turns(() => screen.picture.some((line) => line.includes('in use')));
    screen.resize(40, 8);
    expect(screen.picture.length).toBeLessThanOrEqual(8);
    expect(Math.max(...screen.picture.map((line) => line.length))).toBeLessThanOrEqual(39);
    screen.press('q');
    await ended;
    const written = screen.text.length;
    screen.resize(100, 30);
    expect(screen.text).toHaveLength(written);
  });

  it('shows something of diagnostics that are of another shape inside', async () => {
    const broken = {
      ...(await sampleOf(1)),
      pool: { maxSize: 'canary\u001b[2J' },
      metrics: {},
      statements: [null, 7, {}],
      waiters: [{}],
    };
    const { screen, ended } = live(site(broken).fetch);
    await turns(() => screen.picture.some((line) => line.includes('circuit') || line.includes('cannot be shown')));
    expect(screen.text).not.toContain('\u001b[2J');
    screen.press('q');
    expect(await ended).toBe(0);
  });
});

describe('fluxor top without a terminal', () => {
  it('prints one look, and brings user or token without showing them', async () => {
    const { fetch, asked } = site(await sampleOf(2));
    const world = new CliWorld({ fetch });
    expect(await runTop(OPTIONS, world.outside, painter(false))).toBe(0);
    const withToken = new CliWorld({ fetch, env: { FLUXOR_TOKEN: 'canary' } });
    expect(await runTop(OPTIONS, withToken.outside, painter(false))).toBe(0);
    expect(asked.map(({ headers }) => headers['authorization'])).toEqual([
      `Basic ${Buffer.from('user:canary').toString('base64')}`,
      'Bearer canary',
    ]);
    expect(asked[0]?.url).toBe('https://metrics.example/diagnostics?key=canary');
    expect(world.out).toContain('https://metrics.example/diagnostics  ');
    expect(world.out + world.err + withToken.out).not.toContain('canary');
  });

  it('prints why it could not, with 1', async () => {
    const world = new CliWorld({ fetch: site({ schema: 2 }).fetch });
    expect(await runTop({ ...OPTIONS, isOnce: true }, world.outside, painter(false))).toBe(1);
    expect([world.out, world.err]).toEqual([
      '',
      expect.stringContaining('have schema 2, and this fluxor reads schema 1'),
    ]);
  });
});
