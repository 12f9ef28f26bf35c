/**
 * Ours with every guard on, and with somebody who watches, or nobody: the same runtime and the same loop for all, so that the
 * difference of two of them is what one watcher costs. Each runs in a process of its own.
 */
import type { RuntimeOptions } from '../../../src/config/runtime-options.js';
import { createRuntime } from '../../../src/runtime/create-runtime.js';
import type { DBRuntime } from '../../../src/runtime/runtime.js';
import { ownVersion } from '../../harness/peer.js';
import { guardedOptions } from '../guards/fluxor.js';
import type { GuardPeer } from '../guards/guarded.js';
import { CONNECTIONS, SQL } from '../guards/guarded.js';

/** What is around the runtime when the calls are made. */
export interface Watch {
  /** Runs each task of calls, in a context of its own where it wants. Absent: none. */
  readonly around?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Calls that the watcher has seen, if it counts them. It must see them all. */
  readonly seen?: () => number;
}

interface Observed {
  readonly name: string;
  readonly settings: string;
  readonly options?: Partial<RuntimeOptions>;
  /** The meters are emptied: nothing is counted, and nothing must be. */
  readonly isUnmetered?: boolean;
  readonly watch?: (db: DBRuntime) => Watch;
}

export function observed({ name, settings, options = {}, isUnmetered = false, watch }: Observed): GuardPeer {
  return {
    name,
    version: ownVersion(),
    settings,
    lacks: '',
    guards: [],
    limit: CONNECTIONS,
    async open(server, given) {
      const db = createRuntime({ ...guardedOptions(server, given, CONNECTIONS), ...options });
      await db.connect();
      const { around, seen } = watch?.(db) ?? {};
      const counted = (): number => {
        const { total } = db.metrics().queries;
        if (isUnmetered && total !== 0) throw new Error('the meters were to be empty');
        if (seen !== undefined && seen() !== total) throw new Error(`the watcher has seen ${seen()} calls of ${total}`);
        return total;
      };
      const ask = (id: number): Promise<unknown> => db.query(SQL, [id]);
      return {
        run: around === undefined ? ask : (id) => around(() => ask(id)),
        rowsOf: (answer) => answer as readonly unknown[],
        ...(isUnmetered ? {} : { counted }),
        close: async () => {
          counted();
          await db.disconnect({ timeout: 1_000 });
        },
      };
    },
  };
}
