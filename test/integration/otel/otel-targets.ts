/** The servers of the run that the scenarios of OpenTelemetry are run on: the newest PostgreSQL, and MySQL. */
import { inject } from 'vitest';
import type { OtelTarget } from './scenarios.js';

export function otelTargets(): OtelTarget[] {
  const postgres = inject('postgresServers')
    .slice(0, 1)
    .map(({ url }) => ({ system: 'postgresql' as const, url }));
  const mysql = inject('mysqlServers')
    .filter(({ product }) => product === 'mysql')
    .map(({ url }) => ({ system: 'mysql' as const, url }));
  return [...postgres, ...mysql];
}
