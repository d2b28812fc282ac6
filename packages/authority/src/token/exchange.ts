import { createVerifier, TaperError, type TrustAnchor } from '@taper/core';
import type { ForeignDomains } from '../foreign/foreign-domain.ts';
import type { IssuedRoot, RootRequest, SubjectBounds } from '../issuance/request.ts';
import type { AuthorityStore, AuthorityTransaction } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { agentsIn } from './actors.ts';
import type {
  AuthenticatedClient,
  IdentityVerifier,
  PresentedIdentity,
} from './client-authentication.ts';
import type { DpopProof } from './dpop.ts';
import { malformed, type TokenForm } from './form.ts';
import { hashText, textClaim } from './jwt.ts';
import { actorRefused, refusedAs, subjectRefused } from './subject.ts';
import { boundsOfChain, type RevocationCheck } from './subject-chain.ts';
import { boundsOfUser, type UserTokenKind, type UserTokenVerifier } from './subject-user.ts';
import { AAT_CHAIN, ACCESS_TOKEN, ID_TOKEN, JWT } from './token-type.ts';
import { isWithinSubject } from './within-subject.ts';

/** RFC 8693 section 2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** Characters of a subject token: the longest chain and what joins it. */
const MAX_SUBJECT = 262_160;

export interface TokenExchangeOptions {
  readonly issuer: string;
  readonly store: AuthorityStore;
  /** Root keys of this authority, those that still verify included. */
  readonly anchors: readonly TrustAnchor[];
  readonly foreign: ForeignDomains;
  readonly revoked: RevocationCheck;
  readonly verifyIdentity: IdentityVerifier;
  readonly verifyUserToken: UserTokenVerifier;
  readonly issueRoot: (request: RootRequest) => Promise<IssuedRoot>;
}

/** An exchange whose client has been authenticated. */
export interface ExchangeRequest {
  readonly form: TokenForm;
  readonly client: AuthenticatedClient;
  readonly proof: DpopProof;
  /** Seconds since the epoch. */
  readonly now: number;
  /** What is asked for, beside the subject. */
  readonly wanted: RootRequest;
}

/** @throws {AuthorityRefusal} as {@link createTokenExchange} says. */
export type TokenExchange = (request: ExchangeRequest) => Promise<IssuedRoot>;

/**
 * Token exchange (RFC 8693): a root for the actor that is at most what the subject is. The subject is a chain of this authority or of a
 * foreign domain, whose last hop names the actor's key, or a user's token. There always is an actor, and its proof covers both tokens.
 * @throws {AuthorityRefusal} `request_malformed`, `actor_required`, `actor_refused`, `possession_unproved`, `subject_refused`,
 * `scope_refused`, `target_refused`, `issuer_unavailable`, `unavailable`, and what issuing a root throws; {TaperError} `option_invalid`
 * when it is made with a root key that is a foreign domain's.
 */
export function createTokenExchange(options: TokenExchangeOptions): TokenExchange {
  const { issuer, store, foreign, verifyUserToken, issueRoot } = options;
  if (options.anchors.some(({ key }) => foreign.isAnchor(key)))
    throw new TaperError('option_invalid', 'A root key of ours is the anchor of a foreign domain.');
  const verifier = createVerifier({ anchors: options.anchors, profile: {} });
  return async (request) => {
    const { form, client, now, wanted } = request;
    const { token, type } = readSubject(form);
    await requireActor(request, token, options);
    const actor = { iss: issuer, sub: client.agent.spiffeId };
    const context = { form, client, actor, now };
    const subject =
      type === AAT_CHAIN
        ? await boundsOfChain(token, context, { ...options, verifier })
        : await boundsOfUser(token, kindOf(type), context, verifyUserToken);
    if (agentsIn(subject.claims['act'], issuer).length > 0)
      await store.read((tx) => requireActorsInForce(tx, subject, issuer));
    const issued = await issueRoot({
      ...wanted,
      subject: {
        ...subject,
        async requireStanding(tx) {
          await subject.requireStanding?.(tx);
          await requireActorsInForce(tx, subject, issuer);
        },
      },
    });
    if (isWithinSubject(issued, subject, client.agent, client.key)) return issued;
    throw new TaperError('not_verified', 'A root that is more than its subject was made.');
  };
}

function readSubject(form: TokenForm): { readonly token: string; readonly type: string } {
  const token = form.get('subject_token');
  const type = form.get('subject_token_type');
  if (token === undefined) throw malformed('absent', 'subject_token');
  if (type === undefined) throw malformed('absent', 'subject_token_type');
  if (![AAT_CHAIN, ACCESS_TOKEN, ID_TOKEN].includes(type))
    throw malformed('unsupported', 'subject_token_type');
  if (token.length > MAX_SUBJECT) throw malformed('too_long', 'subject_token');
  const requested = form.get('requested_token_type');
  if (requested !== undefined && requested !== AAT_CHAIN)
    throw malformed('unsupported', 'requested_token_type');
  return { token, type };
}

function kindOf(type: string): UserTokenKind {
  return type === ID_TOKEN ? 'id_token' : 'access_token';
}

/** The actor is the client, by its identity document, and its proof names both tokens: neither can be put beside another. */
async function requireActor(
  { form, client, proof, now }: ExchangeRequest,
  subject: string,
  { issuer, verifyIdentity }: TokenExchangeOptions,
): Promise<void> {
  const token = form.get('actor_token');
  const type = form.get('actor_token_type');
  if (token === undefined) {
    if (type !== undefined) throw malformed('without_actor_token', 'actor_token_type');
    throw new AuthorityRefusal('actor_required', 'An exchange names its actor.', {
      hint: 'Send the identity document of the agent as actor_token.',
    });
  }
  if (type === undefined) throw malformed('absent', 'actor_token_type');
  if (type !== JWT) throw malformed('unsupported', 'actor_token_type');
  const identity = await readActor(token, now, verifyIdentity);
  const isClient =
    identity.spiffeId === client.agent.spiffeId && identity.key.thumbprint === proof.key.thumbprint;
  if (!isClient) throw actorRefused('not_the_client');
  const expected = { subject_hash: hashText(subject), actor_hash: hashText(token), aud: issuer };
  for (const [claim, value] of Object.entries(expected)) {
    if (textClaim(proof.claims, claim) === value) continue;
    throw new AuthorityRefusal('possession_unproved', 'The proof is not about these tokens.', {
      facts: { reason: claim },
      hint: 'Sign subject_hash, actor_hash and aud into the DPoP proof (docs/token-exchange.md).',
    });
  }
}

/** Under an agent of ours that was suspended or retired nothing is exchanged, however far back it stands in `act`. */
async function requireActorsInForce(
  tx: AuthorityTransaction,
  { claims }: SubjectBounds,
  issuer: string,
): Promise<void> {
  const actors = agentsIn(claims['act'], issuer);
  const found = await Promise.all(actors.map((actor) => tx.findAgentBySpiffeId(actor)));
  const gone = actors.find((_, place) => found[place]?.state !== 'active');
  if (gone !== undefined) throw subjectRefused('actor', { actor: gone });
}

async function readActor(
  token: string,
  now: number,
  verifyIdentity: IdentityVerifier,
): Promise<PresentedIdentity> {
  try {
    return await verifyIdentity(token, now);
  } catch (error) {
    throw refusedAs(error, actorRefused);
  }
}
