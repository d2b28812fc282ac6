import { type VerifiedCheckpoint, verifyConsistency } from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { TileSource } from '../port/tile-store.ts';
import { createLogReader } from '../reader/log-reader.ts';
import { sameBytes } from '../tile/hashes.ts';
import { type LogEvidence, makeEvidence } from './evidence.ts';

/**
 * How two checkpoints of one log go together. `consistent`: the larger tree begins with the smaller; the proof says so to
 * anybody. `forked`: they are of two histories, and the evidence proves it. `unproved`: the log does not serve what would tell,
 * or serves tiles that are not those of the larger tree.
 */
export type Comparison =
  | { readonly verdict: 'consistent'; readonly proof: readonly Uint8Array[] }
  | { readonly verdict: 'forked'; readonly evidence: LogEvidence }
  | { readonly verdict: 'unproved'; readonly cause: LogError };

/**
 * Compares any two verified checkpoints of one log, by the tiles that it serves.
 *
 * @throws {TaperError} `log_unavailable` when the tiles cannot be read; whatever else the source throws.
 */
export async function compareCheckpoints(
  one: VerifiedCheckpoint,
  other: VerifiedCheckpoint,
  source: TileSource,
): Promise<Comparison> {
  const [older, newer] = one.size <= other.size ? [one, other] : [other, one];
  const { size: oldSize, root: oldRoot } = older;
  const { size, root } = newer;
  if (oldSize === size) {
    return sameBytes(oldRoot, root)
      ? { verdict: 'consistent', proof: [] }
      : { verdict: 'forked', evidence: makeEvidence(older, newer) };
  }
  if (oldSize === 0) return { verdict: 'consistent', proof: [] };
  try {
    const reader = createLogReader({ source, head: () => ({ size, root }) });
    const found = await reader.root(oldSize);
    const proof = await reader.consistencyProof(oldSize);
    if (!verifyConsistency({ oldSize, oldRoot: found, size, root, proof })) {
      throw new LogError('log_unverified', 'proof', 'The consistency proof does not verify.');
    }
    return sameBytes(found, oldRoot)
      ? { verdict: 'consistent', proof }
      : { verdict: 'forked', evidence: makeEvidence(older, newer, { root: found, proof }) };
  } catch (cause) {
    if (!(cause instanceof LogError) || cause.code === 'log_unavailable') throw cause;
    return { verdict: 'unproved', cause };
  }
}
