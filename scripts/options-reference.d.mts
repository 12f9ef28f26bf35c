/** What the script is to the tests that import it. */
export interface DocumentedOption {
  readonly path: string;
  readonly what: string | undefined;
  readonly when: string | undefined;
  readonly limits: string | undefined;
  readonly warning: string | undefined;
  readonly default: string;
}

/** All interfaces of the sources, by name. */
export type Types = ReadonlyMap<string, unknown>;

export function renderReference(text: string): Promise<string>;
export function optionsOf(types: Types, name: string, prefix: string, isDeep: boolean): readonly DocumentedOption[];
export function readTypes(): Types;
