import {
  type EpochRecord,
  platform,
  type RevokedQuery,
  TaperError,
  writeStaple,
} from '@taper/core';
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
