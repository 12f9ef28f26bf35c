/**
 * Break and reset, as one table. A client interrupts by a BREAK marker; the server ends its call, sends BREAK and RESET,
 * takes all data as void until the client's own RESET has come, and only then writes the error. Errors without a break go
 * the same way. Four things are easily got wrong, and stand in the table: a break on an idle line is answered too (the
 * driver waits for that answer on its next call); a break may cross an answer that is already on the wire (the server is
 * idle then); the driver's own repair sends BREAK and RESET at once, so that RESET comes before the server's markers; a second
 * break may come behind the client's RESET, when the first one's error is about to be written: it is one on an idle line.
 * Pipelined calls report without markers. Pure: what an action means is the session's business.
 */
export type LineState =
  /** No call runs. */
  | 'idle'
  | 'running'
  /** The client wants an end to the running call. */
  | 'cancelling'
  /** As before, and its RESET has come already. */
  | 'cancelling-reset-seen'
  /** Markers are out, the client's RESET is awaited, data is void. */
  | 'resetting'
  /** The line is clean: the error may be written. */
  | 'reporting'
  /** As before, and another break has come, for a line that will be idle. */
  | 'reporting-break-seen'
  | 'closed';

export type LineEvent =
  /** A call begins. */
  | 'call'
  /** The call has its answer. */
  | 'answer'
  /** The call has failed. */
  | 'error'
  /** The call has failed, and its error is written without markers. */
  | 'plain-error'
  /** The error is written. */
  | 'reported'
  /** A BREAK or INTERRUPT marker of the client. */
  | 'break'
  /** A RESET marker of the client. */
  | 'reset'
  /** The connection is gone. */
  | 'close';

export type LineAction =
  /** Ask the backend to end the running statement. */
  | 'cancel'
  /** Send BREAK and RESET. */
  | 'markers'
  /** Let the error that waits be written. */
  | 'report'
  /** Take the break that has waited. */
  | 'break-again';

type Edge = readonly [to: LineState, ...actions: LineAction[]];

const EDGES: Record<LineState, Partial<Record<LineEvent, Edge>>> = {
  idle: {
    call: ['running'],
    break: ['resetting', 'markers'],
    reset: ['idle'],
  },
  running: {
    answer: ['idle'],
    error: ['resetting', 'markers'],
    'plain-error': ['reporting', 'report'],
    break: ['cancelling', 'cancel'],
    reset: ['running'],
  },
  cancelling: {
    answer: ['resetting', 'markers'],
    error: ['resetting', 'markers'],
    'plain-error': ['reporting', 'report'],
    break: ['cancelling'],
    reset: ['cancelling-reset-seen'],
  },
  'cancelling-reset-seen': {
    answer: ['reporting', 'markers', 'report'],
    error: ['reporting', 'markers', 'report'],
    'plain-error': ['reporting', 'report'],
    break: ['cancelling-reset-seen'],
    reset: ['cancelling-reset-seen'],
  },
  resetting: {
    break: ['resetting'],
    reset: ['reporting', 'report'],
  },
  reporting: {
    reported: ['idle'],
    break: ['reporting-break-seen'],
    reset: ['reporting'],
  },
  'reporting-break-seen': {
    reported: ['idle', 'break-again'],
    break: ['reporting-break-seen'],
    reset: ['reporting-break-seen'],
  },
  closed: {},
};

/** Throws for an event that cannot come: the session has lost count. */
export function nextLine(state: LineState, event: LineEvent): { state: LineState; actions: readonly LineAction[] } {
  if (event === 'close') return { state: 'closed', actions: state === 'closed' ? [] : ['report'] };
  if (state === 'closed') return { state, actions: [] };
  const edge = EDGES[state][event];
  if (edge === undefined) throw new Error(`The line is ${state}: there is no ${event}.`);
  const [to, ...actions] = edge;
  return { state: to, actions };
}

/** Data that arrives now was sent before the client knew of the reset. */
export function voidsData(state: LineState): boolean {
  return state === 'resetting' || state === 'closed';
}

/** The running call was interrupted: its answer, good or bad, becomes ORA-01013. */
export function isInterrupted(state: LineState): boolean {
  return state === 'cancelling' || state === 'cancelling-reset-seen';
}

export interface LinePort {
  cancel(): void;
  sendMarkers(): void;
  breakAgain(): void;
}

/** The table at work on one connection. */
export class Line {
  readonly #port: LinePort;
  #state: LineState = 'idle';
  #mayReport: (() => void) | null = null;

  constructor(port: LinePort) {
    this.#port = port;
  }

  get state(): LineState {
    return this.#state;
  }

  apply(event: LineEvent): void {
    const { state, actions } = nextLine(this.#state, event);
    this.#state = state;
    for (const action of actions) this.#act(action);
  }

  /** Applies the event and resolves when the error may be written, or when the connection is gone. */
  async raise(event: 'error' | 'plain-error' | 'answer' | 'break'): Promise<void> {
    const mayReport = new Promise<void>((resolve) => (this.#mayReport = resolve));
    this.apply(event);
    await mayReport;
  }

  #act(action: LineAction): void {
    switch (action) {
      case 'cancel':
        return this.#port.cancel();
      case 'markers':
        return this.#port.sendMarkers();
      case 'break-again':
        return this.#port.breakAgain();
      case 'report':
        this.#mayReport?.();
        this.#mayReport = null;
    }
  }
}
