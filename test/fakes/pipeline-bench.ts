/** A connection whose statements travel together, on a server that ends them when the test says so. */
import { afterEach } from 'vitest';
import { Connection } from '../../src/connection/connection.js';
import { unknownFacts } from '../../src/connection/statement-book.js';
import { StatementPace } from '../../src/connection/statement-pace.js';
import type { CallOptions, Run } from './connection-bench.js';
import { ConnectionBench } from './connection-bench.js';
import { PipelinedSession } from './pipelined-session.js';

export class PipelineBench extends ConnectionBench {
  readonly server = new PipelinedSession();
  readonly pace = new StatementPace({ depth: 16, maxStatementTimeMs: 5 });
  readonly facts = unknownFacts();
  readonly shared = new Connection(8, this.server, { ...this.ports, pace: this.pace }, (verdict) =>
    this.verdicts.push(verdict),
  );

  share(text: string, options: CallOptions & { readonly inMs?: number } = {}): Run {
    return this.watch(
      this.shared.share({ text, values: [], rowMode: 'array' }, this.call(options), {
        ...unknownFacts(),
        ...this.facts,
      }),
    );
  }

  get canShare(): boolean {
    return this.shared.canShare(this.clock.now());
  }
}

const benches: PipelineBench[] = [];

/** One that is checked for leftovers when its test ends. */
export function pipelineBench(): PipelineBench {
  const bench = new PipelineBench({ pipelining: true });
  benches.push(bench);
  return bench;
}

/** A statement whose time is over, with others in flight behind it; its cancel arrives when the test says so. */
export async function stoppedHead<T>(
  sendOthers: (bench: PipelineBench) => T,
  cancelMode: PipelineBench['server']['cancelMode'] = 'held',
) {
  const bench = pipelineBench();
  bench.server.cancelMode = cancelMode;
  const head = bench.share('head', { inMs: 100 });
  const others = sendOthers(bench);
  await bench.clock.advance(101);
  return { bench, head, ...others };
}

/** Call once per test file. */
export function checkPipelineLeftovers(): void {
  afterEach(async () => {
    for (const bench of benches.splice(0)) {
      bench.shared.destroy();
      await bench.assertNothingLeft();
    }
  });
}
