import { describe, expect, it } from 'vitest';
import { changeLocalLimit, ReportedSettings, setUp } from './postgres-session.js';
import type { Run, SessionFacts } from './postgres-session.js';

const FACTS: SessionFacts = { keepsTimeZone: false, keepsStatementTimeout: false, pooler: 'auto' };

/** A server that answers the opening question with `answer`. */
function server(answer: readonly unknown[] | Error, settings: Readonly<Record<string, string>> = {}) {
  const sent: (readonly [text: string, values: readonly unknown[] | undefined])[] = [];
  const run: Run = async (text, values) => {
    sent.push([text, values]);
    if (answer instanceof Error) throw answer;
    return [answer];
  };
  const reported = new ReportedSettings();
  for (const [name, value] of Object.entries({ DateStyle: 'ISO, MDY', TimeZone: 'UTC', ...settings })) {
    reported.report(name, value);
  }
  const begin = (facts: Partial<SessionFacts> = {}, limitMs = 35_000) =>
    setUp(run, { ...FACTS, ...facts }, { processId: 7, limitMs, reported });
  return { begin, sent };
}

const refused = (code: string) => Object.assign(new Error('refused'), { code, severity: 'ERROR' });

describe('a session that begins', () => {
  it('believes in the limit that the server says it has set', async () => {
    expect(await server([true, '35s']).begin()).toEqual({ isPooled: false, limitMs: 35_000, setup: [] });
  });

  it('believes in none where the server had one of its own, or was asked for none', async () => {
    expect(await server([true, null]).begin()).toMatchObject({ isPooled: false, limitMs: 0 });
    const { begin, sent } = server([true, null]);
    expect(await begin({ keepsStatementTimeout: true })).toMatchObject({ limitMs: 0 });
    expect(sent.map(([, values]) => values)).toEqual([[7, null]]);
  });

  it('finds the pooler, and says nothing to it that would reach somebody else', async () => {
    const { begin, sent } = server([false, null], { TimeZone: 'Asia/Tokyo' });
    expect(await begin()).toEqual({ isPooled: true, limitMs: 0, setup: [] });
    expect(sent).toHaveLength(1);
  });

  it('is refused through a pooler whose server writes dates that cannot be read', async () => {
    const { begin, sent } = server([false, null], { DateStyle: 'SQL, DMY' });
    await expect(begin()).rejects.toMatchObject({ code: 'CONNECTION', reason: 'settings', outcome: 'not-sent' });
    await expect(begin()).rejects.toThrow("'SQL, DMY', and through a pooler no session can change that");
    expect(sent.every(([text]) => text.startsWith('select'))).toBe(true);
  });

  it('compares no number where the process is known to be its own, and is limited there too', async () => {
    for (const [facts, settings] of [
      [{ pooler: 'none' }, {}],
      [{}, { 'pgbouncer.pool_mode': 'session' }],
    ] as const) {
      const { begin, sent } = server([true, '35s'], settings);
      expect(await begin(facts)).toMatchObject({ isPooled: false, limitMs: 35_000 });
      expect(sent.map(([, values]) => values)).toEqual([[null, '35000']]);
    }
  });

  it('asks nothing where everything is known and nothing to be set', async () => {
    const { begin, sent } = server([true, null]);
    expect(await begin({ pooler: 'none' }, 0)).toEqual({ isPooled: false, limitMs: 0, setup: [] });
    expect(await begin({ pooler: 'transaction' })).toEqual({ isPooled: true, limitMs: 0, setup: [] });
    expect(sent).toEqual([]);
  });

  it('says what can be done when the server refuses the question', async () => {
    const error = server(refused('42501')).begin();
    await expect(error).rejects.toMatchObject({ code: 'CONNECTION', reason: 'protocol', sqlState: '42501' });
    await expect(error).rejects.toThrow("postgres({ pooler: 'none' }) with query.serverTimeout: false asks nothing");
  });

  it('passes on whatever else goes wrong with it', async () => {
    const shuttingDown = refused('57P01');
    await expect(server(shuttingDown).begin()).rejects.toBe(shuttingDown);
    const lost = new Error('Connection terminated unexpectedly');
    await expect(server(lost).begin()).rejects.toBe(lost);
  });
});

describe('the limit of a transaction', () => {
  it.each([
    [0, '0'],
    [1_234, '1234ms'],
    [35_000, '35s'],
    [120_000, '2min'],
    [7_200_000, '2h'],
    [86_400_000, '1d'],
  ])('of %i ms is known from a user’s by what the server shows: %s', async (inForceMs, shown) => {
    const { sent, run } = showing(shown);
    expect(await changeLocalLimit(run, 65_000, [1, inForceMs])).toBe(true);
    expect(sent).toEqual(['show statement_timeout', 'set local statement_timeout to 65000']);
  });

  it('is left alone when the server shows another', async () => {
    const { sent, run } = showing('7s');
    expect(await changeLocalLimit(run, 65_000, [35_000, 65_000])).toBe(false);
    expect(sent).toEqual(['show statement_timeout']);
  });
});

function showing(shown: string) {
  const sent: string[] = [];
  const run: Run = async (text) => {
    sent.push(text);
    return [[shown]];
  };
  return { sent, run };
}
