import { describe, expect, it } from 'vitest';
import { readCommandLine } from './command-line.js';
import { helpText } from './help.js';

const read = (line: string) => readCommandLine(line.split(' ').filter((word) => word !== ''));
const problemOf = (line: string): string => {
  const invocation = read(line);
  if (invocation.kind !== 'usage') throw new Error(`${line} is no usage problem`);
  return invocation.problem;
};

describe('the command line', () => {
  it('gives every option its default', () => {
    expect(read('ping')).toEqual({
      kind: 'ping',
      options: {
        ...{ url: undefined, envFile: undefined, hasColours: true, preset: undefined },
        ...{ timeoutMs: 10_000, rounds: 20, instances: 1, isJson: false },
      },
    });
    expect(read('top')).toMatchObject({ options: { timeoutMs: 10_000, intervalMs: 1_000, isOnce: false } });
    expect(read('config')).toMatchObject({ options: { isJson: false } });
  });

  it('takes options before and behind the URL, with = and without', () => {
    const line = 'ping --timeout=500ms postgres://h/d --rounds 5 --instances=3 --preset serverless --json --no-color';
    const options = { url: 'postgres://h/d', timeoutMs: 500, rounds: 5, instances: 3, preset: 'serverless' };
    expect(read(line)).toMatchObject({ kind: 'ping', options: { ...options, isJson: true, hasColours: false } });
    expect(read('top u --interval 2s --token t --once')).toMatchObject({
      options: { url: 'u', intervalMs: 2_000, token: 't', isOnce: true },
    });
    expect(read('config --env-file .env')).toMatchObject({ options: { envFile: '.env' } });
  });

  it.each([
    ['', undefined],
    ['--help', undefined],
    ['-h', undefined],
    ['help', undefined],
    ['help top', 'top'],
    ['ping --help', 'ping'],
    ['config -h', 'config'],
  ])('understands "%s" as a call for help', (line, command) => {
    expect(read(line)).toEqual({ kind: 'help', command });
  });

  it('knows its version', () => {
    expect(read('--version')).toEqual({ kind: 'version' });
  });

  it.each([
    ['pign', 'unknown command pign; did you mean ping?'],
    ['help tpo', 'unknown command tpo; did you mean top?'],
    ['frobnicate', 'unknown command frobnicate; there are ping, top, config'],
    ['ping --jsn', 'unknown option --jsn; did you mean --json?'],
    ['ping --interval 5s', 'unknown option --interval; there are'],
    ['top --json', 'unknown option --json'],
    ['ping --json=yes', '--json takes no value'],
    ['ping --timeout', '--timeout needs a value'],
    ['ping --timeout --json', '--timeout needs a value'],
    ['ping --timeout soon', '--timeout: expected a duration of 100 to 600000 ms'],
    ['ping --timeout 50', '--timeout: expected a duration'],
    ['ping --rounds 0', '--rounds: expected a whole number, 1 to 10000'],
    ['ping --rounds 1.5', '--rounds: expected a whole number'],
    ['ping --preset prod', '--preset: expected one of production, development, serverless'],
    ['ping a b', 'one URL is enough'],
    ['--once', 'unknown option --once'],
    ['--no-color', 'the command comes first'],
  ])('answers "%s" with: %s', (line, problem) => {
    expect(problemOf(line)).toContain(problem);
  });

  it.each([
    'postgres://app:canary@h/d',
    'ping postgres://app:canary@h/d another',
    'ping --timeout canary',
    'ping --canary=canary --canary1',
    'ping --json=canary',
    '--version=canary',
  ])('quotes no value of "%s"', (line) => {
    expect(problemOf(line).replaceAll('--canary', '')).not.toContain('canary');
  });

  it('is told of as a whole by the help', () => {
    for (const command of ['ping', 'top', 'config'] as const) {
      const told = [...helpText(command).matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name);
      const [, known = ''] = /there are (.*)$/.exec(problemOf(`${command} --qqqqqqqqqqqqq`)) ?? [];
      expect(told.map((name) => `--${name}`).sort()).toEqual(known.split(', ').sort());
    }
    expect(helpText(undefined)).toMatch(/ping[^]*top[^]*config/);
  });
});
