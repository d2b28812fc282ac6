// Generated from spec/denials.json by `npm run generate`. Do not edit.

/**
 * Every reason for which a token or call is refused: what was found, at which steps of the draft's
 * section 8, and the HTTP status of the refusal.
 */
export const DENIALS = {
  presentation_missing: {
    summary: 'The call carried no presentation.',
    steps: ['1'],
    http: 401,
  },
  presentation_malformed: {
    summary: 'The presentation is not an object with an array of token strings and a proof string.',
    steps: ['1'],
    http: 401,
  },
  chain_empty: {
    summary: 'The chain holds no token.',
    steps: ['1'],
    http: 401,
  },
  token_too_large: {
    summary: 'A token is longer than the enforcement point accepts.',
    steps: ['2a'],
    http: 413,
  },
  chain_too_large: {
    summary: 'The chain is longer in bytes than the enforcement point accepts.',
    steps: ['2b'],
    http: 413,
  },
  chain_too_long: {
    summary: 'The chain has more hops than the enforcement point accepts.',
    steps: ['4f'],
    http: 403,
  },
  token_id_unreadable: {
    summary: 'A token has no readable string `jti`.',
    steps: ['2c'],
    http: 401,
  },
  token_repeated: {
    summary: 'The same token, or another with its `jti`, occurs twice in the chain.',
    steps: ['2c'],
    http: 401,
  },
  token_malformed: {
    summary:
      'A token is not a JWS in compact serialization with strict base64url segments and a JSON header.',
    steps: ['2c', '3a', '4a'],
    http: 401,
  },
  algorithm_not_allowed: {
    summary: 'The `alg` is not on the allowlist (Ed25519, ES256).',
    steps: ['3a', '4a', '7a'],
    http: 401,
  },
  algorithm_key_mismatch: {
    summary: 'The `alg` does not fit the key that must verify the signature.',
    steps: ['3a', '4a', '7a'],
    http: 401,
  },
  type_mismatch: {
    summary: 'The `typ` is not the one that belongs in this place.',
    steps: ['3a', '4a', '7a'],
    http: 401,
  },
  critical_header_unknown: {
    summary:
      '`crit` lists a header parameter that this enforcement point does not understand, or is malformed.',
    steps: ['3a', '4a', '7a'],
    http: 401,
  },
  signature_malformed: {
    summary: 'The signature has the wrong length or is not in its one canonical form.',
    steps: ['3b', '4b', '7b'],
    http: 401,
  },
  signature_invalid: {
    summary: 'The signature does not verify under the key that must have made it.',
    steps: ['3b', '4b', '7b'],
    http: 401,
  },
  claims_malformed: {
    summary: 'The payload is not a JSON object, or holds text that strict JSON refuses.',
    steps: ['3b', '4b', '7b'],
    http: 401,
  },
  claims_duplicate_member: {
    summary: 'A JSON object in the payload names a member twice.',
    steps: ['3b', '4b', '7b'],
    http: 401,
  },
  time_claim_invalid: {
    summary: '`iat` or `exp` is absent or not an integer number of seconds.',
    steps: ['3b', '4b5'],
    http: 401,
  },
  depth_claim_invalid: {
    summary: '`del_depth` or `del_max_depth` is absent or not a non-negative integer.',
    steps: ['3c', '4b4'],
    http: 401,
  },
  root_depth_not_zero: {
    summary: 'The first token of the chain does not have `del_depth` 0.',
    steps: ['3c'],
    http: 401,
  },
  root_has_parent: {
    summary: 'The first token of the chain carries `par_hash`.',
    steps: ['3d'],
    http: 401,
  },
  token_expired: {
    summary: 'A token of the chain has expired. `exp` is exclusive and there is no grace.',
    steps: ['3e', '4i'],
    http: 401,
  },
  token_issued_in_future: {
    summary: 'A token was issued further in the future than the allowed skew.',
    steps: ['3f', '4k'],
    http: 401,
  },
  expiry_not_after_issuance: {
    summary: '`exp` is not later than `iat`.',
    steps: ['3g', '4l'],
    http: 401,
  },
  lifetime_too_long: {
    summary: 'The token lives longer than the enforcement point accepts.',
    steps: ['3h'],
    http: 401,
  },
  max_depth_invalid: {
    summary:
      '`del_max_depth` is absent, not an integer, or beyond the limit of the enforcement point.',
    steps: ['3i'],
    http: 401,
  },
  token_id_invalid: {
    summary: '`jti` is absent, empty or not a string.',
    steps: ['3j', '4b1'],
    http: 401,
  },
  issuer_mismatch: {
    summary:
      "`iss` is not the trust anchor that verified the root, or not the thumbprint URI of the parent's holder key.",
    steps: ['3k', '4c'],
    http: 401,
  },
  holder_key_invalid: {
    summary: '`cnf.jwk` is absent, malformed or of an unsupported type.',
    steps: ['3l', '4b2'],
    http: 401,
  },
  holder_key_private: {
    summary: '`cnf.jwk` contains private key material.',
    steps: ['3l', '4b2'],
    http: 401,
  },
  holder_key_weak: {
    summary:
      '`cnf.jwk` is a key under which signatures can be forged (small order or not canonical).',
    steps: ['3l', '4b2'],
    http: 401,
  },
  capabilities_malformed: {
    summary:
      '`authorization_details` does not hold the tools as an object of objects in exactly one AAT entry.',
    steps: ['3m', '4b3', '4n', '6a'],
    http: 401,
  },
  constraint_unknown: {
    summary: 'A constraint is of a type that this enforcement point does not implement.',
    steps: ['3n', '4o'],
    http: 403,
  },
  constraint_malformed: {
    summary: 'A constraint has the wrong shape.',
    steps: ['3n', '4o'],
    http: 403,
  },
  constraint_too_deep: {
    summary: 'A constraint is nested deeper than the limit.',
    steps: ['3n', '4o'],
    http: 403,
  },
  constraint_too_many: {
    summary: 'A tool has more constraints than the limit.',
    steps: ['3n', '4o'],
    http: 403,
  },
  parent_link_invalid: {
    summary: '`iss` or `par_hash` of a derived token is absent or not a string.',
    steps: ['4b5'],
    http: 401,
  },
  depth_not_incremented: {
    summary: "`del_depth` is not one more than the parent's.",
    steps: ['4d'],
    http: 403,
  },
  depth_exhausted: {
    summary: 'The chain is deeper than a token in it, or the enforcement point, allows.',
    steps: ['4e', '4f', '4m'],
    http: 403,
  },
  max_depth_raised: {
    summary: "`del_max_depth` is greater than the parent's.",
    steps: ['4g'],
    http: 403,
  },
  expiry_extended: {
    summary: 'The token would outlive its parent.',
    steps: ['4h'],
    http: 403,
  },
  issued_before_parent: {
    summary: "`iat` is earlier than the parent's.",
    steps: ['4j'],
    http: 403,
  },
  tool_added: {
    summary: 'The token grants a tool that its parent does not.',
    steps: ['4p1'],
    http: 403,
  },
  argument_keys_widened: {
    summary: 'The constraint map names, drops or opens arguments beyond what the parent allows.',
    steps: ['4p2'],
    http: 403,
  },
  argument_made_optional: {
    summary: 'An argument that the parent requires was made optional.',
    steps: ['4p3'],
    http: 403,
  },
  constraint_widened: {
    summary: "A constraint is not provably at least as narrow as the parent's.",
    steps: ['4p4'],
    http: 403,
  },
  parent_hash_mismatch: {
    summary:
      '`par_hash` is not the hash of the token before it: the chain was spliced or reordered.',
    steps: ['4q'],
    http: 403,
  },
  chain_length_mismatch: {
    summary: "The number of tokens does not agree with the leaf's depth.",
    steps: ['5'],
    http: 403,
  },
  leaf_without_capabilities: {
    summary: 'The leaf token grants no tool.',
    steps: ['6a'],
    http: 403,
  },
  tool_not_granted: {
    summary: 'The leaf token does not grant this tool.',
    steps: ['6b'],
    http: 403,
  },
  arguments_malformed: {
    summary: 'The arguments are not a JSON object, or hold text that strict JSON refuses.',
    steps: ['6b'],
    http: 400,
  },
  argument_number_inadmissible: {
    summary: 'A number in the arguments does not survive as a double.',
    steps: ['6b'],
    http: 400,
  },
  argument_unexpected: {
    summary: 'The call carries an argument that the token does not name.',
    steps: ['6b'],
    http: 403,
  },
  argument_missing: {
    summary: 'The call lacks an argument that the token requires.',
    steps: ['6b'],
    http: 403,
  },
  argument_refused: {
    summary: 'An argument does not satisfy its constraint.',
    steps: ['6b'],
    http: 403,
  },
  audience_mismatch: {
    summary:
      'A token in the chain is meant for other enforcement points, or its `aud` is malformed.',
    steps: ['6c'],
    http: 403,
  },
  audience_required: {
    summary: 'No token of the chain carries `aud`, and this enforcement point requires one.',
    steps: ['6c'],
    http: 403,
  },
  proof_missing: {
    summary: 'The presentation carries no proof of possession.',
    steps: ['7'],
    http: 401,
  },
  proof_malformed: {
    summary:
      'The proof is not a JWS in compact serialization with strict base64url segments and a JSON header, or too large.',
    steps: ['7a'],
    http: 401,
  },
  proof_claim_invalid: {
    summary: 'A required claim of the proof is absent or of the wrong type.',
    steps: ['7c'],
    http: 401,
  },
  proof_token_mismatch: {
    summary: 'The proof was made for another token.',
    steps: ['7c'],
    http: 401,
  },
  proof_audience_mismatch: {
    summary: 'The proof was made for another enforcement point.',
    steps: ['7d'],
    http: 401,
  },
  proof_audience_required: {
    summary: 'The proof names no audience, and this enforcement point requires one.',
    steps: ['7d'],
    http: 401,
  },
  proof_tool_mismatch: {
    summary: 'The proof was made for another tool.',
    steps: ['7e'],
    http: 401,
  },
  proof_arguments_mismatch: {
    summary: 'The proof was made for other arguments.',
    steps: ['7f'],
    http: 401,
  },
  proof_outside_window: {
    summary: 'The proof is older or newer than the tolerance window.',
    steps: ['7g'],
    http: 401,
  },
  proof_nonce_invalid: {
    summary: 'The nonce is absent, unknown or no longer accepted.',
    steps: ['7h'],
    http: 401,
  },
  proof_replayed: {
    summary: 'The proof has been used before.',
    steps: ['7i'],
    http: 401,
  },
  replay_store_full: {
    summary: 'The replay store cannot remember another proof, so none is accepted.',
    steps: ['7i'],
    http: 503,
  },
  replay_store_unavailable: {
    summary: 'The replay store failed, answered too late or answered nonsense.',
    steps: ['7i'],
    http: 503,
  },
  clock_unavailable: {
    summary: 'The clock failed, gave no whole number of seconds, or stepped back.',
    steps: [],
    http: 503,
  },
  internal_error: {
    summary: 'The enforcement point failed while deciding; the call is refused.',
    steps: [],
    http: 500,
  },
} as const;

/** Stable, machine-readable reason of a denial. */
export type DenialCode = keyof typeof DENIALS;
