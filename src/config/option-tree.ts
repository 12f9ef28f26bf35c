/**
 * Options as a tree of plain objects: how two of them become one, and how what was said in different places is kept apart by
 * the paths of its leaves. Knows the shapes that options may have, not what they mean.
 */
import { isReceiver } from '../telemetry/log-options.js';

export type OptionTree = { [name: string]: unknown };

/** Groups that a number alone stands for: what it is the number of. */
const NUMBER_MEANS: Readonly<Record<string, string>> = {
  'pool.warmUp': 'connections',
  'gate.rateLimit': 'perSecond',
  'gate.connectionLimit': 'max',
  'query.statementCache': 'perConnection',
  'query.retry.budget': 'ratio',
};

/** Groups that something else than options stands for: as which of its options. `undefined` for what stands for nothing. */
export function optionMeantBy(path: string, value: unknown): string | undefined {
  if (typeof value === 'number') return NUMBER_MEANS[path];
  return path === 'logger' && isReceiver(value) ? 'to' : undefined;
}

/** Plain objects only: a clock or a driver is a value, not a branch. */
export function isTree(value: unknown): value is OptionTree {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Writes `value` at `path`, with the groups that lead there. */
export function setOption(tree: OptionTree, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  const below = Object.hasOwn(tree, name) ? tree[name] : undefined;
  const branch = isTree(below) ? below : {};
  // Defined, not assigned: `?pool.__proto__.x=1` must become an option that somebody refuses, not a prototype.
  const shape = { value: rest.length === 0 ? value : branch, enumerable: true, writable: true, configurable: true };
  Object.defineProperty(tree, name, shape);
  if (rest.length > 0) setOption(branch, rest, value);
}

/** What `over` says wins, option by option; `undefined` says nothing. Neither is changed. */
export function mergeOptions(under: OptionTree, over: OptionTree, path = ''): OptionTree {
  const merged: OptionTree = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const at = path === '' ? name : `${path}.${name}`;
    const said = merged[name];
    const field = optionMeantBy(at, said);
    const below = field === undefined ? said : { [field]: said };
    if (isLeaf(at, value) || !isTree(below) || !isTree(value)) merged[name] = value === undefined ? said : value;
    else merged[name] = mergeOptions(below, value, at);
  }
  return merged;
}

/** The same without the option at `path`. */
export function withoutOption<T extends object>(options: T, path: string): T {
  const [name = '', ...rest] = path.split('.');
  const { [name]: below, ...others } = options as OptionTree;
  if (rest.length === 0 || !isTree(below)) return others as T;
  return { ...others, [name]: withoutOption(below, rest.join('.')) } as T;
}

/** `[path, value]` of everything that is said: `['pool.maxSize', 20]`. */
export function leavesOf(tree: OptionTree, path = ''): (readonly [path: string, value: unknown])[] {
  return Object.entries(tree).flatMap(([name, value]) => {
    const at = path === '' ? name : `${path}.${name}`;
    if (value === undefined) return [];
    return isTree(value) && !isLeaf(at, value) ? leavesOf(value, at) : [[at, value] as const];
  });
}

/** A copy that nobody can change any more; what belongs to somebody else (a driver, a clock) stays as it is. */
export function frozenCopy(tree: OptionTree, path = ''): OptionTree {
  const copy = Object.entries(tree).map(([name, value]) => {
    const at = path === '' ? name : `${path}.${name}`;
    return [name, isTree(value) && !isLeaf(at, value) ? frozenCopy(value, at) : value] as const;
  });
  return Object.freeze(Object.fromEntries(copy));
}

/** Words in the longest path of an option. What is below is no option, and may go round in circles. */
const DEEPEST = 4;

const LEAVES: readonly string[] = ['driver', 'clock', 'random', 'logger.to'];

/** A clock or a logger of one's own may well be a plain object. */
function isLeaf(path: string, value: unknown): boolean {
  if (LEAVES.includes(path) || path.split('.').length >= DEEPEST) return true;
  return path === 'logger' && isReceiver(value);
}
