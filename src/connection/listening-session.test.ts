import { describe, expect, it } from 'vitest';
import { FakeSession, ServerError } from '../../test/fakes/fake-session.js';
import {
  ANSWER_TIMEOUT_MS,
  checkListeningLeftovers,
  listeningBench,
  NotingSubscriber,
} from '../../test/fakes/listening-bench.js';

checkListeningLeftovers();

const KEEPALIVE_MS = 30_000;

describe('one session for all', () => {
  it('is opened for the first subscriber, shared by the others, and closed after the last', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('jobs');
    const b = await bench.subscribed('jobs', 'mail');
    expect(bench.wire(0)).toEqual(['listen "jobs"', 'listen "mail"']);
    bench.session.unsubscribe(a);
    bench.session.unsubscribe(a);
    await bench.clock.settle();
    expect(bench.session.state).toBe('listening');
    bench.session.unsubscribe(b);
    await bench.clock.settle();
    expect(bench.session.state).toBe('idle');
    expect(bench.opened).toHaveLength(1);
    expect(bench.wire(0).slice(2)).toEqual(['close', 'destroy']);
    expect(bench.facts).toEqual(['started', 'stopped']);
  });

  it('tells the server UNLISTEN when the last subscriber of a channel has left', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('jobs', 'mail');
    const b = await bench.subscribed('jobs');
    bench.session.unsubscribe(a);
    await bench.clock.settle();
    expect(bench.wire().slice(2)).toEqual(['unlisten "mail"']);
    bench.session.unsubscribe(b);
  });

  it('quotes the name of a channel, and keeps its case', async () => {
    const bench = listeningBench();
    await bench.subscribed('My "own" Channel; --');
    expect(bench.wire()).toEqual(['listen "My ""own"" Channel; --"']);
  });

  it('asks one question at a time, however many subscribe and leave at once', async () => {
    const bench = listeningBench();
    await bench.subscribed('first');
    const many = Array.from({ length: 20 }, (_, index) => new NotingSubscriber(`c${index % 5}`));
    const begun = many.map((one) => bench.begin(one));
    many.slice(0, 10).forEach((one) => bench.session.unsubscribe(one));
    await bench.clock.settle();
    expect(begun.slice(10).map(({ end }) => end)).toEqual(Array(10).fill('in force'));
    expect(bench.opened[0]?.misuse).toEqual([]);
  });

  it('does not take a channel for in force while its UNLISTEN is under way', async () => {
    const bench = listeningBench();
    await bench.subscribed('stay');
    const leaving = await bench.subscribed('jobs');
    bench.opened[0]?.answers.set('unlisten "jobs"', 'hang');
    bench.session.unsubscribe(leaving);
    await bench.clock.settle();
    const begun = bench.begin(new NotingSubscriber('jobs'));
    await bench.clock.settle();
    expect(begun.end).toBe('pending');
    bench.opened[0]?.finish();
    await bench.clock.settle();
    expect(begun.end).toBe('in force');
    expect(bench.wire().slice(-2)).toEqual(['unlisten "jobs"', 'listen "jobs"']);
  });

  it('hands each notification to those who listen to its channel', async () => {
    const bench = listeningBench();
    const [a, b, c] = [await bench.subscribed('x'), await bench.subscribed('x', 'y'), await bench.subscribed('y')];
    bench.send('x', '1');
    bench.send('y', '2');
    bench.send('nobody', '3');
    expect([a?.heard, b?.heard, c?.heard]).toEqual([['x: 1'], ['x: 1', 'y: 2'], ['y: 2']]);
  });

  it('never has two sessions: the next one waits until the last has said goodbye', async () => {
    const bench = listeningBench();
    const first = await bench.subscribed('x');
    const native = bench.opened[0] as FakeSession;
    native.close = () => new Promise(() => native.wire.push('close'));
    bench.session.unsubscribe(first);
    const begun = bench.begin(new NotingSubscriber('x'));
    await bench.clock.settle();
    expect(bench.opened).toHaveLength(1);
    // So long a goodbye may take.
    await bench.clock.advance(2_000);
    expect(begun.end).toBe('in force');
    expect(native.wire.at(-1)).toBe('destroy');
    expect(bench.opened).toHaveLength(2);
  });
});

describe('a first connect that fails', () => {
  it('rejects those who wait for it, and is not repeated', async () => {
    const bench = listeningBench();
    bench.driver.next = new ServerError('lost');
    const begun = [bench.begin(new NotingSubscriber('x')), bench.begin(new NotingSubscriber('y'))];
    await bench.clock.advance(60_000);
    expect(begun.map(({ end }) => end)).toEqual([
      expect.objectContaining({ code: 'CONNECTION', reason: 'lost' }),
      expect.objectContaining({ code: 'CONNECTION' }),
    ]);
    expect(bench.driver.requests).toHaveLength(1);
    expect([bench.session.state, bench.facts]).toEqual(['idle', []]);
  });

  it('is given up at its time limit, and what it still brings is destroyed', async () => {
    const bench = listeningBench();
    const late = new FakeSession();
    let arrive: (session: FakeSession) => void = () => undefined;
    bench.driver.connect = (request) => {
      bench.driver.requests.push(request);
      return new Promise((resolve) => (arrive = resolve));
    };
    const begun = bench.begin(new NotingSubscriber('x'));
    await bench.clock.advance(ANSWER_TIMEOUT_MS);
    expect(begun.end).toMatchObject({ code: 'TIMEOUT', phase: 'connect' });
    expect(bench.driver.requests[0]?.signal.aborted).toBe(true);
    arrive(late);
    await bench.clock.settle();
    expect(late.wire).toEqual(['destroy']);
  });

  it('refuses a pooler, which would forget what is listened to', async () => {
    const bench = listeningBench();
    bench.driver.next = () => Object.assign(bench.newSession(), { isPooled: true });
    await expect(bench.subscribed('x')).rejects.toMatchObject({ code: 'CONFIG' });
    await expect(bench.subscribed('x')).rejects.toThrow(/pooler in transaction mode.*the server itself/s);
    expect(bench.wire()).toEqual(['destroy']);
  });

  it('is called off when nobody waits any more', async () => {
    const bench = listeningBench();
    bench.driver.connect = (request) => {
      bench.driver.requests.push(request);
      return new Promise((_resolve, reject) =>
        request.signal.addEventListener('abort', () => reject(new Error('off'))),
      );
    };
    const subscriber = new NotingSubscriber('x');
    bench.begin(subscriber);
    await bench.clock.settle();
    bench.session.unsubscribe(subscriber);
    await bench.clock.settle();
    expect(bench.driver.requests[0]?.signal.aborted).toBe(true);
    expect(bench.session.state).toBe('idle');
  });

  it('rejects only who asked for a channel that the server refuses', async () => {
    const bench = listeningBench();
    const good = await bench.subscribed('good');
    bench.opened[0]?.answers.set('listen "bad"', new ServerError('local'));
    await expect(bench.subscribed('good', 'bad')).rejects.toMatchObject({ code: 'QUERY' });
    bench.send('good', '1');
    expect(good.heard).toEqual(['good: 1']);
    expect(bench.session.state).toBe('listening');
  });
});

describe('a session that is lost', () => {
  it('is opened anew, and tells of the gap before anything that comes after it', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('x');
    const b = await bench.subscribed('y');
    const began = bench.clock.wallNow();
    bench.send('x', 'before');
    await bench.clock.advance(1_000);
    bench.lose();
    expect(bench.session.state).toBe('waiting');
    // The first pause lies between 0 and 100 ms.
    await bench.clock.advance(50);
    expect(bench.session.state).toBe('listening');
    expect(bench.wire(1)).toEqual(['listen "x"', 'listen "y"']);
    bench.send('x', 'after');
    expect(a.heard).toEqual(['x: before', { since: began, lostMs: 1_050 }, 'x: after']);
    expect(b.heard).toEqual([{ since: began, lostMs: 1_050 }]);
    expect(bench.facts).toEqual(['started', 'lost', 'restored']);
  });

  it('keeps what comes while channels are still being told, and brings it after the gap', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('x', 'y');
    const next = bench.newSession();
    next.answers.set('listen "y"', 'hang');
    bench.driver.next = next;
    bench.driver.requests.at(-1)?.onLost(new ServerError('lost'));
    await bench.clock.advance(50);
    bench.send('x', 'early');
    expect(a.heard).toEqual([]);
    next.finish();
    await bench.clock.settle();
    expect(a.heard).toEqual([expect.objectContaining({ lostMs: 50 }), 'x: early']);
  });

  it('says since when: from the beginning of the last round trip that was answered', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('x');
    const [first] = bench.opened;
    if (first !== undefined) first.isPingHanging = true;
    await bench.clock.advance(KEEPALIVE_MS);
    const asked = bench.clock.wallNow();
    await bench.clock.advance(2_000);
    first?.finish();
    await bench.clock.advance(10_000);
    bench.lose();
    await bench.clock.advance(50);
    expect(a.heard).toEqual([{ since: asked, lostMs: 12_050 }]);
  });

  it('is tried again with growing pauses until it succeeds, and tells of each', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('x');
    const failed: number[] = [];
    bench.hub.on('listening:restore-failed', ({ retryInMs }) => failed.push(retryInMs));
    const restored = bench.last('listening:restored');
    bench.driver.next = new ServerError('lost');
    bench.lose();
    await bench.clock.advance(20_000);
    expect(failed.slice(0, 7)).toEqual([100, 200, 400, 800, 1_600, 2_500, 2_500]);
    bench.driver.next = () => bench.newSession();
    await bench.clock.advance(2_500);
    expect(bench.session.state).toBe('listening');
    expect(restored.fact).toMatchObject({ attempts: failed.length + 1 });
    expect(a.heard).toHaveLength(1);
  });

  it('does not hammer a server that accepts and hangs up', async () => {
    const bench = listeningBench();
    await bench.subscribed('x');
    const pauses: number[] = [];
    bench.hub.on('listening:lost', ({ retryInMs }) => pauses.push(retryInMs));
    for (let round = 0; round < 5; round += 1) {
      bench.lose();
      await bench.clock.advance(2_500);
    }
    expect(pauses).toEqual([50, 100, 200, 400, 800]);
    await bench.clock.advance(5_000);
    bench.lose();
    expect(pauses.at(-1)).toBe(50);
    await bench.clock.advance(50);
  });

  it('waits long after a refusal that repeating won’t change, whatever chance says', async () => {
    const bench = listeningBench();
    bench.chance = 0;
    await bench.subscribed('x');
    const failed = bench.last('listening:restore-failed');
    bench.driver.next = () => Object.assign(bench.newSession(), { isPooled: true });
    bench.lose();
    await bench.clock.advance(0);
    expect(failed.fact).toMatchObject({ retryInMs: 5_000, error: { code: 'CONFIG' } });
  });

  it('lets who comes in the meantime wait for the next attempt, and rejects them when it fails', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('x');
    bench.driver.next = new ServerError('lost');
    bench.lose();
    const first = bench.begin(new NotingSubscriber('y'));
    await bench.clock.advance(50);
    expect(first.end).toMatchObject({ code: 'CONNECTION' });
    expect(bench.session.state).toBe('waiting');
    bench.driver.next = () => bench.newSession();
    const late = new NotingSubscriber('y');
    const second = bench.begin(late);
    await bench.clock.advance(100);
    expect(second.end).toBe('in force');
    expect([a.heard.length, late.heard.length]).toEqual([1, 0]);
  });

  it('is left alone when everybody has gone', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('x');
    bench.lose();
    bench.session.unsubscribe(a);
    await bench.clock.advance(60_000);
    expect([bench.session.state, bench.opened.length]).toEqual(['idle', 1]);
    expect(bench.clock.pendingTimers).toEqual([]);
  });

  it('is lost with it when its LISTEN is never answered', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('x');
    bench.opened[0]?.answers.set('listen "y"', 'hang');
    const begun = bench.begin(new NotingSubscriber('y'));
    await bench.clock.advance(ANSWER_TIMEOUT_MS);
    expect(begun.end).toMatchObject({ code: 'TIMEOUT', phase: 'statement' });
    await bench.clock.advance(50);
    expect(a.heard).toHaveLength(1);
    expect(bench.wire(1)).toEqual(['listen "x"']);
  });
});

describe('the keepalive', () => {
  it('asks for a proof of life every 30 s, and keeps no process alive for it', async () => {
    const bench = listeningBench();
    await bench.subscribed('x');
    await bench.clock.advance(3 * KEEPALIVE_MS);
    expect(bench.wire()).toEqual(['listen "x"', 'ping', 'ping', 'ping']);
    expect(bench.clock.pendingTimers.every(({ keepAlive }) => !keepAlive)).toBe(true);
  });

  it('finds a peer that does not answer', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('x');
    const lost = bench.last('listening:lost');
    const [first] = bench.opened;
    if (first !== undefined) first.isPingHanging = true;
    await bench.clock.advance(KEEPALIVE_MS + ANSWER_TIMEOUT_MS);
    expect(lost.fact).toMatchObject({ error: { code: 'TIMEOUT', phase: 'validate' } });
    expect(bench.wire(0).at(-1)).toBe('destroy');
    await bench.clock.advance(50);
    expect(a.heard).toEqual([expect.objectContaining({ lostMs: KEEPALIVE_MS + ANSWER_TIMEOUT_MS + 50 })]);
  });
});

describe('the end', () => {
  it('ends everybody, closes the session, and takes nobody any more', async () => {
    const bench = listeningBench();
    const a = await bench.subscribed('x');
    bench.opened[0]?.answers.set('listen "y"', 'hang');
    const pending = bench.begin(new NotingSubscriber('y'));
    await bench.session.close();
    await bench.clock.settle();
    bench.send('x', 'late');
    expect(a.heard).toEqual(['ended']);
    expect(pending.end).toMatchObject({ code: 'RUNTIME_CLOSED' });
    expect(bench.wire().at(-1)).toBe('destroy');
    await expect(bench.subscribed('x')).rejects.toMatchObject({ code: 'RUNTIME_CLOSED' });
  });

  it('comes in the middle of a connect, and of a pause', async () => {
    for (const next of [() => new FakeSession(), new ServerError('lost')]) {
      const bench = listeningBench();
      await bench.subscribed('x');
      bench.driver.next = next;
      bench.lose();
      const closed = bench.session.close();
      await bench.clock.advance(10_000);
      await closed;
      expect([bench.session.state, bench.driver.requests.length]).toEqual(['closed', 1]);
    }
  });
});
