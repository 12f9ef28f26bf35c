/** What `db.listen()` needs of the runtime, apart from listen.ts so that house.ts can name it without a circle. */
import type { ListeningSession } from '../connection/listening-session.js';

/** What listening needs of the runtime. */
export interface ListenParts {
  readonly session: ListeningSession;
  /** Starts a runtime that is idle: listening may be its first call. */
  readonly start: () => void;
}
