/**
 * One runtime for a name in the whole process, however often the module that makes it is evaluated. Development servers
 * evaluate it anew with every change of a file; each evaluation would open another pool, until the server has no
 * connection left. The registry hangs on the global object, because module state is exactly what a hot reload throws away.
 */
import { ConfigError } from '../errors/config-error.js';
import type { DBRuntime } from './runtime.js';

/** Registered, so that two evaluations, and two copies of the package, find the same registry. */
const REGISTRY = Symbol.for('fluxor.shared-runtimes');

type Registry = Map<string, DBRuntime>;

interface RegistryHolder {
  [REGISTRY]?: Registry;
}

/**
 * The runtime called `name`: made by `make` the first time, the same one ever after, until it is disconnected.
 * `make` must be synchronous: `createRuntime()`, not `connect()`.
 * Options that changed between two evaluations do not reach a runtime that lives already; restart, or disconnect it.
 *
 * @throws ConfigError when `make` gives no runtime.
 * @example
 * export const db = sharedRuntime('shop', () => createRuntime({ driver: postgres({ url }) }));
 */
export function sharedRuntime(name: string, make: () => DBRuntime): DBRuntime {
  const registry = registryOf(globalThis as RegistryHolder);
  const existing = registry.get(name);
  if (existing !== undefined && existing.state !== 'draining' && existing.state !== 'closed') return existing;
  const runtime = make();
  assertRuntime(runtime);
  registry.set(name, runtime);
  // Only its own entry: a later runtime may have taken the name.
  runtime.on('runtime:closed', () => registry.get(name) === runtime && registry.delete(name));
  return runtime;
}

/** `connect()` answers a promise, which would be taken for a runtime by whoever comes second. */
function assertRuntime(made: unknown): asserts made is DBRuntime {
  if (typeof (made as Partial<DBRuntime> | null | undefined)?.on === 'function') return;
  const expected = 'a function that makes a runtime at once: () => createRuntime(…), not connect(…)';
  const got = made instanceof Promise ? 'a promise of one' : typeof made;
  throw ConfigError.fromIssues([{ path: 'sharedRuntime', got, expected }]);
}

function registryOf(holder: RegistryHolder): Registry {
  return (holder[REGISTRY] ??= new Map());
}
