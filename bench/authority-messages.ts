import type { generateKeyPair, PublicJwk } from '@taper/core';

/** What the bench tells a node to do, beside what comes over its socket. */
export type NodeOrder =
  | { readonly do: 'enrol'; readonly names: readonly string[] }
  | { readonly do: 'fill'; readonly from: number; readonly to: number }
  | { readonly do: 'apply'; readonly grants: string }
  | { readonly do: 'list' }
  | { readonly do: 'find'; readonly keys: readonly string[] }
  | { readonly do: 'memory' }
  | { readonly do: 'processor' }
  | { readonly do: 'close' };

/** The answers, by order. */
export interface Answers {
  readonly enrol: readonly {
    readonly privateJwk: ReturnType<typeof generateKeyPair>['privateJwk'];
    readonly identity: string;
    readonly spiffeId: string;
  }[];
  /** Thumbprints of some of the keys. */
  readonly fill: readonly string[];
  readonly apply: null;
  readonly list: { readonly count: number; readonly milliseconds: number };
  /** Microseconds for each key. */
  readonly find: number;
  /** MB. */
  readonly memory: { readonly resident: number; readonly heap: number };
  /** Milliseconds of processor time so far, all threads. */
  readonly processor: number;
  readonly close: null;
}

/** What a node says when it takes requests. */
export interface NodeReady {
  readonly url: string;
  readonly anchors: readonly { readonly issuer: string; readonly jwk: PublicJwk }[];
  /** Milliseconds since the epoch. */
  readonly ready: number;
  /** Milliseconds from the start of the process until its modules were loaded. */
  readonly loaded: number;
}
