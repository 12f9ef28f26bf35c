/** A session at which single sets of a batch fail, by what is in them; nothing is sent of several at once. */
import type { DriverQuery, DriverResult } from '../../src/driver/query.js';
import { FakeSession, ServerError } from './fake-session.js';

export class BatchSession extends FakeSession {
  /** What the sets were, in the order in which they reached the server. */
  readonly sets: unknown[] = [];

  /** A set whose first value is `bad` violates a constraint; one with `gone` loses the connection, and `hang` hangs. */
  override execute(query: DriverQuery): Promise<DriverResult> {
    const [value] = query.values;
    if (value !== undefined) {
      this.sets.push(value);
      this.answers.delete(query.text);
    }
    if (value === 'bad') this.answers.set(query.text, new ServerError('unique'));
    if (value === 'hang' || value === 'gone') this.answers.set(query.text, 'hang');
    const answer = super.execute(query);
    if (value === 'gone') this.lose();
    return answer;
  }
}
