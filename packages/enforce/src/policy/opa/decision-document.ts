import { isJsonObject, TaperError } from '@taper/core';
import type { ApprovalRequirement, PolicyDecision } from '../../port/policy-engine.ts';
import type { LoadedPolicy } from '../loaded-engine.ts';
import { isApprovalCount, joinRequirements } from '../requirement.ts';

/** What a policy says; spec/policy-decision.schema.json. */
export interface DecisionDocument {
  readonly verdict: PolicyDecision['verdict'];
  readonly approvals: readonly ApprovalRequirement[];
  readonly reasons: readonly string[];
  /** What it says of itself. */
  readonly policy: LoadedPolicy | undefined;
}

/** Reason of a denial: the document that was asked for is undefined. */
export const RESULT_UNDEFINED = 'result_undefined';

/** A document that is undefined: Rego's way of saying that no rule applies, or that one could not be evaluated. */
export const UNDEFINED_DECISION: DecisionDocument = Object.freeze({
  verdict: 'deny',
  approvals: [],
  reasons: [RESULT_UNDEFINED],
  policy: undefined,
});

const MEMBERS: ReadonlySet<string> = new Set(['verdict', 'approvals', 'reasons', 'policy']);
const MAX_TEXT = 256;
const MAX_LIST = 64;

/**
 * Reads the value of the rule that decides: `true` (permit), `false` (deny), or an object with a `verdict`.
 * @throws {TaperError} `policy_unavailable` for anything else, unknown members too: a word that is not understood may be a restriction.
 */
export function readDecisionDocument(value: unknown): DecisionDocument {
  if (typeof value === 'boolean') {
    return { verdict: value ? 'permit' : 'deny', approvals: [], reasons: [], policy: undefined };
  }
  if (!isJsonObject(value)) throw malformed('a boolean or an object');
  const {
    verdict,
    approvals = [],
    reasons = [],
    policy,
    ...rest
  } = value as Record<string, unknown>;
  if (Object.keys(rest).length > 0) throw malformed(`no members but ${[...MEMBERS].join(', ')}`);
  if (verdict !== 'permit' && verdict !== 'deny' && verdict !== 'approval_required')
    throw malformed('a `verdict` of permit, deny or approval_required');
  const required = readList(approvals, readRequirement);
  if (required === undefined) throw malformed('`approvals` with `group` and `count` each');
  if ((verdict === 'approval_required') !== required.length > 0)
    throw malformed('`approvals` with approval_required, and with nothing else');
  const named = readList(reasons, readText);
  if (named === undefined) throw malformed('`reasons` that are short texts');
  const self = policy === undefined ? undefined : readPolicy(policy);
  if (policy !== undefined && self === undefined)
    throw malformed('a `policy` with `id` and `version`');
  return { verdict, approvals: joinRequirements(required), reasons: named, policy: self };
}

/** The text itself when it is one of 1 to 256 characters without control characters. */
export function readText(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT) return undefined;
  return value.isWellFormed() && !/\p{Cc}/u.test(value) ? value : undefined;
}

function readRequirement(value: unknown): ApprovalRequirement | undefined {
  const members = exactly(value, ['group', 'count']);
  const group = readText(members?.['group']);
  const count = members?.['count'];
  return group !== undefined && isApprovalCount(count) ? { group, count } : undefined;
}

function readPolicy(value: unknown): LoadedPolicy | undefined {
  const members = exactly(value, ['id', 'version']);
  const id = readText(members?.['id']);
  const version = readText(members?.['version']);
  return id !== undefined && version !== undefined ? { id, version } : undefined;
}

function exactly(
  value: unknown,
  names: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  if (!isJsonObject(value)) return undefined;
  const object = value as Record<string, unknown>;
  return Object.keys(object).every((name) => names.includes(name)) ? object : undefined;
}

function readList<Element>(
  value: unknown,
  read: (element: unknown) => Element | undefined,
): readonly Element[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_LIST) return undefined;
  const list = value.map(read);
  return list.every((element) => element !== undefined) ? list : undefined;
}

/** Says what was expected and never what came: it may quote arguments. */
function malformed(expected: string): TaperError {
  return new TaperError('policy_unavailable', `OPA gave no decision: expected ${expected}.`, {
    hint: 'docs/policy.md says what the rule that decides has to give.',
  });
}
