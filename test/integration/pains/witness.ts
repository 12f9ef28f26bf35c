/** Watches what would have ended the process: an 'error' event that nobody listened to, a rejection that nobody caught. */
import { afterEach, beforeEach, expect } from 'vitest';

/** Call once per test file: each of its tests fails when anything of that kind happens. */
export function watchProcess(): void {
  const seen: unknown[] = [];
  const see = (error: unknown) => seen.push(error);
  beforeEach(() => {
    seen.length = 0;
    process.on('uncaughtExceptionMonitor', see).on('unhandledRejection', see);
  });
  afterEach(() => {
    process.off('uncaughtExceptionMonitor', see).off('unhandledRejection', see);
    expect(seen).toEqual([]);
  });
}
