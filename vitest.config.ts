/**
 * The test projects, run one after the other when all are asked for: `unit` (fast, no servers), `chaos` (seeded
 * simulations in virtual time), `servers` (real databases, which global-setup.ts starts) and `package` (what npm would
 * ship). The doors resolve to the sources for all but `package`, which tests the built ones.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** Whole specifiers only: a plain 'fluxor-db' would also rewrite the start of 'fluxor-db/postgres'. */
const alias = [
  { find: /^fluxor-db$/, replacement: source('index.ts') },
  { find: /^fluxor-db\/postgres$/, replacement: source('driver/postgres/index.ts') },
  { find: /^fluxor-db\/pglite$/, replacement: source('driver/pglite/index.ts') },
  { find: /^fluxor-db\/mysql$/, replacement: source('driver/mysql/index.ts') },
  { find: /^fluxor-db\/mariadb$/, replacement: source('driver/mariadb/index.ts') },
  { find: /^fluxor-db\/oracle$/, replacement: source('driver/oracle/index.ts') },
  { find: /^fluxor-db\/prometheus$/, replacement: source('extensions/prometheus/index.ts') },
  { find: /^fluxor-db\/otel$/, replacement: source('extensions/otel/index.ts') },
  { find: /^fluxor-db\/testing$/, replacement: source('testing/index.ts') },
];

/**
 * What is waited for comes in milliseconds, and a test takes a second or two, but on a machine that is busy elsewhere; vitest's own
 * limits are 1 s and 5 s.
 */
const PATIENT = { testTimeout: 60_000, expect: { poll: { timeout: 10_000 } } };

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'test/architecture.test.ts',
            'test/docs/**/*.test.ts',
            'test/support/**/*.unit.test.ts',
          ],
          ...PATIENT,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          ...PATIENT,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'servers',
          include: ['contract', 'integration', 'servers', 'support'].map((folder) => `test/${folder}/**/*.test.ts`),
          exclude: ['**/*.unit.test.ts'],
          globalSetup: ['test/servers/global-setup.ts'],
          // Every runtime's numbers must add up, in every test and after it.
          setupFiles: ['test/integration/sums-of-every-runtime.ts'],
          // Tests lose connections on purpose, hundreds of them; those of the warnings themselves listen for them.
          execArgv: ['--disable-warning=FluxorWarning'],
          // One file at a time: on two cores the servers need the second one, and deadlines of 100 ms are measured.
          fileParallelism: false,
          ...PATIENT,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
