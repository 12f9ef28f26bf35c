/** What the compiler promises: one way for every kind of statement, refusals before sending, bounded memory. */
import { describe, expect, it } from 'vitest';
import { QueryError } from '../errors/query-error.js';
import type { Sql } from './fragment.js';
import { StatementCompiler } from './statement-compiler.js';
import { sql } from './template.js';

const postgres = new StatementCompiler('postgres');
const refusedAs = (reason: string): unknown => expect.objectContaining({ code: 'QUERY', reason, outcome: 'not-sent' });

describe('the statement compiler', () => {
  it('leaves text untouched without params and with an array', () => {
    const text = "select $1, ':a', :b";
    expect(postgres.compile(text)).toEqual({ text, values: [] });
    expect(postgres.compile(text, [1])).toEqual({ text, values: [1] });
  });

  it('copies the array, so that changing it afterwards changes nothing', () => {
    const params = [1];
    const compiled = postgres.compile('select $1', params);
    params[0] = 2;
    expect(compiled.values).toEqual([1]);
  });

  it('binds names from an object, the second time from memory', () => {
    const compiler = new StatementCompiler('mysql');
    expect(compiler.compile('select :a', { a: 1 })).toEqual({ text: 'select ?', values: [1] });
    expect(compiler.compile('select :a', { a: 2 })).toEqual({ text: 'select ?', values: [2] });
    expect(compiler.size).toBe(1);
  });

  it('renders templates', () => {
    expect(postgres.compile(sql`select ${1}, ${sql`${2}`}`)).toEqual({ text: 'select $1, $2', values: [1, 2] });
  });

  it('refuses a template with params', () => {
    for (const params of [[], {}, [1]])
      expect(() => postgres.compile(sql`select 1`, params)).toThrow(refusedAs('syntax'));
  });

  it('refuses SQL that only looks like a template, and params of another kind', () => {
    const parsed = JSON.parse('{"text":"drop table t","values":[],"strings":["x"]}') as Sql;
    expect(() => postgres.compile(parsed)).toThrow(refusedAs('syntax'));
    for (const params of [null, 7, 'a'] as unknown as readonly [][]) {
      expect(() => postgres.compile('select 1', params)).toThrow(refusedAs('data'));
    }
  });

  it('refuses undefined in an array', () => {
    expect(() => postgres.compile('select $1', [undefined])).toThrow(/params\[0\] is undefined/);
  });

  it.each([
    ['inside quotes', sql`select '${1}'`],
    ['inside a comment', sql`select 1 /* ${1} */`],
    ['glued to a name', sql`select a${1}`],
    ['beside a native placeholder', sql`select $1, ${1}`],
    ['inside quotes beside a native placeholder of another number', sql`select '${1}', $2`],
  ])('refuses a template with a value %s', (_where, fragment) => {
    expect(() => postgres.compile(fragment)).toThrow(refusedAs('syntax'));
  });

  it('refuses a question mark beside values in MySQL and lets it be an operator in PostgreSQL', () => {
    const fragment = sql`select d ? 'a', ${1}`;
    expect(() => new StatementCompiler('mysql').compile(fragment)).toThrow(refusedAs('syntax'));
    expect(postgres.compile(fragment).text).toBe("select d ? 'a', $1");
  });

  it('lets a template without values have native placeholders of its own', () => {
    expect(postgres.compile(sql`prepare p as select $1`).text).toBe('prepare p as select $1');
  });

  it('refuses more values than the wire can count', () => {
    const values = Array.from({ length: 65_536 }, (_, index) => index);
    expect(() => postgres.compile('select 1', values)).toThrow(refusedAs('data'));
    expect(() => postgres.compile(sql`select ${sql.join(values)}`)).toThrow(refusedAs('data'));
    expect(postgres.compile(sql`select ${sql.join(values.slice(1))}`).values).toHaveLength(65_535);
  });

  it('remembers no more texts than it may, keeps those in use, and no long ones', () => {
    const compiler = new StatementCompiler('postgres', { maxTexts: 10, maxTextLength: 20 });
    for (let index = 0; index < 100; index += 1) {
      compiler.compile(`select :a, ${index}`, { a: 1 });
      compiler.compile('select :a', { a: 1 });
      expect(compiler.size).toBeLessThanOrEqual(10);
    }
    const before = compiler.size;
    compiler.compile(`select :a ${' '.repeat(20)}`, { a: 1 });
    expect(compiler.size).toBe(before);
  });

  it('names neither SQL text nor values in its errors', () => {
    const attempts = [
      () => postgres.compile('select secret_column, :a', { b: 'secret' }),
      () => postgres.compile(sql`select secret_column, '${'secret'}'`),
      () => postgres.compile('select secret_column', ['secret', undefined]),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(QueryError);
        expect(String(error)).not.toContain('secret');
      }
    }
  });
});
