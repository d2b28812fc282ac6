import {
  authorityEntryBodyText,
  type JsonObject,
  type PublicKey,
  platform,
  requireKnownOptions,
  type VerifiedAuthorityEntry,
} from '@taper/core';
import type { EntryLog } from '../entry-pump/log.ts';
import { findPlace } from '../entry-pump/place.ts';
import type { AuthorityStore } from '../port/store.ts';
import { StoreError } from '../store-error.ts';
import { replayEntry } from './replay.ts';

export interface RestoreOptions {
  /** The store that was put back from a copy, or a new one. Nobody else works on it. */
  readonly store: AuthorityStore;
  readonly log: EntryLog;
  /** Keys that sign, or signed, entries of the authority's log. */
  readonly authority: readonly PublicKey[];
  /** Fresh random bytes. */
  readonly random: (length: number) => Uint8Array;
}

/** What the log says was done, and what it does not say enough of to do it again. */
export interface LeftByHand {
  readonly sequence: number;
  readonly event: string;
  readonly time: number;
  readonly subject: JsonObject;
}

export interface Restored {
  /** Entries that the copy did not have. */
  readonly entries: number;
  readonly byHand: readonly LeftByHand[];
}

const OPTIONS: readonly (keyof RestoreOptions)[] = ['store', 'log', 'authority', 'random'];

/**
 * Brings a store that was put back from a copy, or is new, to where its log is. Agents, their keys and states, enrolments,
 * issuances, administrators and peer rules are as the log says. Grants are not in the log: where others were applied since, there are none until they are applied
 * again. What was pending is closed, and every nonce is void, so that nothing that was used since the copy serves again.
 *
 * May be called again after any failure.
 *
 * @throws {TaperError} `store_unusable` where the copy has gone on by itself: then it has entries that the log has otherwise;
 * `log_rolled_back`; `log_corrupt`; whatever store and log throw.
 */
export async function restoreFromLog(options: RestoreOptions): Promise<Restored> {
  requireKnownOptions(options, OPTIONS);
  const { store, log, authority, random } = options;
  const nonces = platform.encodeBase64url(random(32));
  await store.transaction((tx) => tx.putSetting('nonce_key', nonces));
  await closePending(store);
  let entries = 0;
  const byHand: LeftByHand[] = [];
  await findPlace(store, log, authority, async (entry) => {
    const isWhole = await restoreEntry(store, entry);
    entries += 1;
    if (isWhole) return;
    const { sequence, event, time, subject } = entry;
    byHand.push({ sequence, event, time, subject });
  });
  return { entries, byHand };
}

function restoreEntry(store: AuthorityStore, entry: VerifiedAuthorityEntry): Promise<boolean> {
  return store.transaction(async (tx) => {
    const sequence = await tx.appendEntry(authorityEntryBodyText(entry));
    if (sequence !== entry.sequence)
      throw new StoreError('outbox', 'Somebody else writes to the store.', {
        hint: 'Stop every node that works on it, and restore again.',
      });
    return replayEntry(tx, entry);
  });
}

/** What was approved before the copy may have been issued since. */
async function closePending(store: AuthorityStore): Promise<void> {
  for (let after = ''; ; ) {
    const page = await store.read((tx) => tx.listPending({ limit: 1000, after }));
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
    await store.transaction(async (tx) => {
      for (const record of page)
        if (record.state === 'open')
          await tx.updatePending({ ...record, state: 'closed', version: record.version + 1 });
    });
  }
}
