/**
 * Runs program.ts in projects of users that have installed the package as npm would ship it, each with another SDK: their
 * OpenTelemetry, instrumentations and client libraries are those of a node_modules folder, and the package is a copy of its
 * own, so that it finds the same ones.
 */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { execute, PackedProject } from '../../package/packed-project.js';
import type { OtelReport, OtelTask } from './program.js';

export interface OtelProcess extends OtelTask {
  /** Name of the project's folder. */
  readonly name: string;
  readonly node: string;
  readonly modules: string;
}

/** What patches the client libraries has to be there before they are loaded, for modules of both kinds. */
const HOOK = `import { register } from 'node:module';
register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
`;

export class OtelProjects {
  readonly #packed: PackedProject;

  static async make(): Promise<OtelProjects> {
    return new OtelProjects(await PackedProject.make());
  }

  private constructor(packed: PackedProject) {
    this.#packed = packed;
  }

  async run({ name, node, modules, ...task }: OtelProcess): Promise<OtelReport> {
    const folder = join(this.#packed.folder, name);
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    cpSync(this.#packed.installed, join(folder, 'node_modules', 'fluxor-db'), { recursive: true });
    for (const own of ['@opentelemetry', 'pg', 'mysql2']) {
      symlinkSync(join(modules, own), join(folder, 'node_modules', own), 'junction');
    }
    await build({
      entryPoints: [join(import.meta.dirname, 'program.ts')],
      outfile: join(folder, 'program.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      logLevel: 'error',
    });
    writeFileSync(join(folder, 'hook.mjs'), HOOK);
    writeFileSync(join(folder, 'task.json'), JSON.stringify(task));
    const { code, stdout, stderr } = await execute(
      node,
      ['--import', './hook.mjs', 'program.mjs', 'task.json'],
      folder,
    );
    if (code !== 0) throw new Error(`${name} ended with ${code}:\n${stderr}`);
    return JSON.parse(stdout) as OtelReport;
  }

  remove(): void {
    this.#packed.remove();
  }
}
