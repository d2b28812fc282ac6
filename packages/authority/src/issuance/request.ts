import type {
  CaveatsInit,
  JsonObject,
  JsonValue,
  PublicKey,
  ToolMap,
  VerifiedChain,
} from '@taper/core';
import type { GrantSubject } from '../grant/grant.ts';
import type { AuthorityTransaction } from '../port/store.ts';
import type { Standing } from './standing.ts';

/** What an exchange adds to a request: nothing under it can be more, last longer or be handed on further than its subject. */
export interface SubjectBounds {
  /** Which grants are looked at. */
  readonly subject: GrantSubject['kind'];
  /** `iss` of a user's token, or of the root of a foreign chain; `undefined` for a chain of this authority. */
  readonly issuer: string | undefined;
  /**
   * The subject's tools. For `user` leave it out and give `scopes`; for `foreign` they are named as the foreign chain names them, and
   * the grant translates.
   */
  readonly tools?: ToolMap;
  /** Scopes of the user's token; those that the grant does not map give nothing. */
  readonly scopes?: readonly string[];
  /** `exp` of the subject, seconds since the epoch. */
  readonly expiresAt: number;
  /** How many hops the subject leaves; `undefined` where it is no chain. */
  readonly maxDepth: number | undefined;
  /** Where the subject may be presented; `undefined` where it does not say. */
  readonly audience: readonly string[] | undefined;
  /** Caveats that are joined to those of the grant; a tenant has to be the agent's. */
  readonly caveats: CaveatsInit | undefined;
  /** base64url SHA-256 of what is exchanged. */
  readonly hash: string;
  /** Claims of the root that carry no authority: `act`, `taper_subject`. */
  readonly claims: JsonObject;
  /** Looks again, in the transaction that records the root, whether whoever stands behind the subject is in force. @throws {AuthorityRefusal} */
  readonly requireStanding?: (tx: AuthorityTransaction) => Promise<void>;
}

/** A request for a root, whose sender has been authenticated and has proved `holder`. */
export interface RootRequest {
  /** Id of the agent in the store. */
  readonly agent: string;
  /** `req_cnf`: the key that the root is bound to; it has to be one of the agent's. */
  readonly holder: PublicKey;
  /** `authorization_details` as requested (RFC 9396); `undefined` at an exchange asks for all that the subject has. */
  readonly details: JsonValue | undefined;
  /** The grant to issue under. Needed where several would do. */
  readonly grant?: string | undefined;
  /** Where the root is to be presented; narrows what the grant says. */
  readonly audience?: readonly string[] | undefined;
  /** Seconds; shortens what the grant says. */
  readonly lifetime?: number | undefined;
  /** `del_max_depth`; lowers what the grant says. */
  readonly maxDepth?: number | undefined;
  /** Id that `approval_required` gave, when the approvals are there. */
  readonly pending?: string | undefined;
  /** At a token exchange, and never otherwise. */
  readonly subject?: SubjectBounds | undefined;
  /** What was read of agent, key and grants when the sender was authenticated; looked at again before the root is recorded. */
  readonly standing?: Standing | undefined;
  /** Done in the transaction that records the root, or not at all: such as using up the proof. @throws {AuthorityRefusal} */
  readonly alongside?: ((tx: AuthorityTransaction) => Promise<void>) | undefined;
}

export interface IssuedRoot {
  readonly chain: VerifiedChain;
  /** The root in compact serialization: `access_token`. */
  readonly compact: string;
  /** `authorization_details` as granted. */
  readonly details: readonly JsonValue[];
  /** Seconds. */
  readonly expiresIn: number;
  readonly grant: string;
}
