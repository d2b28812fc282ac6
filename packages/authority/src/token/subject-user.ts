import { isJsonObject, type JsonObject } from '@taper/core';
import type { SubjectBounds } from '../issuance/request.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { actorsAfter, requireOthersAct } from './actors.ts';
import { hashText, readJwt } from './jwt.ts';
import { actorRefused, refusedAs, type SubjectContext, subjectRefused } from './subject.ts';

const MAX_USER_TOKEN = 16_384;
const MAX_SUB = 2048;

/** As which a user's token was sent. */
export type UserTokenKind = 'access_token' | 'id_token';

/** A user's token, whose signature, issuer, audience and times were verified. */
export interface VerifiedUserToken {
  /** `iss`, as it is configured. */
  readonly issuer: string;
  /** `exp`, seconds since the epoch. */
  readonly expiresAt: number;
  readonly claims: JsonObject;
}

/** Verifies a token of a configured OIDC issuer. @throws {AuthorityRefusal} for one that is not trusted. */
export type UserTokenVerifier = (token: string) => Promise<VerifiedUserToken>;

/**
 * What an exchange of a user's token can give at most: what the grant has for its scopes, for as long as the token lives.
 * @throws {AuthorityRefusal} `subject_refused`, `actor_refused`, `scope_refused`, `issuer_unavailable`.
 */
export async function boundsOfUser(
  token: string,
  kind: UserTokenKind,
  { form, actor, now }: SubjectContext,
  verify: UserTokenVerifier,
): Promise<SubjectBounds> {
  if (token.length > MAX_USER_TOKEN) throw subjectRefused('too_long');
  const { issuer, expiresAt, claims } = await verify(token).catch((error: unknown) => {
    throw refusedAs(error, subjectRefused);
  });
  if (!(expiresAt > now)) throw subjectRefused('expired');
  if (kind !== kindOf(token, claims, kind)) throw subjectRefused('type');
  const { sub } = claims;
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUB) throw subjectRefused('sub');
  requireMayAct(claims, actor);
  const act = Object.hasOwn(claims, 'act') ? claims['act'] : undefined;
  requireOthersAct(act, actor.iss);
  const hash = hashText(token);
  return {
    subject: 'user',
    issuer,
    scopes: narrowed(scopesOf(claims, kind), form.get('scope')),
    expiresAt,
    maxDepth: undefined,
    audience: undefined,
    caveats: undefined,
    hash,
    claims: {
      sub,
      act: actorsAfter(act, actor),
      taper_subject: { kind: 'user', iss: issuer, hash },
    },
  };
}

/** What only one kind of token says of itself; what says neither is taken for what it was sent as. */
function kindOf(token: string, claims: JsonObject, sent: UserTokenKind): UserTokenKind {
  const typ = readJwt(token, MAX_USER_TOKEN)?.header['typ'];
  if (typeof typ === 'string' && /^(?:application\/)?at\+jwt$/i.test(typ)) return 'access_token';
  const isIdToken = ['nonce', 'at_hash', 'c_hash'].some((claim) => Object.hasOwn(claims, claim));
  return isIdToken ? 'id_token' : sent;
}

/** Where the token says who may act, it is nobody else, by issuer and subject (RFC 8693 section 4.4): a `sub` alone is anybody's. */
function requireMayAct(claims: JsonObject, { iss, sub }: SubjectContext['actor']): void {
  if (!Object.hasOwn(claims, 'may_act')) return;
  const mayAct = claims['may_act'];
  const isExact = isJsonObject(mayAct) && Object.keys(mayAct).sort().join() === 'iss,sub';
  if (!isExact || mayAct['iss'] !== iss || mayAct['sub'] !== sub) throw actorRefused('may_act');
}

/** RFC 9068 section 2.2.3. Whoever has an ID token was granted `openid`, which the token does not repeat. */
function scopesOf(claims: JsonObject, kind: UserTokenKind): readonly string[] {
  if (!Object.hasOwn(claims, 'scope')) return kind === 'id_token' ? ['openid'] : [];
  const { scope } = claims;
  if (typeof scope !== 'string') throw subjectRefused('scope');
  return scope.split(' ').filter((each) => each !== '');
}

/** `scope` of the request can only leave out (RFC 8693 section 2.1). */
function narrowed(scopes: readonly string[], requested: string | undefined): readonly string[] {
  if (requested === undefined) return scopes;
  const wanted = requested.split(' ');
  if (!wanted.every((scope) => scopes.includes(scope))) {
    throw new AuthorityRefusal('scope_refused', 'The token does not have these scopes.', {
      hint: 'Ask for scopes that the subject token has, or leave `scope` out.',
    });
  }
  return wanted;
}
