/** A batch on a wire that the test holds: how far it draws ahead of what is sent, and that it ends with one Sync. */
import { describe, expect, it } from 'vitest';
import { nextTurn } from '../../kernel/next-turn.js';
import { readInsertPlan } from '../../sql/insert-plan.js';
import type { BatchReport, DriverBatch, DriverBatchResult } from '../batch.js';
import type { PostgresBatch } from './postgres-batch.js';
import { PIECE_BYTES } from './postgres-batch-writer.js';
import { PostgresCopyBatch } from './postgres-copy-batch.js';
import type { PgWire } from './postgres-module.js';
import { PostgresStatementBatch } from './postgres-statement-batch.js';

const TEXT = 'insert into t (a, raw) values ($1, $2)';
const VALUE = 'x'.repeat(1_000);

/** Takes one piece, and says that it has no room for another until `drain`. */
class FullStream {
  readonly writable = true;
  sentBytes = 0;
  writableNeedDrain = false;
  #onDrain: (() => void) | undefined;

  write(piece: Buffer): boolean {
    this.sentBytes += piece.length;
    this.writableNeedDrain = true;
    return false;
  }

  once(_event: 'drain', listener: () => void): void {
    this.#onDrain = listener;
  }

  off(): void {
    this.#onDrain = undefined;
  }

  cork(): void {}
  uncork(): void {}

  drain(): void {
    this.writableNeedDrain = false;
    this.#onDrain?.();
  }
}

/** Notes which messages are written, by the names that `pg` gives them. */
class NotingWire {
  readonly said: string[] = [];
  readonly stream = new FullStream();
  readonly asWire = new Proxy(this, {
    get: (wire, name) => (name === 'stream' ? wire.stream : () => wire.said.push(String(name))),
  }) as unknown as PgWire;
}

interface Begun {
  readonly wire: NotingWire;
  readonly batch: PostgresBatch;
  readonly report: BatchReport;
  readonly drawn: () => number;
  readonly ended: Promise<DriverBatchResult | { readonly error: unknown }>;
}

function begin(way: 'statements' | 'copy', sets: number, set: (at: number) => unknown[] = () => [VALUE, null]): Begun {
  const report = { failedSet: undefined, isEnding: false, isInside: false, wantsStatements: false };
  let at = 0;
  const source = { next: () => (at >= sets ? undefined : set(at++)), rewind: () => false };
  const bulk = readInsertPlan('postgres', TEXT);
  if (bulk === undefined) throw new Error('bug: a plain insert');
  const driverBatch: DriverBatch = { text: TEXT, rowMode: 'object', source, bulk, isBulkOnly: false, report };
  const session = { decoders: new Map(), takeForgotten: () => [], explain: (error: unknown) => error };
  const wire = new NotingWire();
  let batch: PostgresBatch | undefined;
  const ended = new Promise<DriverBatchResult>((resolve, reject) => {
    batch =
      way === 'copy'
        ? new PostgresCopyBatch(session, { ...driverBatch, bulk }, resolve, reject)
        : new PostgresStatementBatch(session, driverBatch, resolve, reject);
  }).catch((error: unknown) => ({ error }));
  if (batch === undefined) throw new Error('bug: a promise runs its executor at once');
  batch.submit(wire.asWire);
  if (way === 'copy') {
    const fields = [25, 17].map((dataTypeID) => ({ name: '', dataTypeID }));
    batch.handleRowDescription({ fields });
    batch.handleCopyInResponse(wire.asWire);
  }
  return { wire, batch, report, drawn: () => at, ended };
}

describe.each(['statements', 'copy'] as const)('a batch by %s', (way) => {
  it('draws one piece of sets, and no more before the socket has taken it', async () => {
    const { wire, batch, drawn, ended } = begin(way, 300);
    await expect.poll(() => wire.stream.sentBytes).toBeGreaterThan(0);
    for (let pieces = 1; drawn() < 300; pieces += 1) {
      const before = drawn();
      // As much as was sent, and nothing ahead of it: what is drawn has been written, to within one set.
      expect(wire.stream.sentBytes).toBeLessThan(pieces * (PIECE_BYTES + 2_000));
      expect(before * VALUE.length).toBeLessThanOrEqual(wire.stream.sentBytes);
      await nextTurn();
      expect(drawn()).toBe(before);
      wire.stream.drain();
      await expect.poll(() => drawn()).toBeGreaterThan(before);
    }
    while (!wire.said.includes('sync')) {
      wire.stream.drain();
      await nextTurn();
    }
    batch.handleReadyForQuery();
    expect(await ended).not.toHaveProperty('error');
    expect(wire.said.filter((word) => word === 'sync')).toHaveLength(1);
  });

  it('draws no more once it is stopped, wakes from a full socket, and ends with one Sync', async () => {
    const { wire, batch, report, drawn } = begin(way, 300);
    await expect.poll(() => wire.stream.writableNeedDrain).toBe(true);
    const before = drawn();
    batch.stop();
    batch.stop();
    await nextTurn();
    expect([drawn(), report.isEnding]).toEqual([before, false]);
    expect(wire.said.filter((word) => word === 'sync')).toHaveLength(1);
    expect(wire.said.at(-2)).toBe(way === 'copy' ? 'sendCopyFail' : 'bind');
  });

  it('ends with the error of a set that cannot be written, and says which it was', async () => {
    const { batch, report, wire, ended } = begin(way, 5, (at) => (at === 3 ? [new Map(), null] : ['x', null]));
    await expect.poll(() => wire.said.includes('sync')).toBe(true);
    // What the server says to being given up is no news.
    batch.handleError(Object.assign(new Error('given up'), { code: '57014', severity: 'ERROR' }), wire.asWire);
    expect(await ended).toMatchObject({ error: { code: 'QUERY', reason: 'data' } });
    expect([report.failedSet, report.wantsStatements]).toEqual([3, false]);
  });
});

describe('a COPY', () => {
  const bytes = Buffer.from('ab');

  it('takes bytes for a column that is bytea, and asks for statements for any other', async () => {
    const taken = begin('copy', 3, () => ['x', bytes]);
    await expect.poll(() => taken.wire.said.includes('sync')).toBe(true);
    expect([taken.report.wantsStatements, taken.report.isEnding]).toEqual([false, true]);
    for (const value of [bytes, new Uint8Array(2), new ArrayBuffer(2)]) {
      const refused = begin('copy', 3, () => [value, bytes]);
      await expect.poll(() => refused.wire.said.includes('sendCopyFail')).toBe(true);
      expect(refused.report.wantsStatements).toBe(true);
    }
  });

  it('believes no line of an error about a row that fits no page', async () => {
    const lines = { where: 'COPY t, line 2', severity: 'ERROR', length: 1 };
    for (const [code, failedSet] of [
      ['23505', 1],
      ['54000', undefined],
    ] as const) {
      const { batch, wire, report, ended } = begin('copy', 5);
      await expect.poll(() => wire.said.includes('sync')).toBe(true);
      batch.handleError(Object.assign(new Error('no'), { ...lines, code }), wire.asWire);
      await ended;
      expect([report.failedSet, report.wantsStatements]).toEqual([failedSet, failedSet === undefined]);
    }
  });
});
