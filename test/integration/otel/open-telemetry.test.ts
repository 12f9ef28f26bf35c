/** `fluxor-db/otel` with OpenTelemetry's SDK 2 in memory, on PostgreSQL and MySQL: spans and metrics by the tables. */
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import * as metrics from '@opentelemetry/sdk-metrics';
import * as trace from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe } from 'vitest';
import { itTellsEverything } from './acceptance.js';
import { MemorySdk } from './memory-sdk.js';
import { otelTargets } from './otel-targets.js';
import type { Observation } from './observe.js';
import { observe, observeTwo, prepareTarget } from './observe.js';
import type { ScenarioName } from './scenarios.js';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

describe.each(otelTargets())('$system', (target) => {
  const observations = new Map<ScenarioName, Promise<Observation>>();
  /** One after the other: each is to have the server for itself. */
  let last: Promise<unknown> = Promise.resolve();
  beforeAll(() => prepareTarget(target));

  const withSdk = <T>(work: (sdk: MemorySdk) => Promise<T>): Promise<T> => {
    const done = last.then(async () => {
      const sdk = new MemorySdk(trace, metrics);
      return work(sdk).finally(() => sdk.close());
    });
    last = done.catch(() => undefined);
    return done;
  };

  itTellsEverything({
    system: target.system,
    database: new URL(target.url).pathname.slice(1),
    secrets: [new URL(target.url).password],
    scenario: (name) => {
      const known = observations.get(name) ?? withSdk((sdk) => observe(target, name, sdk));
      observations.set(name, known);
      return known;
    },
    two: () => withSdk((sdk) => observeTwo(target, sdk)),
  });
});
