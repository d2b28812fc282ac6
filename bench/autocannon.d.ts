/** The part of `autocannon` that is used; it ships no types. */
declare module 'autocannon' {
  interface Request {
    readonly headers?: { readonly [name: string]: string };
  }
  interface Options {
    readonly url: string;
    readonly method: 'POST';
    readonly body: string;
    readonly connections: number;
    /** Requests, all connections together. */
    readonly amount: number;
    /** Milliseconds between two samples; it ends at one of them. */
    readonly sampleInt: number;
    readonly requests: readonly [{ readonly setupRequest: (request: Request) => Request }];
  }
  interface Result {
    readonly errors: number;
    readonly non2xx: number;
  }
  interface Instance extends Promise<Result> {
    on(event: 'response', listener: () => void): void;
  }
  function autocannon(options: Options): Instance;
  export = autocannon;
}
