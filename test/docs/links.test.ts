/** Every relative link of the documentation leads somewhere, anchors included. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../source-tree.js';
import { docPaths, headingsOf, linksOf, readDoc } from './markdown.js';

const isExternal = (link: string): boolean => /^[a-z]+:/.test(link);

describe.each(docPaths())('%s', (path) => {
  const text = readDoc(path);

  it('has no dead link', () => {
    const dead = linksOf(text).filter((link) => !isExternal(link) && !leadsSomewhere(path, link));
    expect(dead).toEqual([]);
  });

  it('has one title, at the top', () => {
    expect(headingsOf(text).filter(({ level }) => level === 1)).toHaveLength(1);
    expect(text.startsWith('# ')).toBe(true);
  });
});

describe('the index', () => {
  it('of docs/README.md names every page', () => {
    const linked = linksOf(readDoc('docs/README.md')).map((link) => normalize(join('docs', link.split('#')[0] ?? '')));
    const pages = docPaths().filter((path) => path.startsWith('docs/') && path !== 'docs/README.md');
    expect(pages.filter((page) => !linked.includes(page))).toEqual([]);
  });
});

function leadsSomewhere(from: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? from : normalize(join(dirname(from), file));
  if (!existsSync(`${ROOT}/${target}`)) return false;
  if (anchor === undefined) return true;
  if (statSync(`${ROOT}/${target}`).isDirectory() || !target.endsWith('.md')) return false;
  return headingsOf(readDoc(target)).some((heading) => heading.anchor === anchor);
}
