import type { JsonObject, JsonValue } from '@taper/core';
import { Failure } from '../failure.ts';
import { isObject, kindOf, member, parseJsonInput } from '../file/json.ts';
import type { InputText } from '../file/read.ts';
import { decodeUnverified } from '../unverified.ts';
import { readAat } from './format/aat.ts';
import { looksLikeMacaroon, readMacaroons } from './format/macaroon.ts';
import { readOAuth } from './format/oauth.ts';
import { readPlain } from './format/plain.ts';
import type { Format, Hop, SampledChain } from './model.ts';
import { isSeconds, type Surroundings } from './surroundings.ts';

/** Chains and hops that one file may hold. */
const MAX_CHAINS = 1_000;
const MAX_HOPS = 256;

const FORMATS: readonly Format[] = ['aat', 'oauth', 'macaroon', 'plain'];

const HINT =
  'A sample is JSON: {"chains": [{"name": "…", "hops": [ … ]}]}, one such chain, or a list of tokens, root first; or tokens as text, one on each line. docs/audit-chain.md has an example of each form.';

/** Reads a file of sampled chains. Nothing in it is believed. @throws {Failure} `sample_malformed`, `json_invalid`. */
export function readSample(input: InputText): readonly SampledChain[] {
  const { text, source } = input;
  if (!/^\s*[[{]/.test(text)) {
    const lines = text.split('\n').map((line) => line.trim());
    return [readChain({ hops: lines.filter((line) => line !== '') }, 'chain', source)];
  }
  const value = parseJsonInput(input, 'any');
  const chains = isObject(value) ? member(value, 'chains') : undefined;
  if (chains === undefined) return [readChain(asChain(value), 'chain', source)];
  if (!Array.isArray(chains) || chains.length === 0 || chains.length > MAX_CHAINS)
    throw malformed(source, 'chains', `is not an array of 1 to ${MAX_CHAINS} chains`);
  return chains.map((chain: JsonValue, index) =>
    readChain(asChain(chain), `chain ${index + 1}`, source, `chains[${index}].`),
  );
}

/** A bare list of hops, a chain file of AAT, or an object with hops. */
function asChain(value: JsonValue): JsonObject {
  if (Array.isArray(value)) return { hops: value };
  if (!isObject(value)) return {};
  const aat = member(value, 'aat_chain');
  return aat === undefined ? value : { hops: aat, format: 'aat' };
}

function readChain(chain: JsonObject, fallback: string, source: string, at = ''): SampledChain {
  const refuse = (field: string, problem: string): Failure =>
    malformed(source, `${at}${field}`, problem);
  const hops = member(chain, 'hops');
  if (!Array.isArray(hops) || hops.length === 0 || hops.length > MAX_HOPS)
    throw refuse('hops', `is ${kindOf(hops)} and not an array of 1 to ${MAX_HOPS} hops`);
  const name = member(chain, 'name') ?? fallback;
  if (typeof name !== 'string') throw refuse('name', 'is not text');
  const format = member(chain, 'format') ?? detect(hops as readonly JsonValue[]);
  if (!FORMATS.includes(format as Format))
    throw refuse('format', `is none of ${FORMATS.join(', ')}`);
  const read = { aat: readAat, oauth: readOAuth, macaroon: readMacaroons, plain: readPlain };
  const surroundings = { ...readSurroundings(chain, refuse), refuse };
  const found: readonly Hop[] = read[format as Format](hops as readonly JsonValue[], surroundings);
  return { name, format: format as Format, hops: found };
}

function detect(hops: readonly JsonValue[]): Format {
  const [first] = hops;
  if (looksLikeMacaroon(first)) return 'macaroon';
  if (typeof first !== 'string')
    return isObject(first) && ['iss', 'act', 'aud'].some((name) => Object.hasOwn(first, name))
      ? 'oauth'
      : 'plain';
  const token = decodeUnverified(first);
  const header = typeof token === 'string' ? undefined : token.header.value;
  const typ = isObject(header) ? member(header, 'typ') : undefined;
  return typeof typ === 'string' && /^(?:application\/)?aat\+jwt$/i.test(typ) ? 'aat' : 'oauth';
}

function readSurroundings(
  chain: JsonObject,
  refuse: Surroundings['refuse'],
): Omit<Surroundings, 'refuse'> {
  const grace = member(chain, 'grace_seconds');
  if (grace !== undefined && !isSeconds(grace))
    throw refuse('grace_seconds', 'is no number of seconds');
  const revocation = member(chain, 'revocation');
  if (revocation === undefined)
    return { graceSeconds: grace, revocationOf: () => ({ kind: 'unrecorded' }) };
  if (!isObject(revocation)) throw refuse('revocation', `is ${kindOf(revocation)}`);
  const checked = member(revocation, 'checked');
  if (checked !== 'every_hop' && checked !== 'leaf' && checked !== 'never')
    throw refuse('revocation.checked', 'is none of every_hop, leaf, never');
  const seconds = member(revocation, 'max_age_seconds');
  if (checked !== 'never' && !isSeconds(seconds))
    throw refuse('revocation.max_age_seconds', 'is no number of seconds');
  return {
    graceSeconds: grace,
    revocationOf: (hop, hops) =>
      checked === 'never' || (checked === 'leaf' && hop < hops - 1)
        ? { kind: 'never_checked' }
        : { kind: 'checked', seconds: seconds as number },
  };
}

function malformed(source: string, field: string, problem: string): Failure {
  return new Failure('sample_malformed', `${source}: ${field} ${problem}`, {
    file: source,
    field,
    hint: HINT,
  });
}
