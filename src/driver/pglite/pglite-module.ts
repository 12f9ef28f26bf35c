/** The part of `@electric-sql/pglite` that this room stands on (0.3 to 0.5), so that no published type mentions the package. */

export interface PgliteResult {
  readonly rows: unknown[];
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
  readonly affectedRows?: number;
  readonly command?: string;
}

export interface PgliteQueryOptions {
  readonly rowMode: 'object' | 'array';
  readonly parsers: Readonly<Record<number, (text: string) => unknown>>;
  readonly serializers: Readonly<Record<number, (value: string) => string>>;
}

/** An embedded database. */
export interface PgliteInstance {
  query(text: string, values: readonly unknown[], options: PgliteQueryOptions): Promise<PgliteResult>;
  isInTransaction?(): boolean;
  /** Hears every notification of the session, whichever the channel; answers the way to stop. */
  onNotification(listener: (channel: string, payload: string) => void): () => void;
  readonly closed: boolean;
  close(): Promise<void>;
}

export interface PgliteModule {
  readonly PGlite: { create(options: { dataDir?: string }): Promise<PgliteInstance> };
}
