import { type Denial, denial, type JsonObject, type VerifiedChain } from '@taper/core';
import type {
  CallContext,
  Denied,
  EnforcementDecision,
  EventReference,
  Outcome,
  Permitted,
} from './decision.ts';
import { createAuditTrail } from './judge/audit-trail.ts';
import { chainsOf, inspectChains } from './judge/inspect.ts';
import { argsOf, type Case, createJudge, type Judgement } from './judge/judge.ts';
import { readCallContext } from './judge/policy.ts';
import { createSessionDoor, type SessionDoor } from './judge/session-door.ts';
import { createWatch } from './judge/watch.ts';
import { completeOptions, type EnforcementPointOptions } from './options.ts';

export type { EnforcementPointOptions } from './options.ts';

/** The one thing that stands between an agent and a tool. */
export interface EnforcementPoint {
  /**
   * Judges one call. Resolves to a decision whatever happens and never rejects.
   * A permit has consumed what it used; run the tool with `permitted.args` and nothing else, at once and once.
   *
   * @param presentation what came over the wire, unread: any value.
   * @param args the arguments as an object, or their JSON text as received.
   */
  authorize(
    presentation: unknown,
    tool: string,
    args: JsonObject | string,
    context?: CallContext,
  ): Promise<EnforcementDecision>;
  /** Adds to the audit log what became of a permitted call. Never rejects; resolves to whether that is durable (false without an audit log). */
  conclude(permitted: Permitted, outcome: Outcome): Promise<boolean>;
  /**
   * Verifies the chains of a presentation, with or without its proofs: that they are sound, meant for here and not revoked.
   * Consumes nothing and permits nothing; for showing an agent what it may call. Never rejects.
   *
   * @param context its `evidence`, as for a call.
   */
  inspect(
    presentation: unknown,
    context?: Pick<CallContext, 'evidence'>,
  ): Promise<readonly VerifiedChain[] | Denial>;
  /**
   * Watches over a permitted call that takes long, such as a stream. `stop` is called, once, when what it was permitted by is not in
   * force any more: expired, revoked, or not known well enough not to be; at once where the view of revocations tells of news, else
   * within a second. It must not throw. Expiry has no grace here either.
   *
   * @returns what ends the watching: to be called when the call is over.
   */
  watch(permitted: Permitted, stop: (cause: Denial) => void): () => void;
  /** Where agents open sessions; absent where this enforcement point has none. */
  readonly sessions: SessionDoor | undefined;
}

/**
 * Makes an enforcement point (draft section 8, all steps, and spec/profile.md).
 *
 * Cheap refusals come first; what a call takes (its proof, its budget, its approvals) is taken last, and given back when
 * the call is refused after all. With an audit log, the decision is durable before it takes effect. Whatever a port does
 * but answer in time and within its contract, refuses the call.
 *
 * @throws {TaperError} `option_invalid` when it could not be safe: no anchor, no audience, a well-known test key as anchor.
 */
export function createEnforcementPoint(options: EnforcementPointOptions): EnforcementPoint {
  const settings = completeOptions(options);
  const judge = createJudge(settings);
  const trail = createAuditTrail(settings);
  const given = new WeakSet<object>();
  const watch = createWatch(judge, settings);
  /** Seconds since the epoch; 0 before the first call. */
  let latest = 0;
  const sessions =
    settings.sessions === undefined
      ? undefined
      : createSessionDoor(settings.sessions, settings, judge, trail);

  async function authorize(
    wire: unknown,
    tool: string,
    args: JsonObject | string,
    context: CallContext,
  ): Promise<EnforcementDecision> {
    const now = judge.readClock();
    const known = readCallContext(context);
    const each: Case = {
      // The event of a call that comes while the clock cannot be trusted says the latest time that could be.
      call: { wire, tool, args, context: known ?? {}, now: now ?? latest },
      approvals: [],
      used: [],
    };
    if (now === undefined) return refuse(each, { denial: denial('clock_unavailable') });
    latest = now;
    if (known === undefined)
      return refuse(each, { denial: denial('internal_error', {}, { reason: 'context' }) });
    const refusal = await judge.hear(each).catch(internalError);
    if (refusal !== undefined) return refuse(each, refusal);

    const event = await trail.decision(each, undefined);
    if (event === undefined && trail.kept) {
      // It may have been written all the same: then what follows takes it back.
      void trail.withdrawal(each, undefined, 'audit_unavailable');
      await judge.dismiss(each).catch(ignore);
      return deny({ denial: denial('audit_unavailable') }, undefined);
    }
    const late = await judge.confirm(each).catch(internalError);
    if (late !== undefined) {
      await judge.dismiss(each).catch(ignore);
      await trail.withdrawal(each, event, late.denial.code);
      return deny(late, event);
    }
    const permitted = permit(each, event);
    if (permitted.verdict === 'permit') {
      given.add(permitted);
      watch.remember(permitted, each.call.context.evidence);
    }
    return permitted;
  }

  async function refuse(each: Case, refusal: Judgement): Promise<EnforcementDecision> {
    await judge.dismiss(each).catch(ignore);
    const event = await trail.decision(each, refusal);
    if (refusal.approval === undefined) return deny(refusal, event);
    const { pending, missing } = refusal.approval;
    return Object.freeze({
      verdict: 'approval_required',
      denial: refusal.denial,
      chainVerdict: refusal.chainVerdict,
      pending,
      missing,
      event,
    });
  }

  return Object.freeze<EnforcementPoint>({
    sessions,
    async authorize(wire, tool, args, context = {}) {
      try {
        return await authorize(wire, tool, args, context);
      } catch {
        return deny({ denial: denial('internal_error') }, undefined);
      }
    },
    async conclude(permitted, outcome) {
      try {
        const now = judge.readClock();
        // Once, and only what was given here.
        if (now === undefined || !given.delete(permitted)) return false;
        return await trail.outcome(permitted, outcome, now);
      } catch {
        return false;
      }
    },
    watch: watch.over,
    async inspect(presentation, context = {}) {
      try {
        const chains = chainsOf(presentation);
        if ('code' in chains) return chains;
        const known = readCallContext(context);
        if (known === undefined) return denial('internal_error', {}, { reason: 'context' });
        return await inspectChains(chains, judge, settings, known.evidence);
      } catch {
        return denial('internal_error');
      }
    },
  });
}

function permit({ authenticated }: Case, event: EventReference | undefined): Permitted | Denied {
  const [first] = authenticated?.permits ?? [];
  if (authenticated === undefined || first === undefined)
    return deny({ denial: denial('internal_error') }, event);
  return Object.freeze({
    verdict: 'permit',
    chain: first.chain,
    proof: first.proof,
    tool: first.tool,
    args: argsOf(authenticated),
    permits: authenticated.permits,
    event,
  });
}

function deny(
  { denial: cause, chainVerdict, joined }: Judgement,
  event: EventReference | undefined,
): Denied {
  return Object.freeze({
    verdict: 'deny',
    denial: cause,
    chainVerdict,
    ...(joined === undefined ? {} : { joined }),
    event,
  });
}

function internalError(): Judgement {
  return { denial: denial('internal_error') };
}

/** What could not be given back stays taken; the call is refused in any case. */
function ignore(): void {}
