import { platform } from '#crypto';
import { TaperError } from '../error.ts';
import { canonicalize } from '../jcs.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { copyJson, hasExactly, isBoundedText, isListOf, isTime } from './shape.ts';

/** The exact action that an approver signs. What is approved is this and nothing near it. */
export interface ApprovalAction {
  readonly tool: string;
  /** The arguments of the call, whole. */
  readonly arguments: JsonObject;
  /** base64url SHA-256 of the signing input of the leaf of every chain presented, in the order of presentation. */
  readonly tokens: readonly string[];
  /** Identifier of the enforcement point that asks. */
  readonly enforcementPoint: string;
  /** Chosen by the enforcement point for this request: 128 random bits or more, base64url. */
  readonly nonce: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** First second, since the epoch, at which it can no longer be approved or used. */
  readonly expiresAt: number;
}

/** Chains that one call can present. */
export const MAX_ACTION_TOKENS = 4;

const MAX_NAME = 2048;
const HASH = /^[A-Za-z0-9_-]{43}$/;
const NONCE = /^[A-Za-z0-9_-]{22,128}$/;

/** In the order of their code units. */
const MEMBERS = [
  'arguments',
  'enforcementPoint',
  'expiresAt',
  'issuedAt',
  'nonce',
  'tokens',
  'tool',
];

/** Frozen copies that were found to be actions, and the hashes of them that were asked for: arguments can be long, and are hashed often. */
const checked = new WeakMap<object, { subject?: string; action?: string }>();

/**
 * A copy of an action, checked and frozen: every member there and of its kind, and none besides; `undefined` for anything else.
 * What has no arguments is no action: approving it would approve any.
 */
export function readApprovalAction(value: unknown): ApprovalAction | undefined {
  const copy = copyJson(value);
  return isApprovalAction(copy) ? rememberAction(copy) : undefined;
}

/** Takes note of an action that was checked and that nobody can change any more. */
export function rememberAction(action: ApprovalAction): ApprovalAction {
  checked.set(action, {});
  return action;
}

/** As {@link readApprovalAction}, for a value that `parseJson` gave. */
export function isApprovalAction(
  value: JsonValue | undefined,
): value is JsonObject & ApprovalAction {
  if (!hasExactly(value, MEMBERS)) return false;
  const { tool, arguments: args, tokens, enforcementPoint, nonce, issuedAt, expiresAt } = value;
  return (
    isBoundedText(tool, MAX_NAME) &&
    isJsonObject(args) &&
    isListOf(tokens, MAX_ACTION_TOKENS, (token) => typeof token === 'string' && HASH.test(token)) &&
    tokens.length > 0 &&
    new Set(tokens).size === tokens.length &&
    isBoundedText(enforcementPoint, MAX_NAME) &&
    typeof nonce === 'string' &&
    NONCE.test(nonce) &&
    isTime(issuedAt) &&
    isTime(expiresAt) &&
    issuedAt < expiresAt
  );
}

/**
 * base64url SHA-256 of the canonical JSON (RFC 8785) of the action: what an approval signs (spec/approval.md section 3).
 * @throws {TaperError} `option_invalid` for what is no action.
 */
export function approvalActionHash(action: ApprovalAction): string {
  const known = requireAction(action);
  const hashes = checked.get(known) ?? {};
  hashes.action ??= hashOf(known);
  return hashes.action;
}

/**
 * base64url SHA-256 of what the action has in common however often it is asked for: tool, arguments, tokens and enforcement
 * point. Not a secret: whoever knows the call can compute it.
 * @throws {TaperError} `option_invalid` for what is no action.
 */
export function approvalSubject(action: ApprovalAction): string {
  const known = requireAction(action);
  const hashes = checked.get(known) ?? {};
  const { tool, arguments: args, tokens, enforcementPoint } = known;
  hashes.subject ??= hashOf({ tool, arguments: args, tokens, enforcementPoint });
  return hashes.subject;
}

/** @throws {TaperError} `option_invalid`. */
export function requireAction(action: ApprovalAction): ApprovalAction {
  if (checked.has(action)) return action;
  const read = readApprovalAction(action);
  if (read !== undefined) return read;
  throw new TaperError('option_invalid', 'This is no action that could be approved.', {
    hint: 'It has tool, arguments (an object), tokens, enforcementPoint, nonce, issuedAt and expiresAt; see spec/approval.md.',
  });
}

function hashOf(value: unknown): string {
  return platform.sha256(new TextEncoder().encode(canonicalize(value)));
}
