/** The guide lists what a pooler makes impossible as the contract suite has it: no row more, and none less. */
import { expect, it } from 'vitest';
import { POOLER_LIMITS } from '../contract/pooler-limits.js';
import { readDoc, sectionOf, tableRows } from './markdown.js';

const rows = tableRows(sectionOf(readDoc('docs/guide/postgres.md'), 'Through PgBouncer'));

it('lists every limit of the contract and no other, each with what to do instead', () => {
  expect(rows.map(([what]) => what)).toEqual(POOLER_LIMITS);
  expect(rows.filter(([, happens, instead]) => !happens || !instead)).toEqual([]);
});
