/**
 * Hears of an abort without a crowd on the signal. Twenty calls of one web request share its signal, and Node warns of a
 * "possible memory leak" when an event target has more than ten listeners; so each signal gets one listener here, which
 * tells all who asked.
 *
 * Invariant: a signal has a listener of ours exactly while somebody waits for its abort.
 */

interface Crowd {
  readonly members: Set<() => void>;
  readonly tell: () => void;
}

/** Kept on the caller's own signal, so it lives as long as that and joins nobody who does not share it. */
const CROWD = Symbol('fluxor.crowd');

interface CrowdedSignal extends AbortSignal {
  [CROWD]?: Crowd | undefined;
}

/**
 * Calls `fn` once when `signal` aborts; answers the way to stop listening. The signal must not be aborted already.
 * `fn` must not throw.
 */
export function onAbort(signal: CrowdedSignal, fn: () => void): () => void {
  const crowd = signal[CROWD] ?? gather(signal);
  // A function of its own, so that one given twice is heard twice and removed twice.
  const member = () => fn();
  crowd.members.add(member);
  return () => {
    if (!crowd.members.delete(member) || crowd.members.size > 0) return;
    signal.removeEventListener('abort', crowd.tell);
    if (signal[CROWD] === crowd) signal[CROWD] = undefined;
  };
}

function gather(signal: CrowdedSignal): Crowd {
  const members = new Set<() => void>();
  const tell = () => {
    signal[CROWD] = undefined;
    // One by one: whoever stops listening because of the one before is not told any more.
    for (const member of members) {
      members.delete(member);
      member();
    }
  };
  const crowd = { members, tell };
  signal[CROWD] = crowd;
  signal.addEventListener('abort', tell, { once: true });
  return crowd;
}
