import {
  openHybridKeyFile,
  type PassphraseSource,
  passphraseFile,
  promptPassphrase,
  purposeSigner,
} from '@taper/authority/keys';
import type { HybridSigner, PublicKey, Signer } from '@taper/core';
import { Failure } from '../failure.ts';
import type { AuthorityConfig } from './config.ts';
import type { KeyPurpose } from './home.ts';
import { type DriverContext, naming, type OpenedKey, openKey } from './key-drivers.ts';
import { keyPlaces, pathOf, type RootPlace } from './key-places.ts';

/** The keys of a node but for the root keys, each for one purpose. */
export type AuthorityKeys = Readonly<Record<Exclude<KeyPurpose, 'root'>, Signer>>;

/** A root key. Where it is hybrid, both sign what it signs of roots. */
export interface RootKey {
  readonly signer: Signer;
  readonly hybrid: HybridSigner | undefined;
}

export interface NodeKeys {
  readonly keys: AuthorityKeys;
  /** The configured ones; which of them signs, the published trust anchors say. */
  readonly roots: readonly RootKey[];
  /** All that this node could sign with. */
  readonly publicKeys: readonly PublicKey[];
  close(): Promise<void>;
}

export interface OpenKeysOptions {
  /** Asks for the passphrase of the key files, once, where no file has it. Default: at the terminal. */
  readonly askPassphrase?: () => Promise<Uint8Array>;
}

/** Key files that are opened at one time: each takes 128 MiB meanwhile. */
const AT_ONE_TIME = 3;

const WITHOUT_WITNESS = ['identity', 'authority', 'log', 'audit'] as const;

/**
 * Opens all keys of a node, wherever the configuration says they are. Each signs for its purpose alone.
 * @throws {Failure} `key_store_unusable` naming the key and the problem; `config_malformed`.
 */
export async function openKeys(
  folder: string,
  config: AuthorityConfig,
  options: OpenKeysOptions = {},
): Promise<NodeKeys> {
  const places = keyPlaces(config);
  const opening = beginOpening(folder, config, options);
  try {
    const purposes =
      config.witnessListen === undefined
        ? WITHOUT_WITNESS
        : ([...WITHOUT_WITNESS, 'witness'] as const);
    const open = async (purpose: keyof AuthorityKeys) => {
      const { signer } = await opening.open(places[purpose], purpose);
      const origin = purpose === 'log' || purpose === 'witness' ? { origin: config.logOrigin } : {};
      return [purpose, purposeSigner({ signer, purpose, ...origin })] as const;
    };
    // At the same time: deriving the key of a file from the passphrase takes most of a start.
    const [roots, ...opened] = await allSettled([
      openConfiguredRoots(opening, places.root, places.nextRoot),
      ...purposes.map(open),
    ]);
    const own: Partial<Record<keyof AuthorityKeys, Signer>> = Object.fromEntries(opened);
    const publicKeys = [...roots.map(({ signer }) => signer), ...Object.values(own)].map(
      ({ publicKey }) => publicKey,
    );
    requireDistinct(publicKeys);
    return { keys: own as AuthorityKeys, roots, publicKeys, close: opening.close };
  } catch (cause) {
    await opening.close();
    throw cause;
  } finally {
    opening.forgetPassphrase();
  }
}

/** As {@link openKeys}, the root keys alone. */
export async function openRoots(
  folder: string,
  config: AuthorityConfig,
  options: OpenKeysOptions = {},
): Promise<{ readonly roots: readonly RootKey[]; close(): Promise<void> }> {
  const { root, nextRoot } = keyPlaces(config);
  const opening = beginOpening(folder, config, options);
  try {
    const roots = await openConfiguredRoots(opening, root, nextRoot);
    requireDistinct(roots.map(({ signer }) => signer.publicKey));
    return { roots, close: opening.close };
  } catch (cause) {
    await opening.close();
    throw cause;
  } finally {
    opening.forgetPassphrase();
  }
}

/** Gives the passphrase of the key files to some work. @throws what the passphrase file or the prompt has. */
export async function usePassphrase(
  folder: string,
  config: AuthorityConfig,
  options: OpenKeysOptions,
  work: (passphrase: PassphraseSource) => Promise<void>,
): Promise<void> {
  const opening = beginOpening(folder, config, options);
  try {
    await work(opening.context.passphrase);
  } finally {
    opening.forgetPassphrase();
  }
}

/** Opens keys, and remembers them for the end; the passphrase is had once for all. */
interface Opening {
  readonly context: DriverContext;
  open(place: Parameters<typeof openKey>[0], name: string): Promise<OpenedKey>;
  forgetPassphrase(): void;
  readonly close: () => Promise<void>;
}

function beginOpening(
  folder: string,
  { passphraseFile: file }: AuthorityConfig,
  options: OpenKeysOptions,
): Opening {
  const opened: OpenedKey[] = [];
  let typed: Promise<Uint8Array> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let files = 0;
  const lanes: Promise<unknown>[] = Array.from({ length: AT_ONE_TIME }, () => turn);
  const ask = options.askPassphrase ?? promptPassphrase('Passphrase of the authority’s keys');
  const passphrase: PassphraseSource =
    file === undefined
      ? async () => {
          typed ??= ask();
          return typed;
        }
      : passphraseFile(pathOf(folder, file));
  const context = { folder, passphrase };
  return {
    context,
    async open(place, name) {
      let opening: Promise<OpenedKey>;
      if (place.driver === 'file') {
        const lane = files++ % lanes.length;
        opening = (lanes[lane] ?? turn).then(() => openKey(place, name, context));
        lanes[lane] = opening.catch(() => undefined);
      } else {
        // One after the other, and none after a failure: a device counts wrong PINs, and locks itself.
        opening = turn.then(() => openKey(place, name, context));
        turn = opening;
      }
      const key = await opening;
      opened.push(key);
      return key;
    },
    forgetPassphrase: () => void typed?.then((bytes) => bytes.fill(0)).catch(() => undefined),
    async close() {
      for (const key of opened.splice(0)) await key.close();
    },
  };
}

/** As `Promise.all`, but done only when all are: what was opened can then be closed. */
async function allSettled<Works extends readonly unknown[]>(
  works: readonly [...Works],
): Promise<{ -readonly [Index in keyof Works]: Awaited<Works[Index]> }> {
  await Promise.allSettled(works);
  return Promise.all(works);
}

async function openConfiguredRoots(
  opening: Opening,
  root: RootPlace,
  next: RootPlace | undefined,
): Promise<readonly RootKey[]> {
  return allSettled([
    openRoot(opening, root, 'root'),
    ...(next === undefined ? [] : [openRoot(opening, next, 'next root')]),
  ]);
}

async function openRoot(
  opening: Opening,
  { key, hybridFile }: RootPlace,
  name: string,
): Promise<RootKey> {
  const { signer } = await opening.open(key, name);
  return {
    signer: purposeSigner({ signer, purpose: 'root' }),
    hybrid:
      hybridFile === undefined
        ? undefined
        : await openHybrid(opening.context, hybridFile, `hybrid ${name}`),
  };
}

function openHybrid(
  { folder, passphrase }: DriverContext,
  file: string,
  name: string,
): Promise<HybridSigner> {
  const path = pathOf(folder, file);
  return naming(name, path, () => openHybridKeyFile({ path, passphrase }));
}

/** One key for two purposes would let whoever may use it for one use it for the other. */
function requireDistinct(keys: readonly PublicKey[]): void {
  if (new Set(keys.map(({ thumbprint }) => thumbprint)).size === keys.length) return;
  throw new Failure('key_store_unusable', 'one key is there for two purposes', {
    hint: 'Each purpose has a key of its own: restore the files in keys/ from their backup, or correct `keys` in taper.json.',
  });
}
