/** A library that streams, as the bench sees it. */

/** What is streamed: no column whose type the libraries read differently. */
export const SQL =
  "select i as id, 'user-' || i as name, i * 0.5::float8 as score, i % 3 = 0 as active, " +
  "timestamptz '2024-01-01 00:00:00Z' + i * interval '1 second' as seen from generate_series(1, $1::int) i";

export interface StreamedRow {
  readonly id: number;
  readonly name: string;
  readonly score: number;
  readonly active: boolean;
  readonly seen: Date;
}

export interface StreamPeer {
  readonly name: string;
  readonly version: string;
  readonly settings: string;
  readonly lacks: string;
  /** Connects, and answers the way to stream `SQL` with a number of rows. */
  open(url: string): Promise<(rows: number) => AsyncIterable<StreamedRow>>;
}
