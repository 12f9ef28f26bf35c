/** Packages that can't be had, with a network that does not answer. That they can be is what every run shows. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheFolder, debianRelease, unpackDebianPackages } from './debian-packages.js';

describe.runIf(existsSync('/usr/bin/apt-get'))('packages of Debian', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fluxor-apt-'));

  // A port that answers at once that nobody is there.
  beforeAll(() => {
    const file = join(folder, 'apt.conf');
    const proxies = ['http', 'https'].map((scheme) => `Acquire::${scheme}::Proxy "http://127.0.0.1:9";`);
    writeFileSync(file, ['Acquire::Retries "0";', ...proxies].join('\n'));
    vi.stubEnv('APT_CONFIG', file);
    vi.stubEnv('http_proxy', 'http://127.0.0.1:9');
    vi.stubEnv('https_proxy', 'http://127.0.0.1:9');
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  it.each(['of the release', 'unstable'] as const)(
    'that can not be downloaded are named with the reason, and nothing is left (%s)',
    async (suite) => {
      const told: string[] = [];
      const answer = await unpackDebianPackages({
        name: 'never-there',
        packages: ['no-such-package'],
        without: /^$/,
        onProgress: (text) => told.push(text),
        ...(suite === 'unstable' ? { suite } : {}),
      });
      expect(answer).toEqual({ unavailable: expect.stringMatching(/no-such-package.*fetch|connect/s) as string });
      const release = suite === 'unstable' ? suite : debianRelease();
      expect(told).toEqual([`downloading no-such-package of Debian ${release}; happens once`]);
      expect(readdirSync(cacheFolder()).filter((name) => name.startsWith('never-there'))).toEqual([]);
    },
  );
});
