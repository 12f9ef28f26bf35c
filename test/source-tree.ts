/**
 * The sources as the architecture test sees them: every file of src/ that is shipped, and every import it makes, read
 * from the syntax tree. Static, re-exporting, type-only and dynamic imports all count: "only types" is how a knot begins.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The project's folder, without a slash at the end. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

export type ImportKind = 'types' | 'values' | 'dynamic';

export interface Import {
  /** The importing file, from src/ on. */
  readonly from: string;
  /** The imported file from src/ on, or a bare specifier (`pg`, `node:net`). */
  readonly to: string;
  readonly isRelative: boolean;
  readonly kind: ImportKind;
}

export interface SourceFile {
  /** From src/ on: `pool/pool.ts`. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** Every source file that is not a test. */
export function readSources(): SourceFile[] {
  return readdirSync(`${ROOT}/src`, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !/\.test(-d)?\.ts$/.test(path))
    .sort()
    .map((path) => {
      const text = readFileSync(`${ROOT}/src/${path}`, 'utf8');
      return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
    });
}

/** `pool/pool.ts` → `pool`, `driver/postgres/index.ts` → `driver/postgres`, `index.ts` → `index`. */
export function roomOf(path: string): string {
  const folders = path.split('/').slice(0, -1);
  if (folders.length === 0) return path.replace(/\.ts$/, '');
  return folders[0] === 'driver' || folders[0] === 'extensions' ? folders.slice(0, 2).join('/') : (folders[0] ?? '');
}

export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, kind: ImportKind): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const isRelative = specifier.text.startsWith('.');
    const to = isRelative ? resolveFrom(file.path, specifier.text) : specifier.text;
    found.push({ from: file.path, to, isRelative, kind });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause) ? 'types' : 'values');
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly ? 'types' : 'values');
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, 'types');
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], 'dynamic');
    } else if (ts.isCallExpression(node) && node.expression.getText(file.tree) === 'process.getBuiltinModule') {
      add(node.arguments[0], 'values');
    }
    ts.forEachChild(node, visit);
  };
  visit(file.tree);
  return found;
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function resolveFrom(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1).replace(/\.js$/, '.ts');
}

/** Groups of files that import each other in a circle, each group sorted. Tarjan's algorithm. */
export function findCycles(imports: readonly Import[]): string[][] {
  const graph = new Map<string, string[]>();
  for (const { from, to, isRelative } of imports) {
    if (isRelative) graph.set(from, [...(graph.get(from) ?? []), to]);
  }
  const indices = new Map<string, { readonly index: number; low: number }>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const connect = (path: string): { readonly index: number; low: number } => {
    const mine = { index: indices.size, low: indices.size };
    indices.set(path, mine);
    stack.push(path);
    for (const next of graph.get(path) ?? []) {
      const known = indices.get(next);
      if (known === undefined) mine.low = Math.min(mine.low, connect(next).low);
      else if (stack.includes(next)) mine.low = Math.min(mine.low, known.index);
    }
    if (mine.low === mine.index) {
      const group = stack.splice(stack.indexOf(path));
      if (group.length > 1 || (graph.get(path) ?? []).includes(path)) cycles.push(group.sort());
    }
    return mine;
  };
  for (const path of graph.keys()) if (!indices.has(path)) connect(path);
  return cycles;
}
