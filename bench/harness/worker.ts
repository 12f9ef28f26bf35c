/**
 * One peer in a process of its own, so that nobody's garbage or deoptimized code is paid for by another. Rests until
 * the team asks for a round, and ends when the team does.
 */
import { findPeer } from '../peers/lineup.js';
import type { Job, Round, RoundInput } from './job.js';

const [peerName = '', jobName = ''] = process.argv.slice(2);
const peer = await findPeer(peerName);
const job = (await import(`../jobs/${jobName}.js`)) as Job;

let round: Round | undefined;

process.on('message', (input: RoundInput) => void answer(input));
process.on('disconnect', () => process.exit());
tell({ version: peer.version, settings: peer.settings, lacks: peer.lacks });

async function answer(input: RoundInput): Promise<void> {
  try {
    round ??= await job.prepare(peer, input);
    globalThis.gc?.();
    tell({ numbers: await round(input) });
  } catch (error) {
    tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

/** A team that has gone needs no answer. */
function tell(message: object): void {
  process.send?.(message, undefined, undefined, () => undefined);
}
