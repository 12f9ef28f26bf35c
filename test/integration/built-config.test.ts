/** A configuration that was built, at work: the door of its URL is opened by whoever connects first. */
import { afterEach, describe, expect, it } from 'vitest';
import type { DBRuntime } from '../../src/index.js';
import { ConfigBuilder, connect, createRuntime, describeConfig, explainConfig } from '../../src/index.js';

describe('a built configuration', () => {
  let db: DBRuntime | undefined;
  afterEach(async () => db?.disconnect());

  it('opens the door of its URL with the first call', { timeout: 60_000 }, async () => {
    const env = { FLUXOR_URL: 'pglite:', FLUXOR_QUERY_TIMEOUT: '20s' };
    db = createRuntime(new ConfigBuilder().fromEnv(env).withOptions({ name: 'embedded' }).build());
    expect(db.state).toBe('idle');
    expect(await db.queryValue('select 1 + 1')).toBe(2);
    const doubled = await db.transaction(async (tx) => {
      await tx.exec('create table numbers (n int)');
      await tx.exec('insert into numbers values (21)');
      return tx.queryValue('select n * 2 from numbers');
    });
    expect(doubled).toBe(42);
    await using news = await db.listen('news');
    await db.exec("notify news, 'here'");
    expect((await news[Symbol.asyncIterator]().next()).value).toMatchObject({ channel: 'news', payload: 'here' });
    expect(describeConfig(db.config)).toContain('query.timeoutMs: 20000 ms  ← FLUXOR_QUERY_TIMEOUT');
    expect(explainConfig(db.config)).toContainEqual({ path: 'name', value: 'embedded', source: 'option' });
  });

  it('is what connect() takes too', { timeout: 60_000 }, async () => {
    db = await connect(new ConfigBuilder().withUrl('pglite:').withConnectionPool(1, 1).build());
    expect(db.state).toBe('running');
    expect(await db.queryValue('select 1')).toBe(1);
  });

  it('says to connect() what only the driver could know of its URL', async () => {
    const config = new ConfigBuilder().withUrl('postgres://app:secret-marker@localhost/d?sslmod=require').build();
    const error: unknown = await connect(config).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'CONFIG', issues: [{ path: 'postgres.url?sslmod' }] });
    expect(String(error)).not.toContain('secret-marker');
  });
});
