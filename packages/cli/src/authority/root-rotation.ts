import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { ADMINISTRATOR_LIFETIME, type AuthorityStore } from '@taper/authority';
import { createAnchorsPublisher, createHybridKeyFile, createKeyFile } from '@taper/authority/keys';
import {
  type AnchorEntry,
  announceAnchor,
  promoteAnchor,
  type Signer,
  type VerifiedAnchors,
  writeAnchors,
} from '@taper/core';
import { Failure } from '../failure.ts';
import { ANCHORS_LIFETIME } from './anchors-publication.ts';
import type { AuthorityConfig } from './config.ts';
import { HOME_FILES, QUICK, replaceConfig, replaceFile } from './home.ts';
import { naming } from './key-drivers.ts';
import { keyPlaces, pathOf } from './key-places.ts';
import { type OpenKeysOptions, openRoots, type RootKey, usePassphrase } from './keys.ts';
import { requireRoot } from './roots.ts';
import { openStore } from './store.ts';

export interface RotationOptions extends OpenKeysOptions {
  readonly folder: string;
  readonly config: AuthorityConfig;
  readonly clock: () => number;
}

/** The document that is published now, and the thumbprint of the key that the stage was about. */
export interface RotationStep {
  readonly latest: VerifiedAnchors;
  readonly key: string;
}

/** Seconds for which a retired key still verifies: the longest life of a root, and by how much a node may lag behind. */
const OVERLAP = ADMINISTRATOR_LIFETIME + 3600;

/** Seconds between announcement and promotion: verifiers that fetch once a day have done so twice. */
const ANNOUNCED_FOR = 2 * 86_400;

const BY = { kind: 'operator', id: 'taper root rotate' } as const;

/**
 * Announces the next root key. Where the configuration names none, one is made in a file, hybrid where the current one is. Doing it twice
 * does it once.
 * @throws {Failure} `rotation_refused`, `key_store_unusable`, `file_unwritable`.
 */
export async function announceRoot(options: RotationOptions): Promise<RotationStep> {
  const { config, clock } = options;
  const configured = config.keys['next_root'] === undefined ? await makeNextRoot(options) : config;
  return withRoots({ ...options, config: configured }, (store, roots) => {
    const { signer, hybrid } = nextOf(roots);
    const key = signer.publicKey;
    return publish(options, store, key.thumbprint, (document) => {
      const state = stateOf(document, key.thumbprint);
      if (state === 'next') return undefined;
      if (state !== undefined)
        throw refused(
          `the configured next root key is ${state} already`,
          'Finish that rotation first: taper root rotate --stage retire.',
        );
      return {
        anchors: announceAnchor(document.anchors, {
          key,
          ...(hybrid === undefined ? {} : { hybrid: hybrid.key }),
          notBefore: Math.max(clock(), document.issuedAt),
        }),
        signers: [requireRoot(roots, document).signer],
      };
    });
  });
}

/**
 * Lets the announced key take over. The one before verifies until its tokens have ended; one that was stolen, from now on no more.
 * @throws {Failure} `rotation_refused` where it was not announced, or too shortly ago; as {@link announceRoot}.
 */
export function promoteRoot(
  options: RotationOptions & { readonly compromised: boolean; readonly early: boolean },
): Promise<RotationStep> {
  const { clock, compromised, early } = options;
  return withRoots(options, (store, roots) => {
    const { signer } = nextOf(roots);
    const { thumbprint } = signer.publicKey;
    return publish(options, store, thumbprint, (document) => {
      const entry = document.anchors.find(({ key }) => key.thumbprint === thumbprint);
      if (entry?.state === 'current') return undefined;
      if (entry?.state !== 'next')
        throw refused(
          'the next root key has not been announced',
          'taper root rotate --stage announce',
        );
      const now = Math.max(clock(), document.issuedAt);
      if (!early && !compromised && now - entry.notBefore < ANNOUNCED_FOR)
        throw refused(
          `the next root key was announced ${Math.floor((now - entry.notBefore) / 3600)} hours ago`,
          'Wait for two days, until verifiers have fetched it; or say --early where you know that all have.',
        );
      return {
        anchors: promoteAnchor(document.anchors, thumbprint, compromised ? now : now + OVERLAP),
        signers: [requireRoot(roots, document).signer, signer],
      };
    });
  });
}

/**
 * Leaves the old root key behind: the configuration names the new one alone, and where the old one is in files of ours, they are destroyed.
 * Its public half stays in the published document.
 * @throws {Failure} `rotation_refused` unless the new one has taken over; as {@link announceRoot}.
 */
export function retireRoot(options: RotationOptions): Promise<RotationStep> {
  const { folder, config, clock } = options;
  return withRoots(options, async (store, roots) => {
    const { signer } = nextOf(roots);
    const { thumbprint } = signer.publicKey;
    const latest = await createAnchorsPublisher({ store, clock }).latest();
    const old = roots[0]?.signer.publicKey.thumbprint ?? '';
    if (latest === undefined || stateOf(latest, thumbprint) !== 'current')
      throw refused('the next root key has not taken over', 'taper root rotate --stage promote');
    if (stateOf(latest, old) !== 'retired')
      throw refused('the old root key still signs', 'taper root rotate --stage promote');
    const { root } = keyPlaces(config);
    const { next_root: next, ...keys } = config.keys;
    await replaceConfig(folder, { ...config, keys: { ...keys, root: next ?? {} } });
    if (root.key.driver === 'file') await rm(pathOf(folder, root.key.path), { force: true });
    if (root.hybridFile !== undefined) await rm(pathOf(folder, root.hybridFile), { force: true });
    return { latest, key: thumbprint };
  });
}

/** In the folder, beside the current one; the configuration names it from then on. */
async function makeNextRoot(options: RotationOptions): Promise<AuthorityConfig> {
  const { folder, config } = options;
  let number = 2;
  const name = (kind: string): string => `${HOME_FILES.keys}/root-${number}${kind}.json`;
  while ([name(''), name('.hybrid')].some((path) => existsSync(pathOf(folder, path)))) number += 1;
  const isHybrid = keyPlaces(config).root.hybridFile !== undefined;
  await usePassphrase(folder, config, options, async (passphrase) => {
    const make = (path: string) => ({ path: pathOf(folder, path), passphrase, cost: QUICK });
    await naming('next root', name(''), () => createKeyFile(make(name(''))));
    if (isHybrid)
      await naming('next root', name('.hybrid'), () => createHybridKeyFile(make(name('.hybrid'))));
  });
  const next = {
    driver: 'file',
    path: name(''),
    ...(isHybrid ? { hybrid_file: name('.hybrid') } : {}),
  };
  const changed = { ...config, keys: { ...config.keys, next_root: next } };
  await replaceConfig(folder, changed);
  return changed;
}

async function withRoots<Result>(
  options: RotationOptions,
  work: (store: AuthorityStore, roots: readonly RootKey[]) => Promise<Result>,
): Promise<Result> {
  const { folder, config } = options;
  const undo: (() => unknown)[] = [];
  try {
    const opened = await openRoots(folder, config, options);
    undo.push(() => opened.close());
    const { store } = await openStore(folder, config, undo);
    return await work(store, opened.roots);
  } finally {
    for (const each of undo.reverse()) await each();
  }
}

interface Change {
  readonly anchors: readonly AnchorEntry[];
  readonly signers: readonly Signer[];
}

/** Nodes that run take it up within a minute. */
async function publish(
  { folder, clock }: RotationOptions,
  store: AuthorityStore,
  key: string,
  change: (document: VerifiedAnchors) => Change | undefined,
): Promise<RotationStep> {
  const latest = await createAnchorsPublisher({ store, clock }).publish((document) => {
    if (document === undefined)
      throw refused('no trust anchors have been published', 'Start the authority once: taper up');
    const changed = change(document);
    if (changed === undefined) return undefined;
    const issuedAt = Math.max(clock(), document.issuedAt);
    const { anchors, signers } = changed;
    const content = { ...document, anchors, issuedAt, expiresAt: issuedAt + ANCHORS_LIFETIME };
    return { content, signers };
  }, BY);
  if (latest === undefined) throw new Error('nothing was published');
  await replaceFile(folder, HOME_FILES.anchors, `${writeAnchors(latest)}\n`);
  return { latest, key };
}

function nextOf([, next]: readonly RootKey[]): RootKey {
  if (next !== undefined) return next;
  throw refused('no next root key is configured', 'taper root rotate --stage announce');
}

function stateOf(
  { anchors }: VerifiedAnchors,
  thumbprint: string,
): AnchorEntry['state'] | undefined {
  return anchors.find(({ key }) => key.thumbprint === thumbprint)?.state;
}

function refused(message: string, hint: string): Failure {
  return new Failure('rotation_refused', message, { hint });
}
