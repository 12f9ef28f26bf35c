/**
 * Names and literals of both dialects. Oracle folds what is not quoted to upper case, PostgreSQL to lower case: every name
 * is stored in PostgreSQL with its case swapped, so ID, "ID" and id are one name in both, and "Mixed" stays another.
 */
import type { Token } from '../sql-scan.js';

export const swapCase = (name: string): string =>
  name.replace(/\p{L}/gu, (letter) => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase()));

/** An Oracle name, as it is in Oracle's dictionary, for a PostgreSQL text. */
export const quotedName = (oracleName: string): string => `"${swapCase(oracleName).replaceAll('"', '""')}"`;

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** PostgreSQL takes `$` in a name, but no `#`. */
export function nameOf(token: Token): string {
  if (token.kind === 'quoted') return quotedName(token.value);
  return /[#]/.test(token.text) ? `"${token.text.toLowerCase()}"` : token.text.toLowerCase();
}

/** The name as it stands in Oracle's dictionary. */
export const dictionaryName = (token: Token): string =>
  token.kind === 'quoted' ? token.value : token.text.toUpperCase();

/** For the text of an error: the name of something in PostgreSQL, as Oracle's dictionary has it. */
export const oracleName = (postgresName: string | undefined): string => swapCase(postgresName ?? '');

/** For the text of an error: "A"."B". */
export const quotedParts = (...postgresNames: readonly (string | undefined)[]): string =>
  postgresNames.map((name) => `"${oracleName(name)}"`).join('.');
