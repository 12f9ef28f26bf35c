/** The option `password`, where it is a function: asked before every connect, and waited for as long as the connect is wanted. */
import { CancelledError } from '../../errors/timeout-error.js';
import type { DeadlineTimer } from '../../kernel/deadline.js';
import { within } from '../../kernel/within.js';
import type { MysqlConfig } from './mysql-options.js';

/** @throws CancelledError when `signal` is aborted before there is one, and what the function throws. */
export async function passwordOf(
  { password, endpoint }: Pick<MysqlConfig, 'password' | 'endpoint'>,
  signal: AbortSignal,
  timers: DeadlineTimer,
): Promise<string | undefined> {
  if (typeof password !== 'function') return password;
  const asked = Promise.resolve().then(password);
  return within(asked, { deadlineAt: Infinity, signal }, timers, () => {
    const text = `${endpoint}: the connection was given up while its password was asked for`;
    throw new CancelledError('runtime', text, { decision: 'new-connection', isConnectionFatal: true });
  });
}
