/** What single statements write, and when they prepare anew: by the names of the messages, and answers that the test gives. */
import { describe, expect, it } from 'vitest';
import type { InFlight } from '../driver.js';
import type { DriverResult } from '../query.js';
import type { PipelineSession, PreparedStatement } from './postgres-statement.js';
import { PostgresStatement } from './postgres-statement.js';
import type { WireWriter } from './postgres-wire-writer.js';

const PREPARING = 'close parse describe bind execute';
const RELYING = 'bind portal execute';
const PREPARED = 'bind execute';
const FIELDS = [{ name: 'n', dataTypeID: 23 }];

const serverError = (code: string, more: object = {}): Error =>
  Object.assign(new Error('as the server says it'), { code, severity: 'ERROR', length: 1, ...more });

class NotedWriter {
  readonly notes: string[] = [];

  get size(): number {
    return this.notes.length;
  }

  readonly closeStatement = (): unknown => this.notes.push('close');
  readonly parse = (): unknown => this.notes.push('parse');
  readonly describeStatement = (): unknown => this.notes.push('describe');
  readonly describePortal = (): unknown => this.notes.push('portal');
  readonly bind = (): unknown => this.notes.push('bind');
  readonly executeAndSync = (): unknown => this.notes.push('execute');
}

function session() {
  const prepared: PreparedStatement = { name: 'fluxor_1', preparation: undefined };
  let healed = 0;
  let cancels = 0;
  const written: string[] = [];
  const write = (statement: PostgresStatement): void => {
    const writer = new NotedWriter();
    statement.write(writer as unknown as WireWriter);
    written.push(writer.notes.join(' '));
  };
  const ports: PipelineSession = {
    decoders: new Map(),
    takeForgotten: () => [],
    explain: (error) => error,
    countCancels: () => cancels,
    resend: write,
    healed: () => (healed += 1),
    isLastSent: () => true,
    abandon: () => undefined,
  };
  const send = (inFlight?: InFlight) => {
    const run: { result?: DriverResult; error?: unknown } = {};
    const statement = new PostgresStatement(
      ports,
      { text: 'select n from t', values: [1], rowMode: 'array' },
      prepared,
      (result) => (run.result = result),
      (error) => (run.error = error),
      inFlight,
    );
    write(statement);
    const describe = (): void => statement.handleRowDescription({ fields: FIELDS });
    const end = (row?: string): void => {
      if (row !== undefined) statement.handleDataRow({ fields: [row] });
      statement.handleCommandComplete({ text: 'SELECT 1' });
      statement.handleReadyForQuery();
      statement.handleEnd(true);
    };
    const fail = (error: Error): void => {
      statement.handleError(error);
      statement.handleEnd(true);
    };
    return { run, statement, describe, end, fail };
  };
  return { written, send, cancel: () => (cancels += 1), healed: () => healed };
}

describe('a statement under a name', () => {
  // One that takes some milliseconds is nearly always in flight: each run prepared anew, and none was the last to do so.
  it('is prepared once, although one run of it is always sent before the one before has been answered', () => {
    const { written, send } = session();
    let before = send();
    for (let n = 1; n <= 5; n += 1) {
      const next = send();
      before.describe();
      before.end(String(n));
      expect(before.run.result?.rows).toEqual([[String(n)]]);
      before = next;
    }
    expect(written).toEqual([PREPARING, RELYING, PREPARED, PREPARED, PREPARED, PREPARED]);
  });

  it('is prepared once by the first of many that are sent together, and each of them has its columns', () => {
    const { written, send } = session();
    const all = [1, 2, 3].map(() => send());
    for (const { describe, end } of all) {
      describe();
      end('7');
    }
    expect(written).toEqual([PREPARING, RELYING, RELYING]);
    expect(all.map(({ run }) => run.result)).toMatchObject(all.map(() => ({ rows: [['7']], fields: [{ name: 'n' }] })));
  });

  it('is prepared anew by each that relied on one that could not be prepared, and by whoever comes later', () => {
    const { written, send, healed } = session();
    const [first, second, third] = [send(), send(), send()];
    first.fail(serverError('57014'));
    second.fail(serverError('26000'));
    third.fail(serverError('26000'));
    expect(written.splice(0)).toEqual([PREPARING, RELYING, RELYING, PREPARING, PREPARING]);
    for (const { describe, end } of [second, third]) {
      describe();
      end('1');
    }
    expect([first.run.error, second.run.result?.rows, third.run.result?.rows]).toMatchObject([
      { code: '57014' },
      [['1']],
      [['1']],
    ]);
    send();
    expect([written, healed()]).toEqual([[PREPARED], 2]);
  });

  it('stays prepared when a run of it fails by what it was given', () => {
    const { written, send } = session();
    const first = send();
    first.describe();
    first.statement.isBound = true;
    first.fail(serverError('22012'));
    send();
    expect(written).toEqual([PREPARING, PREPARED]);
  });

  it('that brings no rows is prepared once, too', () => {
    const { written, send } = session();
    send().end();
    send().end();
    expect(written).toEqual([PREPARING, PREPARED]);
  });
});

/** 0A000: "cached plan must not change result type". */
const OUTGROWN = [
  serverError('26000'),
  serverError('0A000', { routine: 'RevalidateCachedQuery' }),
  ...['42804', '22P02', '42883'].map((code) => serverError(code)),
];

describe('a prepared statement that is stale after somebody asked to stop another', () => {
  // Its caller heard the error of a statement that it had not sent: 42804, 22P02.
  it.each(OUTGROWN)('is sent anew where it is still wanted ($code)', (error) => {
    const { written, send, cancel, healed } = session();
    const first = send();
    first.describe();
    first.end('1');
    const asked: string[] = [];
    const stale = send({ goBehind: () => asked.push('asked') > 0 });
    cancel();
    stale.fail(error);
    expect([written, asked]).toEqual([[PREPARING, PREPARED, PREPARING], ['asked']]);
    stale.describe();
    stale.end('2');
    expect([stale.run.result?.rows, healed()]).toEqual([[['2']], 1]);
  });

  it.each(OUTGROWN)('is not where nobody wants it, or nobody knows whom the cancel was meant for ($code)', (error) => {
    for (const inFlight of [{ goBehind: () => false }, undefined]) {
      const { written, send, cancel } = session();
      const first = send();
      first.describe();
      first.end('1');
      const stale = send(inFlight);
      cancel();
      stale.fail(error);
      expect([written.length, stale.run.error]).toEqual([2, error]);
    }
  });

  it('asks nobody in a transaction, which its error has ended', () => {
    const { send } = session();
    const asked: string[] = [];
    const stale = send({ goBehind: () => asked.push('asked') > 0 });
    stale.statement.handleError(serverError('26000'));
    stale.statement.handleEnd(false);
    expect([asked, stale.run.error]).toMatchObject([[], { code: '26000' }]);
  });
});
