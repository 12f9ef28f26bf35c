/**
 * Which options there are, asked of the readers themselves: they are given something that is no option's value at every
 * place they look, and what they look for and what they say is the list. So there is no second table that could drift
 * from them. Used where options come as text (environment, URL), which nobody does often.
 */
import type { OptionIssue } from '../kernel/option-reader.js';

/** One option, or a group of them. */
export interface OptionFact {
  /** As the user would write it: `pool.maxSize`. */
  readonly path: string;
  /** What belongs there, with its bounds; `undefined` for a group. */
  readonly expected: string | undefined;
}

/** Resolves options, and collects what is wrong with them. */
export type OptionResolver = (options: object, issues: OptionIssue[]) => unknown;

/** What a program alone can say: no text means a function or an object of somebody else's. */
const BY_PROGRAM: readonly string[] = ['driver', 'clock', 'random', 'errors', 'logger.to'];

/** Every option that can be written as text, groups before what is in them. */
export function surveyOptions(resolve: OptionResolver): readonly OptionFact[] {
  const asked = new Set<string>();
  const issues: OptionIssue[] = [];
  resolve(probe('', asked), issues);
  const refused = new Map(issues.map(({ path, expected }) => [path, expected]));
  return [...asked]
    .filter((path) => !ancestorsOf(path).some((above) => refused.has(above) || BY_PROGRAM.includes(above)))
    .filter((path) => !BY_PROGRAM.includes(path))
    .sort()
    .map((path) => ({ path, expected: refused.get(path) }));
}

/** An object that has everything, and each of it is such an object. */
function probe(path: string, asked: Set<string>): object {
  return new Proxy(
    {},
    {
      get: (_, name) => {
        if (typeof name === 'symbol') return undefined;
        const at = path === '' ? name : `${path}.${name}`;
        asked.add(at);
        return probe(at, asked);
      },
    },
  );
}

function ancestorsOf(path: string): string[] {
  const words = path.split('.');
  return words.slice(1).map((_, index) => words.slice(0, index + 1).join('.'));
}
