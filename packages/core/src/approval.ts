import type { JsonObject } from './json.ts';

/** The exact action that an approver signs. What is approved is this and nothing near it. */
export interface ApprovalAction {
  readonly tool: string;
  /** The arguments of the call, whole. */
  readonly arguments: JsonObject;
  /** base64url SHA-256 of the signing input of the leaf of every chain presented, in the order of presentation. */
  readonly tokens: readonly string[];
  /** Identifier of the enforcement point that asks. */
  readonly enforcementPoint: string;
  /** Chosen by the enforcement point for this request: 128 random bits or more, base64url. */
  readonly nonce: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** First second, since the epoch, at which it can no longer be approved or used. */
  readonly expiresAt: number;
}
