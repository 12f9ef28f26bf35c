/** The answers of `fluxor config` as text and as JSON. Pure: configuration or error in, text out. */
import type { ConfigError, ExplainedOption } from '../index.js';
import type { Paint } from './terminal.js';
import { jsonText, printable } from './terminal.js';

export function configLines(options: readonly ExplainedOption[], paint: Paint): string[] {
  const [paths, values] = [options.map(({ path }) => path.length), options.map(({ value }) => shown(value).length)];
  const [pathWidth, valueWidth] = [Math.max(0, ...paths), Math.min(48, Math.max(0, ...values))];
  return options.map(({ path, value, source }) => {
    const line = `${path.padEnd(pathWidth)}  ${shown(value).padEnd(valueWidth)}  ${source}`;
    return source === 'default' ? paint('dim', line) : line;
  });
}

export function configJson(options: readonly ExplainedOption[]): string {
  return jsonText({ schema: 1, ok: true, options });
}

/** Every issue with what would be right; values of unknown names are not among them. */
export function issueLines({ issues }: ConfigError, paint: Paint): string[] {
  const count = issues.length === 1 ? 'One option is wrong:' : `${issues.length} options are wrong:`;
  return [
    count,
    ...issues.map(({ path, got, expected }) => {
      const advice = expected.startsWith('did you mean') ? `; ${expected}` : `, expected ${expected}`;
      return `  ${paint('red', printable(path))}: got ${printable(got)}${printable(advice)}`;
    }),
  ];
}

export function issuesJson({ issues }: ConfigError): string {
  return jsonText({ schema: 1, ok: false, issues });
}

/** Texts in quotation marks would look like part of them. */
function shown(value: ExplainedOption['value']): string {
  return printable(String(value));
}
