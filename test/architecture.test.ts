/** The house stands as docs/architecture.md says: the tables there are the rule, and this test reads them from there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { codeWords, readDoc, sectionOf, tableRows } from './docs/markdown.js';
import type { Import, ImportKind } from './source-tree.js';
import { findCycles, importsOf, readSources, ROOT, roomOf } from './source-tree.js';

interface Room {
  readonly floor: number;
  readonly mayImport: readonly string[];
}

interface Exception {
  readonly from: string;
  readonly to: readonly string[];
  readonly kinds: readonly ImportKind[];
}

const ANY_KIND: readonly ImportKind[] = ['types', 'values', 'dynamic'];
const document = readDoc('docs/architecture.md');
const rooms = new Map<string, Room>(
  tableRows(sectionOf(document, 'The floors')).map(([room = '', floor, mayImport = '']) => [
    codeWords(room)[0] ?? '',
    { floor: Number(floor), mayImport: codeWords(mayImport) },
  ]),
);
const exceptions = tableRows(sectionOf(document, 'The exceptions')).map(([from = '', to = '', how = '']): Exception => {
  const kinds = ANY_KIND.filter((kind) => how.includes(kind));
  return { from: codeWords(from)[0] ?? '', to: codeWords(to), kinds: kinds.length === 0 ? ANY_KIND : kinds };
});

const sources = readSources();
const modules = sources.filter((file) => !file.path.endsWith('.d.ts'));
const imports = sources.flatMap(importsOf);
const show = ({ from, to, kind }: Import): string => `${from} → ${to} (${kind})`;

describe('the floors', () => {
  it('has a row for every room there is, and no other', () => {
    expect([...new Set(sources.map((file) => roomOf(file.path)))].sort()).toEqual([...rooms.keys()].sort());
  });

  it('allows only rooms that lie lower', () => {
    const wrong = [...rooms].flatMap(([room, { floor, mayImport }]) =>
      mayImport
        .filter((other) => !((rooms.get(other)?.floor ?? Infinity) < floor))
        .map((other) => `${room} → ${other}`),
    );
    expect(wrong).toEqual([]);
  });

  it('is kept by every import', () => {
    const wrong = imports.filter(
      (one) => !staysInRoom(one) && !goesDown(one) && !exceptions.some((row) => covers(row, one)),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('has no exception that nothing needs', () => {
    const idle = exceptions.flatMap((row) =>
      row.to
        .filter((to) => !imports.some((one) => !goesDown(one) && covers({ ...row, to: [to] }, one)))
        .map((to) => `${row.from} → ${to}`),
    );
    expect(idle).toEqual([]);
  });

  it('imports only files that are there', () => {
    const missing = imports.filter((one) => one.isRelative && !existsSync(`${ROOT}/src/${one.to}`));
    expect(missing.map(show)).toEqual([]);
  });

  it('stands on a ground that imports nothing', () => {
    expect(imports.filter((one) => roomOf(one.from) === 'kernel' && !staysInRoom(one)).map(show)).toEqual([]);
  });

  it('has no circle of files, type imports counted', () => {
    expect(findCycles(imports)).toEqual([]);
  });

  it('finds a circle when there is one', () => {
    const link = (from: string, to: string): Import => ({ from, to, isRelative: true, kind: 'types' });
    const round = [link('a', 'b'), link('b', 'c'), link('c', 'b'), link('c', 'd'), link('e', 'e')];
    expect(findCycles(round)).toEqual([['b', 'c'], ['e']]);
  });
});

describe('the files', () => {
  it('are barrels only at doors, and a barrel only re-exports', () => {
    const doors = new Set(tableRows(sectionOf(document, 'The doors')).map(([, file = '']) => codeWords(file)[0]));
    const barrels = modules.filter((file) => /(^|\/)index\.ts$/.test(file.path));
    expect(barrels.map((file) => `src/${file.path}`).sort()).toEqual([...doors].sort());
    const wrong = barrels.filter((file) => !file.tree.statements.every(isReExport)).map((file) => file.path);
    expect(wrong).toEqual([]);
  });

  it('have no default exports', () => {
    expect(modules.filter((file) => file.tree.statements.some(isDefaultExport)).map((file) => file.path)).toEqual([]);
  });

  it('keep no mutable state at module level', () => {
    expect(
      modules.flatMap((file) => file.tree.statements.flatMap(mutableNames).map((name) => `${file.path}: ${name}`)),
    ).toEqual([]);
  });

  it('stay under 400 lines, and say why when they are over 300', () => {
    const lengths = sources.map((file) => ({ ...file, lines: file.text.trimEnd().split('\n').length }));
    expect(lengths.filter(({ lines }) => lines > 400).map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
    const unexcused = lengths.filter(
      ({ lines, text }) => lines > 300 && !/^\/\*\*[^]*?\blines\b[^]*?because[^]*?\*\//.test(text),
    );
    expect(unexcused.map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
  });

  it('stay under 400 lines everywhere else too: tests, demo, examples, scripts', () => {
    const paths = ['src', 'test', 'demo', 'examples', 'scripts'].flatMap((folder) =>
      readdirSync(`${ROOT}/${folder}`, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
    );
    const code = paths.filter((path) => /\.(ts|mjs|js)$/.test(path));
    const long = code.filter((path) => readFileSync(`${ROOT}/${path}`, 'utf8').trimEnd().split('\n').length > 400);
    expect(code.length).toBeGreaterThan(100);
    expect(long).toEqual([]);
  });

  it('begin with a header that says what they are', () => {
    expect(sources.filter(({ text }) => !text.startsWith('/**')).map(({ path }) => path)).toEqual([]);
  });
});

function staysInRoom({ from, to, isRelative }: Import): boolean {
  return isRelative && roomOf(from) === roomOf(to);
}

function goesDown({ from, to, isRelative }: Import): boolean {
  return isRelative && (rooms.get(roomOf(from))?.mayImport.includes(roomOf(to)) ?? false);
}

function covers(row: Exception, one: Import): boolean {
  if (row.from !== one.from && row.from !== roomOf(one.from)) return false;
  if (!row.kinds.includes(one.kind)) return false;
  return row.to.some(
    (to) => to === one.to || (one.isRelative ? to === roomOf(one.to) : to === `${one.to.split(':')[0]}:`),
  );
}

function isReExport(statement: ts.Statement): boolean {
  return ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined;
}

function isDefaultExport(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true;
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  if (modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword) === true) return true;
  const clause = ts.isExportDeclaration(statement) ? statement.exportClause : undefined;
  return (
    clause !== undefined && ts.isNamedExports(clause) && clause.elements.some(({ name }) => name.text === 'default')
  );
}

/** `let` and `var`, and collections that are not declared read-only. */
function mutableNames(statement: ts.Statement): string[] {
  if (!ts.isVariableStatement(statement)) return [];
  const { declarationList } = statement;
  const isConst = (declarationList.flags & ts.NodeFlags.Const) !== 0;
  return declarationList.declarations
    .filter(
      ({ initializer, type }) =>
        !isConst || (isCollection(initializer) && !/^Readonly|^readonly/.test(type?.getText() ?? '')),
    )
    .map(({ name }) => name.getText());
}

function isCollection(value: ts.Expression | undefined): boolean {
  if (value === undefined) return false;
  if (ts.isNewExpression(value)) return /^(Weak)?(Map|Set)$|^Array$/.test(value.expression.getText());
  return ts.isArrayLiteralExpression(value);
}
