/** Statements in flight on a client that the test holds: what leaves when, who is answered, and who hears of the end. */
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { nextTurn } from '../../kernel/next-turn.js';
import type { PgClient, PgSubmittable } from './postgres-module.js';
import type { PipelinedStatement } from './postgres-pipeline.js';
import { PostgresPipeline } from './postgres-pipeline.js';

class HeldClient {
  readonly pieces: number[] = [];
  /** What `pg` was given, in order. */
  readonly given: PgSubmittable[] = [];
  readonly connection = Object.assign(new EventEmitter(), {
    stream: {
      writable: true,
      bytesWritten: 0,
      write: (piece: Buffer): boolean => {
        this.pieces.push(piece.length);
        this.connection.stream.bytesWritten += piece.length;
        return true;
      },
    },
  });

  query(submittable: PgSubmittable): void {
    this.given.push(submittable);
  }
}

interface Sent {
  readonly statement: PipelinedStatement;
  readonly heard: unknown[];
}

const BYTES = 15;

function begin(): { client: HeldClient; pipeline: PostgresPipeline; send: () => Sent } {
  const client = new HeldClient();
  const pipeline = new PostgresPipeline(client as unknown as PgClient);
  const send = (): Sent => {
    const heard: unknown[] = [];
    const statement = {
      isBound: false,
      write: (writer: { executeAndSync(): void }) => writer.executeAndSync(),
      handleEnd: (isOutside: boolean) => heard.push(isOutside),
      handleError: (error: unknown) => heard.push(error),
    } as unknown as PipelinedStatement;
    pipeline.send(statement);
    return { statement, heard };
  };
  return { client, pipeline, send };
}

describe('statements in flight on one session', () => {
  it('leave at once where nothing is in flight, and together where something is', async () => {
    const { client, pipeline, send } = begin();
    send();
    expect(client.pieces).toEqual([BYTES]);
    for (let n = 0; n < 3; n += 1) send();
    await Promise.resolve();
    send();
    expect([client.pieces, pipeline.bytesWritten]).toEqual([[BYTES], BYTES * 5]);
    await nextTurn();
    expect([client.pieces, pipeline.bytesWritten]).toEqual([[BYTES, BYTES * 4], BYTES * 5]);
  });

  it('are given to pg one by one, each when the server is ready after the one before', () => {
    const { client, pipeline, send } = begin();
    const sent = [send(), send(), send()];
    const statements = sent.map(({ statement }) => statement);
    for (let n = 1; n <= 3; n += 1) {
      expect(client.given).toEqual(statements.slice(0, n));
      expect(pipeline.isBusy).toBe(true);
      pipeline.advance(n !== 2);
    }
    expect(sent.map(({ heard }) => heard)).toEqual([[true], [false], [true]]);
    expect([client.given.length, pipeline.isBusy]).toEqual([3, false]);
  });

  it('know of a bound statement which one it is', () => {
    const { client, pipeline, send } = begin();
    const [first, second] = [send().statement, send().statement];
    const bound = (): boolean[] => [first.isBound, second.isBound];
    client.connection.emit('bindComplete');
    expect(bound()).toEqual([true, false]);
    pipeline.advance(true);
    expect(bound()).toEqual([true, false]);
    client.connection.emit('bindComplete');
    expect(bound()).toEqual([true, true]);
  });

  it('can be sent once more by the end of one: behind all others', () => {
    const { client, pipeline, send } = begin();
    const [first, second] = [send().statement, send().statement];
    Object.assign(first, { handleEnd: () => pipeline.send(first) });
    pipeline.advance(true);
    pipeline.advance(true);
    expect(client.given).toEqual([first, second, first]);
    expect(pipeline.isBusy).toBe(true);
  });

  it('hear of a loss in their order, once, and whoever comes after it is left to pg', async () => {
    const { client, pipeline, send } = begin();
    const order: unknown[] = [];
    const sent = [send(), send(), send()];
    for (const { statement, heard } of sent) {
      Object.assign(statement, { handleError: (error: unknown) => order.push([heard, error]) });
    }
    pipeline.lose('lost');
    pipeline.lose('lost');
    expect(order.map((one) => (one as unknown[])[1])).toEqual(['lost', 'lost', 'lost']);
    expect(order.map((one) => (one as unknown[])[0])).toEqual(sent.map(({ heard }) => heard));
    const late = send();
    await nextTurn();
    expect([client.given.at(-1), pipeline.isBusy]).toEqual([late.statement, false]);
  });

  it('are never joined by whoever needs the session alone, nor the other way round', () => {
    const { client, pipeline, send } = begin();
    const alone = {} as PgSubmittable;
    send();
    expect(() => pipeline.sendAlone(alone)).toThrow('bug: others are in flight');
    pipeline.advance(true);
    pipeline.sendAlone(alone);
    expect(() => send()).toThrow('bug: a statement while');
    expect(() => pipeline.sendAlone(alone)).toThrow('bug: others are in flight');
    expect(pipeline.isBusy).toBe(true);
    pipeline.advance(true);
    expect([client.given.length, pipeline.isBusy, send().heard]).toEqual([2, false, []]);
  });

  it('leave nothing behind where one cannot be written', async () => {
    const { client, pipeline, send } = begin();
    const broken = {
      write: () => {
        throw new RangeError('too large');
      },
    } as unknown as PipelinedStatement;
    expect(() => pipeline.send(broken)).toThrow('too large');
    expect([pipeline.isBusy, client.given]).toEqual([false, []]);
    send();
    expect(() => pipeline.send(broken)).toThrow('too large');
    await nextTurn();
    pipeline.advance(true);
    expect([pipeline.isBusy, client.pieces]).toEqual([false, [BYTES]]);
  });
});
