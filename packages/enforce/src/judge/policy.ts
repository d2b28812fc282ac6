import { type Denial, denial, type JsonObject } from '@taper/core';
import type { CallContext } from '../decision.ts';
import type {
  ApprovalRequirement,
  PolicyDecision,
  PolicyEngine,
  PolicyInput,
} from '../port/policy-engine.ts';
import { ask, hasVerdict } from './ask.ts';
import type { Subject } from './subject.ts';

/** More different approvers than this cannot be asked for. */
export const MAX_APPROVALS = 16;

export interface PolicySettings {
  readonly engine: PolicyEngine | undefined;
  readonly enforcementPoint: string;
  readonly portTimeout: number;
}

export interface PolicyQuestion {
  readonly subject: Subject;
  readonly tool: string;
  readonly args: JsonObject;
  readonly context: CallContext;
  readonly approvals: PolicyInput['approvals'];
  readonly now: number;
}

/** What the resource owner's policy says; `undefined` where there is none. Its permit changes nothing. */
export async function checkPolicy(
  { subject, tool, args, context, approvals, now }: PolicyQuestion,
  { engine, enforcementPoint, portTimeout }: PolicySettings,
): Promise<PolicyDecision | Denial | undefined> {
  if (engine === undefined) return undefined;
  const input: PolicyInput = Object.freeze({
    agent: subject.agent,
    chains: subject.policyChains,
    tool,
    resource: context.resource ?? tool,
    action: context.action ?? tool,
    arguments: args,
    caveats: Object.freeze({ tenant: subject.caveats.tenant, purposes: subject.caveats.purposes }),
    approvals,
    context: Object.freeze({ enforcementPoint, now, attributes: context.attributes ?? {} }),
  });
  const decision = await ask(() => engine.decide(input), isPolicyDecision, portTimeout);
  return decision ?? denial('policy_unavailable');
}

function isPolicyDecision(value: unknown): value is PolicyDecision {
  if (!hasVerdict(value, ['permit', 'deny', 'approval_required'])) return false;
  const { verdict, approvals, policy, decisionId, reasons } = value as Record<string, unknown>;
  if (!Array.isArray(approvals) || !approvals.every(isRequirement)) return false;
  if ((verdict === 'approval_required') !== approvals.length > 0) return false;
  const { id, version } = (policy ?? {}) as Record<string, unknown>;
  return (
    typeof id === 'string' &&
    typeof version === 'string' &&
    (decisionId === undefined || typeof decisionId === 'string') &&
    Array.isArray(reasons) &&
    reasons.every((reason) => typeof reason === 'string')
  );
}

function isRequirement(value: unknown): value is ApprovalRequirement {
  const { group, count } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof group === 'string' &&
    group !== '' &&
    Number.isSafeInteger(count) &&
    (count as number) >= 1 &&
    (count as number) <= MAX_APPROVALS
  );
}

/** Whether what an adapter says of a call has the shape that policies and audit events rely on. */
export function isCallContext(value: unknown): value is CallContext {
  if (typeof value !== 'object' || value === null) return false;
  const { definition, resource, action, attributes } = value as Record<string, unknown>;
  return (
    [definition, resource, action].every(
      (each) => each === undefined || typeof each === 'string',
    ) &&
    (attributes === undefined ||
      (typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes)))
  );
}
