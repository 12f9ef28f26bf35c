/** Yes/no facts about a driver. The rooms above ask these instead of asking which database it is. */

export interface Capabilities {
  /** A running statement can be stopped at the server. Without it, a stopped statement runs on until it ends. Default true. */
  readonly canCancel: boolean;
  /** Sessions the database can hold at once through this driver; `Infinity` when the server decides. */
  readonly maxSessions: number;
  /**
   * An open connection keeps the process alive by itself, as a socket does. Default false: then every statement that
   * somebody waits for does, or a program could end with its question unanswered.
   */
  readonly holdsProcess?: boolean;
  /** Sessions can listen to channels, and hear what is sent to them (LISTEN and NOTIFY). Default false. */
  readonly hasNotifications?: boolean;
  /** Nested transactions by savepoints. */
  readonly hasSavepoints: boolean;
  /**
   * Several statements may be in flight on one connection: `DriverConnection.execute` may be called while others are, outside
   * transactions and for single statements. One session can differ (`DriverConnection.canPipeline`).
   */
  readonly pipelining: boolean;
  /** Who owns prepared statements: the runtime names and evicts them; or the driver, which keeps its own, or none. */
  readonly statements: 'runtime' | 'driver';
}
