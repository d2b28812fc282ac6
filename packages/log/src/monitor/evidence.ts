import {
  isJsonObject,
  type JsonValue,
  type LogTrust,
  parseJson,
  type VerifiedCheckpoint,
  verifyCheckpointAsync,
  verifyConsistency,
} from '@taper/core';
import { sameBytes } from '../tile/hashes.ts';

/**
 * Proof that a log has signed two histories: two checkpoints that cannot both be of one log that only grows. It convinces whoever
 * knows the log's key, without asking the log. JSON.
 */
export interface LogEvidence {
  readonly taper_log_evidence: 1;
  readonly origin: string;
  /** The signed checkpoint of the smaller tree. */
  readonly older: string;
  /** The signed checkpoint of the larger tree, or of another one of the same size. */
  readonly newer: string;
  /** Where the sizes differ: what the newer tree has in the place of the older. */
  readonly contradiction?: {
    /** The root of the newer tree at the older size, base64. */
    readonly root: string;
    /** The consistency proof from that root to the newer one (RFC 6962 section 2.1.2), base64. */
    readonly proof: readonly string[];
  };
}

/** Why evidence proves nothing. `checkpoint_unsigned`: one of the two does not verify as a checkpoint of the log. `no_contradiction`: the two can be of one log, as far as this shows. */
export type EvidenceProblem =
  | 'malformed'
  | 'origin_mismatch'
  | 'checkpoint_unsigned'
  | 'no_contradiction';

export type EvidenceVerdict =
  | {
      readonly proved: true;
      readonly older: VerifiedCheckpoint;
      readonly newer: VerifiedCheckpoint;
    }
  | { readonly proved: false; readonly problem: EvidenceProblem };

/** Makes evidence of two checkpoints of the same size, or of one and what the newer tree has at its size. */
export function makeEvidence(
  older: VerifiedCheckpoint,
  newer: VerifiedCheckpoint,
  contradiction?: { readonly root: Uint8Array; readonly proof: readonly Uint8Array[] },
): LogEvidence {
  const { origin, note } = older;
  const found = contradiction && {
    root: encode(contradiction.root),
    proof: contradiction.proof.map(encode),
  };
  return {
    taper_log_evidence: 1,
    origin,
    older: note,
    newer: newer.note,
    ...(found === undefined ? {} : { contradiction: found }),
  };
}

/**
 * Judges evidence that a log has signed two histories, from wherever it came: a value, or its JSON text. Only the log's own
 * signatures count for it; how many witnesses cosigned is told beside.
 *
 * @param trust of the log that is accused; its quorum is not asked for.
 */
export async function verifyLogEvidence(
  evidence: unknown,
  trust: LogTrust,
): Promise<EvidenceVerdict> {
  const read = readEvidence(evidence);
  if (read === undefined) return { proved: false, problem: 'malformed' };
  if (read.origin !== trust.origin) return { proved: false, problem: 'origin_mismatch' };
  const anyQuorum = { ...trust, quorum: 0 };
  const older = await verifyCheckpointAsync(read.older, anyQuorum);
  const newer = await verifyCheckpointAsync(read.newer, anyQuorum);
  if (!older.ok || !newer.ok) return { proved: false, problem: 'checkpoint_unsigned' };
  const proved = contradict(older.checkpoint, newer.checkpoint, read);
  return proved
    ? { proved, older: older.checkpoint, newer: newer.checkpoint }
    : { proved, problem: 'no_contradiction' };
}

function contradict(
  older: VerifiedCheckpoint,
  newer: VerifiedCheckpoint,
  { contradiction }: LogEvidence,
): boolean {
  if (older.size === newer.size) return !sameBytes(older.root, newer.root);
  const root = decode(contradiction?.root);
  const proof = contradiction?.proof.map(decode);
  if (root === undefined || proof === undefined || sameBytes(root, older.root)) return false;
  // The newer root holds this tree at the older size, and no other: and it is not the older one.
  return verifyConsistency({
    oldSize: older.size,
    oldRoot: root,
    size: newer.size,
    root: newer.root,
    proof: proof.filter((hash) => hash !== undefined),
  });
}

function readEvidence(evidence: unknown): LogEvidence | undefined {
  const value = typeof evidence === 'string' ? parsed(evidence) : evidence;
  if (typeof value !== 'object' || value === null) return undefined;
  const { taper_log_evidence: version, origin, older, newer, contradiction } = value as LogEvidence;
  if (version !== 1 || ![origin, older, newer].every((each) => typeof each === 'string'))
    return undefined;
  if (contradiction === undefined) return value as LogEvidence;
  if (typeof contradiction !== 'object' || contradiction === null) return undefined;
  const { root, proof } = contradiction;
  if (!Array.isArray(proof) || proof.length > 64) return undefined;
  return [root, ...proof].every((each) => decode(each) !== undefined)
    ? (value as LogEvidence)
    : undefined;
}

function parsed(text: string): JsonValue | undefined {
  const result = parseJson(text);
  return result.ok && isJsonObject(result.value) ? result.value : undefined;
}

function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** 32 bytes from their one form in base64. */
function decode(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/]{43}=$/.test(text)) return undefined;
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  return encode(bytes) === text ? bytes : undefined;
}
