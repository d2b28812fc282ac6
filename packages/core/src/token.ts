import { aatEntries, type Capabilities, readCapabilities, toolsOf } from './capability.ts';
import type { Caveats } from './caveat/caveats.ts';
import { type Problem, problem } from './denial.ts';
import {
  isJsonObject,
  type JsonObject,
  type JsonResult,
  type JsonValue,
  type NumberForms,
} from './json.ts';
import { type PublicKey, readPublicKey } from './key.ts';
import type { Limits } from './limits.ts';
import type { ExchangedSubject } from './subject-claim.ts';

/** The claims of a token that decide (draft section 3.2), well-formed. Times are seconds since the epoch. */
export interface TokenClaims {
  readonly jti: string;
  readonly iss: string;
  readonly iat: number;
  readonly exp: number;
  readonly delDepth: number;
  readonly delMaxDepth: number;
  /** base64url SHA-256 of the parent's signing input; absent in a root. */
  readonly parHash: string | undefined;
  /** The enforcement points where the token may be presented; `undefined` when the claim is absent, `null` when it is malformed and so fits nowhere. */
  readonly aud: readonly string[] | null | undefined;
  readonly holder: PublicKey;
  readonly capabilities: Capabilities;
  /** False where a token that is not a leaf carries no AAT entry: the empty capability set. */
  readonly hasCapabilities: boolean;
  /** What the token asks beyond its tools (spec/profile.md); `undefined` for a token of plain AAT. */
  readonly caveats: Caveats | undefined;
  /** What was exchanged for a root; `undefined` for a root that was not made by token exchange, and for every other token. */
  readonly subject: ExchangedSubject | undefined;
}

/** A payload whose signature has been verified, parsed. */
export interface ParsedClaims {
  readonly object: JsonObject;
  readonly numbers: NumberForms | undefined;
}

/** Turns the parse of a payload into its claims object (steps 3b, 4b and 7b). */
export function claimsObject(parsed: JsonResult, step: string): ParsedClaims | Problem {
  if (parsed.ok && isJsonObject(parsed.value))
    return { object: parsed.value, numbers: parsed.numbers };
  const duplicate = !parsed.ok && parsed.problem === 'duplicate_member';
  return problem(duplicate ? 'claims_duplicate_member' : 'claims_malformed', step);
}

/** The steps at which root and derived tokens meet the same rule; the draft letters them differently. */
export const ROOT_STEPS: ClaimSteps = {
  times: '3b',
  depth: '3c',
  maxDepth: '3i',
  jti: '3j',
  iss: '3k',
  parHash: '3d',
  cnf: '3l',
  details: '3m',
  entry: '3m',
  constraints: '3n',
};
export const CHILD_STEPS: ClaimSteps = {
  times: '4b5',
  depth: '4b4',
  maxDepth: '4b4',
  jti: '4b1',
  iss: '4b5',
  parHash: '4b5',
  cnf: '4b2',
  details: '4b3',
  entry: '4n',
  constraints: '4o',
};

export interface ClaimSteps {
  readonly times: string;
  readonly depth: string;
  readonly maxDepth: string;
  readonly jti: string;
  readonly iss: string;
  readonly parHash: string;
  readonly cnf: string;
  readonly details: string;
  readonly entry: string;
  readonly constraints: string;
}

/** Reads an integer claim: a JSON number with no fraction or exponent part (draft section 3.2). */
export function integerClaim({ object, numbers }: ParsedClaims, claim: string): number | undefined {
  const value = Object.hasOwn(object, claim) ? object[claim] : undefined;
  if (!Number.isSafeInteger(value) || numbers?.get(object)?.has(claim)) return undefined;
  return value as number;
}

/** Reads a claim that must be a non-empty string. */
export function stringClaim({ object }: ParsedClaims, claim: string): string | undefined {
  const value = Object.hasOwn(object, claim) ? object[claim] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** `aud`: a string or an array of strings (RFC 7519 section 4.1.3). `null` when malformed; an empty array names nobody. */
export function audienceClaim({ object }: ParsedClaims): readonly string[] | null | undefined {
  if (!Object.hasOwn(object, 'aud')) return undefined;
  const value = object['aud'];
  if (typeof value === 'string') return Object.freeze([value]);
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string'))
    return Object.freeze(value as string[]);
  return null;
}

/** The holder's key in `cnf.jwk` (RFC 7800; steps 3l and 4b2). */
export function holderKey({ object }: ParsedClaims, step: string): PublicKey | Problem {
  const cnf = Object.hasOwn(object, 'cnf') ? object['cnf'] : undefined;
  const key = readPublicKey(
    isJsonObject(cnf) && Object.hasOwn(cnf, 'jwk') ? cnf['jwk'] : undefined,
  );
  if (key === 'private') return problem('holder_key_private', step);
  if (key === 'weak') return problem('holder_key_weak', step);
  return typeof key === 'string' ? problem('holder_key_invalid', step, { reason: key }) : key;
}

/** The `authorization_details` array, or the problem (steps 3m and 4b3). */
export function detailsClaim(
  { object }: ParsedClaims,
  step: string,
): readonly JsonValue[] | Problem {
  const details = Object.hasOwn(object, 'authorization_details')
    ? object['authorization_details']
    : undefined;
  return Array.isArray(details) ? details : problem('capabilities_malformed', step);
}

/**
 * Reads the tools of a token (steps 3m–3n and 4n–4o). `required` asks for exactly one AAT entry, as in a root;
 * otherwise none is the empty capability set.
 */
export function capabilitiesClaim(
  details: readonly JsonValue[],
  numbers: NumberForms | undefined,
  required: boolean,
  steps: ClaimSteps,
  limits: Limits,
): { readonly capabilities: Capabilities; readonly hasCapabilities: boolean } | Problem {
  const entries = aatEntries(details);
  if (entries === undefined || entries.length > 1 || (required && entries.length === 0)) {
    return problem('capabilities_malformed', steps.entry);
  }
  const tools = toolsOf(entries[0]);
  if (tools === undefined) return problem('capabilities_malformed', steps.entry);
  const capabilities = readCapabilities(tools, numbers, limits.maxConstraintsPerTool);
  if ('code' in capabilities)
    return problem(capabilities.code, steps.constraints, capabilities.facts);
  return { capabilities, hasCapabilities: entries.length === 1 };
}

/** Whether `value` is a URI with a scheme (RFC 3986 section 3), as `iss` must be. */
export function isUri(value: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:[^\s\p{Cc}]+$/u.test(value);
}
