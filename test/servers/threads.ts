/**
 * The threads of one process, on Linux; elsewhere nothing is known of them. A signal to a server of many threads takes
 * a moment to reach them all: the first one may be gone, or stopped, while another still holds the port and answers.
 */
import { readFileSync, readdirSync } from 'node:fs';

const STOP_LIMIT_MS = 5_000;
const POLL_MS = 1;

/** Whether it has threads besides the first. While there are any, a first one that has ended is no end of the process. */
export function hasOtherThreads(pid: number): boolean {
  return threadStates(pid).length > 1;
}

/** Returns when no thread runs any more after a SIGSTOP; blocks for about a millisecond. */
export function waitUntilStoppedSync(pid: number): void {
  const nobodyWakesIt = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; threadStates(pid).some((state) => !/[TZX]/i.test(state)); waited += POLL_MS) {
    if (waited >= STOP_LIMIT_MS) throw new Error(`Process ${pid} has not stopped ${STOP_LIMIT_MS} ms after a SIGSTOP.`);
    Atomics.wait(nobodyWakesIt, 0, 0, POLL_MS);
  }
}

function threadStates(pid: number): string[] {
  let ids: string[];
  try {
    ids = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return ids.flatMap((id) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8');
      // "id (name) state …": the name may hold spaces and brackets.
      return [stat.charAt(stat.lastIndexOf(')') + 2)];
    } catch {
      return [];
    }
  });
}
