/**
 * A wire server in a process of its own, for `oracle-process.ts`: options as JSON in the first argument, the module of its
 * backend in the second, orders by IPC. It ends when it is told so, when the channel to its parent closes, and in any case
 * after the time limit: nothing is left behind.
 */
import { pathToFileURL } from 'node:url';
import type { SqlBackend } from './backend.js';
import type { Order, ProcessOptions, Reply } from './oracle-process.js';
import type { HeldCall } from './faults.js';
import type { OracleServer } from './server.js';
import { startOracleServer } from './server.js';

/** What a backend's module exports. */
interface BackendModule {
  readonly openBackend: (options: unknown) => SqlBackend | Promise<SqlBackend>;
}

const holds = new Map<number, HeldCall>();

async function obey(server: OracleServer, order: Order): Promise<unknown> {
  const { faults, observed } = server;
  switch (order.do) {
    case 'inject': {
      const { match, ...rule } = order.rule;
      faults.inject({ ...rule, ...(match === undefined ? {} : { match: new RegExp(match, 'i') }) });
      return null;
    }
    case 'hold':
      holds.set(
        order.hold,
        faults.hold(order.on, order.match === undefined ? undefined : new RegExp(order.match, 'i')),
      );
      return null;
    case 'reached':
      await holds.get(order.hold)?.reached;
      return null;
    case 'release':
      holds.get(order.hold)?.release();
      holds.delete(order.hold);
      return null;
    case 'fault':
      // The names are those of methods of Faults that take and give what JSON can say.
      return (await (faults[order.name] as (...args: unknown[]) => unknown).apply(faults, [...order.args])) ?? null;
    case 'look':
      return {
        calls: observed.calls,
        counters: observed.counters,
        protocolErrors: observed.protocolErrors.map(String),
        sessions: [...server.sessions.values()].map(({ view }) => view),
        connections: server.connections,
      };
    case 'forget-calls':
      observed.forgetCalls();
      return null;
    case 'stop':
      await server.stop();
      return null;
  }
}

async function serve(): Promise<void> {
  const { backend, lifetimeMs, ...options } = JSON.parse(process.argv[2] ?? '{}') as ProcessOptions & {
    lifetimeMs: number;
  };
  setTimeout(() => process.exit(2), lifetimeMs).unref();
  const { openBackend } = (await import(pathToFileURL(backend.module).href)) as BackendModule;
  const server = await startOracleServer({ ...options, backend: await openBackend(backend.options) });
  const reply = (message: Reply): void => void process.send?.(message);
  process.on('disconnect', () => process.exit(0));
  // A Ctrl-C goes to every process of the terminal; the parent says when it is over.
  process.on('SIGINT', () => undefined);
  process.on('message', (order: Order) => {
    obey(server, order).then(
      (value) => {
        reply({ id: order.id, value });
        if (order.do === 'stop') process.disconnect?.();
      },
      (error: unknown) => reply({ id: order.id, error: String(error) }),
    );
  });
  const { port, url, connectString, user, password } = server;
  reply({ id: 0, value: { port, url, connectString, user, password } });
}

serve().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
