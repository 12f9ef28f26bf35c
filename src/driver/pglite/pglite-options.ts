/** What a user may say about an embedded database. */
import { ConfigError } from '../../errors/config-error.js';
import type { OptionIssue } from '../../kernel/option-reader.js';
import { OptionReader } from '../../kernel/option-reader.js';
import type { PgliteInstance } from './pglite-module.js';

/** Options of `pglite()`. Without any, the database is in memory and gone when the runtime is disconnected. */
export interface PgliteOptions {
  /**
   * `pglite:` (in memory) or `pglite:./folder` (on disk).
   * @takes a URL
   * @default `pglite:`
   */
  readonly url?: string;
  /**
   * Folder of the database, made when absent; wins over `url`.
   * @default in memory
   */
  readonly dataDir?: string;
  /**
   * A database of your own (with extensions, say). It is not closed with the runtime.
   * @default none
   */
  readonly instance?: PgliteInstance;
}

export interface PgliteConfig {
  readonly dataDir: string | undefined;
  readonly instance: PgliteInstance | undefined;
  readonly endpoint: string;
}

export function resolvePgliteOptions(options: PgliteOptions): PgliteConfig {
  const issues: OptionIssue[] = [];
  const reader = new OptionReader(options, 'pglite', issues);
  const fromUrl = readUrl(reader, issues);
  const dataDir = reader.text('dataDir', undefined) ?? fromUrl;
  const instance = reader.raw('instance') as PgliteInstance | undefined;
  if (instance !== undefined && typeof (instance as Partial<PgliteInstance> | null)?.query !== 'function') {
    reader.refuse('instance', 'a PGlite database', undefined);
  }
  reader.refuseUnknown();
  if (issues.length > 0) throw ConfigError.fromIssues(issues);
  return Object.freeze({ dataDir, instance, endpoint: `pglite:${dataDir ?? 'memory'}` });
}

/** `pglite:./data` is not a hierarchical URL: everything after the colon is the folder. */
function readUrl(reader: OptionReader, issues: OptionIssue[]): string | undefined {
  const url = reader.text('url', undefined);
  if (url === undefined) return undefined;
  // The text itself is not shown: it may be the URL of a server, with its password.
  const refuse = (got: string, expected: string) => void issues.push({ path: 'pglite.url', got, expected });
  if (!/^pglite:/i.test(url)) return refuse('another scheme, or none', "'pglite:' or 'pglite:./folder'");
  const folder = url.slice('pglite:'.length).replace(/^\/\/(?=.)/, '');
  if (/^pglite:\/\/[^/].*@/i.test(url))
    return refuse("'//' and an '@', as in the URL of a server", "'pglite:' or 'pglite:./folder'");
  if (folder.includes('?')) return refuse('query parameters', 'a folder without query parameters');
  return folder === '' || folder === '//' ? undefined : folder;
}
