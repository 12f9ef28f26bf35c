/**
 * docs/reference/options.md names every option the code takes, no other, with the bounds and the defaults in force, and in the
 * words of their docstrings.
 */
import { createRuntime } from 'fluxor-db';
import type { Driver } from 'fluxor-db';
import { mysql } from 'fluxor-db/mysql';
import { oracle } from 'fluxor-db/oracle';
import { pglite } from 'fluxor-db/pglite';
import { postgres } from 'fluxor-db/postgres';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { optionsOf, readTypes, renderReference } from '../../scripts/options-reference.mjs';
import { textOptions } from '../../src/config/resolve-layers.js';
import { ConfigError } from '../../src/errors/config-error.js';
import { parseDuration } from '../../src/kernel/duration.js';
import { ROOT } from '../source-tree.js';
import { codeWords, readDoc, sectionOf, tableRows } from './markdown.js';

const document = readDoc('docs/reference/options.md');
const driver: Driver = postgres();

/** A name so far from all others that the answer is the list of those that are known. */
const UNKNOWN = 'xxxxxxxxxxxxxxxxxxxxxxxx';

/** What the readers of the options know, asked by giving them a name they don't. */
const GROUPS: readonly (readonly [string, (unknown: object) => unknown])[] = [
  ['', (unknown) => createRuntime({ driver, ...unknown })],
  ['pool', (unknown) => createRuntime({ driver, pool: unknown })],
  ['pool.validation', (unknown) => createRuntime({ driver, pool: { validation: unknown } })],
  ['pool.warmUp', (unknown) => createRuntime({ driver, pool: { warmUp: unknown } })],
  ['pool.leak', (unknown) => createRuntime({ driver, pool: { leak: unknown } })],
  ['gate', (unknown) => createRuntime({ driver, gate: unknown })],
  ['gate.circuitBreaker', (unknown) => createRuntime({ driver, gate: { circuitBreaker: unknown } })],
  ['gate.circuitBreaker.backoff', (backoff) => createRuntime({ driver, gate: { circuitBreaker: { backoff } } })],
  ['gate.circuitBreaker.rate', (rate) => createRuntime({ driver, gate: { circuitBreaker: { rate } } })],
  [
    'gate.circuitBreaker.earlyProbe',
    (earlyProbe) => createRuntime({ driver, gate: { circuitBreaker: { earlyProbe } } }),
  ],
  ['gate.rateLimit', (unknown) => createRuntime({ driver, gate: { rateLimit: unknown } })],
  ['gate.connectionLimit', (unknown) => createRuntime({ driver, gate: { connectionLimit: unknown } })],
  [
    'gate.connectionLimit.partitions',
    (partitions) => createRuntime({ driver, gate: { connectionLimit: { partitions } } }),
  ],
  ['gate.connectionLimit.adaptive', (adaptive) => createRuntime({ driver, gate: { connectionLimit: { adaptive } } })],
  ['query', (unknown) => createRuntime({ driver, query: unknown })],
  ['query.pipelining', (unknown) => createRuntime({ driver, query: { pipelining: unknown } })],
  ['query.retry', (unknown) => createRuntime({ driver, query: { retry: unknown } })],
  ['query.retry.budget', (budget) => createRuntime({ driver, query: { retry: { budget } } })],
  ['errors', (unknown) => createRuntime({ driver, errors: unknown })],
  ['types', (unknown) => createRuntime({ driver, types: unknown })],
  ['monitor', (unknown) => createRuntime({ driver, monitor: unknown })],
  ['logger', (unknown) => createRuntime({ driver, logger: unknown })],
  ['postgres', (unknown) => postgres(unknown)],
  ['pglite', (unknown) => pglite(unknown)],
  ['mysql', (unknown) => mysql(unknown)],
  ['oracle', (unknown) => oracle(unknown)],
];

/** `[section, file, interfaces]`: options that are read without a reader, by the interfaces that declare them. */
const DECLARED: readonly (readonly [string, string, readonly string[]])[] = [
  ['A statement', 'src/runtime/query-options.ts', ['QueryOptions']],
  ['A batch', 'src/runtime/batch-options.ts', ['BatchOptions']],
  ['A session', 'src/runtime/query-options.ts', ['AcquireOptions']],
  ['A subscription', 'src/runtime/listen-options.ts', ['ListenOptions']],
  ['A transaction', 'src/runtime/query-options.ts', ['TransactionOptions', 'BeginOptions']],
];

/** Every group that is off by default, switched on: its options have defaults too. */
const SWITCHED_ON = {
  circuitBreaker: { backoff: true, rate: {}, earlyProbe: true },
  connectionLimit: { adaptive: true },
};

/** Options that stand elsewhere in the resolved configuration than where they are written. */
const RESOLVED_AT: Readonly<Record<string, string>> = {
  'query.retry.initialBackoff': 'query.retry.backoff.initial',
  'query.retry.multiplier': 'query.retry.backoff.multiplier',
  'query.retry.maxBackoff': 'query.retry.backoff.max',
  'query.retry.jitter': 'query.retry.backoff.jitter',
  'gate.connectionLimit.partitions.high': 'gate.connectionLimit.partitions.0',
  'gate.connectionLimit.partitions.normal': 'gate.connectionLimit.partitions.1',
  'gate.connectionLimit.partitions.low': 'gate.connectionLimit.partitions.2',
};

const rows = tableRows(document.slice(0, document.indexOf('## Of one call')));
const documented = rows.map(([option = '']) => codeWords(option)[0] ?? '');

describe('the options', () => {
  it.each(GROUPS)('of %j are all there, and no other', (group, make) => {
    const known = knownNames(make).map((name) => (group === '' ? name : `${group}.${name}`));
    const parents = new Set(GROUPS.map(([name]) => name));
    const expected = known.filter((path) => !parents.has(path) || path.includes('.'));
    const inGroup = (path: string): boolean => path.slice(0, Math.max(0, path.lastIndexOf('.'))) === group;
    expect(documented.filter(inGroup).sort()).toEqual(expected.sort());
  });

  it('of TLS are those that are declared', () => {
    const tls = documented.filter((path) => path.startsWith('postgres.ssl.')).map((path) => path.split('.')[2]);
    expect(tls.sort()).toEqual(membersOf('src/driver/tls-options.ts', ['TlsOptions']).sort());
  });

  it.each(DECLARED)('of a call: %s', (section, file, interfaces) => {
    const names = tableRows(sectionOf(document, section)).map(([option = '']) => codeWords(option)[0]);
    expect(names.sort()).toEqual(membersOf(file, interfaces).sort());
  });

  it('have the defaults that are in force', () => {
    const byDefault = createRuntime({ driver }).config;
    const switchedOn = createRuntime({ driver, gate: SWITCHED_ON }).config;
    const isOurs = (path: string): boolean => path.includes('.') && Object.hasOwn(byDefault, path.split('.')[0] ?? '');
    const checked = rows
      .map(([option = '', , said = '']) => ({ path: codeWords(option)[0] ?? '', said }))
      .filter(({ path, said }) => isOurs(path) && said !== 'as below');
    const real = ({ path }: { readonly path: string }): unknown => {
      const at = RESOLVED_AT[path] ?? path;
      const isOff = valueAt(byDefault, path.slice(0, path.lastIndexOf('.'))) === false;
      return valueAt(isOff ? switchedOn : byDefault, at);
    };
    expect(checked.filter((row) => !agrees(row.said, real(row))).map((row) => [row.path, row.said, real(row)])).toEqual(
      [],
    );
    expect(checked.length).toBeGreaterThan(60);
  });

  it('are those that the environment and URLs know', () => {
    const known = new Set(documented);
    expect(
      textOptions()
        .map(({ path }) => path)
        .filter((path) => path.includes('.') && !known.has(path)),
    ).toEqual([]);
  });

  it('have the bounds that are in force', () => {
    const said = new Map(rows.map(([option = '', takes = '']) => [codeWords(option)[0] ?? '', takes]));
    const bounds = textOptions().flatMap(({ path, expected }) => {
      const [, least, most] = /^a (?:whole )?number, ([\d.]+) to ([\d.,]+)/.exec(expected ?? '') ?? [];
      return least === undefined || most === undefined ? [] : [{ path, least, most: most.replace(/\.$/, '') }];
    });
    // A bound that is another option is said by its name.
    const wrong = bounds.filter(({ path, least, most }) => {
      const [, from, to] = /([\d.]+|`\w+`) to ([\d.,]+|`[\w.]+`)/.exec(said.get(path) ?? '') ?? [];
      return !(from === least || from?.startsWith('`')) || !(to?.replace(/,$/, '') === most || to?.startsWith('`'));
    });
    expect(wrong).toEqual([]);
    expect(bounds.length).toBeGreaterThan(25);
  });
});

describe('the reference of the options', () => {
  it('is what scripts/options-reference.mjs makes of the docstrings', { timeout: 60_000 }, async () => {
    expect(await renderReference(document)).toBe(document);
  });

  it('tells of each option what it is, what it takes and its default', () => {
    const silent = rows.filter(([, takes, byDefault, what]) => [takes, byDefault, what].includes(''));
    // What the word says, and nothing more.
    expect(
      silent.map(([option = '']) => codeWords(option)[0]).filter((path) => !/\.(port|user|database)$/.test(path ?? '')),
    ).toEqual([]);
  });

  // Every source is parsed for it: more than a second, and more than five on a slow machine.
  it('tells of most options when to change them', { timeout: 60_000 }, () => {
    const options = ['PoolOptions pool', 'GateOptions gate', 'QueryDefaults query'].flatMap((group) => {
      const [type = '', prefix = ''] = group.split(' ');
      return optionsOf(readTypes(), type, prefix, true);
    });
    const said = options.filter(({ when }) => when !== undefined);
    expect(said.length / options.length).toBeGreaterThan(0.6);
  });
});

/** Whether a default as people read it is the value in force: `'30s'`, `1000`, `false` (off, or never), none. */
function agrees(said: string, value: unknown): boolean {
  const text = codeWords(said)[0]?.replaceAll("'", '');
  if (text === undefined) return said === 'none' && (value === undefined || value === Infinity);
  if (text === 'false') return value === false || value === Infinity;
  if (text === 'true') return value === true;
  return value === (typeof value === 'number' ? (parseDuration(text) ?? Number(text)) : text);
}

function knownNames(make: (unknown: object) => unknown): string[] {
  try {
    make({ [UNKNOWN]: 1 });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const issue = error.issues.find(({ path }) => path.endsWith(UNKNOWN));
    return issue?.expected.replace('one of ', '').split(', ') ?? [];
  }
  throw new Error('An unknown option was taken.');
}

function membersOf(file: string, interfaces: readonly string[]): string[] {
  const files = [file, 'src/driver/driver.ts'].map((path) =>
    ts.createSourceFile(path, readFileSync(`${ROOT}/${path}`, 'utf8'), ts.ScriptTarget.Latest, true),
  );
  const declared = files.flatMap((tree) => tree.statements.filter(ts.isInterfaceDeclaration));
  return declared
    .filter(({ name }) => interfaces.includes(name.text))
    .flatMap(({ members }) => members.map((member) => member.name?.getText() ?? '?'));
}

/** `pool.acquireTimeout` → `config.pool.acquireTimeoutMs`; `undefined` when it isn't part of the resolved options. */
function valueAt(config: object, path: string): unknown {
  const words = path.split('.');
  const parent = words
    .slice(0, -1)
    .reduce<unknown>((value, word) => (value as Record<string, unknown> | undefined)?.[word], config);
  const fields = (parent ?? {}) as Record<string, unknown>;
  const last = words.at(-1) ?? '';
  return fields[`${last}Ms`] ?? fields[last];
}
