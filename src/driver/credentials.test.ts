import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDeferred } from '../kernel/deferred.js';
import { fakeClock } from '../testing/fake-clock.js';
import type { Credentials, IssuedCredentials } from './credentials.js';
import { CredentialsCache } from './credentials.js';

const MARKER = 'secret-marker';
const NEVER = new AbortController().signal;

class Refused extends Error {}
const isRefusal = (error: unknown): boolean => error instanceof Refused;

/** A server whose password can be changed, and a vault that is asked for it. */
function bench(provider?: () => unknown) {
  const clock = fakeClock();
  const server = { password: 'one', logins: [] as string[] };
  const vault = { password: 'one', lifeMs: undefined as number | undefined, asked: 0 };
  const ask = (): Credentials => {
    vault.asked += 1;
    const { password, lifeMs } = vault;
    return lifeMs === undefined ? { password } : { password, expiresAt: clock.wallNow() + lifeMs };
  };
  const place = { endpoint: 'db://server', option: 'db.credentials', clock };
  const cache = new CredentialsCache((provider ?? ask) as () => Credentials, place);
  const login = async ({ password }: IssuedCredentials): Promise<string> => {
    server.logins.push(password);
    await Promise.resolve();
    if (password !== server.password) throw new Refused(`refused`);
    return password;
  };
  const connect = (signal: AbortSignal = NEVER) => cache.use(login, isRefusal, signal);
  const rotate = (password: string): void => void (server.password = vault.password = password);
  return { clock, server, vault, cache, connect, rotate };
}

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as Error,
  );

describe('a provider', () => {
  it('is asked once by connects at the same moment, and again by the next when it names no expiry', async () => {
    const { connect, vault } = bench();
    const opened = await Promise.all(Array.from({ length: 10 }, () => connect()));
    expect(opened).toEqual(Array.from({ length: 10 }, () => ({ value: 'one', isRotated: false })));
    expect(vault.asked).toBe(1);
    await connect();
    expect(vault.asked).toBe(2);
  });

  it.each([
    [15 * 60_000, 14.5 * 60_000],
    [60_000, 54_000],
    [1_000, 900],
  ])('whose answer lives %d ms is asked again after %d ms and not before', async (lifeMs, freshMs) => {
    const { connect, vault, clock } = bench();
    vault.lifeMs = lifeMs;
    await connect();
    await clock.advance(freshMs - 1);
    await connect();
    expect(vault.asked).toBe(1);
    await clock.advance(1);
    await connect();
    expect(vault.asked).toBe(2);
  });

  it('is never lent from memory when expired, and always before the margin', async () => {
    const life = fc.integer({ min: -3_600_000, max: 3_600_000 });
    await fc.assert(
      fc.asyncProperty(life, fc.integer({ min: 0, max: 4_000_000 }), async (lifeMs, waitMs) => {
        const { connect, vault, clock } = bench();
        vault.lifeMs = lifeMs;
        await connect();
        await clock.advance(waitMs);
        await connect();
        if (waitMs >= lifeMs) expect(vault.asked).toBe(2);
        if (waitMs < Math.max(lifeMs - 30_000, lifeMs * 0.9 - 1)) expect(vault.asked).toBe(1);
      }),
    );
  });

  it('may say when its answer expires as a Date or as milliseconds, or that it never does', async () => {
    for (const expiresAt of [Infinity, Date.UTC(2026, 0, 2), new Date('2026-01-02T00:00:00Z')]) {
      let asked = 0;
      const { connect, clock } = bench(() => ({ password: 'one', expiresAt, asked: (asked += 1) }));
      await connect();
      await clock.advance(12 * 3_600_000);
      await connect();
      expect(asked).toBe(1);
    }
  });

  it('names the user where it wants to', async () => {
    const users: unknown[] = [];
    const { cache } = bench(() => ({ user: 'v-app-1', password: 'one' }));
    await cache.use(({ user }) => Promise.resolve(users.push(user)), isRefusal, NEVER);
    expect(users).toEqual(['v-app-1']);
  });
});

describe('credentials that are refused', () => {
  it('are asked for again at once, and nobody hears of it', async () => {
    const { connect, server, vault, rotate } = bench();
    vault.lifeMs = Infinity;
    await connect();
    rotate('two');
    expect(await connect()).toEqual({ value: 'two', isRotated: true });
    expect(server.logins).toEqual(['one', 'one', 'two']);
    expect(await connect()).toEqual({ value: 'two', isRotated: false });
    expect(vault.asked).toBe(2);
  });

  it('are asked for again once, and called rotated once, by ten connects that find out together', async () => {
    const { connect, vault, rotate } = bench();
    vault.lifeMs = Infinity;
    await connect();
    rotate('two');
    const opened = await Promise.all(Array.from({ length: 10 }, () => connect()));
    expect(opened.map(({ value }) => value)).toEqual(Array.from({ length: 10 }, () => 'two'));
    expect(opened.filter(({ isRotated }) => isRotated)).toHaveLength(1);
    expect(vault.asked).toBe(2);
  });

  it('are no rotation when they never opened anything', async () => {
    const passwords = ['one', 'two'];
    const { connect, server } = bench(() => ({ password: passwords.shift() }));
    server.password = 'two';
    expect(await connect()).toEqual({ value: 'two', isRotated: false });
    expect(server.logins).toEqual(['one', 'two']);
  });

  it('are not tried twice when the provider has no others, and not kept either', async () => {
    const { connect, server, vault } = bench();
    vault.lifeMs = Infinity;
    server.password = 'two';
    expect(await failure(connect())).toBeInstanceOf(Refused);
    expect([server.logins, vault.asked]).toEqual([['one'], 2]);
    vault.password = 'two';
    expect((await connect()).value).toBe('two');
  });

  it('are followed by one more login only, however many others the provider has', async () => {
    let asked = 0;
    const { connect, server } = bench(() => ({ password: `wrong ${(asked += 1)}`, expiresAt: Infinity }));
    expect(await failure(connect())).toBeInstanceOf(Refused);
    expect(server.logins).toEqual(['wrong 1', 'wrong 2']);
    expect(await failure(connect())).toBeInstanceOf(Refused);
    expect(server.logins).toEqual(['wrong 1', 'wrong 2', 'wrong 3', 'wrong 4']);
  });

  it('are told apart from every other failure, which is passed on untouched', async () => {
    const { cache, vault } = bench();
    vault.lifeMs = Infinity;
    const down = new Error('ECONNREFUSED');
    expect(await failure(cache.use(() => Promise.reject(down), isRefusal, NEVER))).toBe(down);
    await cache.use(() => Promise.resolve(), isRefusal, NEVER);
    expect(vault.asked).toBe(1);
  });

  it('are not brought back by a question that was under way when they were refused', async () => {
    const questions: ReturnType<typeof createDeferred<Credentials>>[] = [];
    const { cache, server, clock } = bench(() => {
      const question = createDeferred<Credentials>();
      questions.push(question);
      return question.promise;
    });
    const gate = createDeferred<undefined>();
    const login = async ({ password }: IssuedCredentials): Promise<string> => {
      await gate.promise;
      if (password !== server.password) throw new Refused('refused');
      return password;
    };
    const early = cache.use(login, isRefusal, NEVER);
    await clock.settle();
    questions[0]?.resolve({ password: 'old' });
    await clock.settle();
    const late = cache.use(login, isRefusal, NEVER);
    await clock.settle();
    server.password = 'new';
    gate.resolve(undefined);
    await clock.settle();
    expect(questions).toHaveLength(3);
    questions[2]?.resolve({ password: 'new', expiresAt: Infinity });
    expect((await early).value).toBe('new');
    questions[1]?.resolve({ password: 'old', expiresAt: Infinity });
    expect((await late).value).toBe('new');
    expect((await cache.use(login, isRefusal, NEVER)).value).toBe('new');
    expect(questions).toHaveLength(3);
  });
});

describe('a provider that fails', () => {
  const boom = new Error(`vault says ${MARKER}`);

  it.each([
    [
      'by throwing',
      () => {
        throw boom;
      },
    ],
    ['by rejecting', () => Promise.reject(boom)],
  ])('%s is a retryable error about the credentials, for everybody who waits, and is asked again', async (_, fail) => {
    let isDown = true;
    const { connect } = bench(() => (isDown ? fail() : { password: 'one' }));
    const errors = await Promise.all([failure(connect()), failure(connect())]);
    for (const error of errors) {
      expect(error).toMatchObject({
        name: 'ConnectionError',
        code: 'CONNECTION',
        reason: 'credentials',
        decision: 'new-connection',
        outcome: 'not-sent',
        breaker: 'ignore',
        cause: boom,
      });
      expect(error.message).toMatch(/^db:\/\/server: .*db\.credentials/);
      expect(`${inspect(error)} ${JSON.stringify(error)}`).not.toContain(MARKER);
    }
    expect(errors[0]).not.toBe(errors[1]);
    isDown = false;
    expect((await connect()).value).toBe('one');
  });

  it('after a refusal is the error that is reported: it may be over soon, and the refused are not tried again', async () => {
    let isDown = false;
    const { connect, server } = bench(() => (isDown ? Promise.reject(boom) : { password: 'one', expiresAt: Infinity }));
    await connect();
    server.password = 'two';
    isDown = true;
    for (let attempt = 0; attempt < 2; attempt += 1)
      expect(await failure(connect())).toMatchObject({ code: 'CONNECTION', reason: 'credentials' });
    expect(server.logins).toEqual(['one', 'one']);
  });

  it.each<[given: unknown, path: string, got: string]>([
    [undefined, '', 'undefined'],
    [null, '', 'null'],
    [MARKER, '', 'a value of type string'],
    [[MARKER], '', 'an array'],
    [{}, '.password', 'undefined'],
    [{ password: 4_711 }, '.password', 'a value of type number'],
    [{ password: '' }, '.password', 'an empty string'],
    [{ password: { value: MARKER } }, '.password', 'a value of type object'],
    [{ password: MARKER, user: 7 }, '.user', 'a value of type number'],
    [{ password: MARKER, user: '' }, '.user', 'an empty string'],
    [{ password: MARKER, expiresAt: '2026-01-01' }, '.expiresAt', 'a value of type string'],
    [{ password: MARKER, expiresAt: new Date('never') }, '.expiresAt', 'an invalid date'],
    [{ password: MARKER, expiresAt: NaN }, '.expiresAt', 'an invalid date'],
    [{ password: MARKER, expiresAt: null }, '.expiresAt', 'null'],
  ])('to give credentials (%j) is a wrong option, told without showing it', async (given, path, got) => {
    const { connect, server } = bench(() => given);
    const error = await failure(connect());
    expect(error).toMatchObject({ code: 'CONFIG', decision: 'never' });
    expect(error).toMatchObject({ issues: [{ path: `db.credentials()${path}`, got }] });
    expect(`${error.message} ${inspect(error)} ${JSON.stringify(error)}`).not.toMatch(/secret-marker|4711/);
    expect(server.logins).toEqual([]);
  });
});

describe('a provider that is slow', () => {
  it('is waited for no longer than the connect allows, and does not take the next connect with it', async () => {
    const answers: ReturnType<typeof createDeferred<Credentials>>[] = [];
    const { connect, clock } = bench(() => {
      const answer = createDeferred<Credentials>();
      answers.push(answer);
      return answer.promise;
    });
    const abort = new AbortController();
    const given = failure(connect(abort.signal));
    await clock.settle();
    abort.abort();
    expect(await given).toMatchObject({ code: 'CANCELLED', reason: 'runtime', decision: 'new-connection' });
    const next = connect();
    await clock.settle();
    expect(answers).toHaveLength(2);
    answers[1]?.resolve({ password: 'one' });
    expect((await next).value).toBe('one');
    answers[0]?.reject(new Error('too late to be heard'));
    await clock.settle();
  });

  it('is heard by the next connect when its answer comes after everybody has gone', async () => {
    const answer = createDeferred<Credentials>();
    let asked = 0;
    const { connect, clock } = bench(() => ((asked += 1), answer.promise));
    const abort = new AbortController();
    const given = failure(connect(abort.signal));
    await clock.settle();
    abort.abort();
    await given;
    answer.resolve({ password: 'one', expiresAt: Infinity });
    await clock.settle();
    expect((await connect()).value).toBe('one');
    expect(asked).toBe(1);
  });

  it('is not asked for a connect that nobody wants any more', async () => {
    const { connect, vault } = bench();
    expect(await failure(connect(AbortSignal.abort()))).toMatchObject({ code: 'CANCELLED' });
    expect(vault.asked).toBe(0);
  });
});

it('shows no secret to whoever prints the credentials or their keeper', async () => {
  const { cache } = bench(() => ({ user: 'app', password: MARKER, expiresAt: Infinity }));
  await cache.use(
    (issued) => {
      expect(issued.password).toBe(MARKER);
      expect(`${inspect(issued)} ${JSON.stringify(issued)} ${JSON.stringify({ ...issued })}`).not.toContain(MARKER);
      return Promise.resolve();
    },
    isRefusal,
    NEVER,
  );
  expect(`${inspect(cache, { depth: 9, showHidden: true })} ${JSON.stringify(cache)}`).not.toContain(MARKER);
});
