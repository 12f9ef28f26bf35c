/** What `db.listen()` takes, and how it is read: everything wrong is refused at once, before any I/O. */
import { ConfigError } from '../errors/config-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import { OptionReader } from '../kernel/option-reader.js';
import { isSignal } from './query-options.js';

export interface ListenOptions {
  /**
   * Aborting ends the subscription: the loop ends as if nothing more came. Before it has begun, `listen()` rejects.
   * @default none
   */
  readonly signal?: AbortSignal;
  /**
   * Most items kept for a consumer that is slower than what comes. Beyond that the oldest are dropped, and one gap item
   * stands in their place.
   * @limits 1 to 1,000,000
   * @default `1000`
   */
  readonly maxBuffered?: number;
}

export interface ListenPlan {
  /** Without doubles. */
  readonly channels: readonly string[];
  readonly maxBuffered: number;
  readonly signal: AbortSignal | undefined;
}

/** PostgreSQL cuts longer names off, and would listen to another channel than the one that was meant. */
const MAX_NAME_BYTES = 63;
const MAX_BUFFERED = 1_000;

/** @throws ConfigError for wrong names of channels and wrong options, all at once. */
export function readListen(channels: unknown, options: unknown): ListenPlan {
  const issues: OptionIssue[] = [];
  const names = readChannels(channels, issues);
  const reader = new OptionReader(options, '', issues);
  const maxBuffered = reader.integer('maxBuffered', MAX_BUFFERED, { min: 1, max: 1_000_000 });
  const signal = reader.raw('signal');
  const expected = signal === undefined ? undefined : isSignal(signal);
  if (expected !== undefined) reader.refuse('signal', expected, undefined);
  reader.refuseUnknown();
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return { channels: [...new Set(names)], maxBuffered, signal: signal as AbortSignal | undefined };
}

function readChannels(channels: unknown, issues: OptionIssue[]): readonly string[] {
  const isList = Array.isArray(channels);
  const names: readonly unknown[] = isList ? channels : [channels];
  if (names.length === 0) issues.push({ path: 'channels', got: 'an empty array', expected: 'at least one channel' });
  for (const [index, name] of names.entries()) {
    const expected = whyNoChannel(name);
    if (expected !== undefined)
      issues.push({ path: isList ? `channels[${index}]` : 'channel', got: show(name), expected });
  }
  return names as readonly string[];
}

/** What belongs there instead; `undefined` for a good name. */
function whyNoChannel(name: unknown): string | undefined {
  if (typeof name !== 'string') return 'the name of a channel, as text';
  if (name === '') return 'a name that is not empty';
  if (name.includes('\0')) return 'a name without NUL characters';
  if (/\p{Surrogate}/u.test(name)) return 'a name that is well-formed Unicode';
  const bytes = new TextEncoder().encode(name).length;
  return bytes > MAX_NAME_BYTES ? `at most ${MAX_NAME_BYTES} bytes of UTF-8, and it has ${bytes}` : undefined;
}

function show(name: unknown): string {
  if (typeof name === 'string') return `'${name.length > 60 ? `${name.slice(0, 59)}…` : name}'`;
  return name === null ? 'null' : typeof name;
}
