import { type JsonValue, TaperError } from '@taper/core';

/** What OAuth calls an error (RFC 6749 section 5.2, RFC 8693 section 2.2.2, RFC 9396 section 5, RFC 9449 section 5 and 8). */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_authorization_details'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'temporarily_unavailable';

interface RefusalKind {
  /** HTTP status where it answers a request that is not OAuth's. */
  readonly status: number;
  /** The error at the token endpoint. */
  readonly oauth: OAuthError;
}

/** Why the authority refuses. */
export type RefusalCode =
  | 'request_malformed'
  | 'agent_unknown'
  | 'agent_exists'
  | 'agent_suspended'
  | 'agent_retired'
  | 'agent_state_invalid'
  | 'agent_name_invalid'
  | 'key_invalid'
  | 'key_weak'
  | 'key_in_use'
  | 'key_not_current'
  | 'possession_unproved'
  | 'nonce_required'
  | 'replayed'
  | 'enrolment_refused'
  | 'client_unauthenticated'
  | 'identity_refused'
  | 'issuer_untrusted'
  | 'issuer_unavailable'
  | 'grant_malformed'
  | 'grant_conflict'
  | 'grant_none'
  | 'details_invalid'
  | 'grant_ended'
  | 'approval_required'
  | 'approval_refused'
  | 'pending_unknown'
  | 'scope_refused'
  | 'subject_refused'
  | 'actor_required'
  | 'actor_refused'
  | 'target_refused'
  | 'unsupported_grant_type'
  | 'issuance_unknown'
  | 'administrator_unknown'
  | 'administrator_exists'
  | 'administrator_last'
  | 'peer_unknown'
  | 'too_many_requests'
  | 'unavailable';

/** Every reason for which the authority refuses, with what crosses the network; documented in docs/authority.md. */
export const REFUSALS: Readonly<Record<RefusalCode, RefusalKind>> = {
  request_malformed: { status: 400, oauth: 'invalid_request' },
  agent_unknown: { status: 404, oauth: 'invalid_client' },
  agent_exists: { status: 409, oauth: 'invalid_request' },
  agent_suspended: { status: 403, oauth: 'unauthorized_client' },
  agent_retired: { status: 403, oauth: 'unauthorized_client' },
  agent_state_invalid: { status: 409, oauth: 'invalid_request' },
  agent_name_invalid: { status: 400, oauth: 'invalid_request' },
  key_invalid: { status: 400, oauth: 'invalid_request' },
  key_weak: { status: 400, oauth: 'invalid_request' },
  key_in_use: { status: 409, oauth: 'invalid_request' },
  key_not_current: { status: 403, oauth: 'invalid_client' },
  possession_unproved: { status: 401, oauth: 'invalid_dpop_proof' },
  nonce_required: { status: 401, oauth: 'use_dpop_nonce' },
  replayed: { status: 401, oauth: 'invalid_request' },
  enrolment_refused: { status: 403, oauth: 'invalid_client' },
  client_unauthenticated: { status: 401, oauth: 'invalid_client' },
  identity_refused: { status: 401, oauth: 'invalid_client' },
  issuer_untrusted: { status: 403, oauth: 'invalid_client' },
  issuer_unavailable: { status: 503, oauth: 'temporarily_unavailable' },
  grant_malformed: { status: 400, oauth: 'invalid_request' },
  grant_conflict: { status: 409, oauth: 'invalid_request' },
  details_invalid: { status: 400, oauth: 'invalid_authorization_details' },
  grant_none: { status: 403, oauth: 'invalid_authorization_details' },
  grant_ended: { status: 403, oauth: 'invalid_authorization_details' },
  approval_required: { status: 403, oauth: 'invalid_authorization_details' },
  approval_refused: { status: 403, oauth: 'invalid_request' },
  pending_unknown: { status: 404, oauth: 'invalid_request' },
  scope_refused: { status: 400, oauth: 'invalid_scope' },
  subject_refused: { status: 403, oauth: 'invalid_request' },
  actor_required: { status: 400, oauth: 'invalid_request' },
  actor_refused: { status: 403, oauth: 'invalid_request' },
  target_refused: { status: 403, oauth: 'invalid_target' },
  unsupported_grant_type: { status: 400, oauth: 'unsupported_grant_type' },
  issuance_unknown: { status: 404, oauth: 'invalid_request' },
  administrator_unknown: { status: 403, oauth: 'invalid_client' },
  administrator_exists: { status: 409, oauth: 'invalid_request' },
  administrator_last: { status: 409, oauth: 'invalid_request' },
  peer_unknown: { status: 404, oauth: 'invalid_request' },
  too_many_requests: { status: 429, oauth: 'temporarily_unavailable' },
  unavailable: { status: 503, oauth: 'temporarily_unavailable' },
};

/** What the authority throws to refuse a request; everything in it may be shown to whoever asked. */
export class AuthorityRefusal extends TaperError {
  readonly refusal: RefusalCode;
  readonly facts: Readonly<Record<string, JsonValue>>;

  constructor(
    refusal: RefusalCode,
    message: string,
    options: { facts?: Readonly<Record<string, JsonValue>>; hint?: string; cause?: unknown } = {},
  ) {
    super('authority_refused', message, options);
    this.name = 'AuthorityRefusal';
    this.refusal = refusal;
    this.facts = options.facts ?? {};
  }
}
