/** The part of opossum that its adapter uses; it ships no types. */
declare module 'opossum' {
  interface Settings {
    readonly timeout: number;
    readonly errorThresholdPercentage: number;
    readonly volumeThreshold: number;
    readonly resetTimeout: number;
    readonly capacity: number;
  }

  class CircuitBreaker<A extends unknown[], R> {
    constructor(action: (...args: A) => Promise<R>, settings: Settings);
    fire(...args: A): Promise<R>;
    on(event: 'success', listener: () => void): this;
    shutdown(): void;
  }

  export = CircuitBreaker;
}
