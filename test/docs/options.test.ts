/** docs/reference/options.md names every option the code takes, no other, and with the defaults in force. */
import { createRuntime } from 'fluxor-db';
import type { Driver } from 'fluxor-db';
import { pglite } from 'fluxor-db/pglite';
import { postgres } from 'fluxor-db/postgres';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
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
  ['query', (unknown) => createRuntime({ driver, query: unknown })],
  ['types', (unknown) => createRuntime({ driver, types: unknown })],
  ['gate', (unknown) => createRuntime({ driver, gate: unknown })],
  ['monitor', (unknown) => createRuntime({ driver, monitor: unknown })],
  ['postgres', (unknown) => postgres(unknown)],
  ['pglite', (unknown) => pglite(unknown)],
];

/** `[section, file, interfaces]`: options that are read without a reader, by the interfaces that declare them. */
const DECLARED: readonly (readonly [string, string, readonly string[]])[] = [
  ['A statement', 'src/runtime/query-options.ts', ['QueryOptions']],
  ['A session', 'src/runtime/query-options.ts', ['AcquireOptions']],
  ['A transaction', 'src/runtime/query-options.ts', ['TransactionOptions', 'BeginOptions']],
];

const rows = tableRows(document.slice(0, document.indexOf('## Of one call')));
const documented = rows.map(([option = '']) => codeWords(option)[0] ?? '');

describe('the options', () => {
  it.each(GROUPS)('of %j are all there, and no other', (group, make) => {
    const known = knownNames(make).map((name) => (group === '' ? name : `${group}.${name}`));
    const parents = new Set(GROUPS.map(([name]) => name));
    const expected = known.filter((path) => !parents.has(path) || path.startsWith('pool.'));
    const inGroup = (path: string): boolean => path.slice(0, Math.max(0, path.lastIndexOf('.'))) === group;
    expect(documented.filter(inGroup).sort()).toEqual(expected.sort());
  });

  it('of TLS are those that are declared', () => {
    const tls = documented.filter((path) => path.startsWith('postgres.ssl.')).map((path) => path.split('.')[2]);
    expect(tls.sort()).toEqual(membersOf('src/driver/postgres/postgres-options.ts', ['TlsOptions']).sort());
  });

  it.each(DECLARED)('of a call: %s', (section, file, interfaces) => {
    const names = tableRows(sectionOf(document, section)).map(([option = '']) => codeWords(option)[0]);
    expect(names.sort()).toEqual(membersOf(file, interfaces).sort());
  });

  it('have the defaults that are in force', () => {
    const { config } = createRuntime({ driver });
    const resolved = rows
      .map(([option = '', , said = '']) => [codeWords(option)[0] ?? '', said] as const)
      .filter(([path]) => path.includes('.') && ['string', 'number'].includes(typeof valueAt(config, path)));
    const wrong = resolved.filter(([path, said]) => {
      const text = codeWords(said)[0]?.replaceAll("'", '').replace('false', 'Infinity') ?? '';
      const real = valueAt(config, path);
      return real !== (typeof real === 'number' ? (parseDuration(text) ?? Number(text)) : text);
    });
    expect(wrong).toEqual([]);
    expect(resolved.length).toBeGreaterThan(12);
  });

  it('of later versions take false and nothing else', () => {
    for (const [option = ''] of tableRows(sectionOf(document, 'Of later versions'))) {
      const [group = '', name = ''] = codeWords(option)[0]?.split('.') ?? [];
      const make = (value: unknown) => () => createRuntime({ driver, [group]: { [name]: value } });
      expect(make(false), option).not.toThrow();
      expect(make(true), option).toThrow(ConfigError);
    }
  });
});

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
