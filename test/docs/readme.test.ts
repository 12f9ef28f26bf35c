/** Every TypeScript example of the README and the documentation compiles against the sources, as a user would write it. */
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../source-tree.js';
import type { Fence } from './markdown.js';
import { docPaths, fencesOf, readDoc } from './markdown.js';

interface Example extends Fence {
  /** Such as `docs/errors.md:12`. */
  readonly place: string;
}

/** What examples may use without saying where it comes from. */
const PRELUDE = `
import type { DBRuntime } from 'fluxor-db';
declare global {
  const db: DBRuntime;
  const url: string;
  const lines: readonly string[];
  function readSecret(): Promise<string>;
}`;

const DOORS: Readonly<Record<string, readonly string[]>> = {
  'fluxor-db': [`${ROOT}/src/index.ts`],
  'fluxor-db/postgres': [`${ROOT}/src/driver/postgres/index.ts`],
  'fluxor-db/pglite': [`${ROOT}/src/driver/pglite/index.ts`],
  'fluxor-db/mysql': [`${ROOT}/src/driver/mysql/index.ts`],
  'fluxor-db/mariadb': [`${ROOT}/src/driver/mariadb/index.ts`],
  'fluxor-db/oracle': [`${ROOT}/src/driver/oracle/index.ts`],
  'fluxor-db/otel': [`${ROOT}/src/extensions/otel/index.ts`],
  'fluxor-db/prometheus': [`${ROOT}/src/extensions/prometheus/index.ts`],
  'fluxor-db/testing': [`${ROOT}/src/testing/index.ts`],
};

const examples = docPaths().flatMap((path) => examplesOf(path));

describe('the README', () => {
  const [first] = examplesOf('README.md');

  it('begins with an example of at most twelve lines', () => {
    const lines = first?.code.split('\n').filter((line) => line.trim() !== '') ?? [];
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.length).toBeLessThanOrEqual(12);
  });

  it('names the two commands as they are', () => {
    const commands = fencesOf(readDoc('README.md')).filter(({ language }) => language === 'sh');
    expect(commands.map(({ code }) => code)).toEqual([
      'npm ci && npm run demo',
      'npm ci && npm test',
      'npm install fluxor-db pg      # PostgreSQL\nnpm install fluxor-db mysql2  # MySQL, MariaDB; or: mariadb\nnpm install fluxor-db oracledb  # Oracle',
    ]);
  });
});

describe('the examples', () => {
  const problems = problemsOf(examples);

  it('are many', () => {
    expect(examples.length).toBeGreaterThan(15);
  });

  it.each(examples)('$place compiles', ({ place }) => {
    expect(problems.filter((problem) => problem.startsWith(`${place}:`))).toEqual([]);
  });

  it('stand on a prelude that compiles', () => {
    const own = problems.filter((problem) => !examples.some(({ place }) => problem.startsWith(`${place}:`)));
    expect(own).toEqual([]);
  });

  it('would be told apart if one did not compile', () => {
    const wrong = { language: 'ts', code: "db.query(1);\nconst n: number = 'x';", line: 1, place: 'wrong' };
    const lines = problemsOf([wrong]).map((problem) => problem.split(':').slice(0, 2));
    expect(lines).toEqual([
      ['wrong', '1'],
      ['wrong', '2'],
    ]);
    // A program of its own: seconds, on a busy machine.
  }, 60_000);
});

function examplesOf(path: string): Example[] {
  return fencesOf(readDoc(path))
    .filter(({ language }) => language === 'ts')
    .map((fence) => ({ ...fence, place: `${path}:${fence.line}` }));
}

/** `place:line: message`, with lines counted within the example. */
function problemsOf(list: readonly Example[]): string[] {
  const files = new Map(list.map((example, index) => [`${ROOT}/example-${index}.ts`, example]));
  const preludePath = `${ROOT}/example-prelude.ts`;
  const texts = new Map([...files].map(([path, { code }]) => [path, `${code}\nexport {};\n`]));
  texts.set(preludePath, PRELUDE);
  const options = compilerOptions();
  const host = ts.createCompilerHost(options);
  host.fileExists = (path) => texts.has(path) || ts.sys.fileExists(path);
  host.readFile = (path) => texts.get(path) ?? ts.sys.readFile(path);
  const program = ts.createProgram([...texts.keys()], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file === undefined || texts.has(file.fileName))
    .map(({ file, start, messageText }) => {
      const place = files.get(file?.fileName ?? '')?.place ?? file?.fileName ?? 'program';
      const line = file === undefined ? 0 : ts.getLineAndCharacterOfPosition(file, start ?? 0).line + 1;
      return `${place}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
}

/** The project's own rules, with the doors leading to the sources. */
function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${ROOT}/tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  const paths = Object.fromEntries(Object.entries(DOORS).map(([door, files]) => [door, [...files]]));
  return { ...options, paths, noEmit: true };
}
