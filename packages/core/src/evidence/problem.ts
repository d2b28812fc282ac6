import type { DenialCode } from '../denial.ts';

/** What is asked of evidence, each apart (`spec/evidence.md` section 4). */
export type EvidenceQuestion = 'authentic' | 'authorized' | 'complete';

/** `fail`: a check did not hold. `not_shown`: nothing failed, and something that a pass needs is not there. */
export type EvidenceOutcome = 'pass' | 'fail' | 'not_shown';

/** Every problem code with the question that it answers and the answer that it gives (`spec/evidence.md` section 6). */
export const EVIDENCE_PROBLEMS: Readonly<
  Record<
    Exclude<EvidenceProblemCode, 'not_authentic'>,
    readonly [EvidenceQuestion, 'fail' | 'not_shown']
  >
> = {
  bundle_too_large: ['authentic', 'fail'],
  bundle_malformed: ['authentic', 'fail'],
  version_unsupported: ['authentic', 'fail'],
  token_malformed: ['authentic', 'fail'],
  token_repeated: ['authentic', 'fail'],
  token_unused: ['authentic', 'fail'],
  staple_unused: ['authentic', 'fail'],
  log_unknown: ['authentic', 'fail'],
  checkpoint_invalid: ['authentic', 'fail'],
  size_mismatch: ['authentic', 'fail'],
  root_mismatch: ['authentic', 'fail'],
  emitter_unknown: ['authentic', 'fail'],
  line_malformed: ['authentic', 'fail'],
  emitter_mismatch: ['authentic', 'fail'],
  signature_invalid: ['authentic', 'fail'],
  sequence_mismatch: ['authentic', 'fail'],
  chain_broken: ['authentic', 'fail'],
  enforcement_point_unknown: ['authentic', 'fail'],
  emitter_not_valid: ['authentic', 'fail'],
  time_ahead: ['authentic', 'fail'],
  opening_unexpected: ['authentic', 'fail'],
  opening_mismatch: ['authentic', 'fail'],
  earlier_invalid: ['authentic', 'fail'],
  earlier_inconsistent: ['authentic', 'fail'],
  held_forked: ['authentic', 'fail'],
  held_unproved: ['authentic', 'not_shown'],
  anchors_missing: ['authorized', 'not_shown'],
  nothing_shown: ['authorized', 'not_shown'],
  tokens_not_shown: ['authorized', 'not_shown'],
  decision_not_shown: ['authorized', 'not_shown'],
  session_not_shown: ['authorized', 'not_shown'],
  tool_not_shown: ['authorized', 'not_shown'],
  arguments_not_shown: ['authorized', 'not_shown'],
  proof_not_shown: ['authorized', 'not_shown'],
  revocation_not_shown: ['authorized', 'not_shown'],
  revocation_undecided: ['authorized', 'not_shown'],
  chain_denied: ['authorized', 'fail'],
  chain_mismatch: ['authorized', 'fail'],
  anchor_not_valid: ['authorized', 'fail'],
  call_denied: ['authorized', 'fail'],
  approvals_unmet: ['authorized', 'fail'],
  proof_repeated: ['authorized', 'fail'],
  session_unknown: ['authorized', 'fail'],
  session_mismatch: ['authorized', 'fail'],
  staple_invalid: ['authorized', 'fail'],
  chain_revoked: ['authorized', 'fail'],
  outcome_without_permit: ['authorized', 'fail'],
  outcome_mismatch: ['authorized', 'fail'],
  outcome_repeated: ['authorized', 'fail'],
  log_empty: ['complete', 'fail'],
  log_cut_off: ['complete', 'fail'],
  events_withheld: ['complete', 'not_shown'],
  log_not_shown: ['complete', 'not_shown'],
};

/** `not_authentic` stands in the way of *authorized* or of *complete*. */
export type EvidenceProblemCode =
  | 'bundle_too_large'
  | 'bundle_malformed'
  | 'version_unsupported'
  | 'token_malformed'
  | 'token_repeated'
  | 'token_unused'
  | 'staple_unused'
  | 'log_unknown'
  | 'checkpoint_invalid'
  | 'size_mismatch'
  | 'root_mismatch'
  | 'emitter_unknown'
  | 'line_malformed'
  | 'emitter_mismatch'
  | 'signature_invalid'
  | 'sequence_mismatch'
  | 'chain_broken'
  | 'enforcement_point_unknown'
  | 'emitter_not_valid'
  | 'time_ahead'
  | 'opening_unexpected'
  | 'opening_mismatch'
  | 'earlier_invalid'
  | 'earlier_inconsistent'
  | 'held_forked'
  | 'held_unproved'
  | 'anchors_missing'
  | 'nothing_shown'
  | 'tokens_not_shown'
  | 'decision_not_shown'
  | 'session_not_shown'
  | 'tool_not_shown'
  | 'arguments_not_shown'
  | 'proof_not_shown'
  | 'revocation_not_shown'
  | 'revocation_undecided'
  | 'chain_denied'
  | 'chain_mismatch'
  | 'anchor_not_valid'
  | 'call_denied'
  | 'approvals_unmet'
  | 'proof_repeated'
  | 'session_unknown'
  | 'session_mismatch'
  | 'staple_invalid'
  | 'chain_revoked'
  | 'outcome_without_permit'
  | 'outcome_mismatch'
  | 'outcome_repeated'
  | 'log_empty'
  | 'log_cut_off'
  | 'events_withheld'
  | 'log_not_shown'
  | 'not_authentic';

/** Machine-readable facts of a problem. */
export interface EvidenceFacts {
  /** Why the core refuses a chain or a call, and at which hop. */
  readonly denial?: DenialCode;
  readonly hop?: number;
  /** Why a checkpoint or a staple is not believed. */
  readonly problem?: string;
  /** Sequences of events. */
  readonly sequence?: number;
  readonly first?: number;
  readonly last?: number;
}

export interface EvidenceProblem extends EvidenceFacts {
  readonly verdict: EvidenceQuestion;
  readonly outcome: 'fail' | 'not_shown';
  readonly code: EvidenceProblemCode;
  /** The item at fault, such as `logs[0].items[3].opening`; empty for the bundle as a whole. */
  readonly path: string;
}

/** What changes no verdict and is worth knowing. */
export interface EvidenceNotice {
  readonly code: 'time_stepped_back' | 'outcome_missing' | 'cosignature_unknown';
  readonly path: string;
  readonly sequence?: number;
}

/** Problems, and notices, that are listed one by one; all are counted. */
const MAX_LISTED = 1000;

/** Collects what is found, and says what it comes to. */
export class Findings {
  readonly problems: EvidenceProblem[] = [];
  readonly notices: EvidenceNotice[] = [];
  problemCount = 0;
  noticeCount = 0;
  readonly #worst: Record<EvidenceQuestion, EvidenceOutcome> = {
    authentic: 'pass',
    authorized: 'pass',
    complete: 'pass',
  };

  /** @returns the problem, also where it is not listed any more. */
  add(
    code: Exclude<EvidenceProblemCode, 'not_authentic'>,
    path: string,
    facts: EvidenceFacts = {},
  ): EvidenceProblem {
    const [verdict, outcome] = EVIDENCE_PROBLEMS[code];
    return this.#found({ verdict, outcome, code, path, ...facts });
  }

  notAuthentic(verdict: 'authorized' | 'complete', path: string): EvidenceProblem {
    return this.#found({ verdict, outcome: 'not_shown', code: 'not_authentic', path });
  }

  notice(notice: EvidenceNotice): void {
    this.noticeCount += 1;
    if (this.notices.length < MAX_LISTED) this.notices.push(Object.freeze(notice));
  }

  verdict(question: EvidenceQuestion): EvidenceOutcome {
    return this.#worst[question];
  }

  #found(problem: EvidenceProblem): EvidenceProblem {
    const { verdict, outcome } = problem;
    if (this.#worst[verdict] !== 'fail') this.#worst[verdict] = outcome;
    this.problemCount += 1;
    if (this.problems.length < MAX_LISTED) this.problems.push(Object.freeze(problem));
    return problem;
  }
}
