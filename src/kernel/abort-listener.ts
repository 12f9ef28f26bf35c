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

/** Keyed by the callers' own signals, so it holds nothing alive and joins nobody who did not share a signal. */
const CROWDS = new WeakMap<AbortSignal, Crowd>();

/**
 * Calls `fn` once when `signal` aborts; answers the way to stop listening. The signal must not be aborted already.
 * `fn` must not throw.
 */
export function onAbort(signal: AbortSignal, fn: () => void): () => void {
  const crowd = CROWDS.get(signal) ?? gather(signal);
  // A function of its own, so that one given twice is heard twice and removed twice.
  const member = () => fn();
  crowd.members.add(member);
  return () => {
    if (!crowd.members.delete(member) || crowd.members.size > 0) return;
    signal.removeEventListener('abort', crowd.tell);
    if (CROWDS.get(signal) === crowd) CROWDS.delete(signal);
  };
}

function gather(signal: AbortSignal): Crowd {
  const members = new Set<() => void>();
  const tell = () => {
    CROWDS.delete(signal);
    // One by one: whoever stops listening because of the one before is not told any more.
    for (const member of members) {
      members.delete(member);
      member();
    }
  };
  const crowd = { members, tell };
  CROWDS.set(signal, crowd);
  signal.addEventListener('abort', tell, { once: true });
  return crowd;
}
