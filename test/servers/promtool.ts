/** Runs promtool, which judges what Prometheus is given: metrics, rules, tests of rules. */
import { spawn } from 'node:child_process';
import type { PrometheusBinaries } from './prometheus-binaries.js';

export interface Verdict {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `input` is what it reads. */
export function runPromtool(
  { promtool }: Pick<PrometheusBinaries, 'promtool'>,
  args: readonly string[],
  input = '',
): Promise<Verdict> {
  const tool = spawn(promtool, args, { stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  tool.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  tool.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  tool.stdin.on('error', () => undefined);
  tool.stdin.end(input);
  return new Promise((resolve, reject) => {
    tool.once('error', reject);
    tool.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
