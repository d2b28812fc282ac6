import type { CedarValueJson, EntityUidJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { JsonObject, JsonValue } from '@taper/core';
import type { PolicyInput } from '../../port/policy-engine.ts';

/** Cedar's name of an entity. */
export interface CedarEntityName {
  /** With its namespace: `Taper::Resource`. */
  readonly type: string;
  readonly id: string;
}

export interface CedarMapping {
  /** Type of the entities that stand for tools as actions. */
  readonly actionType: string;
  readonly attributes: boolean;
  readonly argumentsOf: (input: PolicyInput) => JsonObject;
  readonly resourceOf: (input: PolicyInput) => CedarEntityName;
}

/** The parts of a Cedar request that follow from the call. */
export interface CedarRequest {
  readonly principal: EntityUidJson;
  readonly action: EntityUidJson;
  readonly resource: EntityUidJson;
  readonly context: Record<string, CedarValueJson>;
}

/** More containers in each other than this are not handed to Cedar, whose parser has a limit of its own. */
const MAX_DEPTH = 32;

/** By these Cedar tells an entity, a call of an extension function or code from a record: no argument may pass for one. */
const ESCAPES: ReadonlySet<string> = new Set(['__entity', '__extn', '__expr']);

/**
 * A call as Cedar sees it; `undefined` when its arguments or attributes hold what Cedar has no exact value for: `null`, a number
 * that is not an integer or lies beyond 2^53, a member `__entity`, `__extn` or `__expr`, more than 32 levels. Nothing is rounded or turned into text.
 */
export function cedarRequest(input: PolicyInput, mapping: CedarMapping): CedarRequest | undefined {
  const args = mapping.argumentsOf(input);
  const { attributes } = input.context;
  if (!isCedarRecord(args)) return undefined;
  if (mapping.attributes && !isCedarRecord(attributes)) return undefined;
  const { type, id } = mapping.resourceOf(input);
  return {
    principal: agentName(input.agent),
    action: { type: mapping.actionType, id: input.tool },
    resource: { type, id },
    context: {
      call: callRecord(input),
      arguments: args,
      ...(mapping.attributes ? { attributes } : {}),
    } as Record<string, CedarValueJson>,
  };
}

export function agentName(thumbprint: string): CedarEntityName & { type: string; id: string } {
  return { type: 'Taper::Agent', id: thumbprint };
}

function callRecord({
  tool,
  action,
  chains,
  caveats,
  approvals,
  context,
}: PolicyInput): Record<string, CedarValueJson> {
  const first = chains[0];
  const root = first?.holders[0];
  if (first === undefined || root === undefined) throw new TypeError('A call has a chain.');
  return {
    tool,
    action,
    enforcementPoint: context.enforcementPoint,
    now: context.now,
    root: { __entity: agentName(root) },
    issuer: first.issuer,
    chains: chains.length,
    issuers: chains.map(({ issuer }) => issuer),
    agents: chains.flatMap(({ holders }) =>
      holders.map((holder) => ({ __entity: agentName(holder) })),
    ),
    tokens: chains.flatMap(({ tokens }) => [...tokens]),
    depth: Math.max(...chains.map(({ depth }) => depth)),
    expiresAt: Math.min(...chains.map(({ expiresAt }) => expiresAt)),
    ...(caveats.tenant === undefined ? {} : { tenant: caveats.tenant }),
    purposes: [...caveats.purposes],
    approvals: approvals.map(({ group, approver }) => ({ group, approver })),
  };
}

function isCedarRecord(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    hasCedarValue(value as JsonObject, MAX_DEPTH)
  );
}

function hasCedarValue(value: JsonValue | undefined, levels: number): boolean {
  switch (typeof value) {
    case 'boolean':
      return true;
    case 'string':
      return value.isWellFormed();
    case 'number':
      return Number.isSafeInteger(value);
    case 'object': {
      if (value === null || levels === 0) return false;
      if (Array.isArray(value)) return value.every((each) => hasCedarValue(each, levels - 1));
      return Object.entries(value).every(
        ([name, each]) =>
          !ESCAPES.has(name) && name.isWellFormed() && hasCedarValue(each, levels - 1),
      );
    }
    default:
      return false;
  }
}
