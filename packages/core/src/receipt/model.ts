import type { CaveatsInit } from '../caveat/caveats.ts';
import type { DenialCode } from '../denial.ts';
import type { JsonObject } from '../json.ts';

/**
 * What a verdict says, as plain JSON data (`spec/receipt.schema.json`): how authority narrowed, hop by hop.
 *
 * Only `createReceipt` makes one, from a verdict; it is frozen. Times are RFC 3339 in UTC, or `@` and the seconds since the
 * epoch where RFC 3339 has no form for them; durations are whole seconds. Text from tokens is unchanged: escape it to show it.
 */
export type Receipt = VerifiedReceipt | DeniedReceipt;

interface ReceiptBase {
  /** Version of this format. */
  readonly receipt: 1;
  /** The time that `seconds_left` counts from, where the caller gave one. */
  readonly as_of?: string;
  /** How many tokens were presented; absent where no chain was looked at. */
  readonly presented?: number;
  /** The verified hops, root first. */
  readonly hops: readonly ReceiptHop[];
}

/** The chain verified; with `call`, the call was permitted. */
export interface VerifiedReceipt extends ReceiptBase {
  readonly status: 'verified';
  readonly authority: ReceiptAuthority;
  readonly call?: PermittedCall;
}

/** The chain or the call was refused. `break` where the chain failed; `authority` and `call` where it held and the call failed. */
export interface DeniedReceipt extends ReceiptBase {
  readonly status: 'denied';
  readonly denial: ReceiptDenial;
  readonly break?: ReceiptBreak;
  readonly authority?: ReceiptAuthority;
  readonly call?: RefusedCall;
}

/** As `Denial`. */
export interface ReceiptDenial {
  readonly code: DenialCode;
  readonly hop?: number;
  readonly step?: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** A key by its RFC 7638 thumbprint, with the reader's own name for it where there is one. */
export interface ReceiptKey {
  readonly thumbprint: string;
  readonly name?: string;
}

/** Who delegated: a holder, or at hop 0 the root issuer, whose key is unknown where the chain broke later. */
export interface ReceiptDelegator extends Partial<ReceiptKey> {
  /** `iss` of the root, a URI. Only at hop 0. */
  readonly issuer?: string;
}

export interface ReceiptHop {
  readonly hop: number;
  /** `jti`, and base64url SHA-256 of the signing input. */
  readonly token: { readonly id: string; readonly hash: string };
  readonly from: ReceiptDelegator;
  readonly to: ReceiptKey;
  readonly tools: readonly ToolChange[];
  readonly time: HopTime;
  readonly depth: HopDepth;
  readonly audience: HopAudience;
  /** What an audit asks of a hop, judged anew when the receipt was drawn. */
  readonly checks: HopChecks;
  /** What the token asks beyond its tools; absent in a token of plain AAT. Those of the hops above stay in force. */
  readonly caveats?: ReceiptCaveats;
}

/** The attenuation checks of a hop. One that fails makes a denial, so a hop that is drawn has passed. */
export interface HopChecks {
  readonly scope: ScopeCheck;
  readonly time: TimeCheck;
  readonly revocation: RevocationCheck;
}

/** `subset`: provably at most what the parent grants, by the constraint types' rules. Tools by name. At the root there is no parent. */
export type ScopeCheck =
  | { readonly result: 'granted' }
  | {
      readonly result: 'subset';
      readonly narrowed: readonly string[];
      readonly dropped: readonly string[];
      readonly unchanged: readonly string[];
    };

/** `within_parent`: the token ends when its parent does, or earlier. */
export type TimeCheck =
  | { readonly result: 'granted' }
  | { readonly result: 'within_parent'; readonly parent_expires_at: string };

/** How fresh the chain down to this hop demands the knowledge of revocations, and what was known where the caller said so. */
export type RevocationCheck =
  | { readonly result: 'not_demanded'; readonly known?: KnownRevocations }
  | {
      readonly result: 'demanded';
      /** The hops whose tokens ask for it. */
      readonly by_hops: readonly number[];
      /** Least epoch by log. */
      readonly epochs: { readonly [log: string]: number };
      readonly max_staleness: number;
      readonly known?: KnownRevocations;
    };

/** That nothing of the chain was revoked, as of a time and never more. */
export interface KnownRevocations {
  /** Origin of the log that said so. */
  readonly log: string;
  readonly epoch: number;
  readonly as_of: string;
  /** From there to the receipt's own `as_of`; absent without that. */
  readonly age?: number;
  /** Whether it is of the log, epoch and freshness that the chain down to this hop demands; absent without `age` or a demand. */
  readonly meets_demand?: boolean;
}

/** The claim `taper` of a token (`profile.md`), as the token says it. */
export type ReceiptCaveats = CaveatsInit;

/** All caveats of a chain together: every call has to satisfy all of them. Absent members ask nothing. */
export interface ReceiptDemands {
  readonly tenant?: string;
  readonly purposes?: readonly string[];
  /** A call is charged to each of these. */
  readonly budget?: readonly {
    /** The hop that sets the limit, for all calls under it together. */
    readonly hop: number;
    readonly meter: string;
    /** An exact decimal. */
    readonly limit: string;
  }[];
  /** Number of approvers by group, by tool. */
  readonly approvals?: { readonly [tool: string]: { readonly [group: string]: number } };
  readonly revocation?: {
    /** Least epoch by log. */
    readonly epochs: { readonly [log: string]: number };
    readonly max_staleness: number;
  };
  /** Hashes by tool: its definition has to have all of them. */
  readonly definitions?: { readonly [tool: string]: readonly string[] };
}

export interface HopTime {
  readonly issued_at: string;
  readonly expires_at: string;
  /** From issuance to expiry. */
  readonly lifetime: number;
  /** How much earlier than its parent the token ends; absent at the root. */
  readonly shortened_by?: number;
  /** From `as_of` to expiry, 0 when over; absent without `as_of`. */
  readonly seconds_left?: number;
}

export interface HopDepth {
  /** `del_depth` and `del_max_depth`. */
  readonly depth: number;
  readonly max_depth: number;
  /** Hops that may still follow. */
  readonly further_hops: number;
  /** `max_depth` of the parent; absent at the root. */
  readonly parent_max_depth?: number;
}

/** Where a presentation is accepted: `anywhere`, or at the listed enforcement points only. An empty list is nowhere. */
export type Reach = 'anywhere' | readonly string[];

export interface HopAudience {
  /** What the chain above allows; absent at the root. */
  readonly before?: Reach;
  /** What the chain down to here allows. */
  readonly after: Reach;
}

/** A constraint without its member `optional`, which `required` stands for. */
export interface ReceiptGrant {
  readonly required: boolean;
  readonly constraint: JsonObject;
}

export type ToolChange =
  | {
      readonly tool: string;
      /** `granted` at the root. */
      readonly change: 'granted' | 'unchanged' | 'narrowed';
      readonly arguments: readonly ArgumentChange[];
      /** Arguments that are not named: any value, refused, or refused from this hop on. */
      readonly unnamed: 'any' | 'refused' | 'dropped';
    }
  | { readonly tool: string; readonly change: 'dropped' };

export type ArgumentChange =
  | {
      readonly argument: string;
      /** `constrained`: until here any value was allowed, or none, under `*`. */
      readonly change: 'granted' | 'unchanged' | 'constrained';
      readonly after: ReceiptGrant;
    }
  | {
      readonly argument: string;
      readonly change: 'narrowed';
      readonly before: ReceiptGrant;
      readonly after: ReceiptGrant;
    }
  /** An optional argument that may no longer be given. */
  | { readonly argument: string; readonly change: 'dropped'; readonly before: ReceiptGrant };

/** What is left: all that the leaf grants. */
export interface ReceiptAuthority {
  readonly tools: readonly ToolAuthority[];
  readonly expires_at: string;
  readonly seconds_left?: number;
  readonly further_hops: number;
  readonly audience: Reach;
  /** What all hops ask beyond the tools; absent where none asks anything. */
  readonly caveats?: ReceiptDemands;
}

export interface ToolAuthority {
  readonly tool: string;
  readonly arguments: readonly ({ readonly argument: string } & ReceiptGrant)[];
  readonly unnamed: 'any' | 'refused';
}

/** Where a chain broke. The tokens at and after it carry no authority and are not drawn. */
export interface ReceiptBreak {
  /** Index of the token at fault; absent where the chain failed as a whole. */
  readonly hop?: number;
  /** Tokens before the one at fault that were not verified, because the fault shows before any signature is checked. */
  readonly unverified_before: number;
  /** Tokens after the one at fault, of which the receipt says nothing. */
  readonly not_examined: number;
  /** The holder of the parent, who had to sign the token; absent at the root. */
  readonly expected_signer?: ReceiptKey;
  /** What the verified parent allows for the tool and argument of the denial. */
  readonly parent_grant?: ReceiptGrant;
}

export interface PermittedCall {
  readonly outcome: 'permitted';
  readonly tool: string;
  /** The arguments that were given, by name, each with the grant it satisfied; without one it was allowed under `*`. Never values. */
  readonly arguments: readonly { readonly argument: string; readonly grant?: ReceiptGrant }[];
  /** Absent where a session stood in for it. */
  readonly proof?: { readonly id: string; readonly issued_at: string };
}

export interface RefusedCall {
  readonly outcome: 'refused';
  readonly tool?: string;
  readonly argument?: string;
  /** What the leaf allows for that tool and argument. */
  readonly grant?: ReceiptGrant;
}
