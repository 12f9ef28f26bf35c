/** A library that reads one row by its primary key, as the benches see it; and the rows. The same for every database. */

/** In the table; asked for by chance. */
export const ITEMS = 10_000;

/** Everybody's pool. */
export const CONNECTIONS = 10;

/** So long that no round begins with connecting, for those who close what rests while others have their turn. */
export const IDLE_MS = 600_000;

/** A type that every library reads alike. */
export interface Item {
  readonly id: number;
  readonly name: string;
  readonly stock: number;
}

export const POSTGRES_SQL = 'select id, name, stock from items where id = $1';
export const MYSQL_SQL = 'select id, name, stock from items where id = ?';
/** With quotes, so that the names come in lower case for everybody. */
export const ORACLE_SQL = 'select id as "id", name as "name", stock as "stock" from items where id = :1';
/** A report of 50 ms, of a statement that no library knows to be slow before it has run. */
export const POSTGRES_REPORT = 'select 1 as done from pg_sleep(0.05)';
export const REPORT_MS = 50;

/** An open pool. `A` is what the library answers; taken apart outside of what is timed for everybody alike. */
export interface PointCalls<A = unknown> {
  point(id: number): Promise<A>;
  itemOf(answer: A): Item | undefined;
  /** Of those who take part in the mixed bench. */
  report?(): Promise<unknown>;
}

export interface PointPeer {
  readonly name: string;
  readonly version: string;
  /** The settings that differ from the defaults. */
  readonly settings: string;
  /** Guards that ours has on and this one has not. Empty for ours. */
  readonly lacks: string;
  open(url: string): Promise<PointCalls>;
}

/** Whoever asks by itself: a program, and no library of Node. It proves no rows, because it shows none. */
export interface PointProgram extends Omit<PointPeer, 'open'> {
  /** Answers with questions per second. */
  drive(url: string, tasks: number, roundMs: number): Promise<number>;
}

/** What a driver's own pool does without. */
export const LACKS_OF_POOLS =
  'deadline of a call, cancelling at the server, retries, breaker, rate limit, bounded line, outcomes, metrics';
