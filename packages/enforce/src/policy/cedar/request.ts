import type { CedarValueJson, EntityUidJson } from '@cedar-policy/cedar-wasm/nodejs';
import { canonicalize, isJsonObject, type JsonObject, type JsonValue } from '@taper/core';
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

/** Which members of `context.call` the schema has; `undefined`: all. */
export type CallMembers = ReadonlySet<string> | undefined;

/** What the schema says of requests. */
export interface RequestShape {
  readonly members: CallMembers;
  /** Whether an argument may be an entity. */
  readonly takesEntities: boolean;
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
 * that is not an integer or lies beyond 2^53, a list with an element twice, half a surrogate pair, what Cedar would take for
 * something else than the record it is, more than 32 levels. Nothing is rounded or turned into text.
 */
export function cedarRequest(
  input: PolicyInput,
  mapping: CedarMapping,
  { members, takesEntities }: RequestShape,
): CedarRequest | undefined {
  const args = mapping.argumentsOf(input);
  const { attributes } = input.context;
  if (!isCedarRecord(args, takesEntities)) return undefined;
  if (mapping.attributes && !isCedarRecord(attributes, takesEntities)) return undefined;
  const { type, id } = mapping.resourceOf(input);
  // On its way into WebAssembly half a pair would become U+FFFD, and so another name.
  if (![input.tool, input.action, type, id].every((name) => name.isWellFormed())) return undefined;
  return {
    principal: agentName(input.agent.key),
    action: { type: mapping.actionType, id: input.tool },
    resource: { type, id },
    context: {
      call: only(members, callRecord(input)),
      arguments: args,
      ...(mapping.attributes ? { attributes } : {}),
    } as Record<string, CedarValueJson>,
  };
}

function agentName(thumbprint: string): CedarEntityName & { type: string; id: string } {
  return { type: 'Taper::Agent', id: thumbprint };
}

function callRecord({
  agent,
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
    ...(agent.id === undefined ? {} : { agentId: agent.id }),
    ...(agent.trust === undefined ? {} : { trust: agent.trust }),
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

function only(
  members: CallMembers,
  call: Record<string, CedarValueJson>,
): Record<string, CedarValueJson> {
  if (members === undefined) return call;
  return Object.fromEntries(Object.entries(call).filter(([name]) => members.has(name)));
}

function isCedarRecord(value: unknown, takesEntities: boolean): value is JsonObject {
  return isJsonObject(value) && hasCedarValue(value, takesEntities, MAX_DEPTH);
}

function hasCedarValue(
  value: JsonValue | undefined,
  takesEntities: boolean,
  levels: number,
): boolean {
  switch (typeof value) {
    case 'boolean':
      return true;
    case 'string':
      return value.isWellFormed();
    case 'number':
      return Number.isSafeInteger(value);
    case 'object': {
      if (value === null || levels === 0) return false;
      const has = (each: JsonValue): boolean => hasCedarValue(each, takesEntities, levels - 1);
      if (Array.isArray(value)) return value.every(has) && areDifferent(value);
      if (isFunctionCall(value as JsonObject)) return false;
      if (takesEntities && isEntityWithMore(value as JsonObject)) return false;
      return Object.entries(value as JsonObject).every(
        ([name, each]) => !ESCAPES.has(name) && name.isWellFormed() && has(each),
      );
    }
    default:
      return false;
  }
}

/** Where the schema has a `decimal` or another extension type, Cedar takes such a record for a call of its function. */
function isFunctionCall(value: JsonObject): boolean {
  return (
    Object.hasOwn(value, 'fn') && (Object.hasOwn(value, 'arg') || Object.hasOwn(value, 'args'))
  );
}

/** Where the schema has an entity, Cedar passes over the other members, and no policy would see them. */
function isEntityWithMore(value: JsonObject): boolean {
  return (
    Object.hasOwn(value, 'type') && Object.hasOwn(value, 'id') && Object.keys(value).length > 2
  );
}

/** Lists become sets, in which an element that is there twice is there once. */
function areDifferent(values: readonly JsonValue[]): boolean {
  return new Set(values.map((value) => canonicalize(value))).size === values.length;
}
