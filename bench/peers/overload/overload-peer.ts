/** A pool under more calls than it can answer, as the bench sees it. */

/**
 * A statement whose time is the server's: the client's own processor is no bottleneck, and what a call costs beside it does
 * not decide. For a look at other lengths: FLUXOR_BENCH_WORK_MS.
 */
export const WORK_MS = Number(process.env.FLUXOR_BENCH_WORK_MS ?? 10);
export const SQL = `select id, name, stock from items, pg_sleep(${WORK_MS / 1_000}) where id = $1`;

export const CONNECTIONS = 10;

export interface OverloadedCalls {
  /** Answers with the id in the row; rejects when the call is refused or given up. */
  call(id: number): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface OverloadPeer {
  readonly name: string;
  readonly version: string;
  readonly settings: string;
  readonly lacks: string;
  /** `deadlineMs` is how long each caller waits, for those who can be told. */
  open(url: string, deadlineMs: number): Promise<OverloadedCalls>;
}
