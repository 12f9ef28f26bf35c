/**
 * Options that were said in several places, resolved as one: the common end of `connect(url, options)` and the builder. What is
 * wrong says where it stood, where that is not the program's own text.
 */
import { ConfigError } from '../errors/config-error.js';
import type { OptionIssue } from '../kernel/option-reader.js';
import type { OptionSource } from './config-origin.js';
import type { OptionLayer } from './option-layers.js';
import { mergeLayers } from './option-layers.js';
import type { OptionFact } from './option-survey.js';
import { surveyOptions } from './option-survey.js';
import { resolveOptions, resolveOrigin } from './resolve-config.js';
import type { RuntimeConfig } from './runtime-options.js';

/** Every option that can be written as text. */
export function textOptions(): readonly OptionFact[] {
  return surveyOptions(resolveOptions);
}

/**
 * `issues` were found on the way here, such as a wrong URL.
 *
 * @throws ConfigError with these and all others.
 */
export function resolveLayers(layers: readonly OptionLayer[], issues: readonly OptionIssue[] = []): RuntimeConfig {
  const origin = mergeLayers(layers);
  const found: OptionIssue[] = [];
  const config = resolveOrigin(origin, found);
  // That there is no driver follows from what is wrong with the URL, or was said already, in better words.
  const isKnown = issues.some(({ path }) => /url/i.test(path) || path === 'driver');
  const news = found.filter(({ path }) => !(isKnown && path === 'driver'));
  const all = [...issues, ...news.map((issue) => locate(issue, origin.sources))];
  if (all.length > 0 || config === undefined) throw ConfigError.fromIssues(all);
  return config;
}

function locate(issue: OptionIssue, sources: ReadonlyMap<string, OptionSource>): OptionIssue {
  const { path, got } = issue;
  const source = sources.get(path);
  if (source === undefined || !source.startsWith('env:')) return issue;
  return { ...issue, got: `${got} (${source.slice('env:'.length)})` };
}
