import { isJsonObject, type JsonObject, type JsonValue, TaperError } from '@taper/core';
import { type AgentName, isAgentName } from '../identity/spiffe-id.ts';
import type { Returning } from '../identity/workload.ts';

/** A claim by its name; or, where it begins with `/`, by its JSON pointer (RFC 6901), such as `/kubernetes.io/namespace`. */
export type ClaimName = string;

/** Which workload of an issuer may become which agent. */
export interface WorkloadBinding {
  /** Claims that must be exactly these texts. At least one. */
  readonly where: Readonly<Record<ClaimName, string>>;
  /** The tenant, or the claim that names it: it has to be one path segment as it stands. */
  readonly tenant: string | { readonly claim: ClaimName };
  /** The agent's name, likewise. */
  readonly name: string | { readonly claim: ClaimName };
  /**
   * A workload that comes back with a new key, under the issuer and subject by which the agent was admitted, gives the agent that key in place of
   * the current one. Default: it is refused, `agent_exists`.
   */
  readonly returning?: 'replace_key';
  /** With `returning`: seconds for which the key that is replaced goes on, 0 to 2592000 (30 days). Default 0. */
  readonly overlap?: number;
}

/** Which agent a workload may become, and whether it may come back to it with a new key. */
export interface BoundAgent extends AgentName {
  readonly returning?: Returning;
}

const REQUIRED = ['where', 'tenant', 'name'] as const;
const MAX_OVERLAP = 30 * 86_400;

/** Claims that a user can often choose or change, or that pass from one to another. They bind only where the operator accepts that. */
const MUTABLE_CLAIMS: ReadonlySet<string> = new Set([
  'email',
  'family_name',
  'given_name',
  'name',
  'nickname',
  'preferred_username',
  'profile',
  'unique_name',
  'upn',
  'username',
]);

/**
 * Checks a binding that an operator wrote.
 * @throws {TaperError} `option_invalid`.
 */
export function requireBinding(binding: unknown, acceptsMutable: boolean): WorkloadBinding {
  if (!isJsonObject(binding) || !REQUIRED.every((member) => Object.hasOwn(binding, member)))
    throw invalid('A binding has `where`, `tenant` and `name`.');
  const { where, tenant, name, returning, overlap, ...others } = binding;
  if (Object.keys(others).length > 0)
    throw invalid(
      'A binding has `where`, `tenant`, `name`, `returning`, `overlap`, and nothing else.',
    );
  if (returning !== undefined && returning !== 'replace_key')
    throw invalid('`returning` is "replace_key", or left out.');
  if (overlap !== undefined && !(returning !== undefined && isOverlap(overlap)))
    throw invalid('`overlap` goes with `returning`, and is 0 to 2592000 seconds.');
  if (!isJsonObject(where) || Object.keys(where).length === 0)
    throw invalid('`where` must name at least one claim: without one, every workload would match.');
  for (const value of Object.values(where))
    if (typeof value !== 'string' || value === '') throw invalid('A claim of `where` is a text.');
  const claims = [...Object.keys(where), claimOf('tenant', tenant), claimOf('name', name)];
  for (const claim of claims) {
    if (claim === '') throw invalid('A claim has a name.');
    if (claim !== undefined && MUTABLE_CLAIMS.has(claim) && !acceptsMutable)
      throw invalid(`\`${claim}\` can often be changed by whom it names.`);
  }
  return structuredClone(binding) as unknown as WorkloadBinding;
}

/** The claim that a part of the agent's name comes from; `undefined` where it is written down. */
function claimOf(member: string, value: JsonValue | undefined): string | undefined {
  if (isAgentName(value)) return undefined;
  const claim = isJsonObject(value) ? value['claim'] : undefined;
  if (!isJsonObject(value) || Object.keys(value).length !== 1 || typeof claim !== 'string')
    throw invalid(`\`${member}\` is one path segment of a SPIFFE ID, or a claim.`);
  return claim;
}

/** The agent that a workload with these claims may become; `undefined` where no binding says so, or more than one does. */
export function boundAgent(
  bindings: readonly WorkloadBinding[],
  claims: JsonObject,
): BoundAgent | undefined {
  const matching = bindings.filter(({ where }) =>
    Object.entries(where).every(([claim, value]) => textOf(claims, claim) === value),
  );
  const [binding] = matching;
  if (binding === undefined || matching.length > 1) return undefined;
  const tenant = partOf(claims, binding.tenant);
  const name = partOf(claims, binding.name);
  if (!isAgentName(tenant) || !isAgentName(name)) return undefined;
  if (binding.returning === undefined) return { tenant, name };
  return { tenant, name, returning: { overlap: binding.overlap ?? 0 } };
}

function isOverlap(value: JsonValue): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_OVERLAP;
}

function partOf(claims: JsonObject, part: WorkloadBinding['name']): string | undefined {
  return typeof part === 'string' ? part : textOf(claims, part.claim);
}

/** A claim that is a text. An address counts only where the issuer says that it has been verified. */
function textOf(claims: JsonObject, claim: ClaimName): string | undefined {
  if (claim === 'email' && memberOf(claims, 'email_verified') !== true) return undefined;
  const value = claim.startsWith('/')
    ? claim
        .slice(1)
        .split('/')
        .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
        .reduce<JsonValue | undefined>(memberOf, claims)
    : memberOf(claims, claim);
  return typeof value === 'string' ? value : undefined;
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function invalid(message: string): TaperError {
  return new TaperError('option_invalid', message, {
    hint: 'Bind by claims that the issuer sets and never gives to another, such as `sub`; or say `mutableClaims: "accepted"`.',
  });
}
