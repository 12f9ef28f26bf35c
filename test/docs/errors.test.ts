/** docs/errors.md and the catalogue say the same, both ways; so do its tables of reasons and the types of the errors. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../../src/errors/catalogue.js';
import { ROOT } from '../source-tree.js';
import { codeWords, headingsOf, readDoc, sectionOf, tableRows } from './markdown.js';

const document = readDoc('docs/errors.md');

/** `[heading, file, type]`: the words of the type are the rows of the table under the heading. */
const VOCABULARIES = [
  ['Reasons of ConnectionError', 'connection-error.ts', 'ConnectionErrorReason'],
  ['Reasons of CancelledError', 'timeout-error.ts', 'CancelledBy'],
  ['Reasons of QueryError', 'query-error.ts', 'QueryErrorReason'],
  ['Reasons of ConstraintError', 'query-error.ts', 'ConstraintErrorReason'],
  ['Reasons of TransactionError', 'query-error.ts', 'TransactionErrorReason'],
  ['Timeouts by phase', 'timeout-error.ts', 'TimeoutPhase'],
  ['What happened: outcome', 'fluxor-error.ts', 'Outcome'],
  ['What to repeat: decision', 'fluxor-error.ts', 'RetryDecision'],
] as const;

describe('the codes', () => {
  it('have one section each, and no section is left over', () => {
    const titles = headingsOf(sectionOf(document, 'The codes')).map(({ text }) => codeWords(text)[0]);
    expect(titles.sort()).toEqual(Object.keys(ERROR_CATALOGUE).sort());
  });

  it.each(Object.entries(ERROR_CATALOGUE))('%s: class, meaning and action are the catalogue’s', (code, entry) => {
    const section = sectionOf(document, `\`${code}\``).replace(/\s+/g, ' ');
    expect(section).toContain(`\`${entry.class}\``);
    expect(section).toContain(entry.meaning);
    expect(section).toContain(entry.action);
  });
});

describe('the words', () => {
  it.each(VOCABULARIES)('%s are those of the code', (heading, file, type) => {
    const words = tableRows(sectionOf(document, heading)).map(([word = '']) => codeWords(word)[0]);
    expect(words.sort()).toEqual(wordsOf(file, type).sort());
  });
});

/** The members of a union of string literals. */
function wordsOf(file: string, type: string): string[] {
  const text = readFileSync(`${ROOT}/src/errors/${file}`, 'utf8');
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const declared = tree.statements.find(
    (statement): statement is ts.TypeAliasDeclaration =>
      ts.isTypeAliasDeclaration(statement) && statement.name.text === type,
  );
  if (declared === undefined || !ts.isUnionTypeNode(declared.type)) throw new Error(`${file} has no union ${type}`);
  return declared.type.types.map((member) =>
    ts.isLiteralTypeNode(member) && ts.isStringLiteral(member.literal) ? member.literal.text : '?',
  );
}
