import { type Problem, problem } from './denial.ts';
import { isJsonObject, type JsonObject, type JsonValue, type NumberForms } from './json.ts';
import { readHash } from './revoked-set/hash.ts';
import { MAX_QUERY_IDS, type RevokedQueryChain } from './revoked-set/query.ts';
import { integerClaim, type ParsedClaims } from './token.ts';

/** Subjects of which each was exchanged for the root of the one before. */
export const MAX_SUBJECTS = 8;

/** Tokens and keys of all of them. What is left of {@link MAX_QUERY_IDS} is for the chain itself, which grows. */
export const MAX_SUBJECT_IDS: number = MAX_QUERY_IDS - 64;

/** UTF-16 code units. */
const MAX_ISSUER = 2048;

/** On what a root rests that was made by token exchange: its claim `taper_subject` (spec/profile.md section 3.7). */
export interface ExchangedSubject {
  /** The chain that was exchanged for the root, then the one that had been exchanged for the root of that one, and so on. */
  readonly chains: readonly RevokedQueryChain[];
  /** `iat` of the oldest token of those that were of the root's own issuer, and so of its tenant; seconds since the epoch. */
  readonly oldestIssuedAt: number | undefined;
}

const USER: readonly string[] = ['hash', 'iss', 'kind'];
const CHAIN: readonly string[] = ['hash', 'iat', 'iss', 'keys', 'kind', 'tokens'];
const AGAIN: readonly string[] = [...CHAIN, 'subject'].sort();

/** Reads `taper_subject` of a root with caveats; a plain root says nothing with it, as with every claim that AAT does not know. */
export function subjectClaim(parsed: ParsedClaims): ExchangedSubject | undefined | Problem {
  const { object, numbers } = parsed;
  if (!Object.hasOwn(object, 'taper_subject')) return undefined;
  const facts = { claim: 'taper_subject', reason: 'shape' };
  return (
    readSubject(object['taper_subject'] as JsonValue, numbers) ??
    problem('caveats_malformed', '3b', facts)
  );
}

/** Reads a `taper_subject`, whoever wrote it; `undefined` for what is none. */
export function readSubject(claim: JsonValue, numbers?: NumberForms): ExchangedSubject | undefined {
  const chains: RevokedQueryChain[] = [];
  let oldestIssuedAt: number | undefined;
  let isOwn = true;
  let ids = 0;
  let next: JsonValue | undefined = claim;
  for (let count = 0; next !== undefined; count += 1) {
    if (count === MAX_SUBJECTS || !isJsonObject(next) || !isNamed(next)) return undefined;
    if (next['kind'] === 'user') {
      if (!hasMembers(next, USER)) return undefined;
      break;
    }
    const chain = readChain(next);
    const issuedAt = integerClaim({ object: next, numbers }, 'iat');
    if (chain === undefined || issuedAt === undefined || issuedAt < 0) return undefined;
    ids += chain.tokens.length + chain.keys.length;
    if (ids > MAX_SUBJECT_IDS) return undefined;
    chains.push(chain);
    isOwn = isOwn && next['kind'] === 'chain';
    if (isOwn) oldestIssuedAt = Math.min(issuedAt, oldestIssuedAt ?? issuedAt);
    next = next['subject'];
  }
  return Object.freeze({ chains: Object.freeze(chains), oldestIssuedAt });
}

function isNamed({ iss, hash }: JsonObject): boolean {
  return typeof iss === 'string' && iss !== '' && iss.length <= MAX_ISSUER && isHash(hash);
}

/** A chain names its leaf, and its anchor's key beside one for each token. */
function readChain(subject: JsonObject): RevokedQueryChain | undefined {
  const { kind, hash, tokens, keys } = subject;
  if (kind !== 'chain' && kind !== 'foreign') return undefined;
  if (!hasMembers(subject, Object.hasOwn(subject, 'subject') ? AGAIN : CHAIN)) return undefined;
  if (!isHashes(tokens) || !isHashes(keys)) return undefined;
  if (tokens.at(-1) !== hash || keys.length < tokens.length + 1) return undefined;
  return Object.freeze({ tokens: Object.freeze(tokens), keys: Object.freeze(keys) });
}

function hasMembers(object: JsonObject, members: readonly string[]): boolean {
  const names = Object.keys(object).sort();
  return names.length === members.length && names.every((name, at) => name === members[at]);
}

function isHashes(value: JsonValue | undefined): value is readonly string[] {
  return Array.isArray(value) && value.length <= MAX_SUBJECT_IDS && value.every(isHash);
}

function isHash(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && readHash(value) !== undefined;
}
