/**
 * The examination: connects once, measures, asks, and tells how far it is. Everything it asks is read-only; the one thing that it
 * stops is a statement of its own that sleeps. Used by ping-command.ts, which judges and prints.
 * Invariants: one limit over everything; whatever happens, the connection is closed and Node is as it was; what was found out before
 * a failure is kept.
 */
import type { DriverConnection, RuntimeConfig, Session } from '../index.js';
import { isFluxorError } from '../index.js';
import type { Clock } from '../kernel/clock.js';
import { formatLength } from './format.js';
import type { LinkFacts } from './link-watch.js';
import { LinkWatch } from './link-watch.js';
import { mysqlFacts } from './mysql-facts.js';
import { oracleFacts } from './oracle-facts.js';
import { loneRuntime } from './ping-runtime.js';
import { postgresFacts } from './postgres-facts.js';
import { Probe } from './probe.js';
import type { Ability, Latency, ServerFacts } from './server-facts.js';
import { quantilesOf } from './server-facts.js';

type Dialect = RuntimeConfig['driver']['dialect'];

export interface Examined {
  readonly server: ServerFacts;
  readonly link: LinkFacts;
  readonly latency: Latency;
  /** What was being done when it failed, and why; absent where all was done. `isCut`: the signal ended it. */
  readonly failure?: { readonly during: string; readonly error: unknown; readonly isCut: boolean };
}

export interface ExamineOptions {
  readonly config: RuntimeConfig;
  readonly clock: Clock;
  /** Aborted by Ctrl-C, and when the time is up. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly rounds: number;
  readonly onProgress: (this: void, doing: string) => void;
}

const TRIVIAL: Readonly<Record<Dialect, string>> = {
  postgres: 'select 1 as one',
  mysql: 'select 1 as one',
  oracle: 'select 1 as one from dual',
};
/** Long against a round trip, short against a person's patience. */
const SLEEP_MS = 2_000;
const SLEEPING: Readonly<Record<Dialect, string>> = {
  postgres: 'select pg_catalog.pg_sleep(2)',
  mysql: 'select sleep(2)',
  oracle: 'begin dbms_session.sleep(2); end;',
};
/** Until the server has surely begun with it. */
const BEFORE_CANCEL_MS = 50;
const FACTS = { postgres: postgresFacts, mysql: mysqlFacts, oracle: oracleFacts } as const;

export async function examine(options: ExamineOptions): Promise<Examined> {
  const { config, clock, signal, timeoutMs, onProgress } = options;
  const found: { server: ServerFacts; link: LinkFacts; latency: Latency } = { server: {}, link: {}, latency: {} };
  const watch = new LinkWatch(clock);
  const lone = loneRuntime(config.driver, 'fluxor-ping', timeoutMs);
  const { db } = lone;
  // A connect under way is given up with the runtime.
  signal.addEventListener('abort', lone.giveUp, { once: true });
  let during = '';
  const begin = (doing: string): void => {
    during = doing;
    onProgress(doing);
    signal.throwIfAborted();
  };
  try {
    begin('loading the client library');
    const loadedAt = clock.now();
    await config.driver.load();
    found.latency = { loadMs: clock.now() - loadedAt };

    begin('connecting');
    const askedAt = clock.now();
    watch.start();
    await db.connect();
    const readyAt = clock.now();
    watch.stop();
    found.latency = { ...found.latency, connectMs: readyAt - askedAt };
    found.link = watch.facts(readyAt);

    begin('measuring round trips');
    await using session = await db.acquire({ signal });
    found.latency = { ...found.latency, ...(await measure(session, options)) };

    begin('reading the settings of the server');
    const { dialect } = config.driver;
    const probe = new Probe({ query: (text) => session.query(text, [], { signal }) });
    const facts = await FACTS[dialect](probe, () => clock.wallNow());
    const lent = lone.connection();
    found.server = {
      sessionId: session.serverId,
      prepare:
        lent?.isPooled === true
          ? { can: false, because: 'the session is lent for a transaction at a time' }
          : { can: true },
      ...facts,
      ...(lent?.isPooled === undefined ? {} : { isPooled: lent.isPooled }),
      unread: probe.unread,
    };

    if (config.driver.outcomes === undefined && facts.outcomes?.can === true) {
      found.server = { ...found.server, outcomes: { can: false, because: 'this driver does not ask' } };
    }

    begin('looking into what this session may do');
    if (dialect === 'oracle' && lent !== undefined) {
      found.server = { ...found.server, outcomes: await transactionGuard(config.driver.outcomes, lent) };
    }
    const cancel = await tryCancel(config.driver.capabilities.canCancel, dialect, lent, clock);
    // A connection that was closed because the time is up says nothing of what can be stopped.
    signal.throwIfAborted();
    found.server = { ...found.server, cancel };
    return found;
  } catch (error) {
    return { ...found, failure: { during, error, isCut: signal.aborted } };
  } finally {
    signal.removeEventListener('abort', lone.giveUp);
    watch.stop();
    await lone.close();
  }
}

async function measure(session: Session, { clock, config, rounds, signal }: ExamineOptions): Promise<Latency> {
  const text = TRIVIAL[config.driver.dialect];
  const durations: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const startAt = clock.now();
    await session.query(text, [], { signal });
    durations.push(clock.now() - startAt);
  }
  const [firstQueryMs = 0, ...rest] = durations;
  return { firstQueryMs, rounds: quantilesOf(rest) };
}

/** Proved by doing it: the right, the way there, and that the session outlives it. */
async function tryCancel(
  canCancel: boolean,
  dialect: Dialect,
  connection: DriverConnection | undefined,
  clock: Clock,
): Promise<Ability> {
  if (!canCancel) return { can: false, because: 'this database runs in the process, and a statement with it' };
  if (connection === undefined) return {};
  const startAt = clock.now();
  let isAsleep = true;
  const wake = (): void => void (isAsleep = false);
  const ended = connection.execute({ text: SLEEPING[dialect], values: [], rowMode: 'array' }).then(wake, wake);
  await pause(clock, BEFORE_CANCEL_MS);
  // It was refused, or the server has a limit that is shorter: there is nothing to stop.
  if (!isAsleep) return {};
  const askedAt = clock.now();
  const isDelivered = await connection.cancel().then(
    () => true,
    () => false,
  );
  await ended;
  const endedAt = clock.now();
  if (connection.state === 'closed') return { can: false, because: 'the connection was lost over it' };
  if (!isDelivered) return { can: false, because: 'the request could not be delivered' };
  // It slept on to its end.
  if (endedAt - startAt >= SLEEP_MS - BEFORE_CANCEL_MS)
    return { can: false, because: 'the server did not heed the request' };
  return { can: true, because: `tried: it took ${formatLength(Math.max(1, Math.round(endedAt - askedAt)))}` };
}

/** The session has been told an id for its next transaction, or the service has no Transaction Guard. */
async function transactionGuard(
  outcomes: RuntimeConfig['driver']['outcomes'],
  connection: DriverConnection,
): Promise<Ability> {
  const mark = outcomes?.marks[0];
  if (outcomes === undefined || mark === undefined) return {};
  try {
    if (outcomes.ticketOf(await connection.execute(mark)) !== undefined) return { can: true };
    return { can: false, because: 'the service has no Transaction Guard (COMMIT_OUTCOME=TRUE)' };
  } catch (error) {
    if (isFluxorError(error)) throw error;
    return {};
  }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(ms, resolve));
}
