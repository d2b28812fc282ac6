import type { AuthorityStore } from '@taper/authority';
import { createAnchorsPublisher } from '@taper/authority/keys';
import {
  type AnchorEntry,
  type AnchorsContent,
  canonicalize,
  type VerifiedAnchors,
  writeAnchors,
} from '@taper/core';
import { type LogWitnessPlace, logKey } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import type { AuthorityKeys, RootKey } from './keys.ts';
import { requireRoot } from './roots.ts';

/** Seconds for which a document counts, and before its end at which the next one is published. */
export const ANCHORS_LIFETIME: number = 30 * 86_400;
const RENEW_BEFORE = 15 * 86_400;

/** What verifiers configure: the trust-anchor document (spec/anchors.md), published and kept with all that came before. */
export interface AnchorsPublication {
  readonly latest: VerifiedAnchors;
  /** Of the latest document alone. */
  readonly text: string;
  /** All documents, for whoever has an old one. */
  readonly history: string;
}

export interface PublicationOptions {
  readonly store: AuthorityStore;
  readonly config: AuthorityConfig;
  readonly keys: AuthorityKeys;
  /** Of which one is current. */
  readonly roots: readonly RootKey[];
  readonly witnesses: readonly LogWitnessPlace[];
  readonly clock: () => number;
}

/**
 * The published documents; a new one where what they say has changed, or the latest is soon at its end.
 * @throws {Failure} `key_store_unusable` where this node has not got the current root key; {TaperError} `anchors_invalid` where what
 * was published is damaged; `signing_failed`.
 */
export async function publishAnchors(options: PublicationOptions): Promise<AnchorsPublication> {
  const { store, config, roots, clock } = options;
  const publisher = createAnchorsPublisher({ store, clock });
  const latest = await publisher.publish(
    (previous) => {
      const content = contentOf(options, previous);
      if (previous !== undefined && !isOutdated(previous, content)) return undefined;
      return { content, signers: [requireRoot(roots, previous).signer] };
    },
    { kind: 'authority', id: config.issuer },
  );
  return publication(latest as VerifiedAnchors, await publisher.text());
}

/** What is published, by whichever process; `undefined` before the first document. @throws {TaperError} `anchors_invalid`. */
export async function readPublication(
  store: AuthorityStore,
  clock: () => number,
): Promise<AnchorsPublication | undefined> {
  const publisher = createAnchorsPublisher({ store, clock });
  const latest = await publisher.latest();
  return latest && publication(latest, await publisher.text());
}

function publication(latest: VerifiedAnchors, history: string | undefined): AnchorsPublication {
  const text = writeAnchors(latest);
  return { latest, text, history: history ?? text };
}

function contentOf(
  { config, keys, roots, witnesses, clock }: PublicationOptions,
  previous: VerifiedAnchors | undefined,
): AnchorsContent {
  const now = clock();
  return {
    issuer: config.issuer,
    issuedAt: Math.max(now, previous?.issuedAt ?? 0),
    expiresAt: now + ANCHORS_LIFETIME,
    anchors: previous?.anchors ?? [firstEntry(requireRoot(roots, undefined), now)],
    log: { origin: config.logOrigin, key: logKey(config, keys) },
    authorityKeys: [keys.authority.publicKey],
    identityKeys: [keys.identity.publicKey],
    witnesses: witnesses.map(({ key }) => key),
    quorum: witnesses.length,
  };
}

function firstEntry({ signer, hybrid }: RootKey, now: number): AnchorEntry {
  return {
    key: signer.publicKey,
    ...(hybrid === undefined ? {} : { hybrid: hybrid.key }),
    state: 'current',
    notBefore: now,
  };
}

function isOutdated(previous: VerifiedAnchors, content: AnchorsContent): boolean {
  if (previous.expiresAt - content.issuedAt <= RENEW_BEFORE) return true;
  return describe(previous) !== describe(content);
}

/** All but the times. */
function describe(content: AnchorsContent): string {
  const { issuer, anchors, log, authorityKeys, identityKeys, witnesses, quorum } = content;
  return canonicalize({
    issuer,
    anchors: anchors.map(({ key, state }) => [key.thumbprint, state]),
    log: [log.origin, log.key.text],
    keys: [authorityKeys, identityKeys].map((list) => list.map(({ thumbprint }) => thumbprint)),
    witnesses: witnesses.map(({ text }) => text),
    quorum,
  });
}
