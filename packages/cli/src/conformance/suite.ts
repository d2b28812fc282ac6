import type { JsonObject, JsonValue, Limits, ProfileContext, TrustAnchor } from '@taper/core';
import { Failure } from '../failure.ts';
import { parseAnchors } from '../file/anchors.ts';
import { isObject, kindOf, member, parseJsonInput } from '../file/json.ts';
import type { InputText } from '../file/read.ts';
import { quoteText } from '../text/escape.ts';

/** What an enforcement point asks for in a vector, beyond the draft's minimum. */
export interface VectorPolicy {
  readonly requireProofAudience: boolean;
  readonly requireChainAudience: boolean;
  readonly nonce: string | undefined;
  /** Where there is one, the profile `taper` is understood. */
  readonly profile: ProfileContext | undefined;
  /** Hash of the tool's definition as it is now. */
  readonly definition: string | undefined;
}

/** One call with the verdict that it must get. */
export interface Vector {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly tool: string;
  /** The arguments as JSON text, digit for digit. */
  readonly args: string;
  readonly policy: VectorPolicy;
  readonly chain: readonly string[];
  /** Undefined where the presentation carries no proof. */
  readonly proof: string | undefined;
  readonly expected: Expectation;
}

export interface Expectation {
  readonly verdict: 'PERMIT' | 'DENY';
  /** Steps of draft section 8 that may be named, several as `3n/4o`; undefined where the suite names none. */
  readonly step: string | undefined;
}

/** A suite of vectors: `docs/cli.md` describes the form. */
export interface Suite {
  readonly audience: string | undefined;
  readonly limits: Partial<Limits>;
  readonly anchors: readonly TrustAnchor[];
  readonly vectors: readonly Vector[];
}

const LIMITS: Readonly<Record<string, keyof Limits>> = {
  max_iat_skew: 'maxIatSkew',
  max_token_lifetime: 'maxTokenLifetime',
  max_delegation_depth: 'maxDelegationDepth',
  pop_window: 'proofWindow',
};

/** Reads a suite. @throws {Failure} `suite_malformed` naming the vector and the field, `json_invalid`, `anchors_malformed`, `key_…`. */
export function parseSuite(input: InputText): Suite {
  const { source } = input;
  // Arguments come from `args_json`; a suite may show them parsed as well, with numbers that no double holds.
  const suite = parseJsonInput(input, 'any');
  const reader = new FieldReader(source, '');
  const top = reader.object(suite, 'the whole');
  const params = reader.optionalObject(top, 'params');
  const paramReader = reader.under('params');
  const audience = paramReader.optionalString(params, 'audience');
  const defaultNow = paramReader.optionalInteger(params, 'now');
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const [name, limit] of Object.entries(LIMITS)) {
    const value = paramReader.optionalInteger(params, name);
    if (value !== undefined) limits[limit] = value;
  }
  const anchors = parseAnchors(suite, source);
  const list = reader.array(top, 'vectors');
  if (list.length === 0)
    throw reader.failure('vectors', 'it holds no vector, so nothing is tested');
  const vectors = list.map((value, index) => parseVector(value, index, defaultNow, reader));
  requireUniqueIds(vectors, reader);
  return { audience, limits, anchors, vectors };
}

function parseVector(
  value: JsonValue,
  index: number,
  defaultNow: number | undefined,
  suite: FieldReader,
): Vector {
  const object = suite.object(value, `vectors[${index}]`);
  const id = suite.under(`vectors[${index}]`).string(object, 'id');
  const reader = suite.under(`vector ${quoteText(id, 60)}`);
  const now = reader.optionalInteger(object, 'now') ?? defaultNow;
  if (now === undefined) throw reader.failure('now', 'it is absent, and params has none either');
  const chain = reader.array(object, 'chain').map((token, hop) => {
    if (typeof token !== 'string')
      throw reader.failure(`chain[${hop}]`, `it is ${kindOf(token)} and not a string`);
    return token;
  });
  return {
    id,
    now,
    tool: reader.string(object, 'tool'),
    args: reader.string(object, 'args_json'),
    policy: parsePolicy(reader.optionalObject(object, 'policy'), reader.under('policy')),
    chain,
    proof: reader.optionalString(object, 'pop'),
    expected: parseExpectation(object, reader),
  };
}

const POLICIES: readonly string[] = [
  'require_pop_aud',
  'require_chain_aud',
  'nonce',
  'profile',
  'definition',
];

/** A policy that is not understood would be a policy that is not applied, so it is refused. */
function parsePolicy(policy: JsonObject, reader: FieldReader): VectorPolicy {
  for (const name of Object.keys(policy)) {
    if (!POLICIES.includes(name))
      throw reader.failure(quoteText(name, 60), 'no such policy is known');
  }
  return {
    requireProofAudience: reader.optionalBoolean(policy, 'require_pop_aud') ?? false,
    requireChainAudience: reader.optionalBoolean(policy, 'require_chain_aud') ?? false,
    nonce: reader.optionalString(policy, 'nonce'),
    profile: parseProfile(policy, reader),
    definition: reader.optionalString(policy, 'definition'),
  };
}

function parseProfile(policy: JsonObject, reader: FieldReader): ProfileContext | undefined {
  if (member(policy, 'profile') == null) return undefined;
  const profile = reader.optionalObject(policy, 'profile');
  const inner = reader.under('profile');
  const unknown = Object.keys(profile).find((name) => !['tenant', 'purpose'].includes(name));
  if (unknown !== undefined) throw inner.failure(quoteText(unknown, 60), 'no such member is known');
  const tenant = inner.optionalString(profile, 'tenant');
  const purpose = inner.optionalString(profile, 'purpose');
  return {
    ...(tenant === undefined ? {} : { tenant }),
    ...(purpose === undefined ? {} : { purpose }),
  };
}

function parseExpectation(vector: JsonObject, reader: FieldReader): Expectation {
  const expected = reader.object(member(vector, 'expected'), 'expected');
  const inner = reader.under('expected');
  const verdict = inner.string(expected, 'verdict');
  if (verdict !== 'PERMIT' && verdict !== 'DENY')
    throw inner.failure('verdict', 'it is neither "PERMIT" nor "DENY"');
  return { verdict, step: inner.optionalString(expected, 'step') };
}

function requireUniqueIds(vectors: readonly Vector[], reader: FieldReader): void {
  const seen = new Set<string>();
  for (const { id } of vectors) {
    if (seen.has(id)) throw reader.failure(`vector ${quoteText(id, 60)}`, 'its id occurs twice');
    seen.add(id);
  }
}

/** Takes members out of JSON objects and names the place when one is not what it must be. `null` counts as absent. */
class FieldReader {
  private readonly source: string;
  private readonly place: string;

  constructor(source: string, place: string) {
    this.source = source;
    this.place = place;
  }

  under(name: string): FieldReader {
    return new FieldReader(this.source, this.join(name));
  }

  failure(name: string, what: string): Failure {
    const field = this.join(name);
    return new Failure('suite_malformed', `${this.source}: ${field}: ${what}`, {
      file: this.source,
      field,
      hint: 'docs/cli.md describes the form of a suite.',
    });
  }

  object(value: JsonValue | undefined, name: string): JsonObject {
    if (isObject(value)) return value;
    throw this.failure(name, `it is ${kindOf(value)} and not an object`);
  }

  optionalObject(object: JsonObject, name: string): JsonObject {
    return this.object(member(object, name) ?? {}, name);
  }

  array(object: JsonObject, name: string): readonly JsonValue[] {
    const value = member(object, name);
    if (Array.isArray(value)) return value;
    throw this.failure(name, `it is ${kindOf(value)} and not an array`);
  }

  string(object: JsonObject, name: string): string {
    const value = member(object, name);
    if (typeof value === 'string') return value;
    throw this.failure(name, `it is ${kindOf(value)} and not a string`);
  }

  optionalString(object: JsonObject, name: string): string | undefined {
    return member(object, name) == null ? undefined : this.string(object, name);
  }

  optionalInteger(object: JsonObject, name: string): number | undefined {
    const value = member(object, name) ?? undefined;
    if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined;
    throw this.failure(name, `it is ${kindOf(value)} and not a whole number`);
  }

  optionalBoolean(object: JsonObject, name: string): boolean | undefined {
    const value = member(object, name) ?? undefined;
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.failure(name, `it is ${kindOf(value)} and neither true nor false`);
  }

  private join(name: string): string {
    return this.place === '' ? name : `${this.place}, ${name}`;
  }
}
