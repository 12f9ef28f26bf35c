/**
 * What was typed, read once and before anything is done. A pure function over the arguments.
 * Invariants: whatever is unknown or malformed comes back as a usage problem for people, never as an exception; a problem names
 * options and commands and quotes no value, which may be a URL with a password or a token.
 */
import { parseArgs } from 'node:util';
import { parseDuration } from '../kernel/duration.js';
import { nearestName } from '../kernel/option-reader.js';

export type CommandName = 'ping' | 'top' | 'config';

export interface CommonOptions {
  /** As an argument; absent, the environment says it. */
  readonly url: string | undefined;
  readonly envFile: string | undefined;
  readonly hasColours: boolean;
}

export interface PingOptions extends CommonOptions {
  readonly timeoutMs: number;
  readonly rounds: number;
  /** How many processes with the same configuration will run. */
  readonly instances: number;
  readonly preset: PresetName | undefined;
  readonly isJson: boolean;
}

export interface TopOptions extends CommonOptions {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  /** Bearer token for a diagnostics URL. */
  readonly token: string | undefined;
  readonly isOnce: boolean;
}

export interface ConfigOptions extends CommonOptions {
  readonly preset: PresetName | undefined;
  readonly isJson: boolean;
}

export type PresetName = 'production' | 'development' | 'serverless';

export type Invocation =
  | { readonly kind: 'ping'; readonly options: PingOptions }
  | { readonly kind: 'top'; readonly options: TopOptions }
  | { readonly kind: 'config'; readonly options: ConfigOptions }
  | { readonly kind: 'help'; readonly command: CommandName | undefined }
  | { readonly kind: 'version' }
  | { readonly kind: 'usage'; readonly problem: string; readonly command: CommandName | undefined };

const COMMANDS: readonly CommandName[] = ['ping', 'top', 'config'];
const PRESETS: readonly PresetName[] = ['production', 'development', 'serverless'];

type Flag = 'boolean' | 'string';
const COMMON: Readonly<Record<string, Flag>> = { help: 'boolean', 'no-color': 'boolean', 'env-file': 'string' };
const FLAGS: Readonly<Record<CommandName, Readonly<Record<string, Flag>>>> = {
  ping: { ...COMMON, timeout: 'string', rounds: 'string', instances: 'string', preset: 'string', json: 'boolean' },
  top: { ...COMMON, timeout: 'string', interval: 'string', token: 'string', once: 'boolean' },
  config: { ...COMMON, preset: 'string', json: 'boolean' },
};
const OUTER: Readonly<Record<string, Flag>> = { help: 'boolean', version: 'boolean', 'no-color': 'boolean' };

/** A mistake of whoever typed it. */
class UsageProblem extends Error {}

export function readCommandLine(argv: readonly string[]): Invocation {
  let command: CommandName | undefined;
  try {
    const [first, ...rest] = argv;
    if (first === undefined) return { kind: 'help', command };
    if (first === 'help') {
      const [about] = rest;
      return { kind: 'help', command: about === undefined ? undefined : commandOf(about) };
    }
    if (first.startsWith('-')) return readOuter(argv);
    command = commandOf(first);
    return readCommand(command, rest);
  } catch (error) {
    if (!(error instanceof UsageProblem)) throw error;
    return { kind: 'usage', problem: error.message, command };
  }
}

function readOuter(argv: readonly string[]): Invocation {
  const { flags } = readFlags(argv, OUTER);
  if (flags.has('version')) return { kind: 'version' };
  if (flags.has('help')) return { kind: 'help', command: undefined };
  throw new UsageProblem('the command comes first: fluxor ping, fluxor top or fluxor config');
}

function commandOf(word: string): CommandName {
  const known = COMMANDS.find((name) => name === word);
  if (known !== undefined) return known;
  // A URL in its place may have a password.
  if (!/^[a-z-]{1,20}$/i.test(word))
    throw new UsageProblem(`the first word is no command; there are ${COMMANDS.join(', ')}`);
  const nearest = nearestName(word, [...COMMANDS, 'help']);
  const hint = nearest === undefined ? `there are ${COMMANDS.join(', ')}` : `did you mean ${nearest}?`;
  throw new UsageProblem(`unknown command ${word}; ${hint}`);
}

function readCommand(command: CommandName, argv: readonly string[]): Invocation {
  const { flags, words } = readFlags(argv, FLAGS[command]);
  if (flags.has('help')) return { kind: 'help', command };
  if (words.length > 1) throw new UsageProblem('one URL is enough: a second one was given');
  const common = { url: words[0], envFile: flags.get('env-file'), hasColours: !flags.has('no-color') };
  const timeoutMs = lengthOf(flags, 'timeout', { least: 100, most: 600_000, usual: 10_000 });
  switch (command) {
    case 'ping': {
      const rounds = numberOf(flags, 'rounds', { least: 1, most: 10_000, usual: 20 });
      const instances = numberOf(flags, 'instances', { least: 1, most: 100_000, usual: 1 });
      const [preset, isJson] = [presetOf(flags), flags.has('json')];
      return { kind: command, options: { ...common, timeoutMs, rounds, instances, preset, isJson } };
    }
    case 'top': {
      const intervalMs = lengthOf(flags, 'interval', { least: 100, most: 3_600_000, usual: 1_000 });
      const [token, isOnce] = [flags.get('token'), flags.has('once')];
      return { kind: command, options: { ...common, timeoutMs, intervalMs, token, isOnce } };
    }
    case 'config':
      return { kind: command, options: { ...common, preset: presetOf(flags), isJson: flags.has('json') } };
  }
}

interface Typed {
  /** By name; empty for those without a value. */
  readonly flags: ReadonlyMap<string, string>;
  readonly words: readonly string[];
}

/** Leniently by Node, strictly here: Node's own messages quote what was typed. */
function readFlags(argv: readonly string[], known: Readonly<Record<string, Flag>>): Typed {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, type]) => [name, { type, ...(name === 'help' ? { short: 'h' } : {}) }]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const flags = new Map<string, string>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, value, inlineValue } = token;
    if (!Object.hasOwn(known, name)) throw new UsageProblem(unknownFlag(name, known));
    if (known[name] === 'boolean' && value !== undefined) throw new UsageProblem(`--${name} takes no value`);
    const isMissing = value === undefined || value === '' || (inlineValue !== true && value.startsWith('-'));
    if (known[name] === 'string' && isMissing) throw new UsageProblem(`--${name} needs a value`);
    flags.set(name, value ?? '');
  }
  return { flags, words };
}

function unknownFlag(name: string, known: Readonly<Record<string, Flag>>): string {
  // What is no word may be a secret that was glued to a dash.
  const shown = /^[a-z][a-z-]{0,20}$/i.test(name) ? ` ${name.length === 1 ? '-' : '--'}${name}` : '';
  const nearest = shown === '' ? undefined : nearestName(name, Object.keys(known));
  const hint =
    nearest === undefined
      ? `there are ${Object.keys(known)
          .map((each) => `--${each}`)
          .join(', ')}`
      : `did you mean --${nearest}?`;
  return `unknown option${shown}; ${hint}`;
}

interface Range {
  readonly least: number;
  readonly most: number;
  readonly usual: number;
}

function numberOf(flags: ReadonlyMap<string, string>, name: string, { least, most, usual }: Range): number {
  const text = flags.get(name);
  if (text === undefined) return usual;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new UsageProblem(`--${name}: expected a whole number, ${least} to ${most}`);
}

function lengthOf(flags: ReadonlyMap<string, string>, name: string, { least, most, usual }: Range): number {
  const text = flags.get(name);
  if (text === undefined) return usual;
  const ms = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (ms !== undefined && ms >= least && ms <= most) return ms;
  throw new UsageProblem(`--${name}: expected a duration of ${least} to ${most} ms, such as 500ms, 10s or 5m`);
}

function presetOf(flags: ReadonlyMap<string, string>): PresetName | undefined {
  const text = flags.get('preset');
  const known = PRESETS.find((name) => name === text);
  if (text === undefined || known !== undefined) return known;
  throw new UsageProblem(`--preset: expected one of ${PRESETS.join(', ')}`);
}
