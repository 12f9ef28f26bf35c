import { describe, expect, it } from 'vitest';
import { pglite } from '../driver/pglite/index.js';
import { postgres } from '../driver/postgres/index.js';
import { ConfigError } from '../errors/config-error.js';
import { resolveConfig } from './resolve-config.js';

const driver = postgres();

function refusal(options: unknown): ConfigError {
  try {
    resolveConfig(options as never);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('query.pipelining', () => {
  it('pipelines where the driver can, unless it is told otherwise', () => {
    const pipelining = (query: object, at = driver) => resolveConfig({ driver: at, query }).query.pipelining;
    expect(pipelining({})).toEqual({ depth: 16, maxStatementTimeMs: 5 });
    expect(pipelining({ pipelining: true })).toEqual({ depth: 16, maxStatementTimeMs: 5 });
    expect(pipelining({ pipelining: { depth: 4, maxStatementTime: '0.5ms' } })).toEqual({
      depth: 4,
      maxStatementTimeMs: 0.5,
    });
    expect(pipelining({ pipelining: false })).toBe(false);
    expect(pipelining({}, pglite())).toBe(false);
  });

  it('refuses pipelining where the driver cannot, and numbers that mean nothing', () => {
    const expected = 'false; the pglite driver cannot have several statements in flight on one connection';
    for (const pipelining of [true, {}]) {
      expect(refusal({ driver: pglite(), query: { pipelining } }).issues).toMatchObject([
        { path: 'query.pipelining', expected },
      ]);
    }
    const wrong = { depth: 65, maxStatementTime: 0, maxDepth: 1 };
    expect(refusal({ driver, query: { pipelining: wrong } }).issues.map(({ path }) => path)).toEqual([
      'query.pipelining.depth',
      'query.pipelining.maxStatementTime',
      'query.pipelining.maxDepth',
    ]);
  });
});
