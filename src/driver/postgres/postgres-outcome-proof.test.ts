import { describe, expect, it } from 'vitest';
import type { ServerFacts, TransactionMark } from './postgres-outcome-proof.js';
import { isElsewhere, isLost, isProved } from './postgres-outcome-proof.js';

const MARK: TransactionMark = {
  xid: '755',
  sessionId: '4711',
  sessionStart: '1795822637.676921',
  serverStart: '1795822637.635741',
  system: '7712999494965698317',
  timeline: '00000001',
  checkpoint: '0/1B80F98',
  statisticsSince: '1795822636.974110',
  flushedTo: null,
};
/** Asked on a new connection of a server to which nothing has happened. */
const FACTS: ServerFacts = {
  isInRecovery: false,
  sessionId: '4712',
  serverStart: MARK.serverStart,
  system: MARK.system,
  timeline: MARK.timeline,
  checkpoint: MARK.checkpoint,
  statisticsSince: MARK.statisticsSince,
  redo: MARK.checkpoint,
  nextXid: '0:754',
  walLevel: 'replica',
};
/** As read on 18.4 after `kill -9` of all processes, and of one. */
const CRASH = { checkpoint: '0/1BA3740', redo: '0/1BA3740', nextXid: '0:755', statisticsSince: '1795822668.785358' };
const RESTART = { serverStart: '1795822668.782732' };
const facts = (...changes: readonly Partial<ServerFacts>[]): ServerFacts =>
  changes.reduce<ServerFacts>((all, change) => ({ ...all, ...change }), FACTS);
const mark = (changes: Partial<TransactionMark>): TransactionMark => ({ ...MARK, ...changes });

const ask = () => Promise.reject(new Error('not asked'));
const NEW = { sessionId: '4712', isOlder: false, ask };
const OLDER = { ...NEW, isOlder: true };

describe('a proof that the number is ours', () => {
  it('is a server that has made no checkpoint: every recovery ends with one', () => {
    expect(isProved(mark({ statisticsSince: null }), facts({ statisticsSince: null }), NEW)).toBe(true);
    expect(isProved(mark({ statisticsSince: null }), facts({ statisticsSince: null, checkpoint: '0/2' }), NEW)).toBe(
      false,
    );
  });

  it('is not the same checkpoint of a server that was started anew', () => {
    const restarted = facts(RESTART, { statisticsSince: null });
    expect(isProved(mark({ statisticsSince: null }), restarted, NEW)).toBe(false);
  });

  it('is statistics that go on, over checkpoints and orderly restarts', () => {
    expect(isProved(MARK, facts(RESTART, { checkpoint: '0/2', redo: '0/2', nextXid: '0:757' }), NEW)).toBe(true);
  });

  it('does not survive a crash of the server or of one session', () => {
    expect(isProved(MARK, facts(CRASH, RESTART), NEW)).toBe(false);
    expect(isProved(MARK, facts(CRASH), NEW)).toBe(false);
  });

  it('does not survive two crashes, after which the counter looks as if nothing had been lost', () => {
    const twice = facts(CRASH, RESTART, { nextXid: '0:760', checkpoint: '0/1BA7ED0', redo: '0/1BA7ED0' });
    expect([isLost(MARK, twice), isProved(MARK, twice, NEW)]).toEqual([false, false]);
  });

  // Seen on 18.4: the standby kept the primary's last checkpoint, and its statistics were a copy.
  it('does not survive a promotion, whose server shows the old checkpoint and may show old statistics', () => {
    expect(isProved(MARK, facts(RESTART, { timeline: '00000002' }), NEW)).toBe(false);
  });

  it('is a session that was open before the mark', () => {
    const later = facts({ checkpoint: '0/2', statisticsSince: null });
    expect([isProved(MARK, later, NEW), isProved(MARK, later, OLDER)]).toEqual([false, true]);
  });

  it('is no session of a pooler, whose connections outlive the server: the number told at the login is not its own', () => {
    expect(isProved(MARK, facts(CRASH), { ...OLDER, sessionId: '382482233' })).toBe(false);
  });

  it('is no session of another server', () => {
    expect(isProved(MARK, facts(CRASH, RESTART), OLDER)).toBe(false);
  });

  it('is, without pg_control, a session only', () => {
    const blind = { system: null, timeline: null, checkpoint: null, statisticsSince: null };
    const seen = facts({ ...blind, redo: null, nextXid: null, walLevel: null });
    expect([isProved(mark(blind), seen, NEW), isProved(mark(blind), seen, OLDER)]).toEqual([false, true]);
  });
});

describe('a number that was on disk before COMMIT went out', () => {
  // A server of version 17 or later, whose log had been flushed that far.
  const flushed = mark({ flushedTo: '0/1BA3700' });

  it('is ours after a crash, of the server or of one session, however many there were', () => {
    const later = { nextXid: '0:756' };
    expect(isProved(flushed, facts(CRASH, RESTART, later), NEW)).toBe(true);
    expect(isProved(flushed, facts(CRASH, later), NEW)).toBe(true);
    const twice = facts(CRASH, RESTART, { nextXid: '0:760', checkpoint: '0/1BA7ED0', redo: '0/1BA7ED0' });
    expect([isLost(flushed, twice), isProved(flushed, twice, NEW)]).toEqual([false, true]);
  });

  it('is not on a promoted standby, which may not have heard of it', () => {
    expect(isProved(flushed, facts(CRASH, RESTART, { timeline: '00000002' }), NEW)).toBe(false);
  });

  it('is not on another cluster', () => {
    expect(isProved(flushed, facts(CRASH, RESTART, { system: '7712999504668774218' }), NEW)).toBe(false);
  });

  it('is not where recovery ended before the flushed record: that disk is a copy from earlier', () => {
    expect(isProved(mark({ flushedTo: '0/1BA3740' }), facts(CRASH, RESTART), NEW)).toBe(true);
    expect(isProved(mark({ flushedTo: '0/1BA3741' }), facts(CRASH, RESTART), NEW)).toBe(false);
  });

  it('compares positions as numbers', () => {
    const at = (redo: string) => facts(CRASH, RESTART, { redo });
    expect(isProved(mark({ flushedTo: '9/FFFFFFFF' }), at('A/0'), NEW)).toBe(true);
    expect(isProved(mark({ flushedTo: 'A/0' }), at('9/FFFFFFFF'), NEW)).toBe(false);
    expect(isProved(mark({ flushedTo: '0/FFFFFF' }), at('0/1000000'), NEW)).toBe(true);
  });

  it('is nothing without pg_control, which tells one cluster from another', () => {
    const seen = facts(CRASH, RESTART, { system: null, timeline: null });
    expect(isProved(mark({ flushedTo: '0/1BA3700', system: null, timeline: null }), seen, NEW)).toBe(false);
  });
});

describe('a proof that nothing was kept', () => {
  it('is a counter that is not past the number after a crash', () => {
    expect(isLost(MARK, facts(CRASH, RESTART))).toBe(true);
    expect(isLost(MARK, facts(CRASH))).toBe(true);
    expect(isLost(MARK, facts(CRASH, { nextXid: '0:756' }))).toBe(false);
  });

  it('counts in 64 bits', () => {
    const xid = String((3n << 32n) + 755n);
    expect(isLost(mark({ xid }), facts(CRASH, { nextXid: '3:755' }))).toBe(true);
    expect(isLost(mark({ xid }), facts(CRASH, { nextXid: '3:756' }))).toBe(false);
    expect(isLost(mark({ xid }), facts(CRASH, { nextXid: '4:10' }))).toBe(false);
  });

  // Seen: its counter was 757 while transaction 757 committed (18.4); 729 while 730 did (15.18).
  it('is not the counter of a checkpoint that was under way when the number was given out', () => {
    expect(isLost(MARK, facts({ checkpoint: '0/2697B90', redo: '0/2695558', nextXid: '0:755' }))).toBe(false);
  });

  it('is not the counter of a checkpoint that only looks like the end of a recovery', () => {
    expect(isLost(MARK, facts(CRASH, { walLevel: 'minimal' }))).toBe(false);
    expect(isLost(MARK, facts(CRASH, RESTART, { walLevel: 'minimal' }))).toBe(true);
  });

  it('is not the counter of the last checkpoint before the mark', () => {
    expect(isLost(MARK, FACTS)).toBe(false);
  });

  it('is not the counter of a standby that was promoted, which shows a checkpoint from before', () => {
    expect(isLost(MARK, facts(RESTART, { timeline: '00000002' }))).toBe(false);
  });
});

describe('elsewhere', () => {
  it('is another cluster', () => {
    expect(isElsewhere(MARK, facts({ system: '7712999504668774218' }))).toBe(true);
  });

  it('is the old primary of a failover, not the new one', () => {
    expect(isElsewhere(mark({ timeline: '0000000A' }), facts({ timeline: '00000009' }))).toBe(true);
    expect(isElsewhere(MARK, facts({ timeline: '00000002' }))).toBe(false);
    expect(isElsewhere(MARK, FACTS)).toBe(false);
  });

  it('is, without pg_control, every server that was started at another time', () => {
    expect(isElsewhere(mark({ system: null }), facts(RESTART, { system: null }))).toBe(true);
    expect(isElsewhere(mark({ system: null }), facts({ system: null }))).toBe(false);
    expect(isElsewhere(mark({ system: null, serverStart: null }), facts({ serverStart: null }))).toBe(true);
  });
});
