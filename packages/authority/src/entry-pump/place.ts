import {
  authorityEntryBodyText,
  type PublicKey,
  readAuthorityLogEntry,
  TaperError,
  type VerifiedAuthorityEntry,
  verifyAuthorityEntry,
} from '@taper/core';
import type { AuthorityStore, OutboxRecord } from '../port/store.ts';
import type { EntryLog } from './log.ts';

/** Entries of the store that are looked at, and marked, at one time. */
const RUN = 500;

/**
 * Finds out how far the entries of the store have come into the log, marks them, and answers the sequence of the last.
 *
 * The log is older than nothing in the store, and the store than nothing in the log: one that is was put back from a copy.
 *
 * @param onMissing puts an entry into the store that the log has behind everything that the store has; without it that is an exception.
 * @throws {TaperError} `log_rolled_back` where the log does not have what the store says it has; `store_unusable` where it has what
 * the store does not; `log_corrupt` for an entry of type `authority` that is not by the rules; whatever store and log throw.
 */
export async function findPlace(
  store: AuthorityStore,
  log: EntryLog,
  authority: readonly PublicKey[],
  onMissing?: (entry: VerifiedAuthorityEntry) => Promise<void>,
): Promise<number> {
  const last = await store.lastMarked();
  let sequence = last?.sequence ?? 0;
  let isThere = last === undefined;
  let isBehind = false;
  let waiting: OutboxRecord[] = [];
  let places: { sequence: number; index: number }[] = [];
  for await (const { index, text } of log.scan(last?.index ?? 0)) {
    const entry = readEntry(text, index, log.log, authority);
    if (!isThere) {
      if (entry === undefined || !isEntryOf(entry, last)) break;
      isThere = true;
      continue;
    }
    if (entry === undefined) continue;
    if (entry.sequence !== sequence + 1)
      throw corrupt(index, `has sequence ${entry.sequence} after ${sequence}`);
    if (waiting.length === 0 && !isBehind) {
      if (places.length > 0) await store.markEntries(places);
      places = [];
      waiting = await store.pendingEntries(RUN);
    }
    const record = waiting.shift();
    if (record === undefined && onMissing !== undefined) {
      isBehind = true;
      await onMissing(entry);
    } else if (!isEntryOf(entry, record)) throw olderStore(entry.sequence, index);
    sequence = entry.sequence;
    places.push({ sequence, index });
    if (isBehind && places.length === RUN) await store.markEntries(places.splice(0));
  }
  if (!isThere) throw olderLog(last?.index);
  if (places.length > 0) await store.markEntries(places);
  return sequence;
}

function readEntry(
  text: string,
  index: number,
  log: string,
  authority: readonly PublicKey[],
): VerifiedAuthorityEntry | undefined {
  const read = readAuthorityLogEntry(text);
  if (read.type === 'other') return undefined;
  if (read.type === 'malformed') throw corrupt(index, 'is not by the rules');
  const verdict = verifyAuthorityEntry(read.entry, { log, authority });
  if (!verdict.ok) throw corrupt(index, `does not verify (${verdict.problem})`);
  return verdict.entry;
}

function isEntryOf(entry: VerifiedAuthorityEntry, record: OutboxRecord | undefined): boolean {
  return entry.sequence === record?.sequence && authorityEntryBodyText(entry) === record.body;
}

function corrupt(index: number, what: string): TaperError {
  return new TaperError('log_corrupt', `Entry ${index} of the authority's log ${what}.`, {
    hint: 'Somebody else writes to this log, or a key of the authority is not known: name the keys that signed before as former ones.',
  });
}

function olderStore(sequence: number, index: number): TaperError {
  return new TaperError(
    'store_unusable',
    `The store does not have entry ${sequence} of the authority, which is at ${index} of its log: it is an old copy, or another store.`,
    {
      hint: 'What was done since the copy was made is not in it. Follow "Restoring" in docs/authority-store.md.',
    },
  );
}

function olderLog(index: number | undefined): TaperError {
  return new TaperError(
    'log_rolled_back',
    `The authority's log does not have at ${index} what the store says is there: it is an old copy, or another log.`,
    { hint: 'Follow "Restoring" in docs/authority-store.md.' },
  );
}
