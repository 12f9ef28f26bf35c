/**
 * Several statements without results as one text, for the control session: mysql2 sends one text at a time, so that each of many
 * KILLs would otherwise wait for all before it. Only where `multipleStatements` is on.
 * Refuses to know: what the statements say. Nobody's values are among them.
 */
import { serverErrorOf } from '../mysql-server/mysql-server-error.js';
import type { MysqlWire } from './mysql-wire.js';

/**
 * Answers the error of each, `undefined` for none, up to the first that has one: the server begins none of those that follow.
 * Rejects when the connection has ended.
 */
export async function runEach(wire: MysqlWire, texts: readonly string[]): Promise<readonly unknown[]> {
  // After an error the wire asks where that has left the session.
  await wire.untilReady();
  const text = texts.join('; ');
  const answers: unknown[] = [];
  return new Promise((resolve, reject) => {
    let hasEnded = false;
    const end = (failure?: { readonly error: unknown }): void => {
      if (hasEnded) return;
      hasEnded = true;
      wire.settle(text, failure);
      if (failure === undefined) resolve(answers);
      else if (serverErrorOf(failure.error) === undefined) reject(failure.error);
      else resolve([...answers, failure.error]);
    };
    const fail = (error: unknown): void => end({ error: wire.bestError(error) });
    wire.begin(text, [], { fail }, (command) => {
      command
        .on('result', () => answers.push(undefined))
        .on('error', fail)
        .on('end', () => end());
    });
  });
}
