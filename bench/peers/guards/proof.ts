/**
 * Before anything is timed: everybody answers the same rows, and every guard that a peer claims does its work, with the
 * settings that are measured but for the one that is proved. A guard that is off would be fast.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { FakeServer } from './fake-server.js';
import type { Guard, GuardedCall, GuardPeer, Settings } from './guarded.js';
import { MEASURED } from './guarded.js';

/** @throws Error that says what failed. */
export async function prove(peer: GuardPeer): Promise<void> {
  await on(peer, MEASURED, proveAnswers);
  for (const guard of peer.guards) await PROOFS[guard](peer);
}

/** Calls at once. */
const MANY = 60;
/** Calls that a rate limit lets through of those, if nothing comes in while they are made. */
const FEW = 5;

const PROOFS: Readonly<Record<Guard, (peer: GuardPeer) => Promise<void>>> = {
  deadline: (peer) => on(peer, { ...MEASURED, timeoutMs: 50 }, proveDeadline),
  retry: (peer) => on(peer, MEASURED, proveRetry),
  breaker: (peer) => on(peer, MEASURED, proveBreaker),
  rate: (peer) => on(peer, { ...MEASURED, perSecond: FEW }, proveRate),
  limit: (peer) => on(peer, MEASURED, (call, server) => proveLimit(call, server, peer.limit)),
  metrics: (peer) => on(peer, MEASURED, proveMetrics),
};

type Proof = (call: GuardedCall, server: FakeServer) => Promise<void>;

async function on(peer: GuardPeer, settings: Settings, proof: Proof): Promise<void> {
  const server = new FakeServer();
  const call = await peer.open(server, settings);
  await proof(call, server);
  server.mood = 'answers';
  await call.close();
}

async function proveAnswers(call: GuardedCall): Promise<void> {
  const answers = await runAll(call, MANY);
  answers.forEach((answer, id) => {
    const isRight = answer !== undefined && isDeepStrictEqual(call.rowsOf(answer), [{ id, name: 'Ada' }]);
    assert(isRight, `question ${id} is not answered by its own row`);
  });
}

async function proveDeadline(call: GuardedCall, server: FakeServer): Promise<void> {
  server.mood = 'hangs';
  const end = call.run(1).then(
    () => 'answered',
    () => 'refused',
  );
  const outcome = await Promise.race([end, sleep(5_000, 'still waiting')]);
  assert(outcome === 'refused', `a driver that hangs: the caller is ${outcome}`);
}

async function proveRetry(call: GuardedCall, server: FakeServer): Promise<void> {
  server.mood = 'fails';
  server.failuresLeft = 1;
  const before = server.calls;
  await call.run(1);
  assert(server.calls === before + 2, `one failure: the server was asked ${server.calls - before} times`);
}

async function proveBreaker(call: GuardedCall, server: FakeServer): Promise<void> {
  server.mood = 'fails';
  server.failuresLeft = Infinity;
  await runAll(call, 20);
  const before = server.calls;
  const answers = await runAll(call, 20);
  assert(server.calls === before, 'an open breaker lets calls through');
  assert(
    answers.every((answer) => answer === undefined),
    'an open breaker answers',
  );
}

async function proveRate(call: GuardedCall, server: FakeServer): Promise<void> {
  const before = server.calls;
  await runAll(call, MANY);
  const passed = server.calls - before;
  // One more for every 200 ms that a busy machine takes.
  assert(passed >= FEW && passed < 2 * FEW, `${passed} of ${MANY} passed, and the rate limit is ${FEW}`);
}

async function proveLimit(call: GuardedCall, server: FakeServer, limit: number): Promise<void> {
  server.mood = 'dawdles';
  await runAll(call, 2 * Math.max(limit, MANY));
  assert(server.peak === limit, `${server.peak} ran at once, and the limit is ${limit}`);
}

async function proveMetrics(call: GuardedCall): Promise<void> {
  const before = call.counted?.() ?? NaN;
  await runAll(call, MANY);
  assert(call.counted?.() === before + MANY, 'the metrics have not counted every call');
}

/** All at once; `undefined` for those that were refused. */
async function runAll(call: GuardedCall, calls: number): Promise<unknown[]> {
  const ends = await Promise.allSettled(Array.from({ length: calls }, (_, id) => call.run(id)));
  return ends.map((end) => (end.status === 'fulfilled' ? end.value : undefined));
}

function assert(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}
