/**
 * The SQL inside a block as the session runs it: variables, fields of records and the client's binds become binds by position;
 * SQL%ROWCOUNT and SQLERRM become what they are at that moment. Limit: a column that has the name of a variable is taken for
 * the variable, where Oracle would take the column.
 */
import type { OraError } from '../backend.js';
import type { Token } from '../sql-scan.js';
import type { PlsqlStatement, Target, Tokens } from './plsql-tree.js';
import { NULL } from './plsql-values.js';
import type { Scope, TypedValue } from './plsql-values.js';

export interface BlockFacts {
  /** Rows of the last change. */
  readonly lastCount: number;
  /** What the handler that runs is for. */
  readonly error: OraError | undefined;
  bindValue(name: string): TypedValue;
}

export const keyword = (text: string): Token => ({ kind: 'word', text, value: text.trim(), pos: 0 });

export function sqlText(
  tokens: Tokens,
  scope: Scope,
  facts: BlockFacts,
): { readonly sql: string; readonly values: readonly TypedValue[] } {
  const values: TypedValue[] = [];
  let sql = '';
  const add = (typed: TypedValue): void => {
    values.push(typed);
    sql += `:${values.length}`;
  };
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] as Token;
    const attribute = attributeAt(tokens, index, facts);
    const field = tokens[index + 1]?.value === '.' ? `${token.value}.${tokens[index + 2]?.value ?? ''}` : undefined;
    const isPart = tokens[index - 1]?.value === '.';
    if (token.kind === 'bind') add(facts.bindValue(token.value));
    else if (attribute !== undefined) {
      sql += attribute.text;
      index = attribute.last;
    } else if (token.kind === 'word' && field !== undefined && scope.has(field)) {
      add(scope.get(field) ?? NULL);
      index += 2;
    } else if (token.kind === 'word' && !isPart && scope.has(token.value)) add(scope.get(token.value) ?? NULL);
    else sql += token.text;
  }
  return { sql, values };
}

/** SQL%ROWCOUNT, SQL%FOUND, SQLCODE, SQLERRM. */
function attributeAt(
  tokens: Tokens,
  index: number,
  { lastCount, error }: BlockFacts,
): { readonly text: string; readonly last: number } | undefined {
  const word = tokens[index]?.kind === 'word' ? tokens[index]?.value : undefined;
  if (word === 'SQLCODE') return { text: String(error === undefined ? 0 : -error.code), last: index };
  if (word === 'SQLERRM') {
    const message = error?.message ?? 'ORA-0000: normal, successful completion';
    return { text: `'${message.replaceAll("'", "''")}'`, last: index };
  }
  if (word !== 'SQL' || tokens[index + 1]?.value !== '%') return undefined;
  const attribute = tokens[index + 2]?.value;
  if (attribute === 'ROWCOUNT') return { text: String(lastCount), last: index + 2 };
  return { text: lastCount > 0 === (attribute === 'FOUND') ? '(1 = 1)' : '(1 = 0)', last: index + 2 };
}

/** A bind or a variable alone can take a value. */
export function targetOf(tokens: Tokens): Target | undefined {
  const solid = tokens.filter(({ kind }) => kind !== 'space');
  const [first] = solid;
  if (first === undefined) return undefined;
  if (first.kind === 'bind' && solid.length === 1) return { kind: 'bind', name: first.value };
  const isName = solid.every(({ kind, value }) => kind === 'word' || kind === 'quoted' || value === '.');
  return isName ? { kind: 'variable', name: solid.map(({ value }) => value).join('') } : undefined;
}

/** Binds that a block writes, also in branches that do not run. */
export function bindsWritten(statements: readonly PlsqlStatement[]): string[] {
  return statements.flatMap((statement) => {
    const nested =
      statement.kind === 'if' ? [...statement.branches.flatMap(({ body }) => body), ...statement.otherwise] : [];
    const body = 'body' in statement ? statement.body : [];
    return [
      ...targetsOf(statement)
        .filter(({ kind }) => kind === 'bind')
        .map(({ name }) => name),
      ...bindsWritten([...nested, ...body]),
    ];
  });
}

function targetsOf(statement: PlsqlStatement): readonly Target[] {
  if (statement.kind === 'assign') return [statement.target];
  if (statement.kind === 'open') return [statement.cursor];
  return statement.kind === 'select' || statement.kind === 'execute' ? statement.into : [];
}
