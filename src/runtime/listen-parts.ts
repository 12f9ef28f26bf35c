/** What `db.listen()` needs of the runtime, apart from listen.ts so that house.ts can name it without a circle. */
import type { ListeningPorts, ListeningSession } from '../connection/listening-session.js';

/** What listening needs of the runtime. */
export interface ListenParts {
  readonly ports: ListeningPorts;
  /** Made by the first `listen()`, with which its code is loaded. */
  session: ListeningSession | undefined;
  /** Starts a runtime that is idle: listening may be its first call. */
  readonly start: () => void;
}
