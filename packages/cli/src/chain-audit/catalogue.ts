import type { Check, FindingCode, Severity } from './model.ts';

export type FailureMode =
  | 'prefix_scope'
  | 'grace_time'
  | 'revocation_blind'
  | 'broken_receipts'
  | 'cross_domain_loss'
  | 'refresh_extension'
  | 'join_accumulation';

export type OwaspRisk = 'ASI03' | 'ASI07' | 'ASI10';

/** The seven ways in which chains fail that are sound hop by hop. */
export const FAILURE_MODES: Readonly<
  Record<FailureMode, { readonly title: string; readonly owasp: readonly OwaspRisk[] }>
> = {
  prefix_scope: { title: 'prefix scope', owasp: ['ASI03'] },
  grace_time: { title: 'grace time', owasp: ['ASI03', 'ASI10'] },
  revocation_blind: { title: 'revocation-blind branches', owasp: ['ASI03', 'ASI10'] },
  broken_receipts: { title: 'broken receipts', owasp: ['ASI07'] },
  cross_domain_loss: { title: 'cross-domain loss', owasp: ['ASI03', 'ASI07'] },
  refresh_extension: { title: 'refresh re-extension', owasp: ['ASI03', 'ASI10'] },
  join_accumulation: { title: 'accumulation at joins', owasp: ['ASI03'] },
};

/** OWASP Top 10 for Agentic Applications 2026. */
export const OWASP: Readonly<Record<OwaspRisk, string>> = {
  ASI03: 'Identity and Privilege Abuse',
  ASI07: 'Insecure Inter-Agent Communication',
  ASI10: 'Rogue Agents',
};

interface Entry {
  readonly check: Check;
  readonly severity: Severity;
  /** `undefined`: the rule is broken in a way that is none of the seven. */
  readonly mode: FailureMode | undefined;
  /** What is wrong; `{name}` stands for a fact. */
  readonly says: string;
  readonly remedy: string;
}

function entry(
  check: Check,
  severity: Severity,
  mode: FailureMode | undefined,
  says: string,
  remedy: string,
): Entry {
  return { check, severity, mode, says, remedy };
}

/** All that an audit can find. Codes are stable. */
export const CATALOGUE: Readonly<Record<FindingCode, Entry>> = {
  scope_introduced: entry(
    'scope',
    'fail',
    undefined,
    'allows {item}, which its parent does not have',
    'Refuse at issuance whatever the parent does not hold.',
  ),
  scope_widened: entry(
    'scope',
    'fail',
    undefined,
    'allows more than its parent: {item} ({reason})',
    'Make each constraint at least as narrow as that of the parent.',
  ),
  scope_omitted: entry(
    'scope',
    'fail',
    undefined,
    'names no scope, and so may be taken to have everything',
    'Let an absent scope mean nothing at all, or the whole of the parent in writing.',
  ),
  scope_unrecorded: entry(
    'scope',
    'unproved',
    undefined,
    'the sample does not say what this hop allows, so nobody can compare it',
    'Record the scope of each hop in the token itself.',
  ),
  scope_incomparable: entry(
    'scope',
    'unproved',
    'cross_domain_loss',
    'its scope is written in another form than that of its parent ({from} to {to}), so a subset cannot be shown',
    'Translate at the border by a mapping that both sides can check, and refuse what it does not name.',
  ),
  scope_malformed: entry(
    'scope',
    'unproved',
    undefined,
    'its constraints cannot be read ({reason}), so a subset cannot be shown',
    'Use constraint types with a rule that decides which of two is narrower.',
  ),
  scope_pattern: entry(
    'scope',
    'fail',
    'prefix_scope',
    '{item} is a prefix or a pattern: what is made later under it is allowed without anybody granting it',
    'Name what is granted, or bind the scope to a catalogue as it stood at a version.',
  ),
  scope_by_pattern: entry(
    'scope',
    'unproved',
    'prefix_scope',
    '{item} is narrower than its parent only if {pattern} is read as a pattern',
    'Compare typed values by a rule; do not match texts.',
  ),
  caveat_opaque: entry(
    'scope',
    'unproved',
    undefined,
    'the caveat {item} is text that no rule here can compare',
    'Write caveats in a form with a closed grammar, and refuse unknown ones.',
  ),
  caveat_third_party: entry(
    'scope',
    'unproved',
    undefined,
    'the caveat for {item} is met by a discharge that is not in the sample',
    'Sample the discharges as well.',
  ),
  caveat_dropped: entry(
    'scope',
    'fail',
    'broken_receipts',
    'the caveat {item} of its parent is gone',
    'Caveats may only be added. Verify the chain of signatures where the token is used.',
  ),
  join_union: entry(
    'scope',
    'fail',
    'join_accumulation',
    'allows {item}, which not all of its parents have: two authorities were added up',
    'Let a join hold what all of its parents allow, and no more.',
  ),
  expiry_increases: entry(
    'time',
    'fail',
    undefined,
    'ends {seconds} s after its parent',
    'Cap the end at that of the parent.',
  ),
  expiry_missing: entry(
    'time',
    'fail',
    undefined,
    'has no end',
    'Give each token an end, no later than that of its parent.',
  ),
  expiry_unrecorded: entry(
    'time',
    'unproved',
    undefined,
    'the sample does not say when this hop ends',
    'Record the end of each hop in the token itself.',
  ),
  expiry_grace: entry(
    'time',
    'fail',
    'grace_time',
    'is accepted for {seconds} s after its end',
    'Let the end be the end. Synchronize clocks; a skew belongs to the start.',
  ),
  refresh_possible: entry(
    'time',
    'unproved',
    'refresh_extension',
    'can be refreshed, and nothing in the sample bounds how often',
    'Fix an absolute end when the grant is made, and let no refresh pass it.',
  ),
  refresh_resets: entry(
    'time',
    'fail',
    'refresh_extension',
    'a refresh sets its end anew, {seconds} s later than it was',
    'Fix an absolute end when the grant is made, and let no refresh pass it.',
  ),
  revocation_slow: entry(
    'revocation',
    'fail',
    'revocation_blind',
    'a revocation may need {seconds} s to have effect',
    'Have the resource look at fresh, signed revocations for every hop.',
  ),
  revocation_never: entry(
    'revocation',
    'fail',
    'revocation_blind',
    'nobody looks whether it was revoked, and it has no end: it cannot be revoked at all',
    'Give it an end, and have the resource look at revocations for every hop.',
  ),
  revocation_unrecorded: entry(
    'revocation',
    'unproved',
    'revocation_blind',
    'how long a revocation of this hop takes cannot be told from the sample',
    'Say so in the sample (`revocation`), measured where possible.',
  ),
  parent_unbound: entry(
    'receipt',
    'fail',
    'broken_receipts',
    'nothing in it binds it to its parent',
    'Put the hash of the parent into the child, and sign it with the key the parent names.',
  ),
  parent_by_name: entry(
    'receipt',
    'fail',
    'broken_receipts',
    'names its parent ({item}) without a hash or a signature by the key the parent names',
    'Bind by hash and key: a name can be used again.',
  ),
  parent_unrecorded: entry(
    'receipt',
    'unproved',
    'broken_receipts',
    'the sample does not say how it is bound to its parent',
    'Say so in the sample (`parent_binding`).',
  ),
  parent_hash_wrong: entry(
    'receipt',
    'fail',
    'broken_receipts',
    'names another parent than the token before it',
    'Check that the sample is complete and in order; if it is, the chain was spliced.',
  ),
  actor_dropped: entry(
    'receipt',
    'fail',
    'broken_receipts',
    'does not carry on who acted before ({item})',
    'Keep `act` nested at each exchange.',
  ),
  subject_changed: entry(
    'receipt',
    'fail',
    'broken_receipts',
    'acts for {item}, and its parent acted for somebody else',
    'The subject of a delegation must not change on the way.',
  ),
  may_act_without_issuer: entry(
    'receipt',
    'fail',
    'cross_domain_loss',
    'names who may act without saying whose name that is (no `iss` in `may_act`)',
    'Match the issuer together with the subject.',
  ),
  tenant_lost: entry(
    'scope',
    'fail',
    'cross_domain_loss',
    'its parent is bound to the tenant {item}, and it is not',
    'Carry the tenant on at every hop; it may not change.',
  ),
  audience_lost: entry(
    'scope',
    'fail',
    'cross_domain_loss',
    'its parent is bound to an audience, and it is bound to none or to {item}',
    'Let the audience narrow like everything else.',
  ),
};
