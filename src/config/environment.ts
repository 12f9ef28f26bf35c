/**
 * The configuration that stands in the environment: `FLUXOR_URL` (then `DATABASE_URL`), and every option as `FLUXOR_` and its
 * path in upper snake case: `FLUXOR_POOL_MAX_SIZE=20`. What begins so and is none of them is refused. Values are never quoted
 * where they may hold a secret: those of unknown names, and URLs.
 */
import type { OptionIssue } from '../kernel/option-reader.js';
import type { OptionFact } from './option-survey.js';
import type { OptionTree } from './option-tree.js';
import { setOption } from './option-tree.js';
import { readOptionText, suggestion } from './option-text.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentOption {
  /** `FLUXOR_POOL_MAX_SIZE` */
  readonly name: string;
  /** The option alone, with the groups that lead to it. */
  readonly options: OptionTree;
}

export interface EnvironmentUrl {
  readonly name: string;
  readonly text: string;
  /** `DATABASE_URL` is of no one program, and must not take the place of what was said to this one. */
  readonly isFallback: boolean;
}

export interface EnvironmentReading {
  readonly url: EnvironmentUrl | undefined;
  /** Groups before what is in them, so that the narrower word comes last. */
  readonly options: readonly EnvironmentOption[];
}

const PREFIX = 'FLUXOR_';
const URL_NAME = `${PREFIX}URL`;
/** Of the program `fluxor`, which may stand in the same environment or file: no option, and nothing is read of it here. */
const TOKEN_NAME = `${PREFIX}TOKEN`;

/** `pool.maxSize` → `FLUXOR_POOL_MAX_SIZE` */
export function environmentName(path: string): string {
  return PREFIX + path.replaceAll('.', '_').replace(/[A-Z]/g, '_$&').toUpperCase();
}

/** A variable that is empty is not set: that is how most shells and Compose files unset one. */
export function readEnvironment(
  env: Environment,
  facts: readonly OptionFact[],
  issues: OptionIssue[],
): EnvironmentReading {
  const known = new Map(facts.map((fact) => [environmentName(fact.path), fact]));
  for (const name of Object.keys(env)) {
    if (!name.startsWith(PREFIX) || !isSet(env[name]) || known.has(name)) continue;
    if (name === URL_NAME || name === TOKEN_NAME) continue;
    const expected = suggestion(name, [URL_NAME, TOKEN_NAME, ...known.keys()]);
    issues.push({ path: name, got: 'an unknown variable', expected });
  }
  const options: EnvironmentOption[] = [];
  for (const [name, { path, expected }] of known) {
    const text = env[name];
    if (!isSet(text)) continue;
    const group = [...known].find(([above, fact]) => path.startsWith(`${fact.path}.`) && env[above] === 'false');
    if (group !== undefined) {
      issues.push({ path: name, got: `${group[0]}=false as well`, expected: 'one of the two' });
      continue;
    }
    const tree: OptionTree = {};
    setOption(tree, path.split('.'), readOptionText(text, expected));
    options.push({ name, options: tree });
  }
  return { url: readUrl(env), options };
}

function readUrl(env: Environment): EnvironmentUrl | undefined {
  const { [URL_NAME]: own, DATABASE_URL: any } = env;
  if (isSet(own)) return { name: URL_NAME, text: own, isFallback: false };
  return isSet(any) ? { name: 'DATABASE_URL', text: any, isFallback: true } : undefined;
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}
