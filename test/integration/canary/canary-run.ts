/** Takes a runtime through everything that can happen to it, with a canary wherever one fits, and hands what comes out to the outlets. */
import type { DBRuntime, RuntimeOptions } from 'fluxor-db';
import { ConfigBuilder, connect, createRuntime, isFluxorError, sql } from 'fluxor-db';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import type { Outside } from '../../../src/cli/outside.js';
import { run } from '../../../src/cli/run.js';
import { systemClock } from '../../../src/kernel/clock.js';
import { CANARY } from './canaries.js';
import type { OpenTarget } from './canary-targets.js';
import type { Outlets } from './outlets.js';

const { text, literal, big, buffer, date, json, element, whole } = CANARY;

const SMALL = {
  name: 'canaries',
  pool: { warmUp: 1, leak: { threshold: '1s', interval: '1s', stack: true }, acquireTimeout: '5s' },
  gate: { circuitBreaker: false },
  query: { slowThreshold: 1, timeout: '15s', retry: { maxRetries: 1, initialBackoff: 1 } },
} as const satisfies Omit<RuntimeOptions, 'driver'>;

const fixture = (name: string): string => readFileSync(new URL(`../tls/${name}`, import.meta.url), 'utf8');

/** PEM files may have text between the blocks, and people write what it is for. The server speaks no TLS, or with another key. */
const TLS = {
  key: `${CANARY.tlsKey}\n${fixture('client.key')}`,
  cert: fixture('client.crt'),
  ca: fixture('authority.crt'),
  passphrase: CANARY.passphrase,
};

export class CanaryRun {
  readonly #target: OpenTarget;
  readonly #outlets: Outlets;
  /** Codes of the errors that came, for the test to see that there were some. */
  readonly codes: string[] = [];

  constructor(target: OpenTarget, outlets: Outlets) {
    this.#target = target;
    this.#outlets = outlets;
  }

  async calls(logger: RuntimeOptions['logger']): Promise<void> {
    const driver = this.#target.makeDriver();
    const maxSize = Math.min(3, driver.capabilities.maxSessions);
    const db = createRuntime({
      ...SMALL,
      pool: { ...SMALL.pool, maxSize },
      driver,
      ...(logger === undefined ? {} : { logger }),
    });
    this.#outlets.listen(db);
    try {
      for (const statement of this.#target.setup) await db.exec(statement);
      await this.#succeed(db);
      await this.#fail(db);
      await this.#transact(db);
      await this.#batch(db);
      await this.#stream(db);
      await this.#stop(db);
      await this.#leak(db);
      await this.#lose(db);
      await this.#outlets.look(db);
    } finally {
      await db.disconnect({ timeout: 1_000 });
      this.#outlets.addPrinted('runtime', db);
      await this.#outlets.lookAtTelemetry();
    }
  }

  /** Logins that are refused, or cannot be made. */
  async logins(logger: RuntimeOptions['logger']): Promise<void> {
    const { login, url } = this.#target;
    if (login === undefined) return;
    const drivers = [
      () => login({ password: CANARY.wrongPassword }),
      () => login({ credentials: async () => ({ password: CANARY.token }) }),
      () => login({ credentials: () => Promise.reject(new Error(CANARY.token)) }),
      () => login({ credentials: async () => CANARY.token as never }),
      () => login({ password: CANARY.password, ssl: TLS }),
      () => login({ password: CANARY.password, ssl: { ...TLS, key: `${CANARY.tlsKey} is no key` } }),
    ];
    for (const make of drivers) {
      const db = createRuntime({ ...SMALL, driver: make(), ...(logger === undefined ? {} : { logger }) });
      this.#outlets.listen(db);
      await this.#try(() => db.connect());
      await this.#try(() => db.query('select 1'));
      await this.#outlets.look(db);
      await db.disconnect({ timeout: 100 });
    }
    await this.#try(() => connect(Object.assign(new URL(url), { password: CANARY.wrongPassword }).href));
  }

  /** Options that are wrong, in every place where they can be said. */
  async options(): Promise<void> {
    const { url, makeDriver } = this.#target;
    const wrong = [
      url.replace(/:(\d+)\//, ':port/'),
      url.replace('://', ':/'),
      // PGlite takes what it does not know for a part of the folder's name.
      ...(this.#target.login === undefined ? [] : [`${url}?pool.maxSize=0&pol.maxSize=1&password=${CANARY.option}`]),
      `nosuchscheme://app:${CANARY.password}@h/d`,
      `app:${CANARY.password}@h/d`,
    ];
    for (const one of wrong) {
      await this.#try(() => connect(one, { pool: { warmUp: false, connectTimeout: 100, acquireTimeout: 200 } }));
      await this.#try(() => this.#show(new ConfigBuilder().withUrl(one)));
      await this.#try(() =>
        this.#show(new ConfigBuilder().fromEnv({ FLUXOR_URL: one, FLUXOR_PASSWORD: CANARY.option })),
      );
      await this.#try(() => this.#show(new ConfigBuilder().fromEnv({ FLUXOR_POOL_MAX_SIZE: one })));
    }
    await this.#try(() => this.#show(new ConfigBuilder().withUrl(url).fromEnv({ FLUXOR_QUERY_TIMEOUT: '5s' })));
    await this.#try(() => this.#show(new ConfigBuilder().withDriver(makeDriver())));
  }

  /** The program `fluxor`: what it finds, and what it says to a URL that is refused, or wrong. */
  async program(): Promise<void> {
    const { url, login } = this.#target;
    const wrong = Object.assign(new URL(url), { password: CANARY.wrongPassword }).href;
    const urls = [
      url,
      `${url}?pool.maxSize=0`,
      ...(login === undefined ? [] : [wrong, url.replace(/:(\d+)\//, ':port/')]),
    ];
    for (const one of urls)
      for (const words of [['ping'], ['ping', '--json'], ['config'], ['config', '--json'], ['top', '--once']]) {
        const [command = '', ...flags] = words;
        const limit = command === 'config' ? [] : ['--timeout', '5s'];
        await this.#run([command, one, ...flags, ...limit], {});
        await this.#run([command, ...flags, ...limit], { FLUXOR_URL: one, FLUXOR_TOKEN: CANARY.token });
        await this.#run([command, ...flags, ...limit], { FLUXOR_URL: one, FLUXOR_PASSWORD: CANARY.option });
      }
  }

  async #run(argv: readonly string[], env: Outside['env']): Promise<void> {
    const written: string[] = [];
    const sink = { write: (said: string) => void written.push(said) };
    const outside: Outside = {
      ...{ env, clock: systemClock, out: sink, err: sink, screen: undefined, isErrTerminal: false, fetch },
      signal: new AbortController().signal,
      readFile: (path) => readFileSync(path, 'utf8'),
      interrupt: () => undefined,
    };
    await run(argv, outside, { version: '0.0.0', isTerminal: false });
    this.#outlets.add('program', written.join(''));
  }

  #show(builder: ConfigBuilder): Promise<void> {
    this.#outlets.addPrinted('configuration', builder);
    const config = builder.build();
    this.#outlets.addPrinted('configuration', config);
    const db = createRuntime(config);
    this.#outlets.addPrinted('runtime', db);
    return this.#outlets.look(db).finally(() => db.disconnect({ timeout: 100 }));
  }

  async #succeed(db: DBRuntime): Promise<void> {
    await db.exec(this.#target.insert, { id: 1, name: text, amount: 1 });
    for (const statement of this.#target.written) await db.query(statement);
    await db.query('select id from birds where name = :name', { name: text }, { readOnly: true });
    await db.query(`select id from birds where name = :name and name <> '${literal}'`, { name: text });
    const session = await db.acquire();
    await session.query('select id from birds where name = :name or id = :id', { name: text, id: big });
    this.#outlets.addPrinted('sessions', session);
    session.release();
    this.#outlets.addPrinted('sessions', session);
  }

  async #fail(db: DBRuntime): Promise<void> {
    for (const statement of this.#target.failing) {
      await this.#try(() => db.query(statement));
      await this.#try(() => db.transaction((tx) => tx.query(statement)));
    }
    const unsendable = [
      () => text,
      new Map([[text, json]]),
      { toString: () => text, inner: Symbol(text) },
      Symbol(text),
    ];
    for (const value of unsendable) await this.#try(() => db.query(sql`select ${value as never}`));
    const twice = this.#target.failing.slice(0, 5);
    await this.#try(() => Promise.all(twice.map((statement) => db.query(statement, [], { idempotent: true }))));
    for (const params of [{ name: Symbol(text) }, { nam: text }, { name: () => text }, { name: [text, { a: json }] }])
      await this.#try(() => db.query('select id from birds where name = :name', params));
    await this.#try(() => db.query('select id from birds', [text, big, Buffer.from(buffer), date]));
  }

  async #transact(db: DBRuntime): Promise<void> {
    const { insert } = this.#target;
    await this.#try(() =>
      db.transaction(async (tx) => {
        this.#outlets.addPrinted('sessions', tx);
        await tx.exec(insert, { id: 20, name: `${text}-20`, amount: 1 });
        await this.#try(() => tx.transaction((inner) => inner.exec(insert, { id: 21, name: text, amount: 1 })));
        void tx.query(insert, { id: 22, name: `${text}-22`, amount: whole }).catch(() => undefined);
      }),
    );
    await using tx = await db.begin();
    await this.#try(() => tx.exec(insert, { id: 23, name: text, amount: 1 }));
    await this.#try(() => tx.commit());
    await this.#try(() => tx.query(`select '${literal}'`));
  }

  async #batch(db: DBRuntime): Promise<void> {
    const { insert } = this.#target;
    const sets = Array.from({ length: 40 }, (_, n) => ({
      id: 100 + n,
      name: n % 10 === 9 ? text : `${text}-${n}`,
      amount: n === 35 ? element : n,
    }));
    await this.#try(() => db.batch(insert, sets));
    await this.#try(() => db.batch(insert, sets.slice(0, 12), { onError: 'collect' }));
    const result = await db.batch(insert, sets.slice(20, 33), { onError: 'collect' }).catch(() => undefined);
    for (const { error } of result?.errors ?? []) this.#note(error);
    this.#outlets.addPrinted('errors', result);
    await this.#try(() => db.batch(insert, [{ id: 1, name: () => text, amount: 1 }, { id: 2 }]));
  }

  async #stream(db: DBRuntime): Promise<void> {
    const stream = db.stream('select name from birds where name <> :name', { name: `${text}-no` }, { name: 'birds' });
    this.#outlets.addPrinted('sessions', stream);
    for await (const _row of stream) this.#outlets.addPrinted('sessions', stream);
    for (const statement of this.#target.failing.slice(3, 12))
      await this.#try(async () => {
        for await (const row of db.stream(statement)) void row;
      });
  }

  async #stop(db: DBRuntime): Promise<void> {
    const { sleep } = this.#target;
    if (sleep === undefined) return;
    await this.#try(() => db.query(sleep, [], { timeout: 150, retry: false }));
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error(text)), 150);
    await this.#try(() => db.query(sleep, [], { signal: controller.signal }));
    await this.#try(() => db.transaction((tx) => tx.query(sleep), { timeout: 300 }));
  }

  /** Held until it is suspected, while others wait in vain. */
  async #leak(db: DBRuntime): Promise<void> {
    // Listened for before there is anything to suspect: each is suspected once.
    const suspected = new Promise<void>((resolve) => void db.on('lease:leak-suspected', () => resolve()));
    const sessions = await Promise.all(Array.from({ length: db.stats().maxSize }, () => db.acquire({ label: 'held' })));
    await Promise.all(sessions.map((session) => session.query(this.#target.written[0] ?? 'select 1')));
    await this.#try(() => db.query('select id from birds where name = :name', { name: text }, { timeout: 300 }));
    await suspected;
    this.#outlets.addPrinted('diagnostics', db.diagnostics());
    for (const session of sessions) session.release();
  }

  async #lose(db: DBRuntime): Promise<void> {
    const { suicide } = this.#target;
    if (suicide === undefined) return;
    await this.#try(() => db.query(suicide, [], { idempotent: true }));
    await this.#try(() =>
      db.transaction(async (tx) => {
        await tx.query('select id from birds where name = :name', { name: text });
        await tx.query(suicide);
      }),
    );
  }

  async #try(act: () => unknown): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#note(error);
    }
  }

  #note(error: unknown): void {
    this.codes.push(isFluxorError(error) ? `${error.code} ${error.reason ?? ''}`.trim() : inspect(error).slice(0, 80));
    this.#outlets.addError(error);
  }
}
