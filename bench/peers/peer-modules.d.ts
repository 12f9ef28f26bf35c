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
