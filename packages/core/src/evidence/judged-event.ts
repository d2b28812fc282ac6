import type { AuditEvent } from '../audit-event/event.ts';
import type { ChainVerdict } from '../chain.ts';
import type { Denial } from '../denial.ts';
import type { Decision } from '../verifier.ts';
import type { CheckedLine } from './authentic.ts';
import type { EvidenceProblem, EvidenceProblemCode, Findings } from './problem.ts';
import type { EvidenceTrust } from './trust.ts';

/** What was found out of the authority behind one event. */
export interface EventAuthority {
  readonly problems: readonly EvidenceProblem[];
  /** The core's verdict on each chain, or on the call under it: what receipts are drawn from. */
  readonly verdicts: readonly (Decision | ChainVerdict)[];
  /** Seconds since the epoch, as of which its chains were not revoked; absent where that is not shown, or not asked. */
  readonly notRevokedAsOf: number | undefined;
  /** What of a permitted call is not shown. */
  readonly lacking: readonly ('arguments' | 'proofs' | 'revocation')[];
}

/** An event, and what is found of it. */
export class JudgedEvent implements EventAuthority {
  readonly line: CheckedLine;
  readonly event: AuditEvent;
  readonly problems: EvidenceProblem[] = [];
  readonly verdicts: (Decision | ChainVerdict)[] = [];
  readonly lacking: ('arguments' | 'proofs' | 'revocation')[] = [];
  notRevokedAsOf: number | undefined;
  readonly #findings: Findings;

  constructor(line: CheckedLine, event: AuditEvent, findings: Findings) {
    this.line = line;
    this.event = event;
    this.#findings = findings;
  }

  found(code: Exclude<EvidenceProblemCode, 'not_authentic'>, facts: object = {}): void {
    const { path } = this.line;
    const { sequence } = this.event;
    this.problems.push(this.#findings.add(code, path, { sequence, ...facts }));
  }

  denied(code: 'chain_denied' | 'call_denied', denial: Denial): void {
    const { code: cause, hop } = denial;
    this.found(code, { denial: cause, ...(hop === undefined ? {} : { hop }) });
  }

  /** Something is not shown: a problem where the policy asks for it. */
  lacks(
    what: 'arguments' | 'proofs' | 'revocation',
    code: Exclude<EvidenceProblemCode, 'not_authentic'>,
    { required }: EvidenceTrust,
  ): void {
    this.lacking.push(what);
    if (required[what]) this.found(code);
  }
}
