/** What a connection can run: a statement, a batch, a page of a cursor. Run by connection.ts, made by the rooms above. */
import type { CancelShield } from '../driver/batch.js';
import type { DriverConnection } from '../driver/driver.js';

export type { CancelShield } from '../driver/batch.js';

/** Something for the wire. `text` is what reports show the fingerprint of. */
export interface Work {
  readonly text: string;
}

/** How it is begun; a function that closes over nothing, because there is one call of it for every statement. */
export type Begin<W extends Work, T> = (native: DriverConnection, work: W, shield: CancelShield) => Promise<T>;
