/**
 * The package as npm would ship it, in processes that have OpenTelemetry's instrumentations of `pg` and `mysql2` loaded as
 * well: with the SDK 2 of this repository, and with SDK 3 on the Node of npm's package `node`. All that open-telemetry.test.ts
 * asks for has to hold there, and no span may be made twice.
 * Invariant: what could not be had is named, and in CI (CI=true) it fails the run.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../source-tree.js';
import { itTellsEverything } from './acceptance.js';
import type { ObservedSpan } from './observed.js';
import type { OtelProcess } from './otel-process.js';
import { OtelProjects } from './otel-process.js';
import { otelTargets } from './otel-targets.js';
import type { OtelReport } from './program.js';
import { installSdk3 } from './sdk-3.js';

const targets = otelTargets();
const processes: (OtelProcess & { readonly atLeast: number })[] = [
  {
    name: 'sdk-2',
    node: process.execPath,
    atLeast: 20,
    modules: join(ROOT, 'node_modules'),
    traceModule: '@opentelemetry/sdk-trace-base',
    targets,
  },
];
const sdk3 = await installSdk3();
if ('unavailable' in sdk3) {
  const notRun = `NOT RUN: OpenTelemetry's SDK 3: ${sdk3.unavailable}.`;
  if (process.env['CI'] === 'true') throw new Error(`In CI every SDK must be there. ${notRun}`);
  process.stdout.write(`[otel] ${notRun}\n`);
} else {
  processes.push({ name: 'sdk-3', atLeast: 22, traceModule: '@opentelemetry/sdk-trace', targets, ...sdk3 });
}

let projects: OtelProjects;
beforeAll(async () => {
  projects = await OtelProjects.make();
}, 300_000);
afterAll(() => projects?.remove());

/** What the instrumentations make of one statement that the client library is given, and of a connect where they tell it. */
const PAST = {
  postgresql: ['pg.connect', 'pg.query:SELECT fluxor'],
  mysql: ['select'],
} as const;
const SCOPES = {
  postgresql: '@opentelemetry/instrumentation-pg',
  mysql: '@opentelemetry/instrumentation-mysql2',
} as const;

describe.each(processes)('$name', ({ atLeast, ...task }) => {
  let report: OtelReport;
  beforeAll(async () => {
    report = await projects.run(task);
  }, 180_000);

  it('ran on a Node that is new enough', () => {
    expect(Number(/^v(\d+)/.exec(report.node)?.[1])).toBeGreaterThanOrEqual(atLeast);
  });

  describe.each(targets)('$system', ({ system, url }) => {
    const own = () => {
      const found = report.targets.find((target) => target.system === system);
      if (found === undefined) throw new Error(`Nothing was reported of ${system}.`);
      return found;
    };
    const { pathname, password } = new URL(url);
    itTellsEverything({
      system,
      database: pathname.slice(1),
      secrets: [password],
      scenario: async (name) => own().observations[name],
      two: async () => own().two,
    });

    it('the instrumentation of the client library is loaded: what goes past the runtime has its spans', () => {
      const database = pathname.slice(1);
      const names = PAST[system].map((name) => name.replace('fluxor', database));
      expect(ofInstrumentation(own().past, system)).toEqual(names);
    });

    it('it would make spans of what the runtime does, were it not kept from it', () => {
      expect(ofInstrumentation(own().unsuppressed, system)).toContain(PAST[system][0]);
    });

    it('it makes none', () => {
      const spans = Object.values(own().observations).flatMap((observation) => observation.spans);
      expect(ofInstrumentation(spans, system)).toEqual([]);
    });
  });
});

/** Names of its spans, wherever they are. */
function ofInstrumentation(spans: readonly ObservedSpan[], system: keyof typeof SCOPES): string[] {
  return spans.flatMap(({ name, scope, children }) => [
    ...(scope === SCOPES[system] ? [name] : []),
    ...ofInstrumentation(children, system),
  ]);
}
