import { join } from 'node:path';
import { importPublicKey, type JsonObject, type JsonValue, type PublicKey } from '@taper/core';
import { Failure } from '../failure.ts';
import { isObject, kindOf } from '../file/json.ts';
import { quoteText } from '../text/escape.ts';
import type { AuthorityConfig } from './config.ts';

/** Where a key is kept, and how it is found there. Paths are as they are in the configuration: of the folder. */
export type KeyPlace =
  | { readonly driver: 'file'; readonly path: string }
  | {
      readonly driver: 'pkcs11';
      readonly module: string;
      readonly token: string;
      readonly key: { readonly label?: string; readonly id?: string };
      readonly pinFile: string;
      readonly publicKey: PublicKey | undefined;
    }
  | {
      readonly driver: 'aws-kms';
      readonly keyId: string;
      readonly region: string;
      readonly endpoint: string | undefined;
      readonly publicKey: PublicKey | undefined;
    };

/** A root key, and where it is hybrid, the file of the second one. */
export interface RootPlace {
  readonly key: KeyPlace;
  readonly hybridFile: string | undefined;
}

export interface KeyPlaces {
  readonly root: RootPlace;
  /** That is announced, or has taken over already. */
  readonly nextRoot: RootPlace | undefined;
  readonly identity: KeyPlace;
  readonly authority: KeyPlace;
  readonly log: KeyPlace;
  readonly witness: KeyPlace;
  readonly audit: KeyPlace;
}

/** The members of `keys`, and the files that are taken for those that are left out. */
const FILES = {
  root: 'keys/root.json',
  identity: 'keys/identity.json',
  authority: 'keys/authority.json',
  log: 'keys/log.json',
  witness: 'keys/witness.json',
  audit: 'keys/audit.json',
} as const;

const MEMBERS: Readonly<Record<string, { readonly needs: string[]; readonly may: string[] }>> = {
  file: { needs: [], may: ['path'] },
  pkcs11: { needs: ['module', 'token', 'pin_file'], may: ['label', 'id', 'public_key'] },
  'aws-kms': { needs: ['key_id', 'region'], may: ['endpoint', 'public_key'] },
};

/** Where the keys of a configuration are. @throws {Failure} `config_malformed` naming the member. */
export function keyPlaces({ keys }: Pick<AuthorityConfig, 'keys'>): KeyPlaces {
  const known = [...Object.keys(FILES), 'next_root'];
  const stranger = Object.keys(keys).find((name) => !known.includes(name));
  if (stranger !== undefined)
    throw malformed('keys', `it has a member ${quoteText(stranger)} that is not understood`);
  const place = (name: keyof typeof FILES): KeyPlace =>
    readPlace(keys[name], `keys.${name}`, FILES[name]).key;
  return {
    root: readPlace(keys['root'], 'keys.root', FILES.root, true),
    nextRoot:
      keys['next_root'] === undefined
        ? undefined
        : readPlace(keys['next_root'], 'keys.next_root', undefined, true),
    identity: place('identity'),
    authority: place('authority'),
    log: place('log'),
    witness: place('witness'),
    audit: place('audit'),
  };
}

/** The path of a key file, in the folder or wherever it is said to be. */
export function pathOf(folder: string, path: string): string {
  return path.startsWith('/') ? path : join(folder, path);
}

function readPlace(
  value: JsonValue | undefined,
  field: string,
  file: string | undefined,
  isRoot = false,
): RootPlace {
  const given: JsonValue = value ?? { driver: 'file' };
  if (!isObject(given)) throw malformed(field, `it is ${kindOf(given)} and not an object`);
  const { driver = 'file', hybrid_file: hybridFile, ...members } = given;
  const known = typeof driver === 'string' ? MEMBERS[driver] : undefined;
  if (known === undefined || !Object.hasOwn(MEMBERS, driver as string))
    throw malformed(`${field}.driver`, `it is none of ${Object.keys(MEMBERS).join(', ')}`);
  if (hybridFile !== undefined && !(isRoot && isText(hybridFile)))
    throw malformed(`${field}.hybrid_file`, 'only a root key has one, and it is a path');
  if (hybridFile !== undefined && driver === 'aws-kms')
    throw malformed(
      `${field}.hybrid_file`,
      'AWS KMS signs 4096 bytes at most: a hybrid root is longer',
    );
  const { needs, may } = known;
  for (const [name, member] of Object.entries(members)) {
    if (![...needs, ...may].includes(name))
      throw malformed(field, `it has a member ${quoteText(name)} that is not understood`);
    if (name !== 'public_key' && !isText(member))
      throw malformed(`${field}.${name}`, `it is ${kindOf(member)} and not text`);
  }
  const missing = needs.find((name) => members[name] === undefined);
  if (missing !== undefined) throw malformed(`${field}.${missing}`, 'it is not there');
  return {
    key: placeOf(driver as KeyPlace['driver'], members, field, file),
    hybridFile: hybridFile as string | undefined,
  };
}

function placeOf(
  driver: KeyPlace['driver'],
  members: JsonObject,
  field: string,
  file: string | undefined,
): KeyPlace {
  const text = (name: string) => members[name] as string;
  const optional = (name: string) => members[name] as string | undefined;
  const publicKey = members['public_key'] && keyOf(members['public_key'], `${field}.public_key`);
  switch (driver) {
    case 'file': {
      const path = optional('path') ?? file;
      if (path === undefined) throw malformed(`${field}.path`, 'it is not there');
      return { driver, path };
    }
    case 'pkcs11': {
      const [label, id] = [optional('label'), optional('id')];
      if (label === undefined && id === undefined)
        throw malformed(field, 'it has neither `label` nor `id`');
      return {
        driver,
        module: text('module'),
        token: text('token'),
        key: { ...(label === undefined ? {} : { label }), ...(id === undefined ? {} : { id }) },
        pinFile: text('pin_file'),
        publicKey: publicKey as PublicKey | undefined,
      };
    }
    case 'aws-kms':
      return {
        driver,
        keyId: text('key_id'),
        region: text('region'),
        endpoint: optional('endpoint'),
        publicKey: publicKey as PublicKey | undefined,
      };
  }
}

function keyOf(jwk: JsonValue, field: string): PublicKey {
  try {
    return importPublicKey(jwk);
  } catch {
    throw malformed(field, 'it is no public key');
  }
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value !== '';
}

function malformed(field: string, what: string): Failure {
  return new Failure('config_malformed', `taper.json: ${field}: ${what}`, {
    field,
    hint: 'docs/keys.md shows where keys can be kept, and what the configuration says then.',
  });
}
