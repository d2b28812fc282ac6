import type { AuthorityStore } from '@taper/authority';
import {
  type AnchorsContent,
  advanceAnchors,
  canonicalize,
  noteKey,
  pinAnchors,
  platform,
  readAnchors,
  signAnchors,
  TaperError,
  type VerifiedAnchors,
  writeAnchors,
  writeAnchorsHistory,
  writeAuthorityEntryBody,
} from '@taper/core';
import type { AuthorityConfig } from './config.ts';
import type { AuthorityKeys } from './keys.ts';
import type { LogNode } from './log-node.ts';

/** Seconds for which a document counts, and before its end at which the next one is published. */
const LIFETIME = 30 * 86_400;
const RENEW_BEFORE = 15 * 86_400;

/** All documents that were published, as one text. */
const SETTING = 'anchors_history';

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
  readonly node: LogNode;
  readonly clock: () => number;
}

/**
 * The published documents; a new one where what they say has changed, or the latest is soon at its end.
 * @throws {TaperError} `store_unusable` where what was published is damaged; `anchors_invalid`, `signing_failed`.
 */
export async function publishAnchors(options: PublicationOptions): Promise<AnchorsPublication> {
  const { store, keys, clock } = options;
  const kept = await store.read((tx) => tx.findSetting(SETTING));
  const documents = kept === undefined ? [] : readAnchors(kept);
  const previous = kept === undefined ? undefined : verify(kept, clock());
  const content = contentOf(options, previous);
  if (previous !== undefined && !isOutdated(previous, content)) return publication(previous, kept);
  const made = await signAnchors(content, [keys.root], previous);
  const history = writeAnchorsHistory([...documents, made]);
  await store.transaction(async (tx) => {
    await tx.putSetting(SETTING, history);
    await tx.appendEntry(
      writeAuthorityEntryBody({
        time: clock(),
        event: 'anchors.published',
        by: { kind: 'authority', id: content.issuer },
        subject: { sequence: made.sequence },
        details: {
          document_hash: platform.sha256(new TextEncoder().encode(made.canonical)),
          root_keys: content.anchors.map(({ key }) => key.thumbprint),
        },
      }),
    );
  });
  return publication(made, history);
}

function publication(latest: VerifiedAnchors, history: string | undefined): AnchorsPublication {
  const text = writeAnchors(latest);
  return { latest, text, history: history ?? text };
}

/** Own documents, from the first on. */
function verify(text: string, now: number): VerifiedAnchors {
  const [first, ...rest] = readAnchors(text);
  const pinned = first === undefined ? undefined : pinAnchors(first);
  const verdict =
    pinned?.ok === true && rest.length > 0 ? advanceAnchors(pinned.anchors, rest, now) : pinned;
  if (verdict?.ok === true) return verdict.anchors;
  throw new TaperError('store_unusable', 'The anchor documents in the store are damaged.', {
    hint: 'Restore the store from its backup: verifiers hold on to what was published.',
  });
}

function contentOf(
  { config, keys, node, clock }: PublicationOptions,
  previous: VerifiedAnchors | undefined,
): AnchorsContent {
  const now = clock();
  const { log } = node;
  const witness = node.witness?.key;
  return {
    issuer: config.issuer,
    issuedAt: Math.max(now, previous?.issuedAt ?? 0),
    expiresAt: now + LIFETIME,
    anchors: previous?.anchors ?? [{ key: keys.root.publicKey, state: 'current', notBefore: now }],
    log: { origin: log.origin, key: noteKey(log.origin, log.key.key, 1) },
    authorityKeys: [keys.authority.publicKey],
    identityKeys: [keys.identity.publicKey],
    witnesses: witness === undefined ? [] : [witness],
    quorum: witness === undefined ? 0 : 1,
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
