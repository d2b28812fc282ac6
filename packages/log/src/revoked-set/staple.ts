import {
  type EpochRecord,
  parseCheckpoint,
  parseNote,
  platform,
  type RevokedQuery,
  TaperError,
  writeStaple,
} from '@taper/core';
import type { LogReader } from '../reader/log-reader.ts';
import type { RevokedSet } from './revoked-set.ts';

/** An epoch that the log has published. */
export interface PublishedEpoch {
  readonly record: EpochRecord;
  /** A signed checkpoint that covers the record. */
  readonly checkpoint: string;
  /** The inclusion proof of the record under that checkpoint. */
  readonly inclusion: readonly Uint8Array[];
}

/**
 * An epoch with its place in the log, for {@link createStaple}.
 *
 * @param checkpoint a signed checkpoint that covers the record; the reader's head covers it too.
 * @throws {TaperError} `option_invalid` when it is no checkpoint, or does not cover the record; whatever the reader throws.
 */
export async function readPublishedEpoch(
  reader: Pick<LogReader, 'inclusionProof'>,
  record: EpochRecord,
  checkpoint: string,
): Promise<PublishedEpoch> {
  const size = parseCheckpoint(parseNote(checkpoint)?.text ?? '')?.size;
  if (size === undefined || record.size >= size)
    throw new TaperError('option_invalid', 'This checkpoint does not cover the epoch record.');
  return { record, checkpoint, inclusion: await reader.inclusionProof(record.size, size) };
}

/**
 * The staple of a query (spec/revocation.md, "Staple"). The set must be that of the epoch, as it was when its record was written.
 *
 * @throws {TaperError} `option_invalid` for what is no query; `log_unavailable` when the set has changed since the epoch.
 */
export function createStaple(
  query: RevokedQuery,
  set: RevokedSet,
  { record, checkpoint, inclusion }: PublishedEpoch,
): Uint8Array {
  if (platform.encodeBase64url(set.root()) !== record.revokedRoot) {
    throw new TaperError('log_unavailable', 'The revoked set is no longer that of the epoch.', {
      hint: 'Make the staple after the next epoch is published, or from a set of its own.',
    });
  }
  const { size: index, epoch, time, nextUpdate, revoked } = record;
  const proof = set.prove(query);
  return writeStaple({ checkpoint, index, epoch, time, nextUpdate, revoked, inclusion, proof });
}
