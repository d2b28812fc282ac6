import {
  type CountedApproval,
  createVerifier,
  type Denial,
  denial,
  isWellKnownTestKey,
  platform,
  TaperError,
  type VerifiedChain,
  type Verifier,
} from '@taper/core';
import type { Settings } from '../options.ts';
import type { PendingAction } from '../port/approval-source.ts';
import { forwardOnly } from '../port/clock.ts';
import type { ApprovalRequirement, PolicyDecision } from '../port/policy-engine.ts';
import type { UsedKey } from '../port/replay-store.ts';
import type { RevocationQuery } from '../port/revocation-view.ts';
import { describeFailure } from '../port-failure.ts';
import { type AgentSettings, checkAgents } from './agents.ts';
import {
  type ApprovalSettings,
  checkApprovals,
  closeApproval,
  knownApprovals,
  NONE_KNOWN,
  requiredApprovals,
} from './approval.ts';
import {
  type BudgetSettings,
  type Reservation,
  releaseBudget,
  reserveBudget,
  settleBudget,
} from './budget.ts';
import {
  type AuthenticatedCall,
  authenticate,
  type Call,
  type Refusal,
  useOf,
  verified,
} from './call.ts';
import { patienceWith } from './patience.ts';
import { checkPolicy, type PolicySettings } from './policy.ts';
import { askForApproval } from './question.ts';
import { giveBackUses, type ReplaySettings, useUp } from './replay.ts';
import { checkRevocation, queryOf, type RevocationSettings } from './revocation.ts';
import { type Callers, type Subject, subjectOf } from './subject.ts';

/** One call, with what has been found out about it and what is held for it; filled in as it is judged. */
export interface Case {
  readonly call: Call;
  authenticated?: AuthenticatedCall;
  subject?: Subject;
  /** What the view of revocations is asked, each time with the same object. */
  query?: RevocationQuery;
  policy?: PolicyDecision;
  approvals: readonly CountedApproval[];
  /** The action that was approved, once its approvals are enough. */
  approved?: PendingAction;
  reservation?: Reservation;
  /** What has been marked as used for it. */
  used: readonly UsedKey[];
}

/** Why a case is refused, and the approvals that would help where they would. */
export interface Judgement extends Refusal {
  readonly approval?: {
    readonly pending: PendingAction;
    readonly missing: readonly ApprovalRequirement[];
  };
}

/** Judges cases in three steps, between which the enforcement point writes its audit log. */
export interface Judge {
  readonly verifier: Verifier;
  /** Seconds since the epoch, never running backwards; `undefined` when the clock cannot be trusted. */
  readonly readClock: () => number | undefined;
  /** Everything that can refuse the call. Where nothing does, what it takes is held: reserved and marked as used. */
  hear(call: Case): Promise<Judgement | undefined>;
  /** Ports may have taken their time: what has expired or was revoked since is refused, with no grace. Then what was reserved is spent, and what was approved is closed. */
  confirm(call: Case): Promise<Judgement | undefined>;
  /** Why verified chains are not in force any more: expired, or revoked, or used by a key that was replaced. `evidence`: what came along to show that they are not. */
  lapse(
    chains: readonly VerifiedChain[],
    evidence: string | undefined,
    callers: Callers,
  ): Promise<Denial | undefined>;
  /** Gives back whatever is held for a call that was refused. */
  dismiss(call: Case): Promise<void>;
}

/** Bytes of randomness in identifiers that nobody may guess or meet twice. */
const IDENTIFIER_BYTES = 32;

/** @throws {TaperError} `option_invalid`. */
export function createJudge(settings: Settings): Judge {
  const { name, random, sessions, allowTestKeys } = settings;
  const verifier = createVerifier(settings.verifier);
  refuseTestKeys(settings);
  const readClock = forwardOnly(settings.clock, (cause) =>
    settings.report(describeFailure('clock', cause === undefined ? 'malformed' : 'threw', cause)),
  );
  const newId = (): string => platform.encodeBase64url(random(IDENTIFIER_BYTES));
  const revocation: RevocationSettings = {
    view: settings.revocation,
    maxStaleness: settings.maxRevocationStaleness,
    patience: patienceWith('revocation', settings),
  };
  const agents: AgentSettings | undefined = settings.agents && {
    rules: settings.agents,
    tenant: settings.verifier.profile?.tenant,
    patience: patienceWith('agents', settings),
  };
  const approval: ApprovalSettings = {
    source: settings.approvals,
    lifetime: settings.approvalLifetime,
    name,
    random,
    patience: patienceWith('approvals', settings),
  };
  const policy: PolicySettings = {
    engine: settings.policy,
    enforcementPoint: name,
    patience: patienceWith('policy', settings),
  };
  const budget: BudgetSettings = {
    ledger: settings.ledger,
    meters: settings.meters,
    owner: newId(),
    newId,
    patience: patienceWith('ledger', settings),
  };
  const replay: ReplaySettings = {
    store: settings.replay,
    sessions,
    patience: patienceWith('replay', settings),
  };

  function asksRevocation({ caveats }: Subject): boolean {
    return revocation.view !== undefined || caveats.revocation !== undefined;
  }

  async function hear(each: Case): Promise<Judgement | undefined> {
    const { call } = each;
    const { tool, now, context } = call;
    const authenticated = authenticate(call, { verifier, sessions, allowTestKeys });
    if ('denial' in authenticated) return authenticated;
    each.authenticated = authenticated;
    const subject = subjectOf(
      authenticated.permits.map(({ chain }) => chain),
      authenticated.permits.map(({ proof }) => proof),
    );
    each.subject = subject;
    const query = queryOf(subject, context);
    each.query = query;
    const args = argsOf(authenticated);

    // Where a port has no part in a call, it is not waited for: that would cost more than all the rest but the signature.
    const revoked = asksRevocation(subject)
      ? await checkRevocation(subject, query, now, revocation)
      : undefined;
    if (revoked !== undefined) return atChain(subject, revoked);
    const agent =
      agents === undefined ? { key: subject.agent } : await checkAgents(subject, now, agents);
    if ('denial' in agent) return atChain(subject, agent);

    const asking = { subject, tool, args, presented: authenticated.approvals, now };
    const known =
      approval.source === undefined ? NONE_KNOWN : await knownApprovals(asking, approval);
    if ('code' in known) return refused(subject, known);
    const decided =
      policy.engine === undefined
        ? undefined
        : await checkPolicy(
            { agent, subject, tool, args, context, approvals: known.valid, now },
            policy,
          );
    if (decided !== undefined && 'code' in decided) return refused(subject, decided);
    if (decided !== undefined) each.policy = decided;
    if (decided?.verdict === 'deny') return refused(subject, denial('policy_denied', {}, { tool }));
    const required = requiredApprovals(asking, decided);
    if (required === undefined) return refused(subject, denial('internal_error'));
    const approvals =
      required.length === 0 ? undefined : await checkApprovals(asking, known, required, approval);
    if (approvals !== undefined && 'code' in approvals) return refused(subject, approvals);
    if (approvals?.verdict === 'missing') {
      const { missing } = approvals;
      const asked = { authenticated, known, requirements: required };
      const pending = await askForApproval(asking, asked, approval, replay);
      if ('code' in pending) return refused(subject, pending);
      const cause = denial('approval_required', {}, { tool });
      return { ...refused(subject, cause), approval: { pending, missing } };
    }
    if (approvals !== undefined) {
      each.approvals = approvals.valid;
      each.approved = approvals.pending;
    }

    const reserved =
      subject.caveats.budgets.length === 0
        ? undefined
        : await reserveBudget(subject, tool, args, now, budget);
    if (reserved !== undefined && 'code' in reserved) return refused(subject, reserved);
    if (reserved !== undefined) each.reservation = reserved;
    const uses = [...authenticated.uses, ...useOfApproval(each.approved)];
    const spent = await useUp(authenticated, uses, each.approved !== undefined, now, replay);
    if (spent !== undefined) return refused(subject, spent);
    each.used = uses;
    return undefined;
  }

  async function confirm(each: Case): Promise<Judgement | undefined> {
    const subject = each.subject as Subject;
    const query = each.query as RevocationQuery;
    const late = (await lapsed(subject, query)) ?? outlived(each, readClock());
    if (late !== undefined) return late;
    if (each.reservation !== undefined) {
      const now = readClock();
      if (now === undefined) return refused(subject, denial('clock_unavailable'));
      const unsettled = await settleBudget(each.reservation, now, budget);
      if (unsettled !== undefined) return refused(subject, unsettled);
    }
    if (each.approved !== undefined) await closeApproval(each.approved, approval);
    const now = readClock();
    return expired(subject, now) ?? outlived(each, now);
  }

  async function lapsed(subject: Subject, query: RevocationQuery): Promise<Judgement | undefined> {
    const now = readClock();
    const late = expired(subject, now);
    if (late !== undefined || now === undefined) return late;
    const revoked = asksRevocation(subject)
      ? await checkRevocation(subject, query, now, revocation)
      : undefined;
    if (revoked !== undefined) return atChain(subject, revoked);
    const agent = agents === undefined ? undefined : await checkAgents(subject, now, agents);
    return agent !== undefined && 'denial' in agent ? atChain(subject, agent) : undefined;
  }

  return Object.freeze<Judge>({
    verifier,
    readClock,
    hear,
    confirm,
    async lapse(chains, evidence, callers) {
      const subject = subjectOf(chains, callers);
      return (await lapsed(subject, queryOf(subject, { evidence })))?.denial;
    },
    async dismiss({ reservation, used }) {
      if (reservation !== undefined) await releaseBudget(reservation, budget);
      await giveBackUses(used, replay);
    },
  });
}

/** Whoever has read the standard that a key is printed in can sign with it. */
function refuseTestKeys({ allowTestKeys, verifier }: Settings): void {
  const published = verifier.anchors.find(({ key }) => isWellKnownTestKey(key));
  if (allowTestKeys || published === undefined) return;
  throw new TaperError(
    'option_invalid',
    `The trust anchor of ${published.issuer} is a published test key: anybody can sign with it.`,
    { hint: 'Make a key of your own with `taper key new`.' },
  );
}

/** The arguments as they were judged. All chains were asked about the same text. */
export function argsOf({
  permits,
}: AuthenticatedCall): AuthenticatedCall['permits'][number]['args'] {
  return (permits[0] as AuthenticatedCall['permits'][number]).args;
}

/** What is approved is one call: its request serves once, whoever else signs it. */
function useOfApproval(approved: PendingAction | undefined): readonly UsedKey[] {
  if (approved === undefined) return [];
  const { nonce, expiresAt } = approved.action;
  return [{ key: useOf(`approval ${nonce}`), expiresAt: expiresAt + APPROVAL_RETENTION }];
}

/** Seconds: by how much the clocks of two enforcement points that share a store may differ. */
const APPROVAL_RETENTION = 60;

function expired(subject: Subject, now: number | undefined): Judgement | undefined {
  if (now === undefined) return refused(subject, denial('clock_unavailable'));
  if (subject.expiresAt > now) return undefined;
  for (const [joined, { tokens }] of subject.chains.entries()) {
    const hop = tokens.findIndex(({ claims }) => !(claims.exp > now));
    if (hop === -1) continue;
    const cause = denial('token_expired', { hop, step: hop === 0 ? '3e' : '4i' });
    return atChain(subject, { denial: cause, joined });
  }
  return refused(subject, denial('internal_error'));
}

/** What a call rests on beside its chains, and has run out. */
function outlived(
  { subject, authenticated, approved, approvals }: Case,
  now: number | undefined,
): Judgement | undefined {
  if (now === undefined) return refused(subject as Subject, denial('clock_unavailable'));
  const granted = approved === undefined ? [] : [approved.action, ...approvals];
  const session = authenticated?.session?.session;
  if (granted.some(({ expiresAt }) => !(expiresAt > now)))
    return refused(subject as Subject, denial('approval_expired'));
  if (session !== undefined && !(session.expiresAt > now))
    return refused(subject as Subject, denial('session_expired'));
  return undefined;
}

function refused(subject: Subject, cause: Denial): Judgement {
  return atChain(subject, { denial: cause });
}

function atChain(
  { chains }: Subject,
  { denial: cause, joined }: { readonly denial: Denial; readonly joined?: number },
): Judgement {
  const chain = chains[joined ?? 0];
  return {
    denial: cause,
    chainVerdict: chain === undefined ? undefined : verified(chain),
    joined: chains.length > 1 ? joined : undefined,
  };
}
