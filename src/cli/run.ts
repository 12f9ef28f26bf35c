/** One run of the tool in the world that it is given: what was typed goes in, the exit code comes out. */
import { readCommandLine } from './command-line.js';
import { runConfig } from './config-command.js';
import { helpText } from './help.js';
import type { Outside } from './outside.js';
import { EXIT } from './outside.js';
import { runPing } from './ping-command.js';
import type { Paint } from './terminal.js';
import { painter, wantsColours } from './terminal.js';
import { runTop } from './top-command.js';

export interface RunOptions {
  readonly version: string;
  /** The output shows colours. */
  readonly isTerminal: boolean;
}

export async function run(
  argv: readonly string[],
  outside: Outside,
  { version, isTerminal }: RunOptions,
): Promise<number> {
  const invocation = readCommandLine(argv);
  switch (invocation.kind) {
    case 'help':
      outside.out.write(helpText(invocation.command));
      return EXIT.ok;
    case 'version':
      outside.out.write(`${version}\n`);
      return EXIT.ok;
    case 'usage': {
      const { problem, command } = invocation;
      outside.err.write(`${problem}\n\nfluxor ${command === undefined ? '' : `${command} `}--help says more.\n`);
      return EXIT.usage;
    }
    case 'ping':
      return runPing(invocation.options, outside, paintFor(invocation.options.hasColours));
    case 'top':
      return runTop(invocation.options, outside, paintFor(invocation.options.hasColours));
    case 'config':
      return runConfig(invocation.options, outside, paintFor(invocation.options.hasColours));
  }

  function paintFor(hasColours: boolean): Paint {
    return painter(hasColours && isTerminal && wantsColours(outside.env));
  }
}
