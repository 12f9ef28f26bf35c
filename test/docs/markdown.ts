/** Reads what the documentation says in a form that tests can compare: tables, fenced blocks, headings, links. */
import { readdirSync, readFileSync } from 'node:fs';
import { ROOT } from '../source-tree.js';

export interface Fence {
  readonly language: string;
  readonly code: string;
  /** Of the first line of code, from 1. */
  readonly line: number;
}

export interface Heading {
  readonly level: number;
  readonly text: string;
  /** As GitHub makes it. */
  readonly anchor: string;
}

export const readDoc = (path: string): string => readFileSync(`${ROOT}/${path}`, 'utf8');

/** Every Markdown file that users or contributors read, from the project's root on. */
export function docPaths(): string[] {
  const inDocs = readdirSync(`${ROOT}/docs`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path.replaceAll('\\', '/')}`);
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...inDocs.sort()];
}

/** The text under a heading, up to the next heading of the same or a higher level. */
export function sectionOf(text: string, heading: string): string {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'));
  if (start === -1) throw new Error(`There is no heading "${heading}".`);
  const level = /^#+/.exec(lines[start] ?? '')?.[0].length ?? 0;
  let isCode = false;
  const length = lines.slice(start + 1).findIndex((line) => {
    if (line.trimStart().startsWith('```')) isCode = !isCode;
    return !isCode && new RegExp(`^#{1,${level}} `).test(line);
  });
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n');
}

/** All rows of all tables in `text` as cells, heads and separators left out. */
export function tableRows(text: string): string[][] {
  const lines = text.split('\n');
  return lines
    .filter((line, index) => line.startsWith('|') && !isSeparator(line) && !isSeparator(lines[index + 1] ?? ''))
    .map(cellsOf);
}

/** What stands in backticks, in order. */
export function codeWords(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

/** Also of blocks inside lists, with the indentation taken away. */
export function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  let open:
    { readonly language: string; readonly line: number; readonly indent: number; readonly code: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^( *)```(\S*)/.exec(line);
    if (mark === null) open?.code.push(line.slice(open.indent));
    else if (open === undefined)
      open = { language: mark[2] ?? '', line: index + 2, indent: mark[1]?.length ?? 0, code: [] };
    else {
      fences.push({ language: open.language, line: open.line, code: open.code.join('\n') });
      open = undefined;
    }
  }
  return fences;
}

export function headingsOf(text: string): Heading[] {
  const seen = new Map<string, number>();
  return withoutFences(text)
    .split('\n')
    .flatMap((line) => {
      const match = /^(#{1,6}) (.+)$/.exec(line);
      if (match === null) return [];
      const title = match[2] ?? '';
      const slug = slugOf(title);
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return [{ level: match[1]?.length ?? 0, text: title, anchor: count === 0 ? slug : `${slug}-${count}` }];
    });
}

export function linksOf(text: string): string[] {
  return [...withoutFences(text).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
}

/** GitHub: lower case, punctuation away, spaces to hyphens. */
function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function withoutFences(text: string): string {
  return text.replace(/^ *```[\s\S]*?^ *```/gm, '');
}

function isSeparator(line: string): boolean {
  return /^\|[\s:|-]+\|$/.test(line);
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}
