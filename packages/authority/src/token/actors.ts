import { isJsonObject, type JsonObject, type JsonValue, type VerifiedChain } from '@taper/core';
import { AuthorityRefusal } from '../refusal.ts';
import { unsafeClaims } from './jwt.ts';

/** Most actors that stand one in another. What would be more is refused: none of them may be dropped. */
const MAX_ACTORS = 16;

/** Who acts: `iss` and `sub` of an `act` claim (RFC 8693 section 4.1). For readers; never authority. */
export interface Actor {
  readonly iss?: string;
  readonly sub: string;
}

/** What the root of a chain says of those before it: claims for readers, which its issuer has signed. */
export interface RootInformation {
  readonly sub: string | undefined;
  readonly act: JsonValue | undefined;
  readonly subject: JsonValue | undefined;
}

/** Reads the claims of a verified root that carry no authority. */
export function informationOf({ tokens }: VerifiedChain): RootInformation {
  const claims = unsafeClaims(tokens[0]?.compact ?? '')?.object ?? {};
  const { sub, act, taper_subject: subject } = claims;
  return { sub: typeof sub === 'string' ? sub : undefined, act, subject };
}

/**
 * The actors of a chain, the latest outermost: who exchanges it, the holders above in turn, and whom its root names.
 * @param nameOf the name of a holder, by the thumbprint of its key.
 * @throws {AuthorityRefusal} `subject_refused` where they are too many.
 */
export function actorsOfChain(
  chain: VerifiedChain,
  actor: Actor,
  nameOf: (thumbprint: string, uri: string) => Actor,
): JsonObject {
  const names = chain.tokens
    .slice(0, -1)
    .map(({ claims }) => nameOf(claims.holder.thumbprint, claims.holder.thumbprintUri));
  const { act } = informationOf(chain);
  const [first, ...later] = names;
  // Whom the root names last is its first holder.
  let nested = act ?? (first === undefined ? undefined : { ...first });
  for (const name of later) nested = { ...name, ...(nested === undefined ? {} : { act: nested }) };
  const isAgain = first === undefined && isJsonObject(nested) && isSame(nested, actor);
  return isAgain ? requireFew(nested as JsonObject) : actorsAfter(nested, actor);
}

/** One more actor before those that a token names. @throws as {@link actorsOfChain}, and where `act` is no claim of that name. */
export function actorsAfter(act: JsonValue | undefined, actor: Actor): JsonObject {
  return requireFew({ ...actor, ...(act === undefined ? {} : { act }) });
}

/** The agents of an issuer that an `act` claim names, by their SPIFFE IDs. */
export function agentsIn(act: JsonValue | undefined, issuer: string): readonly string[] {
  const agents: string[] = [];
  for (let next = act; isJsonObject(next); next = next['act']) {
    const { iss, sub } = next;
    if (iss === issuer && typeof sub === 'string') agents.push(sub);
  }
  return agents;
}

/**
 * What another issuer says of actors, without one of ours among them: it would be signed as if we had seen that agent act, and the
 * answer would tell that issuer how any of our agents stands.
 * @throws {AuthorityRefusal} `subject_refused`.
 */
export function requireOthersAct(act: JsonValue | undefined, issuer: string | undefined): void {
  for (let next = act; isJsonObject(next); next = next['act'])
    if (next['iss'] === issuer)
      throw new AuthorityRefusal('subject_refused', 'Another issuer names an actor of ours.', {
        facts: { reason: 'act' },
      });
}

function isSame(act: JsonObject, { iss, sub }: Actor): boolean {
  return act['iss'] === iss && act['sub'] === sub;
}

function requireFew(act: JsonObject): JsonObject {
  let next: JsonValue | undefined = act;
  for (let count = 0; next !== undefined; count += 1) {
    if (!isJsonObject(next) || count === MAX_ACTORS)
      throw new AuthorityRefusal('subject_refused', 'The actors of the subject cannot be kept.', {
        facts: { reason: 'act' },
      });
    next = Object.hasOwn(next, 'act') ? next['act'] : undefined;
  }
  return act;
}
