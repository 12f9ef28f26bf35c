/** The option `logger` in all its forms, wherever it is said. */
import pino from 'pino';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { pglite } from '../driver/pglite/index.js';
import { ConfigError } from '../errors/config-error.js';
import { receiverOf } from '../telemetry/log-options.js';
import { ConfigBuilder } from './config-builder.js';
import { describeConfig } from './describe-config.js';
import { explainConfig } from './explain-config.js';
import { resolveConfig } from './resolve-config.js';
import type { RuntimeConfig, RuntimeOptions } from './runtime-options.js';

const driver = pglite();
const write = (): void => undefined;
const plain = { secret: 'of-the-logger', debug: write, info: write, warn: write, error: write };

const receiver = ({ logger }: RuntimeConfig): unknown => (logger === false ? false : receiverOf(logger));
const level = ({ logger }: RuntimeConfig): unknown => (logger === false ? false : logger.level);
const resolve = (logger: RuntimeOptions['logger']): RuntimeConfig =>
  resolveConfig(logger === undefined ? { driver } : { driver, logger });

describe('the option logger', () => {
  it.each([
    ['a function', write, write, 'info'],
    ['pino', pino({ enabled: false }), 'itself', 'info'],
    ['console', console, console, 'info'],
    ['a plain object with methods', plain, plain, 'info'],
    ['options', { to: plain, level: 'debug' } as const, plain, 'debug'],
    ['options without a logger', { level: 'error' } as const, undefined, 'error'],
    ['nothing', undefined, undefined, 'warn'],
    ['false', false as const, false, false],
  ])('takes %s', (_, given, expected, least) => {
    const config = resolve(given);
    expect(receiver(config)).toBe(expected === 'itself' ? given : expected);
    expect(level(config)).toBe(least);
  });

  it.each([
    ['a text', 'debug', ['logger']],
    ['null', null, ['logger']],
    ['an unknown level', { level: 'trace' }, ['logger.level']],
    ['a logger without a method for each level', { to: { info: write, warn: write } }, ['logger.to']],
    ['a misspelt option', { levle: 'info' }, ['logger.levle']],
  ])('refuses %s', (_, given, paths) => {
    try {
      resolve(given as RuntimeOptions['logger']);
      expect.unreachable();
    } catch (error) {
      expect((error as ConfigError).issues.map(({ path }) => path)).toEqual(paths);
    }
  });

  it('has a step of the builder, and a level in the environment that leaves the logger where it was', () => {
    const base = new ConfigBuilder().withDriver(driver);
    expect(receiver(base.withLogger(plain).build())).toBe(plain);
    expect(level(base.withLogger(write, 'warn').build())).toBe('warn');
    expect(base.withLogger(false).build().logger).toBe(false);
    for (const said of [
      base.withLogger(plain),
      base.withOptions({ logger: plain }),
      base.withOptions({ logger: write }),
    ]) {
      const config = said.fromEnv({ FLUXOR_LOGGER_LEVEL: 'debug' }).build();
      expect(level(config)).toBe('debug');
      expect([plain, write]).toContain(receiver(config));
    }
    expect(base.withLogger(write).fromEnv({ FLUXOR_LOGGER: 'false' }).build().logger).toBe(false);
    expect(level(new ConfigBuilder().withUrl('pglite:?logger.level=error').build())).toBe('error');
    expect(() => base.fromEnv({ FLUXOR_LOGGER_INFO: 'x' }).build()).toThrow(ConfigError);
    expect(() => base.fromEnv({ FLUXOR_LOGGER_TO: 'x' }).build()).toThrow(ConfigError);
  });

  it('shows nothing of the logger itself, and says where its level came from', () => {
    const config = new ConfigBuilder()
      .withDriver(driver)
      .withLogger(plain)
      .fromEnv({ FLUXOR_LOGGER_LEVEL: 'debug' })
      .build();
    const printed = [describeConfig(config), JSON.stringify(config), inspect(config.logger, { showHidden: true })];
    expect(printed.join('\n')).not.toMatch(/of-the-logger|=>/);
    expect(describeConfig(config)).toContain('logger.level: debug  ← FLUXOR_LOGGER_LEVEL');
    expect(explainConfig(config).filter(({ path }) => path.startsWith('logger'))).toEqual([
      { path: 'logger.to', value: 'a logger', source: 'option' },
      { path: 'logger.level', value: 'debug', source: 'env:FLUXOR_LOGGER_LEVEL' },
    ]);
  });
});
