import { describe, expect, it } from 'vitest';
import { pglite } from '../driver/pglite/pglite.js';
import { postgres } from '../driver/postgres/postgres.js';
import { createRuntime } from './create-runtime.js';

const refusal = { code: 'CONFIG', message: expect.stringContaining('the pglite driver cannot ask') as string };

describe('resolveOutcome', () => {
  it('is refused for a whole runtime where the driver cannot ask', () => {
    const make = () => createRuntime({ driver: pglite(), query: { resolveOutcome: true } });
    expect(make).toThrow(expect.objectContaining(refusal) as Error);
    expect(createRuntime({ driver: postgres(), query: { resolveOutcome: true } }).config.query.resolveOutcome).toBe(
      true,
    );
  });

  it('is refused for one transaction before anything is opened, also for one that only reads', async () => {
    await using db = createRuntime({ driver: pglite() });
    await expect(db.begin({ resolveOutcome: true })).rejects.toMatchObject(refusal);
    await expect(db.begin({ resolveOutcome: true, readOnly: true })).rejects.toMatchObject(refusal);
    expect(db.stats().total).toBe(0);
  });
});
