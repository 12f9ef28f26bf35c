/** docs/reference/logging.md lists every record with its levels and facts, in the order of the code, and the facts of errors. */
import { describe, expect, it } from 'vitest';
import type { EventName } from '../../src/telemetry/events.js';
import type { LogRule } from '../../src/telemetry/log-records.js';
import { ERROR_FACTS, LOG_RULES, fieldsOfRule } from '../../src/telemetry/log-records.js';
import { codeWords, readDoc, sectionOf, tableRows } from './markdown.js';

const document = readDoc('docs/reference/logging.md');
const eventsText = readDoc('docs/reference/events.md');

describe('the reference of the log', () => {
  it('has every record with its levels and facts', () => {
    const said = tableRows(sectionOf(document, 'The records')).map(([event = '', levels = '', facts = '']) => {
      return { event: codeWords(event)[0], levels: codeWords(levels), facts: codeWords(facts) };
    });
    const rules = Object.entries(LOG_RULES) as [EventName, LogRule][];
    expect(said).toEqual(
      rules.map(([event, rule]) => {
        const { levels } = rule;
        const hasError = carriesError(event) ? ['errorName'] : [];
        return { event, levels: [...levels], facts: [...fieldsOfRule(rule), ...hasError] };
      }),
    );
  });

  it('has every fact of an error', () => {
    const said = tableRows(sectionOf(document, 'Of an error')).map(([fact = '']) => codeWords(fact)[0]);
    expect(said).toEqual(ERROR_FACTS);
  });
});

function carriesError(event: string): boolean {
  const row = tableRows(eventsText).find(([name = '']) => codeWords(name)[0] === event);
  return codeWords(row?.[1] ?? '').includes('error');
}
