import {
  type AnchorsContent,
  type AuthorityActor,
  MAX_ANCHORS_LENGTH,
  pinAnchors,
  platform,
  readAnchors,
  requireKnownOptions,
  type Signer,
  signAnchors,
  TaperError,
  type UnsafeAnchors,
  type VerifiedAnchors,
  writeAnchors,
  writeAnchorsHistory,
  writeAuthorityEntryBody,
} from '@taper/core';
import type { AuthorityStore } from '../port/store.ts';

/** Where the history is kept in the store. */
const SETTING = 'anchors_history';

/** How often a change is made anew because another one came first. */
const ATTEMPTS = 32;

/** What the next document says, and who signs it: every key that is current in it, and one that was current before. */
export interface AnchorsChange {
  readonly content: AnchorsContent;
  readonly signers: readonly Signer[];
}

/** Publishes the trust-anchor documents of an authority (spec/anchors.md). */
export interface AnchorsPublisher {
  /** What anybody may fetch: the history, oldest first; `undefined` before the first document. */
  text(): Promise<string | undefined>;
  latest(): Promise<VerifiedAnchors | undefined>;
  /** Whether half of the time of the latest document is over, or there is none: time for the next. */
  isDue(): Promise<boolean>;
  /**
   * Takes back what was published before, into a store that has nothing of it: the latest document, or the history.
   *
   * @param hash of the canonical text of the latest, as its entry in the authority's log says.
   * @throws TaperError `anchors_invalid` for anything else; `store_conflict` where something is there; `store_unavailable`.
   */
  restore(text: string, hash: string): Promise<VerifiedAnchors>;
  /**
   * Publishes the next document, and has it in the authority's log. Of several at once each follows the other: `change` is asked again
   * with what is the latest by then, so that no key that another one added is lost.
   *
   * @param change content of the next document, made from the latest; `undefined`: there is nothing to change any more.
   * @throws TaperError `anchors_invalid`, `signing_failed`, `store_unavailable`; `store_conflict` when others always come first.
   */
  publish(
    change: (latest: VerifiedAnchors | undefined) => AnchorsChange | undefined,
    by: AuthorityActor,
  ): Promise<VerifiedAnchors | undefined>;
}

export function createAnchorsPublisher(options: {
  readonly store: AuthorityStore;
  /** Seconds since the epoch. */
  readonly clock: () => number;
}): AnchorsPublisher {
  requireKnownOptions(options, ['store', 'clock']);
  const { store, clock } = options;
  const text = () => store.read((tx) => tx.findSetting(SETTING));
  const latest = async () => newestOf(await text());
  return Object.freeze<AnchorsPublisher>({
    text,
    latest,
    async isDue() {
      const document = await latest();
      if (document === undefined) return true;
      return clock() >= document.issuedAt + (document.expiresAt - document.issuedAt) / 2;
    },
    async restore(given, hash) {
      const documents = readAnchors(given);
      const newest = newestOf(given);
      if (newest === undefined || hashOf(newest) !== hash)
        throw new TaperError('anchors_invalid', 'This is not what was published last.', {
          hint: 'Whoever verifies has it: the file that `taper anchors fetch` wrote last.',
        });
      await store.transaction(async (tx) => {
        if ((await tx.findSetting(SETTING)) !== undefined)
          throw new TaperError('store_conflict', 'Trust anchors are published already.');
        await tx.putSetting(SETTING, writeAnchorsHistory(documents));
      });
      return newest;
    },
    async publish(change, by) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const before = await text();
        const previous = newestOf(before);
        const wanted = change(previous);
        if (wanted === undefined) return previous;
        // Outside of the transaction: a device may take its time.
        const made = await signAnchors(wanted.content, wanted.signers, previous);
        if (await put(store, before, made, by)) return made;
      }
      throw new TaperError('store_conflict', 'Others published trust anchors all the time.', {
        hint: 'Nothing was published. Try again.',
      });
    },
  });
}

/** Stores a document in place of what it follows; `false` when something else is there by now. */
async function put(
  store: AuthorityStore,
  before: string | undefined,
  made: VerifiedAnchors,
  by: AuthorityActor,
): Promise<boolean> {
  const entry = writeAuthorityEntryBody({
    time: made.issuedAt,
    event: 'anchors.published',
    by,
    subject: { sequence: made.sequence },
    details: { hash: hashOf(made) },
  });
  return store.transaction(async (tx) => {
    if ((await tx.findSetting(SETTING)) !== before) return false;
    await tx.putSetting(SETTING, historyWith(before, made));
    await tx.appendEntry(entry);
    return true;
  });
}

function hashOf({ canonical }: VerifiedAnchors): string {
  return platform.sha256(new TextEncoder().encode(canonical));
}

/** As many of the latest documents as a file takes; who has been away for longer pins anew. */
function historyWith(before: string | undefined, made: VerifiedAnchors): string {
  const documents: UnsafeAnchors[] = [...(before === undefined ? [] : readAnchors(before)), made];
  let length = documents.reduce((sum, document) => sum + writeAnchors(document).length + 1, 100);
  while (documents.length > 1 && (length > MAX_ANCHORS_LENGTH || documents.length > 1000))
    length -= writeAnchors(documents.shift() as UnsafeAnchors).length + 1;
  return writeAnchorsHistory(documents);
}

/** What the store holds is the authority's own; its signatures show that it is whole. */
function newestOf(history: string | undefined): VerifiedAnchors | undefined {
  if (history === undefined) return undefined;
  const verdict = pinAnchors(readAnchors(history).at(-1) as UnsafeAnchors);
  if (verdict.ok) return verdict.anchors;
  throw new TaperError(
    'anchors_invalid',
    `The stored trust anchors are damaged: ${verdict.problem}.`,
    {
      hint: 'Restore the store from its backup.',
    },
  );
}
