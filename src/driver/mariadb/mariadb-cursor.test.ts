/** The order of what a cursor does when its rows are left: on a session that writes it down, since a server shows it rarely. */
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createDeferred } from '../../kernel/deferred.js';
import { MariadbCursor } from './mariadb-cursor.js';
import type { CursorSession } from './mariadb-cursor.js';
import type { ClientStream } from './mariadb-module.js';
import type { MariadbWire } from './mariadb-wire.js';

/** A session whose statement sends two rows, and whose KILL is answered when the test says so. */
function noted() {
  const log: string[] = [];
  const stream = Object.assign(new EventEmitter(), { push: (_row: unknown) => true }) as unknown as ClientStream;
  const kill = createDeferred<undefined>();
  const wire = { stream: () => stream, watch: () => () => undefined, resume: () => undefined, hasOutParameters: false };
  const session = {
    wire: wire as unknown as MariadbWire,
    mode: 'array',
    readerFor: () => ({ fields: [], read: (row: unknown) => row }) as never,
    prepare: () => undefined,
    release: () => undefined,
    occupy: () => undefined,
    settle: async () => void log.push('the session is given back'),
    kill: () => {
      log.push('KILL is sent');
      return kill.promise;
    },
    absorb: async () => void log.push('what it left behind is taken'),
  } as unknown as CursorSession;
  return { log, stream, kill, cursor: new MariadbCursor(session, 'select i from t', []) };
}

describe('a cursor that is left', () => {
  it('gives the session back behind a KILL that came when its statement was over', async () => {
    const { log, stream, kill, cursor } = noted();
    const page = cursor.read(1);
    await Promise.resolve();
    stream.push([1] as never);
    await page;
    const closed = cursor.close();
    await expect.poll(() => log).toEqual(['KILL is sent']);
    // The last row, while the KILL is on its way.
    stream.push(null);
    log.push('the statement is over');
    kill.resolve(undefined);
    await closed;
    expect(log).toEqual([
      'KILL is sent',
      'the statement is over',
      'what it left behind is taken',
      'the session is given back',
    ]);
  });

  it('sends none when the rows were over by then', async () => {
    const { log, stream, cursor } = noted();
    const page = cursor.read(1);
    await Promise.resolve();
    stream.push([1] as never);
    await page;
    stream.push(null);
    await cursor.close();
    expect(log).toEqual(['the session is given back']);
  });
});
