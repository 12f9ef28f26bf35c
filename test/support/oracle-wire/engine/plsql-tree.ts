/**
 * The tree of a small PL/SQL block, as plsql-syntax.ts reads it and plsql-run.ts walks it. Expressions and SQL stay lists of
 * tokens.
 */
import type { Token } from '../sql-scan.js';

export type Tokens = readonly Token[];

/** A bind, a variable, or a field of a record. */
export interface Target {
  readonly kind: 'bind' | 'variable';
  readonly name: string;
}

export interface Argument {
  /** `name => value`. */
  readonly name: string | undefined;
  readonly value: Tokens;
}

export interface Branch {
  readonly condition: Tokens;
  readonly body: readonly PlsqlStatement[];
}

export type StatementFacts =
  | { readonly kind: 'null' }
  | { readonly kind: 'assign'; readonly target: Target; readonly value: Tokens }
  | { readonly kind: 'sql'; readonly text: Tokens }
  | { readonly kind: 'select'; readonly query: Tokens; readonly into: readonly Target[] }
  | { readonly kind: 'open'; readonly cursor: Target; readonly query: Tokens }
  | {
      readonly kind: 'execute';
      readonly text: Tokens;
      readonly into: readonly Target[];
      readonly using: readonly Tokens[];
    }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: readonly Argument[] }
  | { readonly kind: 'if'; readonly branches: readonly Branch[]; readonly otherwise: readonly PlsqlStatement[] }
  | { readonly kind: 'loop'; readonly condition: Tokens | undefined; readonly body: readonly PlsqlStatement[] }
  | {
      readonly kind: 'range';
      readonly variable: string;
      readonly from: Tokens;
      readonly to: Tokens;
      readonly isReverse: boolean;
      readonly body: readonly PlsqlStatement[];
    }
  | {
      readonly kind: 'rows';
      readonly variable: string;
      readonly query: Tokens;
      readonly body: readonly PlsqlStatement[];
    }
  | { readonly kind: 'leave'; readonly isExit: boolean; readonly condition: Tokens | undefined }
  | { readonly kind: 'return'; readonly value: Tokens }
  | { readonly kind: 'raise'; readonly name: string | undefined }
  | { readonly kind: 'block'; readonly block: Block };

/** With the token it begins with: for the line in messages. */
export type PlsqlStatement = StatementFacts & { readonly at: number };

export interface Declaration {
  readonly name: string;
  /** The type's words, in upper case; EXCEPTION for an exception. */
  readonly type: string;
  readonly value: Tokens | undefined;
}

export interface Handler {
  readonly names: readonly string[];
  readonly body: readonly PlsqlStatement[];
}

export interface Block {
  readonly declarations: readonly Declaration[];
  /** PRAGMA EXCEPTION_INIT. */
  readonly codes: ReadonlyMap<string, number>;
  readonly body: readonly PlsqlStatement[];
  readonly handlers: readonly Handler[];
}

export interface Parameter {
  readonly name: string;
  readonly isIn: boolean;
  readonly isOut: boolean;
  readonly type: string;
  readonly value: Tokens | undefined;
}

export interface StoredProcedure {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly block: Block;
  readonly source: string;
}
