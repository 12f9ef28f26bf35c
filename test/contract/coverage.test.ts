/**
 * The contract covers every line of the interfaces that users call, and asserts something for every limit of a pooler. The
 * names are read from the sources with the compiler, so a new method or option without a contract fails here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { readSources, ROOT } from '../source-tree.js';
import { EXECUTOR_CASES } from './executor-cases.js';
import { COVERED_QUERY_OPTIONS } from './executor-contract.js';
import { POOLER_LIMITS } from './pooler-limits.js';
import { SESSION_CASES } from './session-contract.js';
import { TRANSACTION_CASES } from './transaction-cases.js';
import { COVERED_TRANSACTION_OPTIONS } from './transaction-contract.js';

/** What no database can tell of, with the tests that look at it instead. */
const UNSEEN_BY_THE_DATABASE: Readonly<Record<string, string>> = {
  'QueryOptions.priority': 'src/pool/pool.priority.test.ts',
  'QueryOptions.pipeline': 'test/integration/pipelining.test.ts',
  'AcquireOptions.priority': 'src/pool/pool.priority.test.ts',
  'AcquireOptions.label': 'test/integration/leaks.test.ts',
  'TransactionOptions.priority': 'src/pool/pool.priority.test.ts',
  'TransactionOptions.label': 'test/integration/leaks.test.ts',
};

const interfaces = new Map(
  readSources().flatMap(({ tree }) =>
    tree.statements.filter(ts.isInterfaceDeclaration).map((node) => [node.name.text, node] as const),
  ),
);

/** The members written in the interface itself, overloads once; a base from the language adds its own. */
function membersOf(name: string): string[] {
  const node = interfaces.get(name);
  if (node === undefined) throw new Error(`There is no interface ${name}.`);
  const bases = (node.heritageClauses ?? []).flatMap(({ types }) =>
    types.map(({ expression }) => expression.getText()),
  );
  const own = node.members.map((member) => member.name?.getText() ?? '');
  return [...new Set([...own, ...(bases.includes('AsyncDisposable') ? ['[Symbol.asyncDispose]'] : [])])];
}

const coverOf = (cases: readonly { readonly covers: readonly string[] }[]): string[] =>
  cases.flatMap(({ covers }) => covers);
const missingIn = (covered: readonly string[], names: readonly string[]): string[] =>
  names.filter((name) => !covered.includes(name));

describe('the contract', () => {
  it.each([
    ['Executor', EXECUTOR_CASES],
    ['Session', SESSION_CASES],
    ['Transaction', TRANSACTION_CASES],
  ] as const)('has a case for every member of %s, and none for what is not there', (name, cases) => {
    const members = membersOf(name);
    const covered = coverOf(cases).filter((one) => !one.includes('.') || one.startsWith('['));
    expect(members.length).toBeGreaterThan(4);
    expect(missingIn(covered, members)).toEqual([]);
    expect(missingIn([...members, ...membersOf('Executor')], covered)).toEqual([]);
  });

  it('covers every option that the database can tell of, and names the others', () => {
    const options = [
      'QueryOptions',
      'StreamOptions',
      'BatchOptions',
      'AcquireOptions',
      'TransactionOptions',
      'BeginOptions',
    ].flatMap((name) => membersOf(name).map((option) => `${name.replace('Begin', 'Transaction')}.${option}`));
    const covered = [
      ...coverOf([...EXECUTOR_CASES, ...SESSION_CASES, ...TRANSACTION_CASES]).filter((one) =>
        /^\w+Options\./.test(one),
      ),
      ...COVERED_QUERY_OPTIONS,
      ...COVERED_TRANSACTION_OPTIONS,
      ...Object.keys(UNSEEN_BY_THE_DATABASE),
    ];
    expect(missingIn(covered, options)).toEqual([]);
    expect(missingIn(options, covered)).toEqual([]);
  });

  it('sends nobody to a test that does not look at the option', () => {
    const idle = Object.entries(UNSEEN_BY_THE_DATABASE).filter(
      ([option, path]) => !readFileSync(`${ROOT}/${path}`, 'utf8').includes(option.split('.')[1] ?? ''),
    );
    expect(idle).toEqual([]);
  });

  it('asserts what happens instead of each thing that a pooler makes impossible', () => {
    const files = readdirSync(`${ROOT}/test/contract`).filter((file) => /-(cases|contract|postgres)\.ts$/.test(file));
    const text = files.map((file) => readFileSync(`${ROOT}/test/contract/${file}`, 'utf8')).join('\n');
    const asked = POOLER_LIMITS.filter(
      (limit) => text.includes(`impossible.has('${limit}')`) || text.includes(`limit: '${limit}'`),
    );
    expect(asked).toEqual(POOLER_LIMITS);
  });
});
