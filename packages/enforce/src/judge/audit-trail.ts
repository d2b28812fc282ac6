import type { DenialCode } from '@taper/core';
import type { AuditChain, AuditEventInit, AuditEvidence } from '../audit/event.ts';
import type { EventReference, Outcome, Permitted } from '../decision.ts';
import type { Settings } from '../options.ts';
import type { LiveSession } from '../session/authenticator.ts';
import { ask, membersOf } from './ask.ts';
import { argsOf, type Case, type Judgement } from './judge.ts';
import { patienceWith } from './patience.ts';
import { type Subject, subjectOf } from './subject.ts';

/** Writes what becomes of calls into the audit log. Nothing here rejects: what is not known to be durable is `undefined` or false. */
export interface AuditTrail {
  /** Whether there is a log at all. */
  readonly kept: boolean;
  /** The decision: a permit, or the refusal. */
  decision(each: Case, refusal: Judgement | undefined): Promise<EventReference | undefined>;
  /** A permit was written, and then the call was refused after all. Without the event's reference it is not known whether the permit was written. */
  withdrawal(each: Case, event: EventReference | undefined, code: DenialCode): Promise<boolean>;
  /** A session was opened. */
  session(session: LiveSession, now: number): Promise<boolean>;
  /** What became of a call after its permit was given. */
  outcome(permitted: Permitted, outcome: Outcome, now: number): Promise<boolean>;
}

export function createAuditTrail(settings: Settings): AuditTrail {
  const { audit, name } = settings;
  const patience = patienceWith('audit', settings);

  async function record(event: AuditEventInit): Promise<EventReference | undefined> {
    if (audit === undefined) return undefined;
    return ask(() => audit.record(event), readReference, patience);
  }

  return Object.freeze<AuditTrail>({
    kept: audit !== undefined,
    async decision(each, refusal) {
      if (audit === undefined) return undefined;
      const { code, hop } = refusal?.denial ?? {};
      const verdict = refusal?.approval === undefined ? 'deny' : 'approval_required';
      return record({
        ...describe(each, name),
        presented: each.subject === undefined ? presentedChain(refusal) : undefined,
        type: 'decision',
        decision: refusal === undefined ? 'permit' : verdict,
        evidence: evidenceOf(each, refusal),
        denial: code === undefined ? undefined : { code, hop },
      });
    },
    async withdrawal(each, event, code) {
      if (audit === undefined) return false;
      const written = await record({
        ...describe(each, name),
        type: 'outcome',
        decision: 'not_executed',
        denial: { code },
        decisionEventId: event?.id,
      });
      return written !== undefined;
    },
    async session({ id, chains }, now) {
      if (audit === undefined) return false;
      const written = await record({
        type: 'session',
        time: now,
        enforcementPoint: name,
        decision: 'opened',
        ...describeSubject(subjectOf(chains)),
        session: id,
        evidence: { chains, proofs: [] },
      });
      return written !== undefined;
    },
    async outcome({ permits, tool, event }, outcome, now) {
      if (audit === undefined) return false;
      const subject = subjectOf(permits.map(({ chain }) => chain));
      const written = await record({
        type: 'outcome',
        time: now,
        enforcementPoint: name,
        decision: outcome,
        ...describeSubject(subject),
        tool,
        decisionEventId: event?.id,
      });
      return written !== undefined;
    },
  });
}

/** What has been found out about a call, as far as it got. */
function describe(each: Case, name: string): Omit<AuditEventInit, 'type' | 'decision'> {
  const { call, subject, authenticated, policy, approvals, reservation } = each;
  const { tool, now, context } = call;
  return {
    time: now,
    enforcementPoint: name,
    ...(subject === undefined ? { chains: [] } : describeSubject(subject)),
    tool: typeof tool === 'string' ? tool : undefined,
    resource: context.resource,
    action: context.action,
    arguments: authenticated === undefined ? undefined : argsOf(authenticated),
    policy: policy?.policy,
    policyDecisionId: policy?.decisionId,
    policyReasons: policy?.reasons,
    approvals,
    budget:
      reservation === undefined
        ? undefined
        : [...reservation.amounts].map(([meter, amount]) => ({ meter, amount })),
    session: authenticated?.session?.session.id,
  };
}

/** What the call can be judged on again. The proof of a call that was refused may still serve, so nobody keeps it. */
function evidenceOf(
  { subject, authenticated }: Case,
  refusal: Judgement | undefined,
): AuditEvidence | undefined {
  if (subject === undefined || authenticated === undefined) return undefined;
  const proofs = refusal === undefined ? authenticated.proofs : [];
  return { chains: subject.chains, proofs };
}

function describeSubject({
  policyChains,
  caveats,
}: Subject): Pick<AuditEventInit, 'chains' | 'tenant' | 'purposes'> {
  const chains: readonly AuditChain[] = policyChains;
  return { chains, tenant: caveats.tenant, purposes: caveats.purposes };
}

function readReference(value: unknown): EventReference | undefined {
  const { id, emitter, sequence } = membersOf(value);
  if (typeof id !== 'string' || typeof emitter !== 'string') return undefined;
  if (!Number.isSafeInteger(sequence)) return undefined;
  return Object.freeze({ id, emitter, sequence: sequence as number });
}

/** The chain that verified, of a call that was refused before it was proved who makes it. */
function presentedChain(refusal: Judgement | undefined): AuditChain | undefined {
  const verdict = refusal?.chainVerdict;
  return verdict?.verdict === 'verified' ? subjectOf([verdict.chain]).policyChains[0] : undefined;
}
