/** The part of pg that the stream adapter uses, and that our own driver loads; it ships no types. */
declare module 'pg' {
  export class Client {
    constructor(config: { readonly connectionString: string });
    connect(): Promise<void>;
    query<T>(submittable: T): T;
  }
  export class Connection {}
  const pg: { readonly Client: typeof Client; readonly Connection: typeof Connection };
  export { pg as default };
}
