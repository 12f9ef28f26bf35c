import { describe, expect, it } from 'vitest';
import type { DriverConnection } from '../driver/driver.js';
import { SESSION_EFFECTS } from '../sql/session-effects.js';
import { longerLimit, SERVER_LIMIT_GRACE_MS } from './connection-options.js';
import { SessionCare } from './session-care.js';

const { settings, role, locks, unknown } = SESSION_EFFECTS;

function careOf(native: Partial<DriverConnection> = {}): SessionCare {
  return new SessionCare(native as DriverConnection);
}

describe('what borrowers leave behind', () => {
  it('is nothing, until a statement leaves something', () => {
    const care = careOf();
    expect(care.needsReset('rollback')).toBe(false);
    care.note(settings);
    care.note(locks);
    expect([care.needsReset('rollback'), care.toUndo('rollback')]).toEqual([true, settings | locks]);
    care.undone();
    expect([care.needsReset('rollback'), care.toUndo('rollback')]).toEqual([false, 0]);
  });

  it('is everything, after each loan, where the policy says so', () => {
    const care = careOf();
    care.touch();
    expect([care.toUndo('rollback'), care.toUndo('reset')]).toEqual([0, unknown]);
  });

  it('is a setting or the role, where the server reports that something has changed', () => {
    expect(careOf({ hasChangedSettings: true }).toUndo('rollback')).toBe(settings | role);
  });

  it('is nobody’s affair behind a pooler', () => {
    const care = careOf({ isPooled: true });
    care.note(settings);
    expect(care.needsReset('rollback')).toBe(false);
    const kept = careOf({ isPooled: true, hasChangedSettings: true });
    expect(kept.toUndo('rollback')).toBe(settings | role);
  });
});

describe("the server's own limit", () => {
  it('is raised for a call that may last longer, and only then', () => {
    const inForceMs = 30_000 + SERVER_LIMIT_GRACE_MS;
    expect(longerLimit(inForceMs, 30_000)).toBeUndefined();
    expect(longerLimit(inForceMs, 1_000)).toBeUndefined();
    expect(longerLimit(inForceMs, 60_000)).toBe(65_000);
    expect(longerLimit(inForceMs, Infinity)).toBe(0);
  });

  it('is left alone where there is none, or the driver has none', () => {
    expect([longerLimit(0, Infinity), longerLimit(undefined, Infinity)]).toEqual([undefined, undefined]);
  });
});
