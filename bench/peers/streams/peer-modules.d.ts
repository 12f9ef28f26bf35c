/** The part of pg that the adapters use, and that our own driver loads; it ships no types. */
declare module 'pg' {
  export class Client {
    constructor(config: { readonly connectionString: string });
    connect(): Promise<void>;
    query<T>(submittable: T): T;
    end(): Promise<void>;
  }
  export class Pool {
    constructor(config: {
      readonly connectionString: string;
      readonly max: number;
      readonly connectionTimeoutMillis?: number;
      readonly idleTimeoutMillis?: number;
    });
    query<R>(query: {
      readonly name?: string;
      readonly text: string;
      readonly values?: readonly unknown[];
    }): Promise<{ readonly rows: readonly R[] }>;
    on(event: 'error', listener: (error: Error) => void): this;
    end(): Promise<void>;
  }
  export class Connection {}
  const pg: { readonly Client: typeof Client; readonly Connection: typeof Connection };
  export { pg as default };
}
