import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../errors/config-error.js';
import type { PgliteInstance } from './pglite-module.js';
import type { PgliteOptions } from './pglite-options.js';
import { resolvePgliteOptions } from './pglite-options.js';

const instance: PgliteInstance = {
  query: () => Promise.resolve({ rows: [], fields: [] }),
  onNotification: () => () => undefined,
  closed: false,
  close: () => Promise.resolve(),
};

function refusal(options: unknown): ConfigError {
  try {
    resolvePgliteOptions(options as PgliteOptions);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('pglite options', () => {
  it('are in memory when nothing is said', () => {
    const config = resolvePgliteOptions({});
    expect(config).toEqual({ dataDir: undefined, instance: undefined, endpoint: 'pglite:memory' });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it.each([
    ['pglite:', undefined],
    ['pglite://', undefined],
    ['pglite:./data', './data'],
    ['pglite:data/shop', 'data/shop'],
    ['pglite:/var/lib/shop', '/var/lib/shop'],
    ['pglite:///var/lib/shop', '/var/lib/shop'],
    ['pglite://data', 'data'],
    ['PGLITE:./data', './data'],
    ['pglite:C:\\data', 'C:\\data'],
    ['pglite:./100%', './100%'],
  ])('read %s as the folder %s', (url, dataDir) => {
    expect(resolvePgliteOptions({ url })).toMatchObject({ dataDir, endpoint: `pglite:${dataDir ?? 'memory'}` });
  });

  it('let the folder win over the URL', () => {
    expect(resolvePgliteOptions({ url: 'pglite:./a', dataDir: './b' }).dataDir).toBe('./b');
  });

  it('take a database of your own', () => {
    expect(resolvePgliteOptions({ instance }).instance).toBe(instance);
  });

  it('refuse everything that is wrong at once', () => {
    const error = refusal({ url: 'pglite:./data?x=1', dataDir: 5, instance: {}, datadir: 'x' });
    expect(error.issues.map(({ path }) => path).sort()).toEqual([
      'pglite.dataDir',
      'pglite.datadir',
      'pglite.instance',
      'pglite.url',
    ]);
    expect(error.message).toContain('did you mean pglite.dataDir?');
  });

  it.each([
    'postgres://app:secret-marker@h/d',
    './data',
    'pglite',
    'secret-marker',
    'pglite:./x?password=secret-marker',
  ])('refuse the URL %s, and do not show it', (url) => {
    const error = refusal({ url });
    expect(error.issues.map(({ path }) => path)).toEqual(['pglite.url']);
    expect(error.message).not.toContain('secret-marker');
  });

  it.each([null, {}, { query: 1 }, 'x'])('refuse %s as a database', (value) => {
    expect(refusal({ instance: value }).issues.map(({ path }) => path)).toEqual(['pglite.instance']);
  });
});
