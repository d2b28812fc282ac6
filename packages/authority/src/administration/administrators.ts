import {
  type HybridSigner,
  importPublicKey,
  issue,
  isWellKnownTestKey,
  type JsonObject,
  type PublicKey,
  type Signer,
  TaperError,
  type ToolMap,
  uuidV7,
  type VerifiedChain,
  writeAuthorityEntryBody,
} from '@taper/core';
import type { AuthorityStore } from '../port/store.ts';
import { AuthorityRefusal } from '../refusal.ts';
import { StoreError } from '../store-error.ts';
import {
  type Administrator,
  readAdministrators,
  writeAdministrators,
} from './administrator-record.ts';

/** Seconds for which an administrator's root token is good; the longest that a verifier takes. */
export const ADMINISTRATOR_LIFETIME: number = 90 * 86_400;

/** Hops that may follow: an administrator hands a slice on to a pipeline, and the pipeline to a job. */
const MAX_DEPTH = 2;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Who did something, for an entry of the authority's log. */
export interface EntryAuthor {
  readonly kind: 'administrator' | 'operator' | 'authority';
  readonly id: string;
  /** RFC 7638 thumbprint of the key that called, where the administrator had handed on to it. */
  readonly delegate?: string;
}

export interface AddedAdministrator {
  readonly administrator: Administrator;
  readonly chain: VerifiedChain;
}

/** Who may administer the authority. An administrator is a key with a root token for tools `taper:admin/…`: there is no password. */
export interface Administrators {
  /**
   * Adds one, and issues the root token.
   * @throws {AuthorityRefusal} `key_invalid`, `key_weak`, `key_in_use`, `request_malformed`, `administrator_exists`.
   */
  add(
    administrator: { readonly name: string; readonly tenant?: string; readonly jwk: JsonObject },
    by: EntryAuthor,
  ): Promise<AddedAdministrator>;
  /** Takes the right away, for good. The key of the result is still to be revoked, and with it all that was handed on. For one who was removed it answers the same again. @throws {AuthorityRefusal} `administrator_unknown`, `administrator_last`. */
  remove(name: string, by: EntryAuthor): Promise<Administrator>;
  /** A new root token for the same key and the same tools. @throws {AuthorityRefusal} `administrator_unknown`. */
  renew(thumbprint: string): Promise<AddedAdministrator>;
  list(): Promise<readonly Administrator[]>;
  /** The one whose root token is bound to that key. @throws {AuthorityRefusal} `administrator_unknown` also where the right was taken away. */
  require(thumbprint: string): Promise<Administrator>;
}

export interface AdministratorsOptions {
  readonly store: AuthorityStore;
  readonly issuer: string;
  /** Signs root tokens. */
  readonly root: Signer;
  /** Signs them beside it (spec/hybrid-roots.md). */
  readonly hybrid?: HybridSigner;
  /** Where the tokens are good: the name of the gate. */
  readonly audience: string;
  /** The tools of an administrator of all tenants, or of one. */
  readonly tools: (tenant: string | undefined) => ToolMap;
  /** The authority's own keys: no administrator may have one. */
  readonly ownKeys: readonly PublicKey[];
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
}

export function createAdministrators(options: AdministratorsOptions): Administrators {
  const { store, issuer, root, hybrid, audience, tools, clock, random } = options;
  const reserved = new Set([root.publicKey, ...options.ownKeys].map((key) => key.thumbprint));

  async function rootFor({ tenant }: Pick<Administrator, 'tenant'>, holder: PublicKey) {
    const now = clock();
    return issue({
      issuer,
      signer: root,
      ...(hybrid === undefined ? {} : { hybrid }),
      holder,
      tools: tools(tenant),
      audience,
      now,
      id: uuidV7(now * 1000, random(10)),
      lifetime: ADMINISTRATOR_LIFETIME,
      maxDepth: MAX_DEPTH,
    });
  }

  return Object.freeze<Administrators>({
    async add({ name, tenant, jwk }, by) {
      if (!NAME.test(name))
        throw new AuthorityRefusal('request_malformed', 'This is no name of an administrator.', {
          facts: { argument: 'name' },
          hint: 'Letters, digits and . _ -, at most 63.',
        });
      const key = readKey(jwk);
      if (reserved.has(key.thumbprint)) throw keyInUse();
      const now = clock();
      const administrator: Administrator = {
        name,
        ...(tenant === undefined ? {} : { tenant }),
        thumbprint: key.thumbprint,
        addedAt: now,
      };
      // Signed before it counts, so that no signer is waited for within the transaction.
      const chain = await rootFor(administrator, key);
      try {
        await store.transaction(async (tx) => {
          const list = await readAdministrators(tx);
          if (list.some((each) => each.name === name))
            throw new AuthorityRefusal(
              'administrator_exists',
              'There is, or was, one of that name.',
            );
          await tx.insertKey({
            thumbprint: key.thumbprint,
            jwk: key.jwk,
            purpose: 'administrator',
            holder: name,
            state: 'current',
            addedAt: now,
            endsAt: undefined,
          });
          await writeAdministrators(tx, [...list, administrator]);
          await tx.appendEntry(
            entry('administrator.added', now, administrator, by, { jwk: key.jwk as JsonObject }),
          );
        });
      } catch (cause) {
        if (cause instanceof StoreError && cause.conflict === 'key') throw keyInUse();
        throw cause;
      }
      return { administrator, chain };
    },

    remove: (name, by) =>
      store.transaction(async (tx) => {
        const now = clock();
        const list = await readAdministrators(tx);
        const found = list.find((each) => each.name === name);
        if (found === undefined) throw unknown();
        // Whoever was interrupted goes on to revoke the key.
        if (found.removedAt !== undefined) return found;
        const others = list.filter(
          (each) => each !== found && each.removedAt === undefined && each.tenant === undefined,
        );
        if (found.tenant === undefined && others.length === 0)
          throw new AuthorityRefusal(
            'administrator_last',
            'This is the last administrator of all tenants.',
            { hint: 'Add another one first: nobody could be added afterwards.' },
          );
        const removed: Administrator = { ...found, removedAt: now };
        await writeAdministrators(
          tx,
          list.map((each) => (each === found ? removed : each)),
        );
        const key = await tx.findKey(found.thumbprint);
        if (key !== undefined) await tx.updateKey({ ...key, state: 'former', endsAt: now });
        await tx.appendEntry(entry('administrator.removed', now, removed, by, {}));
        return removed;
      }),

    async renew(thumbprint) {
      const { administrator, key } = await store.read(async (tx) => ({
        administrator: current(await readAdministrators(tx), thumbprint),
        key: await tx.findKey(thumbprint),
      }));
      if (key === undefined || key.state !== 'current') throw unknown();
      return { administrator, chain: await rootFor(administrator, importPublicKey(key.jwk)) };
    },

    list: () => store.read((tx) => readAdministrators(tx)),

    require: (thumbprint) =>
      store.read(async (tx) => current(await readAdministrators(tx), thumbprint)),
  });
}

function current(list: readonly Administrator[], thumbprint: string): Administrator {
  const found = list.find((each) => each.thumbprint === thumbprint);
  if (found === undefined || found.removedAt !== undefined) throw unknown();
  return found;
}

function keyInUse(): AuthorityRefusal {
  return new AuthorityRefusal('key_in_use', 'The key serves somebody already.', {
    hint: 'Make a new key: a key serves one holder and one purpose, for good.',
  });
}

function unknown(): AuthorityRefusal {
  return new AuthorityRefusal('administrator_unknown', 'There is no such administrator.');
}

function readKey(jwk: JsonObject): PublicKey {
  let key: PublicKey;
  try {
    key = importPublicKey(jwk);
  } catch (cause) {
    const weak = cause instanceof TaperError && cause.code === 'key_weak';
    throw new AuthorityRefusal(weak ? 'key_weak' : 'key_invalid', 'The key cannot be used.', {
      hint: 'Give the public half of an Ed25519 or P-256 key, as a JWK.',
    });
  }
  if (!isWellKnownTestKey(key)) return key;
  throw new AuthorityRefusal('key_weak', 'The private half of this key is published.', {
    hint: 'Make a key of your own.',
  });
}

function entry(
  event: 'administrator.added' | 'administrator.removed',
  time: number,
  { name, tenant, thumbprint }: Administrator,
  by: EntryAuthor,
  details: JsonObject,
): string {
  return writeAuthorityEntryBody({
    time,
    event,
    ...(tenant === undefined ? {} : { tenant }),
    by,
    subject: { administrator: name },
    details: { ...details, key: thumbprint },
  });
}
