/** What a doctor says: a level, a sentence, and what to do. And all that the rules look at. */
import type { RuntimeConfig } from '../index.js';
import type { LinkFacts } from './link-watch.js';
import type { Latency, ServerFacts } from './server-facts.js';

/** `problem`: it will fail. `warning`: it may, or it is dangerous. `note`: worth knowing. `ok`: looked at, and well. */
export type Level = 'ok' | 'note' | 'warning' | 'problem';

export interface Finding {
  readonly level: Level;
  /** The rule's name, for programs: `tls-off`. Stable. */
  readonly rule: string;
  readonly text: string;
  /** What to do; absent where nothing has to be done. */
  readonly advice?: string;
}

/** What was found out about one database, and what it is to be used with. */
export interface Examination {
  /** Of the URL: where it leads to, without a secret. */
  readonly endpoint: string;
  readonly dialect: RuntimeConfig['driver']['dialect'];
  /** It runs in this process: there is no network. */
  readonly isEmbedded: boolean;
  readonly server: ServerFacts;
  readonly link: LinkFacts;
  readonly latency: Latency;
  /** The options of the runtime that will use it. */
  readonly plan: Plan;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What of a configuration the rules look at. Milliseconds; `Infinity` for never. */
export interface Plan {
  readonly maxSize: number;
  readonly minIdle: number;
  readonly instances: number;
  readonly idleTimeoutMs: number;
  readonly keepaliveMs: number;
  readonly queryTimeoutMs: number;
  readonly acquireTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly preparesStatements: boolean;
  readonly resolvesOutcomes: boolean;
}

export function planOf({ pool, query }: RuntimeConfig, instances: number): Plan {
  return {
    maxSize: pool.maxSize,
    minIdle: pool.minIdle,
    instances,
    idleTimeoutMs: pool.idleTimeoutMs,
    keepaliveMs: pool.keepaliveMs,
    queryTimeoutMs: query.timeoutMs,
    acquireTimeoutMs: pool.acquireTimeoutMs,
    connectTimeoutMs: pool.connectTimeoutMs,
    preparesStatements: query.statementCache !== false,
    resolvesOutcomes: query.resolveOutcome,
  };
}

/** One question to an examination; `undefined` where it says nothing about this one. */
export type Rule = (examination: Examination) => Finding | undefined;

/** The worst first, otherwise as they came. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const order: readonly Level[] = ['problem', 'warning', 'note', 'ok'];
  return [...findings].sort((one, next) => order.indexOf(one.level) - order.indexOf(next.level));
}
