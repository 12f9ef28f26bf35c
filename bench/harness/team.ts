/**
 * Peers side by side: a process for each, and rounds that alternate (A B C A B C …), so that a slow minute of the machine
 * hits all of them alike. Only one process works at a time.
 */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Numbers, RoundInput } from './job.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

/** What a peer says about itself. */
export interface Introduction {
  readonly version: string;
  readonly settings: string;
  readonly lacks: string;
}

interface Answer extends Partial<Introduction> {
  readonly numbers?: Numbers;
  readonly error?: string;
}

class Member {
  readonly name: string;
  readonly introduction: Promise<Introduction>;
  readonly #child: ChildProcess;

  constructor(name: string, job: string) {
    this.name = name;
    this.#child = fork(WORKER, [name, job], { execArgv: ['--expose-gc'] });
    this.introduction = this.#next() as Promise<Introduction>;
  }

  async round(input: RoundInput): Promise<Numbers> {
    const answer = this.#next();
    this.#child.send(input);
    const { numbers, error } = await answer;
    if (numbers === undefined) throw new Error(`${this.name}: ${error ?? 'no answer'}`);
    return numbers;
  }

  stop(): void {
    this.#child.kill();
  }

  #next(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null): void =>
        reject(new Error(`${this.name}: the worker ended (${String(code)})`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (answer) => {
        this.#child.off('exit', onExit);
        resolve(answer as Answer);
      });
    });
  }
}

export interface TeamResult {
  readonly introductions: ReadonlyMap<string, Introduction>;
  /** Per peer, what each counted round measured. */
  readonly rounds: ReadonlyMap<string, readonly Numbers[]>;
}

export interface TeamPlan {
  readonly peers: readonly string[];
  readonly job: string;
  readonly input: RoundInput;
  readonly warmUps: number;
  readonly rounds: number;
}

/** Runs all rounds. A peer that fails ends the run: a table with a hole would be read as a result. */
export async function measure(plan: TeamPlan): Promise<TeamResult> {
  const members = plan.peers.map((name) => new Member(name, plan.job));
  try {
    const introductions = new Map<string, Introduction>();
    for (const member of members) introductions.set(member.name, await member.introduction);
    const rounds = new Map<string, Numbers[]>(plan.peers.map((name) => [name, []]));
    for (let index = -plan.warmUps; index < plan.rounds; index += 1) {
      for (const member of members) {
        const numbers = await member.round(plan.input);
        if (index >= 0) rounds.get(member.name)?.push(numbers);
      }
    }
    return { introductions, rounds };
  } finally {
    for (const member of members) member.stop();
  }
}
