import { createHash } from 'node:crypto';
import { type JsonObject, type JsonProblem, type JsonValue, parseJson } from '@taper/core';
import { isObject } from './file/json.ts';
import { isPrivateJwk } from './file/key.ts';

/** One part of a token as somebody wrote it. */
export interface UnverifiedPart {
  /** The JSON, with private members of keys taken out; undefined where it cannot be shown. */
  readonly value: JsonValue | undefined;
  /** Why verification would refuse the text, or why it cannot be shown. */
  readonly problem: string | undefined;
}

/** A token or proof taken apart, and nothing of it checked. */
export interface UnverifiedToken {
  readonly characters: number;
  readonly header: UnverifiedPart;
  readonly claims: UnverifiedPart;
  /** base64url SHA-256 of the signing input: what the next token's `par_hash` would have to be. */
  readonly hash: string;
}

/** Takes a JWS in compact serialization apart. A string says why it is none. */
export function decodeUnverified(compact: string): UnverifiedToken | string {
  const segments = compact.split('.');
  if (segments.length !== 3)
    return `a token has 3 parts with dots between them, and this has ${segments.length}`;
  if (!segments.every((segment) => /^[A-Za-z0-9_-]*$/.test(segment)))
    return 'it holds characters that are not base64url';
  const [header, claims] = segments as [string, string, string];
  const signingInput = `${header}.${claims}`;
  return {
    characters: compact.length,
    header: decodePart(header),
    claims: decodePart(claims),
    hash: createHash('sha256').update(signingInput, 'ascii').digest('base64url'),
  };
}

const PROBLEMS: Readonly<Record<JsonProblem, string>> = {
  syntax: 'is no JSON',
  duplicate_member: 'names a member twice, so it is refused; the last one is shown',
  forbidden_member: 'has a member __proto__, so it is refused and not shown',
  too_deep: 'is nested more than 128 deep, so it is refused and not shown',
  too_many_values: 'holds too many values, so it is refused and not shown',
  lone_surrogate: 'holds half of a surrogate pair, so it is refused',
};

function decodePart(segment: string): UnverifiedPart {
  const bytes = Buffer.from(segment, 'base64url');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { value: undefined, problem: 'is not UTF-8' };
  }
  const parsed = parseJson(text);
  if (parsed.ok) return { value: withholdPrivate(parsed.value), problem: undefined };
  const problem = PROBLEMS[parsed.problem];
  const readable = parsed.problem === 'duplicate_member' || parsed.problem === 'lone_surrogate';
  return { value: readable ? readLoosely(text) : undefined, problem };
}

/** What a reader without strict rules sees. Only for texts whose one fault the caller has named. */
function readLoosely(text: string): JsonValue | undefined {
  try {
    return withholdPrivate(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A copy without the private members of keys: a token that carries one is at fault, and showing it would spread it. */
function withholdPrivate(value: JsonValue, memberName = ''): JsonValue {
  if (Array.isArray(value)) return value.map((inner: JsonValue) => withholdPrivate(inner));
  if (!isObject(value)) return value;
  const looksLikeKey =
    memberName === 'jwk' || ['kty', 'crv', 'x'].some((name) => Object.hasOwn(value, name));
  const isPrivate = looksLikeKey && isPrivateJwk(value);
  const entries = Object.entries(value).map(([name, inner]) => [
    name,
    isPrivate && !PUBLIC_MEMBERS.has(name) ? '(withheld)' : withholdPrivate(inner, name),
  ]);
  return Object.fromEntries(entries) as JsonObject;
}

const PUBLIC_MEMBERS: ReadonlySet<string> = new Set([
  'kty',
  'crv',
  'x',
  'y',
  'kid',
  'use',
  'alg',
  'key_ops',
]);
