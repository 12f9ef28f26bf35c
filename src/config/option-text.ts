/**
 * Options that come as text: in the query string of a URL, or in the environment. The text may be a piece of a secret that
 * landed in the wrong place, so what is refused here is named, never quoted.
 */
import type { OptionIssue } from '../kernel/option-reader.js';
import { nearestName } from '../kernel/option-reader.js';
import type { OptionFact } from './option-survey.js';
import type { OptionTree } from './option-tree.js';
import { setOption } from './option-tree.js';

/** Options whose value is text, whatever it looks like. */
const TEXT = 'a non-empty string';

/** The first words of option paths, as in `?pool.maxSize=20`. */
const OPTION_GROUPS: ReadonlySet<string> = new Set(['name', 'pool', 'query', 'gate', 'types', 'monitor', 'logger']);

/** Text as the option's own type: `true`, `20`, `5s`. */
export function readOptionText(text: string, expected: string | undefined): unknown {
  if (expected === TEXT) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

export interface SplitUrl {
  /** What is the driver's to read. */
  readonly driverUrl: string;
  readonly options: OptionTree;
}

/**
 * Takes the options of the runtime out of a URL. No driver has a parameter with a dot in its name, so such a key was meant
 * for the runtime, and what it does not know is refused with the nearest that it does. `survey` is asked only where there are any.
 */
export function splitUrl(url: string, survey: () => readonly OptionFact[], issues: OptionIssue[]): SplitUrl {
  const at = url.indexOf('?');
  if (at === -1) return { driverUrl: url, options: {} };
  const options: OptionTree = {};
  let facts: ReadonlyMap<string, OptionFact> | undefined;
  const rest = url
    .slice(at + 1)
    .split('&')
    .filter((pair) => {
      const [[key, value] = ['', '']] = new URLSearchParams(pair);
      const words = key.split('.');
      const isKnown = OPTION_GROUPS.has(words[0] ?? '');
      if (!isKnown && !/^\w+(\.\w+)+$/.test(key)) return true;
      facts ??= new Map(survey().map((fact) => [fact.path, fact]));
      // A group's own reader says what it has; nobody else can speak for a group that does not exist.
      if (isKnown) setOption(options, words, readOptionText(value, facts.get(key)?.expected));
      else issues.push({ path: `url?${key}`, got: 'an unknown option', expected: suggestion(key, [...facts.keys()]) });
      return false;
    });
  return { driverUrl: rest.length === 0 ? url.slice(0, at) : `${url.slice(0, at)}?${rest.join('&')}`, options };
}

/** The nearest known name, or where they all are. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? 'an option of docs/reference/options.md' : `did you mean ${nearest}?`;
}
