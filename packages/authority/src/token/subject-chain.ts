import {
  type JsonObject,
  type JsonValue,
  readSubject,
  restsOn,
  revocationSubject,
  type StapleSubject,
  type VerifiedChain,
  type Verifier,
} from '@taper/core';
import type { ForeignDomains } from '../foreign/foreign-domain.ts';
import type { SubjectBounds } from '../issuance/request.ts';
import type { AuthorityStore, AuthorityTransaction } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { type Actor, actorsOfChain, informationOf, requireOthersAct } from './actors.ts';
import { carriedAudience, carriedCaveats, toolsOf } from './carried.ts';
import { malformed } from './form.ts';
import { textClaim, unsafeClaims } from './jwt.ts';
import { actorRefused, type SubjectContext, subjectRefused } from './subject.ts';
import { readChain } from './token-type.ts';

/** The parameter with the staple (spec/revocation.md section 10) of a foreign chain, base64url. */
export const SUBJECT_EVIDENCE = 'subject_evidence';

/** Whether anything that a chain rests on was revoked in this authority's log. An exception refuses the exchange. */
export type RevocationCheck = (
  subject: StapleSubject,
  now: number,
) => 'good' | 'revoked' | Promise<'good' | 'revoked'>;

export interface ChainSubjectOptions {
  readonly issuer: string;
  readonly store: AuthorityStore;
  /** Of chains under this authority's own root keys. */
  readonly verifier: Verifier;
  readonly foreign: ForeignDomains;
  readonly revoked: RevocationCheck;
}

/** A verified chain that may be exchanged, and when that ends. */
interface Incoming {
  readonly chain: VerifiedChain;
  readonly issuer: string | undefined;
  readonly expiresAt: number;
}

/**
 * What an exchange of a chain can give at most: never more tools, time, depth or places than its leaf, with all that its hops ask.
 * @throws {AuthorityRefusal} `request_malformed`, `subject_refused`, `actor_refused`, `target_refused`, `scope_refused`, `unavailable`.
 */
export async function boundsOfChain(
  token: string,
  context: SubjectContext,
  options: ChainSubjectOptions,
): Promise<SubjectBounds> {
  if (context.form.get('scope') !== undefined)
    throw new AuthorityRefusal('scope_refused', 'A chain has no scopes.');
  const { chain, issuer, expiresAt } = readIncoming(token, context, options);
  const { claims, hash } = chain.leaf;
  // Whoever holds a chain can only exchange it as the holder that its last hop names.
  if (claims.holder.thumbprint !== context.client.key.thumbprint) throw actorRefused('not_named');
  if (!claims.hasCapabilities) throw subjectRefused('no_capabilities');
  const names = await options.store.read((tx) => knownHolders(tx, chain, options));
  const kind = issuer === undefined ? 'chain' : 'foreign';
  await requireUnrevoked(askedOf(chain, kind), context.now, options.revoked);
  return {
    subject: kind,
    issuer,
    tools: toolsOf(chain),
    expiresAt,
    maxDepth: claims.delMaxDepth - claims.delDepth,
    audience: issuer === undefined ? carriedAudience(chain) : undefined,
    caveats: issuer === undefined ? carriedCaveats(chain) : undefined,
    hash,
    claims: claimsFor(
      chain,
      kind,
      context.actor,
      (thumbprint, uri) => names.get(thumbprint) ?? { sub: uri },
    ),
    async requireStanding(tx) {
      await knownHolders(tx, chain, options);
    },
  };
}

function readIncoming(
  token: string,
  { form, client, now }: SubjectContext,
  { issuer, verifier, foreign }: ChainSubjectOptions,
): Incoming {
  const tokens = readChain(token);
  if (tokens === undefined) throw malformed('shape', 'subject_token');
  const evidence = form.get(SUBJECT_EVIDENCE);
  const [root = ''] = tokens;
  const unverified = unsafeClaims(root);
  // Only to choose the keys to verify with: a chain verifies under the keys of the issuer that it names, or not at all.
  const claimed = unverified === undefined ? undefined : textClaim(unverified, 'iss');
  if (claimed !== issuer) {
    if (claimed === undefined || !foreign.knows(claimed)) throw subjectRefused('issuer');
    return { issuer: claimed, ...foreign.verify(claimed, tokens, evidence, now) };
  }
  const verdict = verifier.verifyChain(tokens, now);
  if (verdict.verdict === 'deny') {
    const { code, hop } = verdict.denial;
    throw subjectRefused('chain', { denial: code, ...(hop === undefined ? {} : { hop }) });
  }
  const { chain } = verdict;
  if (chain.tokens[0]?.claims.caveats?.tenant !== client.agent.tenant)
    throw subjectRefused('tenant');
  return { chain, issuer: undefined, expiresAt: chain.leaf.claims.exp };
}

/** The agents of ours among the holders. Under one that is suspended or retired, or whose key is compromised, nothing is issued. */
async function knownHolders(
  tx: AuthorityTransaction,
  chain: VerifiedChain,
  { issuer }: ChainSubjectOptions,
): Promise<ReadonlyMap<string, Actor>> {
  const names = new Map<string, Actor>();
  const held = await Promise.all(
    chain.tokens.map(({ claims }) => tx.findHeldKey(claims.holder.thumbprint)),
  );
  for (const [hop, { claims }] of chain.tokens.entries()) {
    const { key, agent } = held[hop] ?? {};
    if (key === undefined) continue;
    if (key.state === 'compromised' || agent?.state !== 'active')
      throw subjectRefused('holder', { hop });
    // A key that was replaced signed for nobody from then on; its successor's statement would travel with what it signs.
    const child = chain.tokens[hop + 1];
    const isLate =
      key.endsAt !== undefined && child !== undefined && child.claims.iat >= key.endsAt;
    if (isLate && child.rotations === undefined) throw subjectRefused('key_rotated', { hop });
    names.set(claims.holder.thumbprint, { iss: issuer, sub: agent.spiffeId });
  }
  return names;
}

/** Everything that must not be revoked: the chain, and those that were exchanged for its root before. */
function askedOf(chain: VerifiedChain, kind: 'chain' | 'foreign'): StapleSubject {
  const subject = revocationSubject(chain);
  // A tenant of another domain is none of ours.
  return kind === 'foreign' ? { ...subject, tenant: undefined } : subject;
}

async function requireUnrevoked(
  subject: StapleSubject,
  now: number,
  revoked: RevocationCheck,
): Promise<void> {
  let verdict: unknown;
  try {
    verdict = await revoked(subject, now);
  } catch (cause) {
    throw new AuthorityRefusal('unavailable', 'It is not known whether the subject is revoked.', {
      facts: { reason: 'revocation' },
      cause,
    });
  }
  if (verdict !== 'good') throw subjectRefused('revoked');
}

function claimsFor(
  chain: VerifiedChain,
  kind: 'chain' | 'foreign',
  actor: Actor,
  nameOf: (thumbprint: string, uri: string) => Actor,
): JsonObject {
  const { sub, act, subject } = informationOf(chain);
  if (kind === 'foreign') requireOthersAct(act, actor.iss);
  const [own] = restsOn(chain);
  return {
    act: actorsOfChain(chain, actor, nameOf),
    taper_subject: requireSubject({
      kind,
      iss: chain.anchor.issuer,
      hash: chain.leaf.hash,
      iat: Math.min(...chain.tokens.map(({ claims }) => claims.iat)),
      tokens: own?.tokens ?? [],
      keys: own?.keys ?? [],
      ...(subject === undefined ? {} : { subject }),
    }),
    ...(sub === undefined ? {} : { sub }),
  };
}

/** Enforcement points deny a root with anything else. None of the chains before is dropped: what would be too much is refused. */
function requireSubject(claim: JsonObject & { readonly subject?: JsonValue }): JsonObject {
  if (readSubject(claim) !== undefined) return claim;
  const isKnown = claim.subject === undefined || readSubject(claim.subject) !== undefined;
  throw subjectRefused(isKnown ? 'exchanged_too_often' : 'taper_subject');
}
