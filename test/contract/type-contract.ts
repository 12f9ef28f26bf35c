/** What every type looks like going in and coming out: docs/reference/types.md, checked on a real database. */
import type { TypeOptions } from 'fluxor-db';
import { SESSION_EFFECTS } from 'fluxor-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractSessions, failureOf, run } from './contract-session.js';
import type { OpenedSession } from './contract-session.js';
import type { ContractTarget } from './targets.js';
import { int } from './words.js';

export function typeContract(target: ContractTarget): void {
  const { words, types } = target;
  describe(`type contract: ${target.name}`, () => {
    let sessions: ContractSessions;
    let session: OpenedSession;
    beforeAll(async () => {
      await target.prepare();
      sessions = new ContractSessions(target.makeDriver());
      session = await sessions.open();
    });
    afterAll(() => sessions.closeAll());

    for (const [type, literal, value] of types.out) {
      it(`gives ${type} ${literal.slice(0, 30)} back without loss`, async () => {
        const { rows } = await run(session.connection, types.outText(type), [literal]);
        expect(rows).toEqual([[value, null]]);
      });
    }

    for (const [value, type, text] of types.into) {
      it(`sends ${type} ${text.slice(0, 30)} as it is`, async () => {
        const { rows } = await run(session.connection, types.inText(type), [value]);
        expect(rows).toEqual([[text]]);
      });
    }

    it('gives every value of a column the same JavaScript type, small or large', async () => {
      const big = (digits: string): string => `select ${words.cast(digits, 'bigint')}`;
      const { rows } = await run(session.connection, `${big('1')} union all ${big('9007199254740993')}`);
      expect(rows).toEqual([[1n], [9_007_199_254_740_993n]]);
    });

    it('refuses to make a Date of what is none, says why, and stays usable', async () => {
      const { before, text, after } = types.noDate;
      for (const one of before) await run(session.connection, one);
      const native = await failureOf(session.connection, text);
      for (const one of after) await run(session.connection, one);
      expect(native).toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'applied' });
      expect((await run(session.connection, `select ${int(words, 1)}`)).rows).toEqual([[1]]);
    });

    it('brings dates back the same in every session time zone, as far as they have none', async () => {
      const moment = new Date('2024-07-01T00:30:00Z');
      const values = [moment, moment, '2024-07-01'];
      await run(session.connection, types.zoned.set);
      const { rows } = await run(session.connection, types.zoned.text, values);
      await run(session.connection, types.zoned.back);
      expect(rows).toEqual([values]);
    });

    it('keeps every session in UTC, so that what the database converts agrees with what is read here', async () => {
      const { text, none } = types.offset;
      expect((await run(session.connection, text)).rows).toEqual([[none]]);
      await session.connection.reset(SESSION_EFFECTS.unknown);
      expect((await run(session.connection, text)).rows).toEqual([[none]]);
      const { rows } = await run(session.connection, types.now);
      const [[one, two, three]] = rows as [[Date, Date, Date]];
      expect([two, three]).toEqual([one, one]);
    });

    describe('with other choices', () => {
      let chosen: OpenedSession;
      const choose = async (types: TypeOptions): Promise<void> => {
        await sessions.close(session);
        chosen = await sessions.open(types);
        session = chosen;
      };

      it('gives numbers where asked, and refuses those that would change', async () => {
        await choose({ bigint: 'number', decimal: 'number', date: 'Date' });
        const { text, row, refused } = types.chosen;
        expect((await run(chosen.connection, text)).rows).toEqual([row]);
        for (const one of refused) {
          expect(await failureOf(chosen.connection, one)).toMatchObject({
            code: 'QUERY',
            reason: 'data',
          });
        }
      });

      it('gives JSON as the text that the server writes where asked: no number in it loses a digit', async () => {
        await choose({ json: 'string' });
        const text = types.outText('json');
        expect((await run(chosen.connection, text, ['[12345678901234567890]'])).rows).toEqual([
          ['[12345678901234567890]', null],
        ]);
        expect((await run(chosen.connection, text, ['"text"'])).rows).toEqual([['"text"', null]]);
      });

      it('gives 64-bit integers as text where asked', async () => {
        await choose({ bigint: 'string' });
        expect((await run(chosen.connection, `select ${words.cast('5', 'bigint')}`)).rows).toEqual([['5']]);
      });
    });
  });
}
