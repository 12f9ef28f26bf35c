/** LISTEN and NOTIFY on real servers, through the fault proxy: what arrives, what a loss does, and that nothing is left behind. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createRuntime } from 'fluxor-db';
import type { NotificationItem, NotificationStream } from 'fluxor-db';
import { pglite } from 'fluxor-db/pglite';
import { postgres } from 'fluxor-db/postgres';
import { fakeClock } from 'fluxor-db/testing';
import { describe, expect, inject, it } from 'vitest';
import { ProxiedDatabase } from './proxied-database.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const WITHIN = { timeout: 15_000 };

const tell = (database: ProxiedDatabase, channel: string, payload: string): Promise<unknown> =>
  database.direct.exec('select pg_notify($1, $2)', [channel, payload]);

/** Collects what a subscription brings, in the background, until it ends. */
function collect(stream: NotificationStream): { items: NotificationItem[]; ended: Promise<void> } {
  const items: NotificationItem[] = [];
  const ended = (async () => {
    for await (const item of stream) items.push(item);
  })();
  return { items, ended };
}

/** Payloads as they are, and each gap by its reason. */
const brief = (items: readonly NotificationItem[]): string[] =>
  items.map((item) => (item.type === 'gap' ? `gap: ${item.why}` : item.payload));

const listening = async (database: ProxiedDatabase): Promise<number> =>
  (await database.activity()).filter(({ query }) => /^(un)?listen /.test(query)).length;

for (const { name, url } of inject('postgresServers')) {
  describe(`listening on ${name}`, () => {
    it('brings every notification to all of its channel, with channel, payload and sender', async () => {
      await using database = await ProxiedDatabase.start(url);
      const { db, direct } = database;
      const one = collect(await db.listen('jobs'));
      const two = collect(await db.listen(['jobs', 'Mail "box"; --']));
      expect(await listening(database)).toBe(1);
      expect(db.stats().total).toBe(0);
      const sender = await direct.use(async (session) => {
        await session.exec(`notify "jobs", '1'`);
        await session.exec(`notify "Mail ""box""; --"`);
        await session.exec(`notify jobs, '2'`);
        return Number(session.serverId);
      });
      const sent = (channel: string, payload: string) => ({
        type: 'notification',
        channel,
        payload,
        processId: sender,
      });
      await expect.poll(() => two.items, WITHIN).toHaveLength(3);
      expect(one.items).toEqual([sent('jobs', '1'), sent('jobs', '2')]);
      expect(two.items).toEqual([sent('jobs', '1'), sent('Mail "box"; --', ''), sent('jobs', '2')]);
    });

    it('misses nothing that is sent after listen() has resolved', async () => {
      await using database = await ProxiedDatabase.start(url);
      for (let round = 0; round < 20; round += 1) {
        const items = (await database.db.listen(`round ${round}`))[Symbol.asyncIterator]();
        await tell(database, `round ${round}`, String(round));
        expect((await items.next()).value).toMatchObject({ payload: String(round) });
        await items.return?.();
      }
    });

    it('keeps the order of each of several senders through 10,000 notifications', async () => {
      await using database = await ProxiedDatabase.start(url);
      const { items } = collect(await database.db.listen('flood', { maxBuffered: 10_000 }));
      const text = "select pg_notify('flood', $1 || ':' || n) from generate_series($2::int, $2::int + 99) n";
      const senders = ['a', 'b', 'c', 'd'].map(async (sender) => {
        for (let first = 0; first < 2_500; first += 100) await database.direct.query(text, [sender, first]);
      });
      await Promise.all(senders);
      await expect.poll(() => items.length, WITHIN).toBe(10_000);
      for (const sender of ['a', 'b', 'c', 'd']) {
        const heard = brief(items).filter((payload) => payload.startsWith(`${sender}:`));
        expect(heard).toEqual(Array.from({ length: 2_500 }, (_, n) => `${sender}:${n}`));
      }
    });

    it('changes nothing in a payload: quotes, backslashes, lines, other scripts, and 7,999 bytes of them', async () => {
      await using database = await ProxiedDatabase.start(url);
      const { items } = collect(await database.db.listen('texts'));
      const payloads = [`it's "quoted" \\ back\nslash`, 'žluťoučký 馬 🐎', '', 'é'.repeat(3_999) + 'x'];
      for (const payload of payloads) await tell(database, 'texts', payload);
      await expect.poll(() => brief(items), WITHIN).toEqual(payloads);
    });

    it('hears of a transaction when it commits, and of none that is rolled back', async () => {
      await using database = await ProxiedDatabase.start(url);
      const { items } = collect(await database.db.listen('deeds'));
      const send = "select pg_notify('deeds', $1)";
      await database.direct
        .transaction(async (tx) => {
          await tx.exec(send, ['undone']);
          throw new Error('no');
        })
        .catch(() => undefined);
      await database.direct.transaction(async (tx) => void (await tx.exec(send, ['done'])));
      await expect.poll(() => brief(items), WITHIN).toEqual(['done']);
    });

    it('comes back after the server has killed its session: a gap, and then what is new', async () => {
      await using database = await ProxiedDatabase.start(url);
      const { db, direct } = database;
      const told: string[] = [];
      db.on('listening:lost', ({ error, serverId }) => told.push(`lost ${serverId}: ${error.code}`));
      db.on('listening:restored', ({ attempts }) => told.push(`restored in ${attempts}`));
      let serverId = '';
      db.on('listening:started', (fact) => (serverId = fact.serverId));
      const one = collect(await db.listen(['a', 'b']));
      const two = collect(await db.listen('b'));
      await tell(database, 'b', 'before');
      await expect.poll(() => [one.items.length, two.items.length], WITHIN).toEqual([1, 1]);
      await direct.exec('select pg_terminate_backend($1::int)', [serverId]);
      await expect.poll(() => told, WITHIN).toEqual([`lost ${serverId}: CONNECTION`, 'restored in 1']);
      await tell(database, 'b', 'after');
      await expect.poll(() => brief(one.items), WITHIN).toEqual(['before', 'gap: reconnected', 'after']);
      await expect.poll(() => brief(two.items), WITHIN).toEqual(['before', 'gap: reconnected', 'after']);
      const gap = one.items[1];
      expect(gap?.type === 'gap' && [gap.channels, typeof gap.since, typeof gap.lostMs]).toEqual([
        ['a', 'b'],
        'number',
        'number',
      ]);
      await expect.poll(() => listening(database)).toBe(1);
    });

    it('tries until a network that refuses takes it again', async () => {
      await using database = await ProxiedDatabase.start(url);
      const { db, proxy } = database;
      let failures = 0;
      db.on('listening:restore-failed', () => (failures += 1));
      const { items } = collect(await db.listen('x'));
      await proxy.setMode('refuse');
      proxy.resetAll();
      await expect.poll(() => failures, WITHIN).toBeGreaterThanOrEqual(3);
      await tell(database, 'x', 'missed');
      // Who comes meanwhile is told why not.
      await expect(db.listen('y')).rejects.toMatchObject({ code: 'CONNECTION', reason: 'refused' });
      await proxy.setMode('pass');
      await expect.poll(() => brief(items), WITHIN).toEqual(['gap: reconnected']);
      await tell(database, 'x', 'new');
      await expect.poll(() => brief(items), WITHIN).toEqual(['gap: reconnected', 'new']);
    });

    it('finds a peer that has gone silent, by its keepalive', async () => {
      const clock = fakeClock();
      await using database = await ProxiedDatabase.start(url, { clock });
      const { db, proxy } = database;
      const told: string[] = [];
      db.on('listening:lost', ({ error }) => told.push(error.code));
      db.on('listening:restored', () => told.push('restored'));
      const { items } = collect(await db.listen('x'));
      proxy.blackHole(true);
      await tell(database, 'x', 'swallowed');
      await clock.advance(30_000);
      expect(told).toEqual([]);
      await clock.advance(5_000);
      expect(told).toEqual(['TIMEOUT']);
      proxy.blackHole(false);
      await clock.advance(100);
      await expect.poll(() => told, WITHIN).toEqual(['TIMEOUT', 'restored']);
      await tell(database, 'x', 'new');
      await expect.poll(() => brief(items), WITHIN).toEqual(['gap: reconnected', 'new']);
      await db.disconnect();
    });

    it('drops the oldest for a consumer that is too slow, and for nobody else', async () => {
      await using database = await ProxiedDatabase.start(url);
      const slow = await database.db.listen('x', { maxBuffered: 10 });
      const fast = collect(await database.db.listen('x'));
      await database.direct.query("select pg_notify('x', n::text) from generate_series(1, 500) n");
      await expect.poll(() => fast.items.length, WITHIN).toBe(500);
      const items: NotificationItem[] = [];
      for await (const item of slow) if (items.push(item) === 11) break;
      expect(items[0]).toMatchObject({ type: 'gap', why: 'overflow', channels: ['x'], dropped: 490 });
      expect(brief(items.slice(1))).toEqual(Array.from({ length: 10 }, (_, n) => String(491 + n)));
    });

    it('leaves no session at the server when the last loop has been left, however it was', async () => {
      await using database = await ProxiedDatabase.start(url);
      const { db } = database;
      const controller = new AbortController();
      const aborted = collect(await db.listen('x', { signal: controller.signal }));
      const broken = (async (stream) => {
        for await (const item of stream) if (item.type === 'notification') break;
      })(await db.listen('x'));
      await tell(database, 'x', '1');
      await broken;
      expect(await listening(database)).toBe(1);
      controller.abort();
      await aborted.ended;
      await expect.poll(() => database.activity(), WITHIN).toEqual([]);
      // And begins anew.
      const again = collect(await db.listen('x'));
      await tell(database, 'x', '2');
      await expect.poll(() => brief(again.items), WITHIN).toEqual(['2']);
      await db.disconnect();
      await again.ended;
      await expect.poll(() => database.activity(), WITHIN).toEqual([]);
    });

    it('ends a subscription that was dropped, and no other', async () => {
      await using database = await ProxiedDatabase.start(url);
      const { db } = database;
      await (async () => {
        const items = (await db.listen('x'))[Symbol.asyncIterator]();
        await tell(database, 'x', '1');
        await items.next();
      })();
      await db.listen('y');
      const waiting = collect(await db.listen('z'));
      const dropped = async (): Promise<string[]> => {
        collectGarbage();
        return (await database.activity()).map(({ query }) => query);
      };
      // The last statement of the session: both were given up, in any order.
      await expect.poll(dropped, WITHIN).toEqual([expect.stringMatching(/^unlisten "[xy]"$/)]);
      collectGarbage();
      await tell(database, 'z', '2');
      await expect.poll(() => brief(waiting.items), WITHIN).toEqual(['2']);
    });

    it('rejects when the first connect fails, and can be called again', async () => {
      await using database = await ProxiedDatabase.start(url);
      await database.proxy.setMode('refuse');
      await expect(database.db.listen('x')).rejects.toMatchObject({ code: 'CONNECTION', reason: 'refused' });
      await database.proxy.setMode('pass');
      const { items } = collect(await database.db.listen('x'));
      await tell(database, 'x', '1');
      await expect.poll(() => brief(items), WITHIN).toEqual(['1']);
    });
  });
}

describe.each(inject('pgBouncers'))('listening through $name', ({ url, directUrl }) => {
  it('is refused with the way out, which works', async () => {
    await using pooled = createRuntime({ driver: postgres({ url }), pool: { warmUp: false } });
    await expect(pooled.listen('x')).rejects.toMatchObject({ code: 'CONFIG' });
    await expect(pooled.listen('x')).rejects.toThrow(
      /pooler in transaction mode.*URL that leads to the server itself/s,
    );
    await using direct = createRuntime({ driver: postgres({ url: directUrl }), pool: { warmUp: false } });
    const items = (await direct.listen('x'))[Symbol.asyncIterator]();
    await pooled.exec("select pg_notify('x', 'through the pooler')");
    expect((await items.next()).value).toMatchObject({ payload: 'through the pooler' });
  });
});

describe('listening to an embedded database', () => {
  it('shares the one session, and hears what is committed on it', async () => {
    await using db = createRuntime({ driver: pglite({}) });
    const { items, ended } = collect(await db.listen(['jobs', 'Mail "box"']));
    await db.exec(`notify jobs, '1'`);
    await db.transaction(async (tx) => {
      await tx.exec(`select pg_notify('Mail "box"', '2')`);
      expect(items).toHaveLength(1);
    });
    await db
      .transaction((tx) => tx.exec(`notify jobs, 'undone'`).then(() => Promise.reject(new Error('no'))))
      .catch(() => 0);
    await expect.poll(() => brief(items)).toEqual(['1', '2']);
    expect(items[0]).toEqual({ type: 'notification', channel: 'jobs', payload: '1', processId: 0 });
    await db.disconnect();
    await ended;
  });

  it('listens between transactions, never inside one, whose rollback would undo it', async () => {
    await using db = createRuntime({ driver: pglite({}) });
    const tx = await db.begin();
    const listened = db.listen('jobs');
    await tx.exec('select 1');
    await tx.rollback();
    const { items } = collect(await listened);
    await db.exec(`notify jobs, '1'`);
    await expect.poll(() => brief(items)).toEqual(['1']);
  });

  it('refuses who waits too long for the end of a transaction, and hurts nobody else by that', async () => {
    await using db = createRuntime({ driver: pglite({}) });
    const { items } = collect(await db.listen('jobs'));
    const left = await db.listen('mail');
    db.pool.reconfigure({ connectTimeout: 50 });
    const tx = await db.begin();
    await left[Symbol.asyncDispose]();
    await expect(db.listen('late')).rejects.toMatchObject({ code: 'TIMEOUT', phase: 'statement' });
    await tx.exec(`notify jobs, '1'`);
    await tx.commit();
    await expect.poll(() => brief(items)).toEqual(['1']);
    await expect
      .poll(() => db.query(`select pg_listening_channels() as c except select 'late'`))
      .toEqual([{ c: 'jobs' }]);
  });

  it('still listens after the session was reset, and no longer after the last has left', async () => {
    await using db = createRuntime({ driver: pglite({}), pool: { onRelease: 'reset' } });
    const stream = await db.listen('jobs');
    await db.use((session) => session.exec('set search_path to public'));
    await expect.poll(() => db.stats()).toMatchObject({ resetting: 0, inUse: 0 });
    expect(await db.query('select pg_listening_channels() as channel')).toEqual([{ channel: 'jobs' }]);
    await stream[Symbol.asyncDispose]();
    await expect.poll(() => db.query('select pg_listening_channels() as channel')).toEqual([]);
  });
});
