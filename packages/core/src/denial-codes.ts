// Generated from spec/denials.json by `npm run generate`. Do not edit.

/**
 * Every reason for which a token or call is refused: what was found, at which steps of the draft's
 * section 8, the HTTP status of the refusal, and what the caller can do about it. The texts are for
 * people and are not part of the API.
 */
export const DENIALS = {
  presentation_missing: {
    summary: 'The call carried no presentation.',
    steps: ['1'],
    http: 401,
    hint: 'Send the chain and a proof: {"aat_chain": […], "aat_pop": "…"}.',
  },
  presentation_malformed: {
    summary: 'The presentation is not an object with an array of token strings and a proof string.',
    steps: ['1'],
    http: 401,
    hint: 'Send exactly one JSON object with `aat_chain` (array of strings, root first) and `aat_pop` (string).',
  },
  chain_empty: {
    summary: 'The chain holds no token.',
    steps: ['1'],
    http: 401,
    hint: 'Present the chain from the root token to the leaf token.',
  },
  token_too_large: {
    summary: 'A token is longer than the enforcement point accepts.',
    steps: ['2a'],
    http: 413,
    hint: 'Name fewer tools or shorter constraint values.',
  },
  chain_too_large: {
    summary: 'The chain is longer in bytes than the enforcement point accepts.',
    steps: ['2b'],
    http: 413,
    hint: 'Use fewer hops or smaller tokens.',
  },
  chain_too_long: {
    summary: 'The chain has more hops than the enforcement point accepts.',
    steps: ['4f'],
    http: 403,
    hint: 'Delegate over fewer hops, or ask for a new root token.',
  },
  token_id_unreadable: {
    summary: 'A token has no readable string `jti`.',
    steps: ['2c'],
    http: 401,
    hint: 'Issue the token again; every token has a unique `jti`.',
  },
  token_repeated: {
    summary: 'The same token, or another with its `jti`, occurs twice in the chain.',
    steps: ['2c'],
    http: 401,
    hint: 'Present each token once, root first.',
  },
  token_malformed: {
    summary:
      'A token is not a JWS in compact serialization with strict base64url segments and a JSON header.',
    steps: ['2c', '3a', '4a'],
    http: 401,
    hint: 'Present the token exactly as it was issued.',
  },
  algorithm_not_allowed: {
    summary: 'The `alg` is not on the allowlist (Ed25519, ES256).',
    steps: ['3a', '4a', '7a'],
    http: 401,
    hint: 'Sign with "Ed25519" or "ES256"; "EdDSA" and "none" are refused.',
  },
  algorithm_key_mismatch: {
    summary: 'The `alg` does not fit the key that must verify the signature.',
    steps: ['3a', '4a', '7a'],
    http: 401,
    hint: 'Sign with the algorithm of the key.',
  },
  type_mismatch: {
    summary: 'The `typ` is not the one that belongs in this place.',
    steps: ['3a', '4a', '7a'],
    http: 401,
    hint: 'A token has typ "aat+jwt", a proof "aat-pop+jwt".',
  },
  critical_header_unknown: {
    summary:
      '`crit` lists a header parameter that this enforcement point does not understand, or is malformed.',
    steps: ['3a', '4a', '7a'],
    http: 401,
    hint: 'Use an enforcement point that implements the named extension.',
  },
  signature_malformed: {
    summary: 'The signature has the wrong length or is not in its one canonical form.',
    steps: ['3b', '4b', '7b'],
    http: 401,
    hint: 'Ed25519: S below the group order, R of large order. ES256: 64 bytes r||s with s in the lower half (s = n - s).',
  },
  signature_invalid: {
    summary: 'The signature does not verify under the key that must have made it.',
    steps: ['3b', '4b', '7b'],
    http: 401,
    hint: 'A root is signed by a trust anchor, a child by the holder of its parent, a proof by the holder of the leaf.',
  },
  claims_malformed: {
    summary: 'The payload is not a JSON object, or holds text that strict JSON refuses.',
    steps: ['3b', '4b', '7b'],
    http: 401,
    hint: 'Serialize claims as canonical JSON (RFC 8785).',
  },
  claims_duplicate_member: {
    summary: 'A JSON object in the payload names a member twice.',
    steps: ['3b', '4b', '7b'],
    http: 401,
    hint: 'Name each member once.',
  },
  time_claim_invalid: {
    summary: '`iat` or `exp` is absent or not an integer number of seconds.',
    steps: ['3b', '4b5'],
    http: 401,
    hint: 'Write times as JSON integers: seconds since the epoch, no fraction, no exponent.',
  },
  depth_claim_invalid: {
    summary: '`del_depth` or `del_max_depth` is absent or not a non-negative integer.',
    steps: ['3c', '4b4'],
    http: 401,
    hint: 'Write depths as JSON integers.',
  },
  root_depth_not_zero: {
    summary: 'The first token of the chain does not have `del_depth` 0.',
    steps: ['3c'],
    http: 401,
    hint: 'Present the chain from its root token on.',
  },
  root_has_parent: {
    summary: 'The first token of the chain carries `par_hash`.',
    steps: ['3d'],
    http: 401,
    hint: 'Present the chain from its root token on.',
  },
  token_expired: {
    summary: 'A token of the chain has expired. `exp` is exclusive and there is no grace.',
    steps: ['3e', '4i'],
    http: 401,
    hint: 'Obtain a new token; a child never outlives its parent.',
  },
  token_issued_in_future: {
    summary: 'A token was issued further in the future than the allowed skew.',
    steps: ['3f', '4k'],
    http: 401,
    hint: 'Check the clocks of the issuer and of the enforcement point.',
  },
  expiry_not_after_issuance: {
    summary: '`exp` is not later than `iat`.',
    steps: ['3g', '4l'],
    http: 401,
    hint: 'Give the token a positive lifetime.',
  },
  lifetime_too_long: {
    summary: 'The token lives longer than the enforcement point accepts.',
    steps: ['3h'],
    http: 401,
    hint: 'Issue the token for a shorter time.',
  },
  max_depth_invalid: {
    summary:
      '`del_max_depth` is absent, not an integer, or beyond the limit of the enforcement point.',
    steps: ['3i'],
    http: 401,
    hint: 'Set `del_max_depth` to at most 8, or raise the limit of the enforcement point.',
  },
  token_id_invalid: {
    summary: '`jti` is absent, empty or not a string.',
    steps: ['3j', '4b1'],
    http: 401,
    hint: 'Every token has a unique, non-empty `jti`.',
  },
  issuer_mismatch: {
    summary:
      "`iss` is not the trust anchor that verified the root, or not the thumbprint URI of the parent's holder key.",
    steps: ['3k', '4c'],
    http: 401,
    hint: 'A root names its issuer; a child names the holder of its parent.',
  },
  holder_key_invalid: {
    summary: '`cnf.jwk` is absent, malformed or of an unsupported type.',
    steps: ['3l', '4b2'],
    http: 401,
    hint: 'Bind the token to an Ed25519 or P-256 public key in JWK form.',
  },
  holder_key_private: {
    summary: '`cnf.jwk` contains private key material.',
    steps: ['3l', '4b2'],
    http: 401,
    hint: 'Bind the token to the public half only, and retire the exposed key.',
  },
  holder_key_weak: {
    summary:
      '`cnf.jwk` is a key under which signatures can be forged (small order or not canonical).',
    steps: ['3l', '4b2'],
    http: 401,
    hint: 'Generate a new key.',
  },
  capabilities_malformed: {
    summary:
      '`authorization_details` does not hold the tools as an object of objects in exactly one AAT entry.',
    steps: ['3m', '4b3', '4n', '6a'],
    http: 401,
    hint: 'One entry with type "attenuating_agent_token" and a `tools` object of constraint maps.',
  },
  constraint_unknown: {
    summary: 'A constraint is of a type that this enforcement point does not implement.',
    steps: ['3n', '4o'],
    http: 403,
    hint: 'Use constraint types that the enforcement point knows.',
  },
  constraint_malformed: {
    summary: 'A constraint has the wrong shape.',
    steps: ['3n', '4o'],
    http: 403,
    hint: "See the constraint type's documentation for its members.",
  },
  constraint_too_deep: {
    summary: 'A constraint is nested deeper than the limit.',
    steps: ['3n', '4o'],
    http: 403,
    hint: 'Nest `all` and `any` less deeply.',
  },
  constraint_too_many: {
    summary: 'A tool has more constraints than the limit.',
    steps: ['3n', '4o'],
    http: 403,
    hint: 'Use fewer clauses for each tool.',
  },
  parent_link_invalid: {
    summary: '`iss` or `par_hash` of a derived token is absent or not a string.',
    steps: ['4b5'],
    http: 401,
    hint: 'Derive the token from its parent; both claims are required.',
  },
  depth_not_incremented: {
    summary: "`del_depth` is not one more than the parent's.",
    steps: ['4d'],
    http: 403,
    hint: 'No hop may be left out, repeated or reordered.',
  },
  depth_exhausted: {
    summary: 'The chain is deeper than a token in it, or the enforcement point, allows.',
    steps: ['4e', '4f', '4m'],
    http: 403,
    hint: 'The holder of a terminal token cannot delegate; ask for a token with a greater `del_max_depth`.',
  },
  max_depth_raised: {
    summary: "`del_max_depth` is greater than the parent's.",
    steps: ['4g'],
    http: 403,
    hint: 'A child may only lower `del_max_depth`.',
  },
  expiry_extended: {
    summary: 'The token would outlive its parent.',
    steps: ['4h'],
    http: 403,
    hint: "Set `exp` no later than the parent's.",
  },
  issued_before_parent: {
    summary: "`iat` is earlier than the parent's.",
    steps: ['4j'],
    http: 403,
    hint: "Set `iat` no earlier than the parent's.",
  },
  tool_added: {
    summary: 'The token grants a tool that its parent does not.',
    steps: ['4p1'],
    http: 403,
    hint: 'Grant only tools of the parent.',
  },
  argument_keys_widened: {
    summary: 'The constraint map names, drops or opens arguments beyond what the parent allows.',
    steps: ['4p2'],
    http: 403,
    hint: 'Name only arguments the parent names; drop only optional ones; never add "*".',
  },
  argument_made_optional: {
    summary: 'An argument that the parent requires was made optional.',
    steps: ['4p3'],
    http: 403,
    hint: 'Keep required arguments required.',
  },
  constraint_widened: {
    summary: "A constraint is not provably at least as narrow as the parent's.",
    steps: ['4p4'],
    http: 403,
    hint: "Use a constraint that the parent's type subsumes.",
  },
  constraint_too_costly: {
    summary:
      "Comparing a constraint with its parent's, or checking an argument against it, would take more work than the enforcement point allows.",
    steps: ['4p4', '6b'],
    http: 403,
    hint: 'Use fewer clauses in `all` and `any`, shorter lists or smaller arguments.',
  },
  parent_hash_mismatch: {
    summary:
      '`par_hash` is not the hash of the token before it: the chain was spliced or reordered.',
    steps: ['4q'],
    http: 403,
    hint: 'Present the chain in which the token was derived.',
  },
  chain_length_mismatch: {
    summary: "The number of tokens does not agree with the leaf's depth.",
    steps: ['5'],
    http: 403,
    hint: 'Present the whole chain, root first.',
  },
  leaf_without_capabilities: {
    summary: 'The leaf token grants no tool.',
    steps: ['6a'],
    http: 403,
    hint: 'Present a leaf that carries an AAT entry.',
  },
  tool_not_granted: {
    summary: 'The leaf token does not grant this tool.',
    steps: ['6b'],
    http: 403,
    hint: 'Ask the delegator for a token that grants it.',
  },
  arguments_malformed: {
    summary: 'The arguments are not a JSON object, or hold text that strict JSON refuses.',
    steps: ['6b'],
    http: 400,
    hint: 'Send the arguments as one JSON object without repeated members.',
  },
  argument_number_inadmissible: {
    summary: 'A number in the arguments does not survive as a double.',
    steps: ['6b'],
    http: 400,
    hint: 'Send large or precise numbers as strings.',
  },
  argument_unexpected: {
    summary: 'The call carries an argument that the token does not name.',
    steps: ['6b'],
    http: 403,
    hint: 'Leave the argument out.',
  },
  argument_missing: {
    summary: 'The call lacks an argument that the token requires.',
    steps: ['6b'],
    http: 403,
    hint: 'Send the argument.',
  },
  argument_refused: {
    summary: 'An argument does not satisfy its constraint.',
    steps: ['6b'],
    http: 403,
    hint: 'Stay within the constraint, or ask the delegator for a wider token.',
  },
  audience_mismatch: {
    summary:
      'A token in the chain is meant for other enforcement points, or its `aud` is malformed.',
    steps: ['6c'],
    http: 403,
    hint: 'Present the chain where its tokens say it may be used.',
  },
  audience_required: {
    summary: 'No token of the chain carries `aud`, and this enforcement point requires one.',
    steps: ['6c'],
    http: 403,
    hint: 'Derive the token with the audience of this enforcement point.',
  },
  proof_missing: {
    summary: 'The presentation carries no proof of possession.',
    steps: ['7'],
    http: 401,
    hint: "Sign a proof for this very call with the leaf's key.",
  },
  proof_malformed: {
    summary:
      'The proof is not a JWS in compact serialization with strict base64url segments and a JSON header, or too large.',
    steps: ['7a'],
    http: 401,
    hint: 'Send the proof exactly as it was signed.',
  },
  proof_claim_invalid: {
    summary: 'A required claim of the proof is absent or of the wrong type.',
    steps: ['7c'],
    http: 401,
    hint: 'A proof has jti, iat, aat_id, aat_hash, aat_tool and hta.',
  },
  proof_token_mismatch: {
    summary: 'The proof was made for another token.',
    steps: ['7c'],
    http: 401,
    hint: 'Sign a proof over the leaf that is presented.',
  },
  proof_audience_mismatch: {
    summary: 'The proof was made for another enforcement point.',
    steps: ['7d'],
    http: 401,
    hint: 'Set `aat_aud` to the audience of this enforcement point.',
  },
  proof_audience_required: {
    summary: 'The proof names no audience, and this enforcement point requires one.',
    steps: ['7d'],
    http: 401,
    hint: 'Set `aat_aud` to the audience of this enforcement point.',
  },
  proof_tool_mismatch: {
    summary: 'The proof was made for another tool.',
    steps: ['7e'],
    http: 401,
    hint: 'Sign a proof for the tool that is called.',
  },
  proof_arguments_mismatch: {
    summary: 'The proof was made for other arguments.',
    steps: ['7f'],
    http: 401,
    hint: 'Sign a proof over the arguments exactly as they are sent.',
  },
  proof_outside_window: {
    summary: 'The proof is older or newer than the tolerance window.',
    steps: ['7g'],
    http: 401,
    hint: 'Sign a fresh proof and check the clocks.',
  },
  proof_nonce_invalid: {
    summary: 'The nonce is absent, unknown or no longer accepted.',
    steps: ['7h'],
    http: 401,
    hint: 'Fetch a fresh nonce from the enforcement point and sign again.',
  },
  proof_replayed: {
    summary: 'The proof has been used before.',
    steps: ['7i'],
    http: 401,
    hint: 'Sign a fresh proof for each call.',
  },
  replay_store_full: {
    summary: 'The replay store cannot remember another proof, so none is accepted.',
    steps: ['7i'],
    http: 503,
    hint: 'Wait for the proof window to pass, or raise the capacity of the store.',
  },
  replay_store_unavailable: {
    summary: 'The replay store failed, answered too late or answered nonsense.',
    steps: ['7i'],
    http: 503,
    hint: 'Restore the replay store; calls are refused until then.',
  },
  clock_unavailable: {
    summary: 'The clock failed, gave no whole number of seconds, or stepped back.',
    steps: [],
    http: 503,
    hint: 'Repair the clock of the enforcement point.',
  },
  internal_error: {
    summary: 'The enforcement point failed while deciding; the call is refused.',
    steps: [],
    http: 500,
    hint: "See the enforcement point's own log.",
  },
} as const;

/** Stable, machine-readable reason of a denial. */
export type DenialCode = keyof typeof DENIALS;
