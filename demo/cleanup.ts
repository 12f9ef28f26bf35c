/**
 * Leaves nothing behind, however the demo ends: in order, by Ctrl-C, SIGTERM, SIGHUP, a closed pipe or a crash.
 * main.ts runs inside `guard`; whoever makes something that must go again says how with `add`, before making it.
 *
 *     first signal  ──► every step in turn, newest first, awaited ──► exit 128 + n
 *     second signal ──► the same steps by their short way         ──► exit 128 + n
 *
 * Invariant: a step stays on the list until it has succeeded, so the short way also takes over a step that hangs.
 */
import { constants } from 'node:os';

export interface CleanupStep {
  /** For the message when it fails: "could not remove <what>". */
  readonly what: string;
  /** The orderly way. */
  clean(): Promise<void> | void;
  /** The short way, for somebody who is losing patience. Absent: nothing is left behind without it. */
  cleanNow?(): Promise<void> | void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A failure that a person can do something about; its message is enough, without a stack. */
export class DemoFailure extends Error {}

/** npm passes a Ctrl-C on that the terminal has sent to us already; the echo comes within a few milliseconds. */
const ECHO_MS = 300;

export class Cleanup {
  readonly #tell: (lastWords?: string) => void;
  readonly #steps = new Set<CleanupStep>();
  #ending: Promise<never> | undefined;
  #exitCode = 0;
  #endingSince = 0;

  /** `tell` ends whatever is being shown, and says why the demo ends before its time. */
  constructor(tell: (lastWords?: string) => void) {
    this.#tell = tell;
  }

  /** @throws when the end has begun, so that nothing more is made. */
  add(step: CleanupStep): void {
    if (this.#ending !== undefined) throw new DemoFailure('The demo is ending.');
    this.#steps.add(step);
  }

  /** Runs the demo, cleans up and ends the process with the exit code that `work` answers. */
  async guard(work: () => Promise<number>): Promise<never> {
    for (const signal of SIGNALS) process.on(signal, () => this.#onSignal(signal));
    process.on('uncaughtException', (error) => void this.#crash(error));
    process.on('unhandledRejection', (error) => void this.#crash(error));
    // `npm run demo | head`: nobody reads any more. When the terminal is gone, errors have nowhere to go either.
    process.stdout.on('error', () => void this.#end(128 + constants.signals.SIGPIPE));
    process.stderr.on('error', () => undefined);
    try {
      return await this.#end(await work());
    } catch (error) {
      // What an interrupted act complains about is a consequence of the interruption.
      return await (this.#ending ?? this.#crash(error));
    }
  }

  #onSignal(signal: (typeof SIGNALS)[number]): void {
    if (this.#ending === undefined) {
      this.#tell(`${signal}: cleaning up.`);
      void this.#end(128 + constants.signals[signal]);
    } else if (performance.now() - this.#endingSince > ECHO_MS) {
      void this.#cleanNow();
    }
  }

  #crash(error: unknown): Promise<never> {
    const stack = error instanceof Error && !(error instanceof DemoFailure) ? error.stack : undefined;
    this.#tell();
    process.stderr.write(`\nThe demo failed: ${stack ?? messageOf(error)}\n`);
    return this.#end(1);
  }

  #end(exitCode: number): Promise<never> {
    if (this.#ending === undefined) {
      this.#exitCode = exitCode;
      this.#endingSince = performance.now();
    }
    this.#ending ??= this.#cleanInTurn();
    return this.#ending;
  }

  async #cleanInTurn(): Promise<never> {
    for (const step of [...this.#steps].reverse()) {
      await this.#attempt(step, () => step.clean());
      this.#steps.delete(step);
    }
    return process.exit(this.#exitCode);
  }

  async #cleanNow(): Promise<never> {
    for (const step of [...this.#steps].reverse()) await this.#attempt(step, () => step.cleanNow?.());
    return process.exit(this.#exitCode);
  }

  async #attempt(step: CleanupStep, act: () => Promise<void> | void): Promise<void> {
    try {
      await act();
    } catch (error) {
      process.stderr.write(`Could not remove ${step.what}: ${messageOf(error)}\n`);
      if (this.#exitCode === 0) this.#exitCode = 1;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
