import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ROOT } from '../../test/source-tree.js';
import { VERSION } from './version.js';

it('the version is the one of the package', () => {
  const { version } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { version: string };
  expect(VERSION).toBe(version);
});
