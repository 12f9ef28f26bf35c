/** `db.listen()`: from what the caller wrote to a subscription that is in force. Called by runtime.ts. */
import { ConfigError } from '../errors/config-error.js';
import { CancelledError } from '../errors/timeout-error.js';
import { within } from '../kernel/within.js';
import type { House } from './house.js';
import type { ListenOptions } from './listen-options.js';
import { readListen } from './listen-options.js';
import type { NotificationStream } from './notification-stream.js';
import { NotificationStreamHandle } from './notification-stream.js';
import { Subscription } from './subscription.js';

export async function listen(
  house: House,
  channels: string | readonly string[],
  options: ListenOptions | undefined,
): Promise<NotificationStream> {
  const { config, lifecycle, timers, listening } = house.parts;
  const { session, start } = listening;
  const plan = readListen(channels, options);
  const { driver, clock } = config;
  if (driver.capabilities.hasNotifications !== true) throw cannotListen(driver.name);
  lifecycle.assertOpen();
  const { signal } = plan;
  if (signal?.aborted === true) throw abortedError(driver.endpoint, signal);
  if (lifecycle.state === 'idle') start();
  const subscription = new Subscription(
    plan,
    () => clock.wallNow(),
    (ended) => session.unsubscribe(ended),
  );
  try {
    await within(session.subscribe(subscription), { deadlineAt: Infinity, signal }, timers, () => {
      throw abortedError(driver.endpoint, signal);
    });
  } catch (error) {
    subscription.end();
    throw error;
  }
  const anchor = {};
  house.watchStream(anchor, subscription);
  return new NotificationStreamHandle(subscription, anchor);
}

function cannotListen(driver: string): ConfigError {
  const expected = 'a database that has notifications, such as PostgreSQL';
  return ConfigError.fromIssues([{ path: 'listen', got: `the ${driver} driver`, expected }]);
}

function abortedError(endpoint: string, signal: AbortSignal | undefined): CancelledError {
  const text = `${endpoint}: the caller aborted before the channels were listened to`;
  return new CancelledError('caller', text, { cause: signal?.reason as unknown });
}
