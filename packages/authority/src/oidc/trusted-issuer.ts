import { canonicalize, requireKnownOptions, TaperError } from '@taper/core';
import { isTrustDomain } from '../identity/spiffe-id.ts';
import { requireBinding, type WorkloadBinding } from './binding.ts';
import { type FetchOptions, requireDocumentUrl } from './fetch-document.ts';
import { ISSUER_ALGORITHMS, type IssuerAlgorithm, type IssuerKeys, readKeySet } from './key-set.ts';

/** What tokens of an issuer are taken for: that a workload may enrol, or on whose behalf an agent acts. Never for both. */
export type IssuerUse = 'workload' | 'subject';

/** An issuer of tokens that the operator trusts, for one use and one audience. */
export interface TrustedIssuer {
  readonly use: IssuerUse;
  /** `iss`, byte for byte. May be left out for a SPIFFE trust domain whose tokens have no `iss`. */
  readonly issuer?: string;
  /** `sub` must be a SPIFFE ID of this trust domain. */
  readonly trustDomain?: string;
  /** `aud`, and nothing beside it. */
  readonly audience: string;
  readonly algorithms: readonly IssuerAlgorithm[];
  /** The issuer's keys, as a JWK set; or where they are. */
  readonly jwks?: object;
  readonly jwksUri?: string;
  /** `typ` that tokens may have beside none, in lower case. Default: `jwt` and `jose`; of subjects also `at+jwt`. */
  readonly types?: readonly string[];
  /** Seconds from now within which a token must expire, 1 to 31536000. Default 86400. */
  readonly maxLifetime?: number;
  /** Of workloads: who becomes whom. */
  readonly bindings?: readonly WorkloadBinding[];
  /** Says that the operator has thought about claims such as `email` or `preferred_username` in bindings. */
  readonly mutableClaims?: 'accepted';
}

/** As it is used: checked, with nothing left to default. */
export interface CheckedIssuer {
  readonly use: IssuerUse;
  readonly issuer: string | undefined;
  readonly trustDomain: string | undefined;
  readonly audience: string;
  readonly algorithms: ReadonlySet<string>;
  readonly keys: IssuerKeys | string;
  readonly types: ReadonlySet<string>;
  readonly maxLifetime: number;
  readonly bindings: readonly WorkloadBinding[];
}

const OPTIONS: readonly (keyof TrustedIssuer)[] = [
  'use',
  'issuer',
  'trustDomain',
  'audience',
  'algorithms',
  'jwks',
  'jwksUri',
  'types',
  'maxLifetime',
  'bindings',
  'mutableClaims',
];

const MAX_TEXT = 2048;

/**
 * Checks an issuer that an operator wrote down.
 * @throws {TaperError} `option_invalid`.
 */
export function checkIssuer(options: TrustedIssuer, fetch: FetchOptions): CheckedIssuer {
  requireKnownOptions(options, OPTIONS);
  const { use, issuer, trustDomain, audience, algorithms, mutableClaims } = options;
  if (use !== 'workload' && use !== 'subject') throw invalid('use');
  if (issuer === undefined ? trustDomain === undefined : !isText(issuer)) throw invalid('issuer');
  if (trustDomain !== undefined && !isTrustDomain(trustDomain)) throw invalid('trustDomain');
  if (!isText(audience)) throw invalid('audience');
  if (!Array.isArray(algorithms) || algorithms.length === 0) throw invalid('algorithms');
  for (const each of algorithms) if (!ISSUER_ALGORITHMS.includes(each)) throw invalid('algorithms');
  if (mutableClaims !== undefined && mutableClaims !== 'accepted') throw invalid('mutableClaims');
  const { maxLifetime = 86_400 } = options;
  if (!Number.isSafeInteger(maxLifetime) || maxLifetime < 1 || maxLifetime > 31_536_000)
    throw invalid('maxLifetime');
  const { bindings = [] } = options;
  if (!Array.isArray(bindings) || (use === 'workload') !== bindings.length > 0)
    throw invalid('bindings');
  return Object.freeze({
    use,
    issuer,
    trustDomain,
    audience,
    algorithms: new Set<string>(algorithms),
    keys: keysOf(options, fetch),
    types: typesOf(options),
    maxLifetime,
    bindings: bindings.map((binding) => requireBinding(binding, mutableClaims === 'accepted')),
  });
}

function keysOf({ jwks, jwksUri }: TrustedIssuer, fetch: FetchOptions): IssuerKeys | string {
  if ((jwks === undefined) === (jwksUri === undefined)) throw invalid('jwks');
  if (jwksUri !== undefined) return requireDocumentUrl(jwksUri, fetch);
  const keys = readKeySet(canonicalize(jwks));
  if (keys === undefined || !keys.has(undefined)) throw invalid('jwks');
  return keys;
}

function typesOf({ use, types }: TrustedIssuer): ReadonlySet<string> {
  const named = types ?? (use === 'workload' ? ['jwt', 'jose'] : ['jwt', 'jose', 'at+jwt']);
  if (!Array.isArray(named)) throw invalid('types');
  for (const type of named)
    if (!isText(type) || type !== type.toLowerCase() || type.startsWith('application/'))
      throw invalid('types');
  return new Set(named);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT;
}

const HINTS: Readonly<Partial<Record<keyof TrustedIssuer, string>>> = {
  use: 'Say "workload" or "subject".',
  issuer: 'Write `iss` as it stands in the tokens; a SPIFFE trust domain may do without.',
  audience: 'Write the one `aud` that tokens for this authority have.',
  algorithms: `At least one of ${ISSUER_ALGORITHMS.join(', ')}.`,
  jwks: 'Give either `jwks`, a JWK set with public keys alone, or `jwksUri`.',
  bindings: 'An issuer of workloads has at least one binding, one of subjects has none.',
  types: 'In lower case, without `application/`.',
  mutableClaims: 'Say "accepted", or leave it out.',
};

function invalid(option: keyof TrustedIssuer): TaperError {
  return new TaperError('option_invalid', `\`${option}\` of a trusted issuer is not usable.`, {
    hint: HINTS[option] ?? `Look at \`${option}\` in TrustedIssuer.`,
  });
}
