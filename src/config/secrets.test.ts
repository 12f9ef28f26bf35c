/** No secret comes out of a configuration, whatever is wrong with it and wherever it was said. */
import * as fc from 'fast-check';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../errors/config-error.js';
import { createRuntime } from '../runtime/create-runtime.js';
import { ConfigBuilder } from './config-builder.js';
import { describeConfig } from './describe-config.js';
import { explainConfig } from './explain-config.js';

const CANARY = 'canary-5ecret';

/** Everything that can be printed of a configuration, or of the refusal to make one. */
function printed(builder: ConfigBuilder): string {
  try {
    const config = builder.build();
    const db = createRuntime(config);
    return [
      describeConfig(config),
      JSON.stringify(explainConfig(config)),
      JSON.stringify(config),
      inspect(config, { depth: 20, showHidden: true }),
      inspect(db.config, { depth: 20, showHidden: true }),
      inspect(builder, { depth: 20, showHidden: true }),
    ].join('\n');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [error.message, error.stack, JSON.stringify(error), inspect(error, { depth: 20, showHidden: true })].join(
      '\n',
    );
  }
}

const scheme = fc.constantFrom(
  'postgres',
  'postgresql',
  'mysql',
  'mariadb',
  'oracle',
  'mongodb',
  'pglite',
  '',
  '__proto__',
);
/** Characters that end or begin parts of a URL, around the secret. */
const around = fc.string({
  unit: fc.constantFrom('/', '?', '#', '@', ':', '%', '&', '=', '.', 'a', '1', ' '),
  maxLength: 4,
});
const query = fc.constantFrom('', '?pool.maxSize=0', '?pol.maxSize=1', '?sslmode=maybe', '?x=1', '?query.timeout=5s');
const host = fc.constantFrom('localhost', 'db.example:1', '[::1]', 'h:x', '');

const urls = fc
  .tuple(scheme, around, around, host, query)
  .map(([name, before, after, at, keys]) => `${name}://app:${before}${CANARY}${after}@${at}/shop${keys}`);

describe('a password in a URL', () => {
  it('is in nothing that is printed, whatever it looks like', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(urls, (url) => {
        expect(printed(new ConfigBuilder().withUrl(url))).not.toContain(CANARY);
        expect(printed(new ConfigBuilder().withDsn(url).withConnectionPool(0))).not.toContain(CANARY);
        expect(printed(new ConfigBuilder().fromEnv({ FLUXOR_URL: url }))).not.toContain(CANARY);
        expect(printed(new ConfigBuilder().fromEnv({ DATABASE_URL: url, FLUXOR_POOL_X: url }))).not.toContain(CANARY);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a secret in the environment', () => {
  it('is not shown when it has a name that means nothing, or is a URL in the wrong place', () => {
    const url = `postgres://app:${CANARY}@h/d`;
    for (const name of ['FLUXOR_PASSWORD', 'FLUXOR_DATABASE_URL', 'FLUXOR_POSTGRES_PASSWORD'])
      for (const text of [CANARY, url])
        expect(printed(new ConfigBuilder().fromEnv({ [name]: text }))).not.toContain(CANARY);
    for (const name of ['FLUXOR_POOL_MAX_SIZE', 'FLUXOR_QUERY_TIMEOUT', 'FLUXOR_GATE_RATE_LIMIT', 'FLUXOR_POOL'])
      expect(printed(new ConfigBuilder().withUrl('pglite:').fromEnv({ [name]: url }))).not.toContain(CANARY);
  });

  it('of others is none of our business', () => {
    const env = { PGPASSWORD: CANARY, AWS_SECRET: CANARY, FLUXOR_POOL_MAX_SIZE: '1' };
    expect(printed(new ConfigBuilder().withUrl('pglite:').fromEnv(env))).not.toContain(CANARY);
  });
});
