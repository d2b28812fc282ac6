import { type JsonObject, requireKnownOptions, TaperError } from '@taper/core';
import { compactVerify } from 'jose';
import { readSpiffeId } from '../identity/spiffe-id.ts';
import type { WorkloadIdentifier, WorkloadIdentity } from '../identity/workload.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { hashText, readJwt, textClaim, timeClaim, type UnverifiedJwt } from '../token/jwt.ts';
import { boundAgent } from './binding.ts';
import { createDocumentFetch, type FetchOptions } from './fetch-document.ts';
import type { IssuerAlgorithm } from './key-set.ts';
import { fetchedKeys, type KeySource, pinnedKeys } from './key-source.ts';
import {
  type CheckedIssuer,
  checkIssuer,
  type IssuerUse,
  type TrustedIssuer,
} from './trusted-issuer.ts';

export interface TrustedIssuersOptions {
  readonly issuers: readonly TrustedIssuer[];
  /** Seconds since the epoch. */
  readonly clock: () => number;
  /** How keys are fetched. */
  readonly fetch?: FetchOptions;
}

/** A token of a trusted issuer, verified. */
export interface VerifiedIssuerToken {
  /** As the operator wrote it: `iss`, or `spiffe://<trust domain>` for a token without one. */
  readonly issuer: string;
  /** `sub`. */
  readonly subject: string;
  readonly audience: string;
  readonly claims: JsonObject;
  /** base64url SHA-256 of the token as sent. */
  readonly hash: string;
  /** Seconds since the epoch; exclusive. */
  readonly expiresAt: number;
}

/** The issuers whose word counts, each for what the operator says. */
export interface TrustedIssuers extends WorkloadIdentifier {
  /**
   * Verifies a token of an issuer that is trusted for this use. Nothing in it is followed anywhere.
   * @throws {AuthorityRefusal} `identity_refused` with `facts.reason`, `issuer_untrusted`, `issuer_unavailable` with `facts.retry_after`.
   */
  verifyToken(token: string, use: IssuerUse): Promise<VerifiedIssuerToken>;
  /** Which agent a workload may become. @throws as `verifyToken`; `identity_refused` where no binding says so. */
  identifyWorkload(token: string): Promise<WorkloadIdentity>;
}

/** Longer tokens are refused unread. */
const MAX_LENGTH = 16_384;
/** Fits the id of an actor in the authority's log. */
const MAX_SUBJECT = 1024;
/** Seconds that the issuer's clock may be ahead. Expiry has no such grace. */
const MAX_SKEW = 30;

/** Header parameters that bring a key, or say where one is. */
const KEY_PARAMETERS = ['jwk', 'jku', 'x5c', 'x5u'];

interface Trusted {
  readonly config: CheckedIssuer;
  readonly keys: KeySource;
}

/** @throws {TaperError} `option_invalid`. */
export function createTrustedIssuers(options: TrustedIssuersOptions): TrustedIssuers {
  requireKnownOptions(options, ['issuers', 'clock', 'fetch']);
  const { clock } = options;
  const trusted = trustOf(options);

  async function verify(
    token: string,
    use: IssuerUse,
  ): Promise<[VerifiedIssuerToken, CheckedIssuer]> {
    const jwt = typeof token === 'string' ? readJwt(token, MAX_LENGTH) : undefined;
    if (jwt === undefined) throw refused('malformed');
    const { config, keys } = select(trusted, jwt, use);
    const alg = checkHeader(jwt, config);
    const subject = textClaim(jwt.claims, 'sub', MAX_SUBJECT);
    if (subject === undefined || !isSubjectOf(config, subject)) throw refused('subject');
    const now = clock();
    const expiresAt = checkTimes(jwt, config, now);
    await checkSignature(jwt, alg, keys, now);
    return [
      Object.freeze({
        issuer: config.issuer ?? `spiffe://${config.trustDomain}`,
        subject,
        audience: config.audience,
        claims: jwt.claims.object,
        hash: hashText(token),
        expiresAt,
      }),
      config,
    ];
  }

  return Object.freeze<TrustedIssuers>({
    async verifyToken(token, use) {
      const [verified] = await verify(token, use);
      return verified;
    },
    async identifyWorkload(token) {
      const [{ issuer, subject, claims, expiresAt }, { bindings }] = await verify(
        token,
        'workload',
      );
      const agent = boundAgent(bindings, claims);
      if (agent === undefined) throw refused('binding');
      // An ES256 signature has two forms: by the whole text, a token would count twice.
      const hash = hashText(token.slice(0, token.lastIndexOf('.')));
      return { ...agent, issuer, subject, hash, expiresAt };
    },
  });
}

function trustOf({ issuers, fetch = {} }: TrustedIssuersOptions): readonly Trusted[] {
  const get = createDocumentFetch(fetch);
  const places = new Set<string>();
  const owners = new Map<string, string>();
  const sources = new Map<string, KeySource>();
  return issuers.map((options) => {
    const config = checkIssuer(options, fetch);
    const { issuer, trustDomain, audience, keys } = config;
    const owner = JSON.stringify(issuer === undefined ? [trustDomain] : [issuer, null]);
    const place = `${owner} ${JSON.stringify(audience)}`;
    if (places.has(place)) throw twice('An issuer stands twice with one audience.');
    places.add(place);
    if (typeof keys !== 'string') return { config, keys: pinnedKeys(keys) };
    // Whoever signs for one issuer must not be able to sign for another.
    if ((owners.get(keys) ?? owner) !== owner) throw twice('Two issuers share their keys.');
    owners.set(keys, owner);
    const source = sources.get(keys) ?? fetchedKeys(keys, get);
    sources.set(keys, source);
    return { config, keys: source };
  });
}

function twice(message: string): TaperError {
  return new TaperError('option_invalid', message, {
    hint: 'Each issuer has keys of its own, and a token one use: tell uses apart by audience.',
  });
}

/** The one entry for issuer, audience and use. Tokens without `iss` belong to a trust domain that was configured without. */
function select(trusted: readonly Trusted[], { claims }: UnverifiedJwt, use: IssuerUse): Trusted {
  const { object } = claims;
  const hasIssuer = Object.hasOwn(object, 'iss');
  const domain = hasIssuer ? undefined : trustDomainOf(textClaim(claims, 'sub'));
  const ofIssuer = trusted.filter(({ config: { issuer, trustDomain } }) =>
    hasIssuer
      ? issuer !== undefined && issuer === object['iss']
      : issuer === undefined && domain !== undefined && trustDomain === domain,
  );
  if (ofIssuer.length === 0)
    throw new AuthorityRefusal('issuer_untrusted', 'The issuer of the token is not trusted.');
  const audience = soleAudience(object['aud']);
  const found = ofIssuer.find(({ config }) => config.audience === audience && config.use === use);
  if (found === undefined) throw refused('audience');
  return found;
}

/** `aud` is a text, or a list of one: whoever else it names could have sent it here. */
function soleAudience(aud: unknown): unknown {
  return Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
}

function trustDomainOf(subject: string | undefined): string | undefined {
  const id = readSpiffeId(subject);
  return typeof id === 'string' ? undefined : id.trustDomain;
}

function isSubjectOf({ trustDomain }: CheckedIssuer, subject: string): boolean {
  if (!subject.isWellFormed() || /\p{Cc}/u.test(subject)) return false;
  return trustDomain === undefined || trustDomainOf(subject) === trustDomain;
}

function checkHeader(
  { header }: UnverifiedJwt,
  { types, algorithms }: CheckedIssuer,
): IssuerAlgorithm {
  if (KEY_PARAMETERS.some((parameter) => Object.hasOwn(header, parameter)))
    throw refused('key_in_header');
  const { typ, alg } = header;
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ;
  if (type !== undefined && !(typeof type === 'string' && types.has(type))) throw refused('type');
  if (typeof alg !== 'string' || !algorithms.has(alg)) throw refused('algorithm');
  return alg as IssuerAlgorithm;
}

/** @returns when it expires. */
function checkTimes(
  { claims }: UnverifiedJwt,
  { maxLifetime }: CheckedIssuer,
  now: number,
): number {
  const expiresAt = timeClaim(claims, 'exp');
  if (expiresAt === undefined) throw refused('malformed');
  if (!(now < expiresAt)) throw refused('expired');
  if (!(expiresAt <= now + maxLifetime)) throw refused('lifetime');
  for (const name of ['nbf', 'iat']) {
    if (!Object.hasOwn(claims.object, name)) continue;
    const time = timeClaim(claims, name);
    if (time === undefined) throw refused('malformed');
    if (!(time <= now + MAX_SKEW)) throw refused('not_yet_valid');
  }
  return expiresAt;
}

async function checkSignature(
  { compact, header }: UnverifiedJwt,
  alg: IssuerAlgorithm,
  source: KeySource,
  now: number,
): Promise<void> {
  const { kid } = header;
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) throw refused('malformed');
  const answer = await source.keysFor(kid, now);
  if (answer.keys === undefined) {
    throw new AuthorityRefusal('issuer_unavailable', 'The keys of the issuer cannot be had now.', {
      facts: { reason: answer.reason, retry_after: answer.retryAfter },
      hint: 'Ask again after `retry_after` seconds.',
    });
  }
  const key = await answer.keys.find(kid, alg);
  if (key === undefined) throw refused('key_unknown');
  try {
    await compactVerify(compact, key, { algorithms: [alg] });
  } catch {
    throw refused('signature');
  }
}

function refused(reason: string): AuthorityRefusal {
  return new AuthorityRefusal('identity_refused', 'The token is refused.', { facts: { reason } });
}
