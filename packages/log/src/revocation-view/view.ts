import type { TableQuery } from './revoked-table.ts';

/** What a call rests on: the query of an enforcement point. */
export interface ViewQuery extends TableQuery {
  /** Origins of the revocation logs that the chains name; empty where they name none. */
  readonly logs: readonly string[];
  /** By log, the greatest epoch at which a token was made. */
  readonly epochs: ReadonlyMap<string, number>;
  /** The same tokens and keys, chain by chain. */
  readonly chains: readonly {
    readonly tokens: readonly string[];
    readonly keys: readonly string[];
  }[];
  /** Keys that have signed as holders; `at`: `iat` of the token, seconds since the epoch, `undefined` where it makes the call. */
  readonly acting: readonly { readonly key: string; readonly at: number | undefined }[];
  /** A staple as text, unverified. */
  readonly evidence: string | undefined;
}

/** The answer to an enforcement point. */
export type ViewVerdict =
  | { readonly verdict: 'good'; readonly asOf: number }
  | {
      readonly verdict: 'revoked';
      readonly what: 'token' | 'key' | 'tenant';
      readonly index: number;
    }
  /** Which of `acting` had been replaced, its time over. */
  | { readonly verdict: 'rotated'; readonly index: number }
  | { readonly verdict: 'unknown_log' }
  | { readonly verdict: 'behind' }
  | { readonly verdict: 'unproved' };

/** What an enforcement point asks: structurally its `RevocationView`. */
export interface View {
  check(query: ViewQuery, now: number): ViewVerdict | Promise<ViewVerdict>;
  /** Calls the listener after something new was revoked. @returns what ends it. */
  onRevoked?(listener: () => void): () => void;
}

/** A view of one log. */
export interface LogView extends View {
  /** Origin of the log. */
  readonly log: string;
  check(query: ViewQuery, now: number): ViewVerdict;
  /** How the view stands. `faulty`: the log broke its own rules, and nothing that it says is fresh any more. */
  status?(): { readonly faulty: boolean };
}
