import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { type AuditDecision, type AuditEventType, isEmitter } from './event.ts';
import { isHash, isSequence, isSignature, isTime } from './head.ts';

type Shape = (value: JsonValue) => boolean;

const isText: Shape = (value) => typeof value === 'string';

const isDecimal: Shape = (value) => isText(value) && value !== '';

function oneOf(...names: readonly string[]): Shape {
  return (value) => names.includes(value as string);
}

function listOf(shape: Shape): Shape {
  return (value) => Array.isArray(value) && value.length > 0 && value.every(shape);
}

function exactly(shapes: Readonly<Record<string, Shape>>): Shape {
  const size = Object.keys(shapes).length;
  return (value) =>
    isJsonObject(value) &&
    Object.keys(value).length === size &&
    Object.entries(shapes).every(
      ([member, shape]) => Object.hasOwn(value, member) && shape(value[member] as JsonValue),
    );
}

const isUuid: Shape = (value) =>
  isText(value) && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value as string);

const CHAIN: Readonly<Record<string, Shape>> = {
  agent_id: isHash,
  delegated_by: isText,
  delegation_chain: listOf(isText),
  token_hashes: listOf(isHash),
};

/** Every member that an event can have, and its shape (`spec/audit.md` section 2, `spec/audit-event.schema.json`). */
const MEMBERS: Readonly<Record<string, Shape>> = {
  action: isText,
  ...CHAIN,
  approvals: listOf(exactly({ approver: isText, group: isText, id: isText, key: isHash })),
  arguments: (value) => isJsonObject(value) && Object.keys(value).length > 0,
  arguments_hash: isHash,
  budget: listOf(exactly({ amount: isDecimal, meter: isText })),
  decision: oneOf(
    'permit',
    'deny',
    'approval_required',
    'executed',
    'failed',
    'not_executed',
    'opened',
    'closed',
  ),
  decision_event_id: isUuid,
  denial_code: (value) => isText(value) && /^[a-z][a-z0-9_]*$/.test(value as string),
  denial_hop: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  emitter: isEmitter,
  enforcement_point: isText,
  event_id: isUuid,
  event_type: oneOf('decision', 'outcome', 'session'),
  joined_chains: listOf(exactly(CHAIN)),
  policy_decision_id: isText,
  policy_id: isText,
  policy_reasons: listOf(isText),
  policy_version: isText,
  presented_chain: exactly({ delegation_chain: listOf(isText), token_hashes: listOf(isHash) }),
  previous_hash: isHash,
  purposes: listOf(isText),
  resource: isText,
  sequence: isSequence,
  session: isText,
  signature: isSignature,
  tenant: isText,
  time: isTime,
  tool: isText,
};

const REQUIRED = [
  'decision',
  'emitter',
  'enforcement_point',
  'event_id',
  'event_type',
  'previous_hash',
  'sequence',
  'signature',
  'time',
] as const;

/** What an event of a type can have decided (`spec/audit.md` section 2). */
export const AUDIT_DECISIONS: Readonly<Record<AuditEventType, readonly AuditDecision[]>> = {
  decision: ['permit', 'deny', 'approval_required'],
  outcome: ['executed', 'failed', 'not_executed'],
  session: ['opened', 'deny', 'closed'],
};

/** Decisions that may stand without a chain: nobody is named for them, and nothing was allowed. */
const WITHOUT_CHAIN: readonly AuditDecision[] = ['deny', 'approval_required', 'closed'];

/** The member of an event that is missing, unknown, of the wrong shape or at odds with another; `undefined` when all is well. */
export function eventProblem(event: JsonObject): string | undefined {
  for (const member of REQUIRED) if (!Object.hasOwn(event, member)) return member;
  for (const member of Object.keys(event)) {
    if (!Object.hasOwn(MEMBERS, member)) return member;
    if (!MEMBERS[member]?.(event[member] as JsonValue)) return member;
  }
  const decision = event['decision'] as AuditDecision;
  if (!AUDIT_DECISIONS[event['event_type'] as AuditEventType].includes(decision)) return 'decision';
  const chain = Object.keys(CHAIN);
  const present = chain.filter((member) => Object.hasOwn(event, member));
  if (present.length > 0 && present.length < chain.length)
    return chain.find((member) => !present.includes(member));
  const isNamed = present.length > 0;
  if (!isNamed && !WITHOUT_CHAIN.includes(decision)) return 'token_hashes';
  if (!isNamed && Object.hasOwn(event, 'joined_chains')) return 'joined_chains';
  const isShown = Object.hasOwn(event, 'presented_chain');
  if (isShown && (isNamed || decision !== 'deny')) return 'presented_chain';
  return undefined;
}
