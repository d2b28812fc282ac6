import { platform } from '#crypto';
import { hasExactly, isBoundedText, isListOf, isTime } from '../approval/shape.ts';
import { type ChainPolicy, chainVerification, type VerifiedChain } from '../chain.ts';
import type { ChainCache } from '../chain-cache.ts';
import type { Algorithm } from '../crypto/port.ts';
import type { DenialCode } from '../denial.ts';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import {
  decodeSegment,
  decodeSignature,
  type SignatureCheck,
  splitJws,
  type UnverifiedJws,
} from '../jws.ts';
import type { PublicKey } from '../key.ts';
import { findRequester, type Requester, type RevocationRole } from './right.ts';
import {
  isHashText,
  isRevocationReason,
  type RevocationReason,
  type RevocationTarget,
  readTarget,
} from './target.ts';

/** `typ` of a request. Nothing else that Taper signs has it. */
export const REVOCATION_REQUEST_TYPE = 'taper-revocation+jwt';

/** Characters of a request in compact serialization: with all else, an entry has room for it. */
export const MAX_REVOCATION_REQUEST_SIZE = 49_152;

/** Seconds that `iat` may lie in the future. */
const MAX_SKEW = 30;

/** Seconds that `issued_before` may lie in the future. */
const MAX_TENANT_LEAD = 60;

/** Why a request is refused (spec/revocation.md section 4). */
export type RevocationRequestProblem =
  | 'request_too_large'
  | 'request_malformed'
  | 'request_log_mismatch'
  | 'request_in_future'
  | 'request_chain_denied'
  | 'request_target_mismatch'
  | 'request_not_entitled'
  | 'request_signature_invalid';

export interface RevocationRequestRefusal {
  readonly ok: false;
  readonly problem: RevocationRequestProblem;
  /** Of `request_chain_denied`: why no enforcement point would take the chain, and the hop at fault. */
  readonly denial?: DenialCode;
  readonly hop?: number;
}

/** What a request says before anything of it is verified. */
export interface UnsafeRevocationRequest {
  readonly log: string;
  readonly id: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly target: RevocationTarget;
  readonly reason: RevocationReason;
  readonly chain: readonly string[];
  readonly expiresAt: number | undefined;
  /** `kid`: thumbprint of the key that it says has signed it. */
  readonly thumbprint: string;
}

interface UnverifiedRequest extends UnsafeRevocationRequest {
  readonly alg: Algorithm;
  readonly jws: UnverifiedJws;
}

/** A request whose signature, and whose right to what it asks, have been verified. Only a revocation verifier makes one. */
export interface VerifiedRevocationRequest {
  /** The compact serialization, exactly as it came. */
  readonly compact: string;
  readonly id: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly target: RevocationTarget;
  readonly reason: RevocationReason;
  readonly role: RevocationRole;
  /** Thumbprint of the requester's key. */
  readonly requester: string;
  /** The hop of the chain whose holder asks: the one nearest to the root. `undefined` for the anchor and the authority. */
  readonly hop: number | undefined;
  readonly chain: VerifiedChain | undefined;
  /** `exp` of a target that is a token, seconds since the epoch. */
  readonly expiresAt: number | undefined;
}

export type RevocationRequestVerdict =
  | { readonly ok: true; readonly request: VerifiedRevocationRequest }
  | RevocationRequestRefusal;

/** The private field is the brand: only this module can put it on an object. */
class MintedRequest implements VerifiedRevocationRequest {
  readonly #minted = true;
  readonly compact: string;
  readonly id: string;
  readonly issuedAt: number;
  readonly target: RevocationTarget;
  readonly reason: RevocationReason;
  readonly role: RevocationRole;
  readonly requester: string;
  readonly hop: number | undefined;
  readonly chain: VerifiedChain | undefined;
  readonly expiresAt: number | undefined;

  constructor(
    compact: string,
    said: UnsafeRevocationRequest,
    by: Requester,
    chain: VerifiedChain | undefined,
  ) {
    this.compact = compact;
    this.id = said.id;
    this.issuedAt = said.issuedAt;
    this.target = said.target;
    this.reason = said.reason;
    this.role = by.role;
    this.requester = by.key.thumbprint;
    this.hop = by.hop;
    this.chain = chain;
    this.expiresAt =
      said.target.kind === 'token' ? (chain?.leaf.claims.exp ?? said.expiresAt) : undefined;
    Object.freeze(this);
  }

  static made(value: object): boolean {
    return #minted in value;
  }
}
Reflect.deleteProperty(MintedRequest.prototype, 'constructor'); // or `new request.constructor(...)` would forge one

/** Whether a revocation verifier, and nobody else, made this. */
export function isVerifiedRequest(value: unknown): value is VerifiedRevocationRequest {
  return typeof value === 'object' && value !== null && MintedRequest.made(value);
}

/** What requests are judged by. */
export interface RevocationPolicy {
  /** Origin of the log. */
  readonly log: string;
  readonly authority: readonly PublicKey[];
  readonly chain: ChainPolicy;
  readonly cache: ChainCache | undefined;
}

/** Reads what a request says, verifying nothing; `undefined` for what is none. */
export function unsafeRevocationRequest(compact: string): UnsafeRevocationRequest | undefined {
  const read = readRequest(compact);
  if (typeof read === 'string') return undefined;
  const { log, id, issuedAt, target, reason, chain, expiresAt, thumbprint } = read;
  return Object.freeze({ log, id, issuedAt, target, reason, chain, expiresAt, thumbprint });
}

/** Verifies a request at `now` (seconds since the epoch), yielding each signature check to a driver (spec/revocation.md section 4). */
export function* requestVerification(
  compact: string,
  now: number,
  policy: RevocationPolicy,
): Generator<SignatureCheck, RevocationRequestVerdict, boolean> {
  const read = readRequest(compact);
  if (typeof read === 'string') return refuse(read);
  const { target, thumbprint } = read;
  if (read.log !== policy.log) return refuse('request_log_mismatch');
  if (!isTime(now) || read.issuedAt > now + MAX_SKEW) return refuse('request_in_future');
  if (target.kind === 'tenant' && target.issued_before > now + MAX_TENANT_LEAD)
    return refuse('request_in_future');

  let chain: VerifiedChain | undefined;
  if (read.chain.length > 0) {
    const verdict = yield* chainVerification(read.chain, now, policy.chain, policy.cache);
    if (verdict.verdict === 'deny') {
      const { code, hop } = verdict.denial;
      return {
        ...refuse('request_chain_denied'),
        denial: code,
        ...(hop === undefined ? {} : { hop }),
      };
    }
    chain = verdict.chain;
    if (!isTargetOf(chain, target)) return refuse('request_target_mismatch');
  }
  const by = findRequester(thumbprint, target, chain, policy);
  if (by === undefined) return refuse('request_not_entitled');
  if (chain === undefined && target.kind === 'token' && !((read.expiresAt as number) > now))
    return { ...refuse('request_chain_denied'), denial: 'token_expired' };

  const { alg, jws } = read;
  const signature = alg === by.key.alg ? decodeSignature(jws.signatureSegment, alg) : undefined;
  if (signature === undefined) return refuse('request_signature_invalid');
  const input = platform.asciiBytes(jws.signingInput);
  if ((yield { key: by.key, input, signature }) !== true)
    return refuse('request_signature_invalid');
  return { ok: true, request: new MintedRequest(compact, read, by, chain) };
}

/** Whether the chain's last token is the target, or bound to it. */
function isTargetOf({ tokens, leaf }: VerifiedChain, target: RevocationTarget): boolean {
  if (target.kind === 'token') return leaf.hash === target.token && tokens[0]?.hash === target.root;
  return target.kind === 'key' && leaf.claims.holder.thumbprint === target.key;
}

function readRequest(compact: unknown): UnverifiedRequest | RevocationRequestProblem {
  if (typeof compact !== 'string') return 'request_malformed';
  if (compact.length > MAX_REVOCATION_REQUEST_SIZE) return 'request_too_large';
  const jws = splitJws(compact);
  if (jws === undefined) return 'request_malformed';
  const header = readObject(jws.headerSegment);
  // Exactly these members: none that carries a key, points to one or asks to be understood.
  if (!hasExactly(header, ['alg', 'kid', 'typ'])) return 'request_malformed';
  const { alg, kid: thumbprint, typ } = header;
  if (typ !== REVOCATION_REQUEST_TYPE || (alg !== 'Ed25519' && alg !== 'ES256'))
    return 'request_malformed';
  if (!isHashText(thumbprint)) return 'request_malformed';

  const claims = readObject(jws.payloadSegment);
  const members = ['aud', 'chain', 'iat', 'jti', 'reason', 'target'];
  const dated = isJsonObject(claims) && Object.hasOwn(claims, 'expires_at');
  if (dated) members.splice(2, 0, 'expires_at');
  if (!hasExactly(claims, members)) return 'request_malformed';
  const { aud: log, chain, iat: issuedAt, jti: id, reason, expires_at: expiresAt } = claims;
  const target = readTarget(claims['target']);
  if (target === undefined || !isRevocationReason(reason)) return 'request_malformed';
  if (!isBoundedText(log, MAX_REVOCATION_REQUEST_SIZE) || !isBoundedText(id, 128))
    return 'request_malformed';
  if (!isTime(issuedAt)) return 'request_malformed';
  if (!isListOf(chain, MAX_REVOCATION_REQUEST_SIZE, (token) => typeof token === 'string'))
    return 'request_malformed';
  // A chain says when its last token expires, and proves nothing of agents and tenants.
  const isBare = chain.length === 0;
  if (dated !== (isBare && target.kind === 'token')) return 'request_malformed';
  if (dated && !isTime(expiresAt)) return 'request_malformed';
  if (!isBare && target.kind !== 'token' && target.kind !== 'key') return 'request_malformed';
  return {
    log,
    id,
    issuedAt,
    target,
    reason,
    chain: chain as readonly string[],
    expiresAt: dated ? (expiresAt as number) : undefined,
    thumbprint,
    alg,
    jws,
  };
}

/** A JSON object in which every number is written as it reads. */
function readObject(segment: string): JsonObject | undefined {
  const text = decodeSegment(segment);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed?.ok || parsed.numbers !== undefined || !isJsonObject(parsed.value)) return undefined;
  return parsed.value;
}

function refuse(problem: RevocationRequestProblem): RevocationRequestRefusal {
  return { ok: false, problem };
}
