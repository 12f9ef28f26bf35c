/** Rows that go through a validator of whatever make, and what is said where that does not work. */
import { describe, expect, it } from 'vitest';
import type { StandardSchema } from './row-schema.js';
import { parseOne, parseRows } from './row-schema.js';

function schemaOf(validate: (value: unknown) => unknown): StandardSchema {
  return { '~standard': { version: 1, vendor: 'test', validate } } as StandardSchema;
}

describe('a row that goes through a schema', () => {
  it('comes out as what the schema makes of it, at once, by a promise, or by whatever has a `then`', async () => {
    const result = (value: unknown) => ({ value: String(value) });
    const thenable = (value: unknown) => ({ then: (resolve: (made: unknown) => void) => resolve(result(value)) });
    for (const validate of [result, async (value: unknown) => result(value), thenable]) {
      expect(await parseRows(schemaOf(validate), [1, 2])).toEqual(['1', '2']);
    }
  });

  it('is named by its number and by the columns that do not fit, without a word of the validator', async () => {
    const issues = [{ message: 'secret-marker is too long', path: ['name'] }];
    const schema = schemaOf((value) => (value === 1 ? { value } : { issues }));
    const error = (await parseRows(schema, [1, 7], 500).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'applied', cause: { issues } });
    expect(error.message).toContain('row 501 does not fit the schema at name');
    expect(error.message).not.toContain('secret-marker');
  });

  it('is an error of the house when the validator itself throws, rejects, or answers nothing', async () => {
    const cause = new Error('secret-marker');
    const broken = [
      () => {
        throw cause;
      },
      () => Promise.reject(cause),
    ];
    for (const validate of broken) {
      const error = (await parseOne(schemaOf(validate), 1, 'the value').catch((thrown: unknown) => thrown)) as Error;
      expect(error).toMatchObject({ code: 'QUERY', reason: 'data', outcome: 'applied', retryable: false, cause });
      expect(error.message).toBe('the schema failed at the value; see cause');
    }
    await expect(
      parseOne(
        schemaOf(() => undefined),
        1,
        'row 0',
      ),
    ).rejects.toMatchObject({ code: 'QUERY', cause: expect.any(TypeError) as unknown });
  });
});
