import { deepFreeze, holdsInadmissibleNumber, type JsonValue, parseJson } from '../json.ts';
import {
  type ApprovalAction,
  isApprovalAction,
  MAX_ACTION_TOKENS,
  rememberAction,
} from './action.ts';
import { copyJson, hasExactly, isListOf } from './shape.ts';

/** So many different approvers of the group have to approve. */
export interface RequiredApproval {
  readonly group: string;
  /** 1 to {@link MAX_APPROVAL_COUNT}. */
  readonly count: number;
}

/** What an approver is given to look at (spec/approval.md section 6). Its JSON text has the same members. */
export interface ApprovalRequest {
  readonly action: ApprovalAction;
  readonly requirements: readonly RequiredApproval[];
  /** The chains under which the call was made, each root first, in the order of `action.tokens`. */
  readonly chains: readonly (readonly string[])[];
  /** Approvals that have come in: compact JWS, unverified. */
  readonly approvals: readonly string[];
}

/** The most approvals that one group can be asked for. */
export const MAX_APPROVAL_COUNT = 16;

/** The most approvals that are looked at for one call. */
export const MAX_APPROVALS = 64;

const MAX_GROUPS = 64;
const MAX_CHAIN_TOKENS = 64;
const MAX_GROUP_NAME = 128;

/** In the order of their code units. */
const MEMBERS = ['action', 'approvals', 'chains', 'requirements'];

/** Whether the text can name a group of approvers: 1 to 128 characters, no invisible one but spaces, which stand inside only. */
export function isGroupName(name: unknown): name is string {
  return (
    typeof name === 'string' &&
    name.length <= MAX_GROUP_NAME &&
    /^[^\p{C}\p{Z}](?:[^\p{C}\p{Zl}\p{Zp}]*[^\p{C}\p{Z}])?$/u.test(name)
  );
}

/** Whether the value can be asked for: a group's name, and a whole number from 1 to {@link MAX_APPROVAL_COUNT}. */
export function isRequiredApproval(value: unknown): value is RequiredApproval {
  if (typeof value !== 'object' || value === null) return false;
  const { group, count } = value as Partial<RequiredApproval>;
  return (
    isGroupName(group) &&
    Number.isSafeInteger(count) &&
    (count as number) >= 1 &&
    (count as number) <= MAX_APPROVAL_COUNT
  );
}

/** A copy of a request, checked and frozen; `undefined` for anything that has not every member, or has another. Nothing in it is verified. */
export function readApprovalRequest(value: unknown): ApprovalRequest | undefined {
  const copy = copyJson(value);
  return copy !== undefined && isRequest(copy) ? remember(copy) : undefined;
}

/** As {@link readApprovalRequest}, from JSON text: strict, so that what is shown and what is hashed are one value. */
export function parseApprovalRequest(text: string): ApprovalRequest | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok || !isRequest(parsed.value)) return undefined;
  return holdsInadmissibleNumber(parsed.value, parsed.numbers)
    ? undefined
    : remember(deepFreeze(parsed.value));
}

/** Of a request that is frozen. */
function remember(request: ApprovalRequest): ApprovalRequest {
  rememberAction(request.action);
  return request;
}

function isRequest(value: JsonValue): value is JsonValue & ApprovalRequest {
  if (!hasExactly(value, MEMBERS)) return false;
  const { action, requirements, chains, approvals } = value;
  return (
    isApprovalAction(action) &&
    isListOf(requirements, MAX_GROUPS, isExactRequirement) &&
    requirements.length > 0 &&
    isListOf(chains, MAX_ACTION_TOKENS, isChain) &&
    chains.length === action.tokens.length &&
    isListOf(approvals, MAX_APPROVALS, isString)
  );
}

function isExactRequirement(value: JsonValue): boolean {
  return hasExactly(value, ['count', 'group']) && isRequiredApproval(value);
}

function isChain(value: JsonValue): boolean {
  return isListOf(value, MAX_CHAIN_TOKENS, isString) && value.length > 0;
}

function isString(value: JsonValue): boolean {
  return typeof value === 'string';
}
