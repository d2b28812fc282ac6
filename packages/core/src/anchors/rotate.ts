import { TaperError } from '../error.ts';
import type { AnchorEntry } from './document.ts';

/**
 * Announces a root key: verifiers come to know it before it signs anything.
 * @throws TaperError `anchors_invalid` when it is known.
 */
export function announceAnchor(
  entries: readonly AnchorEntry[],
  key: Omit<AnchorEntry, 'state' | 'notAfter'>,
): readonly AnchorEntry[] {
  if (entries.some((entry) => entry.key.thumbprint === key.key.thumbprint))
    throw invalid('This key is known already.', 'Each root key is used once: make a new one.');
  return [...entries, { ...key, state: 'next' }];
}

/**
 * Lets an announced key take over, and retires all that are current.
 * @param retireAt when the last token of the retired ones has ended, seconds since the epoch; now for one that was compromised.
 * @throws TaperError `anchors_invalid` when it was not announced.
 */
export function promoteAnchor(
  entries: readonly AnchorEntry[],
  thumbprint: string,
  retireAt: number,
): readonly AnchorEntry[] {
  if (!entries.some(({ key, state }) => key.thumbprint === thumbprint && state === 'next'))
    throw invalid('This key has not been announced.', 'Publish it as `next` first.');
  return entries.map((entry) => {
    if (entry.key.thumbprint === thumbprint) return { ...entry, state: 'current' };
    return entry.state === 'current' ? retire(entry, retireAt) : entry;
  });
}

/**
 * Retires one key, current or announced.
 * @throws TaperError `anchors_invalid` when it is not there.
 */
export function retireAnchor(
  entries: readonly AnchorEntry[],
  thumbprint: string,
  retireAt: number,
): readonly AnchorEntry[] {
  if (!entries.some(({ key }) => key.thumbprint === thumbprint))
    throw invalid('There is no such key.', 'Give the thumbprint of a root key.');
  return entries.map((entry) =>
    entry.key.thumbprint === thumbprint ? retire(entry, retireAt) : entry,
  );
}

/** An end that was set is never put off. */
function retire(entry: AnchorEntry, retireAt: number): AnchorEntry {
  const end = Math.min(entry.notAfter ?? retireAt, retireAt);
  return { ...entry, state: 'retired', notAfter: Math.max(end, entry.notBefore) };
}

function invalid(message: string, hint: string): TaperError {
  return new TaperError('anchors_invalid', message, { hint });
}
