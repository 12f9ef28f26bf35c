/**
 * Secrets of every kind are sent through a runtime on every database, through success and failure, and searched for in everything
 * that comes out of it. Nothing of a password, a bind value, a literal or a text of the server may be in any of it.
 */
import { QueryError, createRuntime } from 'fluxor-db';
import { afterEach, describe, expect, it } from 'vitest';
import { pglite } from 'fluxor-db/pglite';
import type { CanaryName } from './canary/canaries.js';
import { CANARY, canariesIn } from './canary/canaries.js';
import { CanaryRun } from './canary/canary-run.js';
import { canaryTargets } from './canary/canary-targets.js';
import { Outlets } from './canary/outlets.js';

const opened: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.stop();
});

function outlets(): Outlets {
  const made = new Outlets();
  opened.push(made);
  return made;
}

describe.each(canaryTargets())('$name', ({ open }) => {
  it('a canary is in nothing that comes out', { timeout: 300_000 }, async () => {
    const caught = outlets();
    const target = await open();
    opened.push(target);
    const run = new CanaryRun(target, caught);
    const loggers = caught.loggers();
    await run.calls(loggers.function);
    await run.logins(loggers.pino);
    await run.options();
    await run.program();
    expect(caught.leaks.map(({ outlet, canary, excerpt }) => `${canary} in ${outlet}: ${excerpt}`)).toEqual([]);
    expect(new Set(run.codes)).toEqual(new Set([...run.codes].filter((code) => /^[A-Z_]+( |$)/.test(code))));
    const said = Object.keys(caught.counts);
    expect(said).toEqual(
      expect.arrayContaining([
        ...[
          'errors',
          'events',
          'log function',
          'monitor',
          'callbacks',
          'metrics',
          'metric points',
          'diagnostics',
          'health',
        ],
        ...[
          'configuration',
          'runtime',
          'driver',
          'sessions',
          'stats',
          'spans',
          'otel metrics',
          'prometheus',
          'program',
        ],
        ...['tracing contexts', ...(target.login === undefined ? [] : ['pino'])],
      ]),
    );
  });
});

describe('the search', () => {
  it.each(Object.keys(CANARY) as CanaryName[])('finds %s in every form in which it may be written', (name) => {
    const value = CANARY[name];
    const written =
      value instanceof Date ? [value.toISOString(), value.getTime()] : [String(value), `x${String(value)}y`];
    for (const text of written) expect(canariesIn(String(text)), String(text)).toContain(name);
    if (typeof value !== 'string') return;
    const bytes = Buffer.from(value);
    for (const text of [value.toUpperCase(), JSON.stringify(bytes), bytes.toString('hex'), bytes.toString('base64')])
      expect(canariesIn(text.replaceAll(',', ', ')), text).toContain(name);
    expect(canariesIn(`${String(bytes).slice(0, 6)} and more`)).toEqual([]);
  });

  it('finds one that was put into any of the outlets on purpose', async () => {
    const caught = outlets();
    const loggers = caught.loggers();
    const db = createRuntime({ driver: pglite(), name: `named ${CANARY.text}`, logger: loggers.function ?? false });
    const other = createRuntime({ driver: pglite(), name: `named ${CANARY.text}`, logger: loggers.pino ?? false });
    for (const one of [db, other]) {
      caught.listen(one);
      await one.query('select 1', [], { name: CANARY.text });
      one.gate.circuit.forceOpen(CANARY.text);
      one.gate.circuit.reset();
      const session = await one.acquire({ label: CANARY.text });
      caught.addPrinted('sessions', { session, label: CANARY.text });
      session.release();
      await expect.poll(() => caught.counts['monitor'] ?? 0).toBeGreaterThan(0);
      await caught.look(one);
      await one.disconnect();
    }
    process.emitWarning(CANARY.text);
    await expect.poll(() => caught.counts['warnings of the process'] ?? 0).toBeGreaterThan(0);
    caught.addPrinted('runtime', { parts: Object.defineProperty({}, 'name', { value: [CANARY.text] }) });
    caught.add('program', `error: ${CANARY.text}`);
    caught.addPrinted('driver', Object.assign(Object.create(null) as object, { hidden: new Error(CANARY.text) }));
    caught.addError(new QueryError('data', CANARY.text));
    const found = new Set(caught.leaks.map(({ outlet }) => outlet));
    const said = Object.keys(caught.counts).filter(
      (outlet) => !['stats', 'metric points', 'metrics', 'health'].includes(outlet),
    );
    expect(said.filter((outlet) => !found.has(outlet))).toEqual([]);
  });
});
