import {
  createFrontier,
  createRevokedRoot,
  isJsonObject,
  type JsonValue,
  type LogTrust,
  leafHash,
  parseJson,
  platform,
  type RevokedEntry,
  readRevocationLogEntry,
  verifyCheckpoint,
  verifyInclusion,
} from '@taper/core';
import type { Start } from './followed-log.ts';

/** Most members of a set that are taken. */
const MAX_MEMBERS = 20_000_000;

/** Hashes of an inclusion proof or a frontier: logs have fewer than 2^53 entries. */
const MAX_HASHES = 64;

const UTF8 = new TextEncoder();

/** A snapshot that has been checked, but for the frontier, which the next checkpoint confirms. */
export interface Snapshot {
  readonly start: Start;
  readonly revoked: readonly RevokedEntry[];
}

/**
 * Reads a snapshot and checks it (spec/revocation.md section 9.4): the checkpoint, that the epoch record is in the log, and that the
 * set is the one that the record commits to. `undefined` when it is not to be believed. Rejects as `lines` does.
 *
 * @param now seconds since the epoch.
 */
export async function readSnapshot(
  lines: AsyncIterable<string>,
  trust: LogTrust,
  now: number,
): Promise<Snapshot | undefined> {
  let start: Start | undefined;
  const revoked: RevokedEntry[] = [];
  const root = createRevokedRoot();
  for await (const line of lines) {
    const parsed = parseJson(line);
    if (!parsed.ok) return undefined;
    if (start === undefined) {
      start = readHeader(parsed.value, trust, now);
      if (start === undefined) return undefined;
      continue;
    }
    const member = readMember(parsed.value);
    // No more is held in memory than the record, which is in the log, speaks of.
    const most = Math.min(MAX_MEMBERS, start.record.revoked);
    if (member === undefined || revoked.length >= most || !root.add(member)) return undefined;
    revoked.push(member);
  }
  const hash = root.finish();
  if (start === undefined || hash === undefined) return undefined;
  const { record } = start;
  const isWhole =
    record.revoked === revoked.length && record.revokedRoot === platform.encodeBase64url(hash);
  return isWhole ? { start, revoked } : undefined;
}

function readHeader(value: JsonValue, trust: LogTrust, now: number): Start | undefined {
  if (!isJsonObject(value)) return undefined;
  const { epoch_index: index, epoch, inclusion, checkpoint, frontier } = value;
  const proof = hashesIn(inclusion);
  const hashes = hashesIn(frontier);
  if (typeof epoch !== 'string' || typeof checkpoint !== 'string') return undefined;
  if (proof === undefined || hashes === undefined || !Number.isSafeInteger(index)) return undefined;
  const read = readRevocationLogEntry(epoch);
  if (read.type !== 'epoch' || read.record.size !== index) return undefined;
  const verdict = verifyCheckpoint(checkpoint, trust, { now });
  if (!verdict.ok) return undefined;
  const { size, root } = verdict.checkpoint;
  const leaf = leafHash(UTF8.encode(epoch));
  if (!verifyInclusion({ leaf, index, size, proof, root })) return undefined;
  try {
    return { frontier: createFrontier(index + 1, hashes), index, record: read.record };
  } catch {
    return undefined; // not the number of hashes of that size
  }
}

function hashesIn(value: JsonValue | undefined): readonly Uint8Array[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_HASHES) return undefined;
  const hashes = value.map((text) =>
    typeof text === 'string' && text.length === 43 ? platform.decodeBase64url(text) : undefined,
  );
  return hashes.every((hash) => hash !== undefined) ? (hashes as Uint8Array[]) : undefined;
}

/** The shape alone: the builder of the root refuses what is no member of a set. */
function readMember(value: JsonValue): RevokedEntry | undefined {
  if (!Array.isArray(value)) return undefined;
  const [kind, first, second, third] = value as readonly JsonValue[];
  if (typeof first !== 'string') return undefined;
  if (kind === 'token' && value.length === 4) {
    if (typeof second !== 'string' || typeof third !== 'number') return undefined;
    return { kind, root: first, token: second, expiresAt: third };
  }
  if (kind === 'key' && value.length === 2) return { kind, key: first };
  if (kind !== 'tenant' || value.length !== 3 || typeof second !== 'number') return undefined;
  return { kind, tenant: first, issuedBefore: second };
}
