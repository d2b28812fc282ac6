import { type Denial, denial, type JsonObject } from '@taper/core';
import type { CallContext } from '../decision.ts';
import type {
  ApprovalRequirement,
  PolicyAgent,
  PolicyDecision,
  PolicyEngine,
  PolicyInput,
} from '../port/policy-engine.ts';
import { ask, membersOf, oneOf, type Patience } from './ask.ts';
import type { Subject } from './subject.ts';

/** More different approvers than this cannot be asked for. */
const MAX_APPROVALS = 16;

export interface PolicySettings {
  readonly engine: PolicyEngine | undefined;
  readonly enforcementPoint: string;
  readonly patience: Patience;
}

export interface PolicyQuestion {
  readonly agent: PolicyAgent;
  readonly subject: Subject;
  readonly tool: string;
  readonly args: JsonObject;
  readonly context: CallContext;
  readonly approvals: PolicyInput['approvals'];
  readonly now: number;
}

/** What the resource owner's policy says; `undefined` where there is none. Its permit changes nothing. */
export async function checkPolicy(
  { agent, subject, tool, args, context, approvals, now }: PolicyQuestion,
  { engine, enforcementPoint, patience }: PolicySettings,
): Promise<PolicyDecision | Denial | undefined> {
  if (engine === undefined) return undefined;
  const input: PolicyInput = Object.freeze({
    agent,
    chains: subject.policyChains,
    tool,
    resource: context.resource ?? tool,
    action: context.action ?? tool,
    arguments: args,
    caveats: Object.freeze({ tenant: subject.caveats.tenant, purposes: subject.caveats.purposes }),
    approvals,
    context: Object.freeze({ enforcementPoint, now, attributes: context.attributes ?? {} }),
  });
  const decision = await ask(() => engine.decide(input), readDecision, patience);
  return decision ?? denial('policy_unavailable');
}

const readVerdict = oneOf('permit', 'deny', 'approval_required');

function readDecision(value: unknown): PolicyDecision | undefined {
  const members = membersOf(value);
  const verdict = readVerdict(members['verdict']);
  const approvals = listOf(members['approvals'], readRequirement);
  const { id, version } = membersOf(members['policy']);
  const { decisionId } = members;
  const reasons = listOf(members['reasons'], textOf);
  if (verdict === undefined || approvals === undefined || reasons === undefined) return undefined;
  if ((verdict === 'approval_required') !== approvals.length > 0) return undefined;
  if (typeof id !== 'string' || typeof version !== 'string') return undefined;
  if (decisionId !== undefined && typeof decisionId !== 'string') return undefined;
  const policy = Object.freeze({ id, version });
  const decision = { verdict, approvals, policy, reasons };
  return Object.freeze(decisionId === undefined ? decision : { ...decision, decisionId });
}

function readRequirement(value: unknown): ApprovalRequirement | undefined {
  const { group, count } = membersOf(value);
  if (typeof group !== 'string' || group === '') return undefined;
  const isCount = Number.isSafeInteger(count) && (count as number) >= 1;
  if (!isCount || (count as number) > MAX_APPROVALS) return undefined;
  return Object.freeze({ group, count: count as number });
}

function listOf<Element>(
  value: unknown,
  read: (element: unknown) => Element | undefined,
): readonly Element[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const list: Element[] = [];
  for (const each of Array.from(value as readonly unknown[])) {
    const element = read(each);
    if (element === undefined) return undefined;
    list.push(element);
  }
  return Object.freeze(list);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A copy of what an adapter says of a call; `undefined` unless it has the shape that policies and audit events rely on. Never throws. */
export function readCallContext(value: unknown): CallContext | undefined {
  try {
    if (typeof value !== 'object' || value === null) return undefined;
    const { definition, resource, action, evidence, attributes } = value as CallContext;
    const texts = Object.entries({ definition, resource, action, evidence }).filter(
      ([, text]) => text !== undefined,
    );
    if (!texts.every(([, text]) => typeof text === 'string')) return undefined;
    const copy: CallContext = Object.fromEntries(texts);
    if (attributes === undefined) return Object.freeze(copy);
    if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes))
      return undefined;
    return Object.freeze({ ...copy, attributes: Object.freeze({ ...attributes }) });
  } catch {
    return undefined; // reading it runs code of somebody else
  }
}
