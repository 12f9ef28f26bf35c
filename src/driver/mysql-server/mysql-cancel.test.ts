import { beforeEach, describe, expect, it } from 'vitest';
import type { Deferred } from '../../kernel/deferred.js';
import { createDeferred } from '../../kernel/deferred.js';
import { DeadlineTimer } from '../../kernel/deadline.js';
import { nextTurn } from '../../kernel/next-turn.js';
import { FakeClock } from '../../testing/fake-clock.js';
import type { ControlSession, KillTarget } from './mysql-cancel.js';
import { MysqlControl, UnansweredKill } from './mysql-cancel.js';

const DESTROYED = new Error('the session was destroyed');

/** A control session whose answers the test gives. */
class Session implements ControlSession {
  server = 'one';
  /** As one text of several statements does. */
  stopsAtErrors = false;
  rounds = 0;
  readonly sent: string[] = [];
  readonly answers: Deferred<void>[] = [];
  isDestroyed = false;

  async run(texts: readonly string[]): Promise<readonly unknown[]> {
    this.rounds += 1;
    const errors: unknown[] = [];
    for (const text of texts) {
      this.sent.push(text);
      const answer = createDeferred<void>();
      this.answers.push(answer);
    }
    for (const answer of this.answers.slice(-texts.length)) {
      const error = await answer.promise.catch((reason: unknown) => reason);
      if (error === DESTROYED) throw error;
      errors.push(error);
      if (this.stopsAtErrors && error !== undefined) break;
    }
    return errors;
  }

  destroy(): void {
    this.isDestroyed = true;
    for (const answer of this.answers) answer.reject(DESTROYED);
  }
}

interface Opening {
  readonly session: Session;
  readonly arrival: Deferred<ControlSession>;
  readonly onGone: () => void;
  readonly signal: AbortSignal;
}

const NO_SUCH_THREAD = new Error('no such thread');

const here = (threadId: number): KillTarget => ({ threadId, server: 'one' });

describe('the control session', () => {
  let clock: FakeClock;
  let timers: DeadlineTimer;
  let openings: Opening[];
  let control: MysqlControl;
  beforeEach(() => {
    clock = new FakeClock();
    timers = new DeadlineTimer(clock);
    openings = [];
    control = new MysqlControl({
      clock,
      timers,
      open: (onGone, signal) => {
        const arrival = createDeferred<ControlSession>();
        openings.push({ session: new Session(), arrival, onGone, signal });
        if (signal.aborted) arrival.reject(new Error('given up'));
        return arrival.promise;
      },
      isNoSuchThread: (error) => error === NO_SUCH_THREAD,
    });
  });

  const settle = nextTurn;
  const outcomeOf = (cancel: Promise<void>): { ended?: unknown } => {
    const outcome: { ended?: unknown } = {};
    cancel.then(
      () => (outcome.ended = 'answered'),
      (error: unknown) => (outcome.ended = error),
    );
    return outcome;
  };
  const opening = (at: number): Opening => {
    const found = openings[at];
    if (found === undefined) throw new Error(`there was no opening ${at}`);
    return found;
  };
  const arrive = async (at: number): Promise<Session> => {
    const { session, arrival } = opening(at);
    arrival.resolve(session);
    await settle();
    return session;
  };
  const answer = async (session: Session, at: number): Promise<void> => {
    session.answers[at]?.resolve();
    await settle();
  };
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await settle();
  };

  it('sends the KILLs of a pool that times out together in two round trips, in their order, on one session that is kept', async () => {
    control.prepare();
    const session = await arrive(0);
    const kills = Array.from({ length: 40 }, (_, at) => outcomeOf(control.cancel(here(at))));
    await settle();
    expect(session.sent).toEqual(['kill query 0', ...Array.from({ length: 39 }, (_, at) => `kill query ${at + 1}`)]);
    const late = [outcomeOf(control.cancel(here(40))), outcomeOf(control.cancel(here(41)))];
    for (let at = 0; at < 40; at += 1) session.answers[at]?.resolve();
    await settle();
    expect(kills.map(({ ended }) => ended)).toEqual(kills.map(() => 'answered'));
    expect(session.sent.slice(40)).toEqual(['kill query 40', 'kill query 41']);
    await answer(session, 40);
    await answer(session, 41);
    expect(late.map(({ ended }) => ended)).toEqual(['answered', 'answered']);
    expect([session.rounds, openings.length, timers.size]).toEqual([2, 1, 0]);
  });

  it.each([false, true])(
    'answers each of several KILLs by itself; what was not begun behind an error is sent again (one text: %s)',
    async (stopsAtErrors) => {
      control.prepare();
      const session = await arrive(0);
      session.stopsAtErrors = stopsAtErrors;
      const kills = [1, 2, 3].map((threadId) => outcomeOf(control.cancel(here(threadId))));
      await settle();
      await answer(session, 0);
      session.answers[1]?.reject(NO_SUCH_THREAD);
      session.answers[2]?.resolve();
      await settle();
      const again = stopsAtErrors ? ['kill query 3'] : [];
      expect(session.sent).toEqual(['kill query 1', 'kill query 2', 'kill query 3', ...again]);
      await answer(session, 3);
      expect(kills.map(({ ended }) => ended)).toEqual(['answered', 'answered', 'answered']);
      expect([session.isDestroyed, openings.length, timers.size]).toEqual([false, 1, 0]);
    },
  );

  it('that does not answer leaves none of those that were sent with it in use', async () => {
    control.prepare();
    const hung = await arrive(0);
    const kills = [1, 2].map((threadId) => outcomeOf(control.cancel(here(threadId))));
    await settle();
    await answer(hung, 0);
    await pass(2_001);
    // Both were in one text, whose answer as a whole has not come.
    expect(kills.map(({ ended }) => ended)).toEqual([expect.any(UnansweredKill), expect.any(UnansweredKill)]);
    expect([hung.isDestroyed, openings.length, timers.size]).toEqual([true, 1, 0]);
  });

  it('is content when the session to be stopped has ended by itself', async () => {
    const cancel = outcomeOf(control.cancel(here(1)));
    await settle();
    const session = await arrive(0);
    session.answers[0]?.reject(NO_SUCH_THREAD);
    await settle();
    expect([cancel.ended, session.isDestroyed]).toEqual(['answered', false]);
  });

  it('is opened anew, once, when the one that was kept has died', async () => {
    control.prepare();
    const old = await arrive(0);
    const cancel = outcomeOf(control.cancel(here(1)));
    await settle();
    old.answers[0]?.reject(new Error('the connection was lost'));
    await settle();
    const fresh = await arrive(1);
    const refusal = new Error('refused');
    fresh.answers[0]?.reject(refusal);
    await settle();
    expect([cancel.ended, old.isDestroyed, fresh.isDestroyed, openings.length]).toEqual([refusal, true, true, 2]);
  });

  it('that does not answer is given up after 2 s, and what waited behind it goes by a fresh one', async () => {
    control.prepare();
    const hung = await arrive(0);
    const first = outcomeOf(control.cancel(here(1)));
    await pass(500);
    const second = outcomeOf(control.cancel(here(2)));
    await pass(1_499);
    expect([first.ended, hung.sent]).toEqual([undefined, ['kill query 1']]);
    await pass(2);
    expect(first.ended).toBeInstanceOf(UnansweredKill);
    expect(hung.isDestroyed).toBe(true);
    // Sent again, the one that was not answered could hit a later statement.
    const fresh = await arrive(1);
    expect(fresh.sent).toEqual(['kill query 2']);
    await answer(fresh, 0);
    expect([second.ended, openings.length, timers.size]).toEqual(['answered', 2, 0]);
  });

  it('that cannot be opened is given up, and says nothing when it comes after all', async () => {
    const first = outcomeOf(control.cancel(here(1)));
    const second = outcomeOf(control.cancel(here(2)));
    await settle();
    expect(opening(0).signal.aborted).toBe(false);
    await pass(2_001);
    expect(opening(0).signal.aborted).toBe(true);
    for (const { ended } of [first, second]) {
      expect(ended).toMatchObject({ message: expect.stringContaining('no KILL was sent') as string });
    }
    const late = await arrive(0);
    expect([late.sent, late.isDestroyed, openings.length]).toEqual([[], true, 1]);
    const third = outcomeOf(control.cancel(here(3)));
    await settle();
    await answer(await arrive(1), 0);
    expect(third.ended).toBe('answered');
  });

  it('that is gone is not asked', async () => {
    control.prepare();
    const gone = await arrive(0);
    opening(0).onGone();
    control.cancel(here(1)).catch(() => undefined);
    await settle();
    const fresh = await arrive(1);
    expect([gone.sent, fresh.sent]).toEqual([[], ['kill query 1']]);
  });

  it('at another server is not asked, where the number is somebody else; a fresh one is, which may come to the right one', async () => {
    control.prepare();
    opening(0).session.server = 'two';
    const cancel = outcomeOf(control.cancel(here(1)));
    const other = await arrive(0);
    const fresh = await arrive(1);
    expect([other.sent, other.isDestroyed, fresh.sent]).toEqual([[], true, ['kill query 1']]);
    await answer(fresh, 0);
    expect([cancel.ended, openings.length, timers.size]).toEqual(['answered', 2, 0]);
  });

  it('sends no KILL where each one that opens is at another server', async () => {
    control.prepare();
    opening(0).session.server = 'two';
    const cancel = outcomeOf(control.cancel(here(1)));
    await arrive(0);
    opening(1).session.server = '';
    const second = await arrive(1);
    expect(cancel.ended).toMatchObject({ name: 'OtherServer' });
    expect([second.sent, second.isDestroyed, openings.length, timers.size]).toEqual([[], true, 2, 0]);
  });

  it('ends with the driver, and is not opened again', async () => {
    control.prepare();
    const session = await arrive(0);
    const cancel = outcomeOf(control.cancel(here(1)));
    await settle();
    await control.close();
    await settle();
    expect(session.isDestroyed).toBe(true);
    expect(cancel.ended).toBeInstanceOf(Error);
    control.prepare();
    await expect(control.cancel(here(1))).rejects.toThrow();
    expect(openings.filter(({ signal }) => !signal.aborted)).toEqual([]);
  });

  it('that is still being opened ends with the driver too', async () => {
    control.prepare();
    expect(opening(0).signal.aborted).toBe(false);
    const closing = control.close();
    expect(opening(0).signal.aborted).toBe(true);
    opening(0).arrival.reject(new Error('given up'));
    await closing;
  });
});
