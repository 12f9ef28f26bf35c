/** The part of pg-pool that its adapter uses; it ships no types, and those of DefinitelyTyped know no stub clients. */
declare module 'pg-pool' {
  interface Settings<C> {
    readonly Client: new () => C;
    readonly max: number;
    readonly connectionTimeoutMillis: number;
  }

  class Pool<C> {
    constructor(settings: Settings<C>);
    connect(): Promise<C>;
    end(): Promise<void>;
  }

  export = Pool;
}

/** As much of oracledb as its pool's adapters use; it ships no types. */
declare module 'oracledb' {
  export interface PoolAttributes {
    readonly user: string;
    readonly password: string;
    readonly connectString: string;
    readonly poolMin: number;
    readonly poolMax: number;
  }

  export interface ExecuteOptions {
    readonly outFormat: number;
    readonly autoCommit?: boolean;
    readonly fetchArraySize?: number;
    readonly prefetchRows?: number;
    readonly maxRows?: number;
    readonly dbObjectAsPojo?: boolean;
    readonly fetchTypeHandler?: (column: { readonly dbType: object }) => {
      readonly type: object;
      readonly converter?: (value: string) => unknown;
    };
  }

  interface Connection {
    execute<R>(
      sql: string,
      binds: readonly unknown[],
      options: ExecuteOptions,
    ): Promise<{ readonly rows?: readonly R[] }>;
    close(): Promise<void>;
  }

  const oracledb: {
    readonly OUT_FORMAT_OBJECT: number;
    readonly DB_TYPE_NUMBER: object;
    readonly DB_TYPE_VARCHAR: object;
    createPool(attributes: PoolAttributes): Promise<{ getConnection(): Promise<Connection> }>;
  };
  export { oracledb as default };
}
