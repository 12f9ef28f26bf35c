/**
 * A part of this package that is not loaded with the front door (docs/decisions/0026). Made by create-runtime.ts, one for each.
 *
 * Invariant: what is likely to be needed is asked for when the runtime starts, together with the client library, and not when
 * somebody needs it. Node keeps a load that has failed: a process that is out of file handles when its first transaction comes
 * could never run one. And months after its start, an upgrade may have put the file of another version there.
 */
import { ConnectionError } from '../errors/connection-error.js';

export class OnDemand<M> {
  /** As soon as it is there: nobody needs to wait for it any more. */
  loaded: M | undefined;
  readonly #load: () => Promise<M>;

  constructor(load: () => Promise<M>) {
    this.#load = load;
  }

  /** Nobody waits yet; whoever needs it hears of its failure. */
  begin(): void {
    if (this.loaded === undefined) this.load().catch(() => undefined);
  }

  /** @throws ConnectionError `local-resources`, `not-sent`. */
  async load(): Promise<M> {
    try {
      return (this.loaded = await this.#load());
    } catch (cause) {
      const text = 'a part of fluxor-db could not be loaded, see cause; the process may have to be started anew';
      throw new ConnectionError('local-resources', text, { cause, vendorCode: codeOf(cause) });
    }
  }
}

function codeOf(cause: unknown): string | undefined {
  const { code } = cause as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
