import {
  type AuthorityStore,
  createTrustedIssuers,
  type FetchOptions,
  type ForeignDomainOptions,
  type TrustedIssuer,
  type TrustedIssuers,
} from '@taper/authority';
import {
  importPublicKey,
  type JsonObject,
  type JsonValue,
  type PublicKey,
  parseNoteKey,
} from '@taper/core';
import { Failure } from '../failure.ts';
import { isObject, member } from '../file/json.ts';
import type { LogWitnessPlace } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';

/** Members of a trusted issuer that are written in two words. */
const NAMES: Readonly<Record<string, string>> = {
  trust_domain: 'trustDomain',
  jwks_uri: 'jwksUri',
  max_lifetime: 'maxLifetime',
  mutable_claims: 'mutableClaims',
};

/** The issuers of the configuration. @throws {TaperError} `option_invalid`. */
export function trustedIssuers(
  { trustedIssuers: listed }: AuthorityConfig,
  clock: () => number,
  fetch: FetchOptions | undefined,
): TrustedIssuers {
  const issuers = listed.map(
    (each) =>
      Object.fromEntries(
        Object.entries(each).map(([name, value]) => [NAMES[name] ?? name, value]),
      ) as unknown as TrustedIssuer,
  );
  return createTrustedIssuers({ issuers, clock, ...(fetch === undefined ? {} : { fetch }) });
}

/** The foreign domains of the configuration: `{"issuer", "anchors": [jwk], "tenant"}`. @throws {Failure} `config_malformed`. */
export function foreignDomains({ foreign }: AuthorityConfig): readonly ForeignDomainOptions[] {
  return foreign.map((each, index) => {
    const field = `foreign[${index}]`;
    const known = ['issuer', 'anchors', 'tenant'];
    const stranger = Object.keys(each).find((name) => !known.includes(name));
    const { issuer, anchors, tenant } = each;
    const keys = Array.isArray(anchors) ? anchors.map((jwk) => keyOf(jwk, field)) : [];
    if (stranger !== undefined || typeof issuer !== 'string' || keys.length === 0)
      throw malformed(field);
    if (tenant !== undefined && typeof tenant !== 'string') throw malformed(field);
    return { issuer, anchors: keys, ...(tenant === undefined ? {} : { tenant }) };
  });
}

/** Witnesses that somebody else runs. @throws {Failure} `config_malformed`. */
export function witnessPlaces({ witnesses }: AuthorityConfig): readonly LogWitnessPlace[] {
  return witnesses.map(({ key: text, url }, index) => {
    const key = typeof text === 'string' ? parseNoteKey(text) : undefined;
    if (key === undefined || key.type !== 4 || typeof url !== 'string' || !URL.canParse(url))
      throw malformed(`witnesses[${index}]`);
    return { key, url };
  });
}

/** Approvers by group, each `{"name", "jwk"}`. @throws {Failure} `config_malformed`. */
export function approverGroups({
  approvers,
}: AuthorityConfig): Readonly<Record<string, readonly { name: string; key: PublicKey }[]>> {
  return Object.fromEntries(
    Object.entries(approvers).map(([group, list]) => [
      group,
      (Array.isArray(list) ? list : [undefined]).map((each: JsonObject | undefined, index) => {
        const field = `approvers.${group}[${index}]`;
        const name = each === undefined ? undefined : member(each, 'name');
        if (typeof name !== 'string' || name === '') throw malformed(field);
        return { name, key: keyOf(each === undefined ? undefined : member(each, 'jwk'), field) };
      }),
    ]),
  );
}

/** The keys of all approvers: nobody else may have one of them. @throws {Failure} `config_malformed`. */
export function approverKeys(config: AuthorityConfig): readonly PublicKey[] {
  return Object.values(approverGroups(config)).flatMap((group) => group.map(({ key }) => key));
}

/** Whoever asks does not approve. @throws {Failure} `config_malformed` where the key of an approver is, or was, an agent's. */
export async function requireOwnApprovers(
  config: AuthorityConfig,
  store: AuthorityStore,
): Promise<void> {
  const keys = approverKeys(config);
  const found = await store.read(async (tx) => {
    for (const key of keys) if ((await tx.findKey(key.thumbprint))?.purpose === 'agent') return key;
    return undefined;
  });
  if (found === undefined) return;
  throw new Failure('config_malformed', 'taper.json: the key of an approver is an agent’s', {
    field: 'approvers',
    hint: `Give that approver a key of their own: ${found.thumbprint} would approve what it asks for itself.`,
  });
}

function keyOf(jwk: JsonValue | undefined, field: string): PublicKey {
  try {
    if (isObject(jwk)) return importPublicKey(jwk);
  } catch {
    // The message names the place.
  }
  throw malformed(field);
}

function malformed(field: string): Failure {
  return new Failure('config_malformed', `taper.json: ${field} is not as it has to be`, {
    field,
    hint: 'docs/authority.md shows one. Keys are public JWKs.',
  });
}
