/**
 * Writes what a runtime says to a log: subscribes to the events of the table (log-records.ts) that are grave enough, and to no
 * others, so that a call that goes well costs nothing. Of one kind it writes ten records in ten seconds and then how many it
 * left out: an outage fails thousands of calls a second in the same way.
 *
 * Without a logger it writes three things as warnings of the process, as Node does for its own suspected leaks: whoever runs
 * the program sees them, `process.on('warning')` hears them, and `--disable-warning=FluxorWarning` or `logger: false` ends it.
 * Invariants: a logger that throws or rejects hurts nobody, and is not given up; no timer holds the process open, and none is
 * left when the runtime is closed.
 */
import type { FluxorError } from '../errors/fluxor-error.js';
import type { Clock, Timer } from '../kernel/clock.js';
import type { EventName, FluxorEvents } from './events.js';
import type { Hub } from './hub.js';
import type { LogLevel, LogRecord, LogRule } from './log-records.js';
import { LOG_LEVELS, LOG_RULES, factsOfRecord } from './log-records.js';
import type { Logger, LoggerConfig } from './log-options.js';
import { receiverOf } from './log-options.js';

/** So many of one kind are written within the window. */
const MAX_OF_A_KIND = 10;
const WINDOW_MS = 10_000;

/** Written also where nobody gave a logger: what is wrong and would be seen by nobody else. */
const TOLD_ALWAYS: readonly EventName[] = ['connection:lost', 'lease:leak-suspected', 'lease:dropped'];

export interface EventLogPorts {
  readonly hub: Hub;
  readonly clock: Clock;
  /** Name of the runtime. */
  readonly runtime: string;
  /** The database's address, without a password. */
  readonly endpoint: string;
  /** A logger threw or rejected. */
  readonly onFailure: (error: unknown) => void;
}

/** Records of one kind within the window. */
interface Kind {
  readonly level: LogLevel;
  readonly event: EventName;
  readonly code: string | undefined;
  written: number;
  omitted: number;
}

/** From now until the runtime is closed. */
export function writeLog(config: Exclude<LoggerConfig, false>, ports: EventLogPorts): void {
  const log = new EventLog(config, ports);
  log.start();
}

class EventLog {
  readonly #ports: EventLogPorts;
  readonly #write: (record: LogRecord) => unknown;
  readonly #events: readonly EventName[];
  readonly #level: number;
  readonly #kinds = new Map<string, Kind>();
  #windowEndsAt = -Infinity;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(config: Exclude<LoggerConfig, false>, ports: EventLogPorts) {
    const receiver = receiverOf(config);
    this.#ports = ports;
    this.#level = LOG_LEVELS.indexOf(config.level);
    if (receiver === undefined) this.#write = warnProcess;
    else this.#write = typeof receiver === 'function' ? receiver : (record) => writeTo(receiver, record);
    this.#events = receiver === undefined ? TOLD_ALWAYS : (Object.keys(LOG_RULES) as EventName[]);
  }

  start(): void {
    for (const event of this.#events) this.#subscribe(event);
    // Behind the record of it, if it is to be written: nothing is told after it.
    this.#ports.hub.on('runtime:closed', () => this.#stop());
  }

  /** What was left out is written, and nothing any more. */
  #stop(): void {
    this.#closeWindow();
    this.#isStopped = true;
  }

  #subscribe<E extends EventName>(event: E): void {
    const rule = LOG_RULES[event];
    if (rule === undefined || !rule.levels.some((level) => this.#isGraveEnough(level))) return;
    this.#ports.hub.on(event, (fact) => this.#hear(event, rule, fact));
  }

  #isGraveEnough(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#level;
  }

  #hear<E extends EventName>(event: E, rule: LogRule<E>, fact: FluxorEvents[E]): void {
    const level = rule.levelOf === undefined ? rule.levels[0] : rule.levelOf(fact);
    if (level === undefined || !this.#isGraveEnough(level) || this.#isStopped || isEcho(event, fact)) return;
    const kind = this.#kindOf(level, event, codeOf(rule, fact));
    if (kind.written >= MAX_OF_A_KIND) {
      kind.omitted += 1;
      this.#timer ??= this.#ports.clock.setTimer(
        Math.max(0, this.#windowEndsAt - this.#ports.clock.now()),
        () => this.#closeWindow(),
        { keepAlive: false },
      );
      return;
    }
    kind.written += 1;
    const message = rule.say(fact, this.#ports.endpoint);
    this.#deliver({ level, event, message, runtime: this.#ports.runtime, at: fact.at, ...factsOfRecord(rule, fact) });
  }

  #kindOf(level: LogLevel, event: EventName, code: string | undefined): Kind {
    const now = this.#ports.clock.now();
    if (now >= this.#windowEndsAt) {
      this.#closeWindow();
      this.#windowEndsAt = now + WINDOW_MS;
    }
    // Of the same event with the same code: there are as many kinds as the house has words, and no more.
    const key = `${event} ${level} ${code ?? ''}`;
    const known = this.#kinds.get(key);
    if (known !== undefined) return known;
    const kind = { level, event, code, written: 0, omitted: 0 };
    this.#kinds.set(key, kind);
    return kind;
  }

  /** Says what was left out. The next record opens another window. */
  #closeWindow(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#windowEndsAt = -Infinity;
    const kinds = [...this.#kinds.values()];
    this.#kinds.clear();
    const { runtime, clock } = this.#ports;
    for (const { level, event, code, omitted } of kinds) {
      if (omitted === 0) continue;
      const message = `${omitted} more of ${event}${code === undefined ? '' : ` ${code}`} were left out`;
      const about = code === undefined ? {} : { code };
      this.#deliver({ level, event, message, runtime, at: clock.wallNow(), omitted, ...about });
    }
  }

  #deliver(record: LogRecord): void {
    try {
      const answer = this.#write(Object.freeze(record));
      if (isThenable(answer)) answer.then(undefined, (error: unknown) => this.#ports.onFailure(error));
    } catch (error) {
      this.#ports.onFailure(error);
    }
  }
}

/** Of an error of the house. What somebody else's error has for a code may be any text, with any value in it. */
function codeOf<E extends EventName>(rule: LogRule<E>, fact: FluxorEvents[E]): string | undefined {
  const { error } = fact as { readonly error?: FluxorError };
  return rule.isForeign === true ? undefined : error?.code;
}

/** The name under which a logger's failure is told as `listener:failed`. */
export const LOGGER_NAME = 'logger';

/** That the logger failed is not told to the logger. */
function isEcho<E extends EventName>(event: E, fact: FluxorEvents[E]): boolean {
  return event === 'listener:failed' && (fact as FluxorEvents['listener:failed']).event === LOGGER_NAME;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** Loggers stamp level, message and time by themselves. */
function writeTo(logger: Logger, { level, message, at: _at, ...facts }: LogRecord): unknown {
  return logger[level](facts, message);
}

function warnProcess({ level: _level, message, runtime, event, ...facts }: LogRecord): void {
  const code = `FLUXOR_${event.replace(/\W/g, '_').toUpperCase()}`;
  process.emitWarning(`${runtime}: ${message}`, { type: 'FluxorWarning', code, detail: JSON.stringify(facts) });
}
