/**
 * Where a log goes, and how much of it: the options `logger.*` and the shapes that a logger may have. A logger is somebody
 * else's: it is called, with what it was given as `this`, and never copied, printed or asked anything.
 */
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';
import type { LogLevel, LogRecord } from './log-records.js';
import { LOG_LEVELS } from './log-records.js';

/** Gets each record. What it answers is looked at only to catch a promise that rejects. */
export type LogFunction = (record: LogRecord) => unknown;

/**
 * A logger as pino, bunyan and `console` are one: a method for each level, which takes the facts first and the message second.
 * The facts are the record without `level`, `message` and `at`, which loggers write by themselves.
 */
export interface Logger {
  debug(facts: object, message: string): unknown;
  info(facts: object, message: string): unknown;
  warn(facts: object, message: string): unknown;
  error(facts: object, message: string): unknown;
}

/** Options `logger.*`. */
export interface LoggerOptions {
  /**
   * Who gets the records: a function, or a logger such as pino's. Without one there are only leaks and lost connections, as
   * warnings of the process.
   * @when Set it wherever there is a log: what is retried, refused and slow is told nowhere else by itself.
   * @takes a function, a logger
   * @default `warnings of the process`
   */
  readonly to?: LogFunction | Logger;
  /**
   * The least grave that is written; `'info'` where there is a logger.
   * @when `'debug'` to see connections come and go; `'warn'` for troubles alone.
   * @warning Without a logger nothing below `'warn'` is written, whatever is said here.
   * @default `'warn'` (`'info'` with a logger)
   */
  readonly level?: LogLevel;
}

/** What may stand at `logger`. */
export type LoggerOption = LoggerOptions | LogFunction | Logger | false;

/** Frozen; `false`: nothing is written. */
export type LoggerConfig = false | { readonly to: 'a logger' | 'warnings of the process'; readonly level: LogLevel };

const RECEIVER = Symbol('fluxor.log-receiver');

/** A function or a logger, and not the options of one. */
export function isReceiver(value: unknown): value is LogFunction | Logger {
  if (typeof value === 'function') return true;
  return typeof value === 'object' && value !== null && LOG_LEVELS.every((level) => hasMethod(value, level));
}

/** Asked by `in` first: what only looks which options there are must not take the methods of a logger for some. */
function hasMethod(value: object, name: string): boolean {
  return name in value && typeof (value as Record<string, unknown>)[name] === 'function';
}

/** Takes `logger` of the options; `options` is where the reader found it. */
export function resolveLoggerOptions(option: unknown, issues: OptionIssue[]): LoggerConfig {
  if (option === false) return false;
  if (isReceiver(option)) return configOf(option, 'info');
  const reader = new OptionReader(option, 'logger', issues);
  const to = reader.raw('to');
  const expected = 'a function, or a logger with the methods debug, info, warn and error';
  const receiver = to === undefined || isReceiver(to) ? to : reader.refuse('to', expected, undefined);
  const level = reader.oneOf('level', LOG_LEVELS, receiver === undefined ? 'warn' : 'info');
  reader.refuseUnknown();
  return configOf(receiver, level);
}

/** Whom the user named. It travels with the configuration and is not shown: it is not ours to print. */
export function receiverOf(config: Exclude<LoggerConfig, false>): LogFunction | Logger | undefined {
  return (config as { readonly [RECEIVER]?: LogFunction | Logger })[RECEIVER];
}

function configOf(receiver: LogFunction | Logger | undefined, level: LogLevel): LoggerConfig {
  const to = receiver === undefined ? 'warnings of the process' : 'a logger';
  // A getter, because `util.inspect` looks into what is hidden, and asks no getters.
  return Object.freeze(Object.defineProperty({ to, level } as const, RECEIVER, { get: () => receiver }));
}
