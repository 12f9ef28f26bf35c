import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { PrometheusServer } from './prometheus-server.js';
import { doesNotOutlive, keepsToItsLife } from './server-life.js';

const isThere = inject('prometheus') !== null;

// Where there is none, that has been reported by name by the global setup.
describe.runIf(isThere)('a Prometheus', () => {
  let server: PrometheusServer;
  beforeAll(async () => {
    server = await PrometheusServer.start({ targets: [] });
  });
  afterAll(() => server?.remove());

  it('calculates, and says what it has against a question', async () => {
    expect(await server.query('vector(6) * 7')).toEqual([{ labels: {}, value: 42 }]);
    await expect(server.query('rate(')).rejects.toThrow('parse error');
  });

  it('says why it does not come up', async () => {
    await expect(PrometheusServer.start({ targets: [], rules: 'nonsense' })).rejects.toThrow(/nonsense|rule/);
  });

  keepsToItsLife({
    isThere,
    server: () => server,
    startAnother: () => PrometheusServer.start({ targets: [] }),
    placeOf: ({ folder }) => folder,
    open: async () => ({ ask: () => server.query('vector(1)'), end: async () => undefined }),
    removedWhen: ['running', 'killed', 'paused'],
  });

  const module = new URL('prometheus-server.ts', import.meta.url);
  const start = 'PrometheusServer.start({ targets: [] })';
  doesNotOutlive({ module, imports: 'PrometheusServer', start, folder: 'server.folder' }, isThere, [
    'exits',
    'is killed',
  ]);
});
