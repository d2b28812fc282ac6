import {
  type CheckpointVerdict,
  type LogProofVerdict,
  type LogTrust,
  type NoteKey,
  parseNoteKey,
  verifyCheckpoint,
  verifyCheckpointAsync,
  verifyConsistency,
  verifyInclusion,
  verifyLogProof,
  verifyLogProofAsync,
} from '../../src/index.ts';

// Runs in Node and in a page: no Node API.

/** What a vector says of the log that is believed: vkeys in the place of keys. */
export interface TrustText {
  readonly origin: string;
  readonly keys: readonly string[];
  readonly witnesses: readonly string[];
  readonly quorum: number;
}

export interface Vector {
  readonly id: string;
  readonly title: string;
  /** The nearest that is accepted. */
  readonly neighbour?: string;
}

export interface KeyVector extends Vector {
  readonly vkey: string;
  readonly expected: boolean;
}

export interface CheckpointVector extends Vector {
  readonly note: string;
  readonly trust: TrustText;
  readonly now: number | null;
  readonly expected: CheckpointAnswer;
}

export interface ProofVector extends Vector {
  readonly proof: string;
  /** base64 */
  readonly entry: string;
  readonly trust: TrustText;
  readonly expected: CheckpointAnswer & { readonly index: number | null };
}

export interface CheckpointAnswer {
  readonly problem: string | null;
  readonly size: number | null;
  readonly cosigners: readonly { readonly name: string; readonly time: number }[] | null;
}

export interface InclusionVector extends Vector {
  readonly leaf: string;
  readonly index: number;
  readonly size: number;
  readonly proof: readonly string[];
  readonly root: string;
  readonly expected: boolean;
}

export interface ConsistencyVector extends Vector {
  readonly old_size: number;
  readonly old_root: string;
  readonly size: number;
  readonly root: string;
  readonly proof: readonly string[];
  readonly expected: boolean;
}

/** The three files, each with some of the lists. */
export interface LogVectors {
  readonly vkeys?: readonly KeyVector[];
  readonly checkpoints?: readonly CheckpointVector[];
  readonly inclusion?: readonly InclusionVector[];
  readonly consistency?: readonly ConsistencyVector[];
  readonly proofs?: readonly ProofVector[];
}

export type Answers = Readonly<Record<string, unknown>>;

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function trustOf({ origin, keys, witnesses, quorum }: TrustText): LogTrust {
  const read = (vkey: string): NoteKey => {
    const key = parseNoteKey(vkey);
    if (key === undefined) throw new Error(`no vkey: ${vkey}`);
    return key;
  };
  return { origin, keys: keys.map(read), witnesses: witnesses.map(read), quorum };
}

function checkpointAnswer(verdict: CheckpointVerdict): CheckpointAnswer {
  return verdict.ok
    ? { problem: null, size: verdict.checkpoint.size, cosigners: verdict.cosigners }
    : { problem: verdict.problem, size: null, cosigners: null };
}

function proofAnswer(verdict: LogProofVerdict): ProofVector['expected'] {
  if (verdict.ok) return { ...checkpointAnswer(verdict), index: verdict.index };
  return { problem: verdict.problem, size: null, cosigners: null, index: null };
}

function nowOf(now: number | null): { readonly now?: number } {
  return now === null ? {} : { now };
}

/** What has no signature. */
function judgeHashes({ vkeys = [], inclusion = [], consistency = [] }: LogVectors): Answers {
  return Object.fromEntries([
    ...vkeys.map(({ id, vkey }) => [id, parseNoteKey(vkey)?.text === vkey]),
    ...inclusion.map(({ id, leaf, root, proof, index, size }) => [
      id,
      verifyInclusion({
        leaf: bytesOf(leaf),
        root: bytesOf(root),
        proof: proof.map(bytesOf),
        index,
        size,
      }),
    ]),
    ...consistency.map(({ id, old_size, old_root, size, root, proof }) => [
      id,
      verifyConsistency({
        oldSize: old_size,
        oldRoot: bytesOf(old_root),
        size,
        root: bytesOf(root),
        proof: proof.map(bytesOf),
      }),
    ]),
  ]);
}

/** What the synchronous verification says to each vector. */
export function judgeSync(vectors: LogVectors): Answers {
  const { checkpoints = [], proofs = [] } = vectors;
  return {
    ...judgeHashes(vectors),
    ...Object.fromEntries([
      ...checkpoints.map(({ id, note, trust, now }) => [
        id,
        checkpointAnswer(verifyCheckpoint(note, trustOf(trust), nowOf(now))),
      ]),
      ...proofs.map(({ id, proof, entry, trust }) => [
        id,
        proofAnswer(verifyLogProof(proof, bytesOf(entry), trustOf(trust))),
      ]),
    ]),
  };
}

/** What the asynchronous verification says; a browser has no other. */
export async function judgeAsync(vectors: LogVectors): Promise<Answers> {
  const answers: Record<string, unknown> = { ...judgeHashes(vectors) };
  for (const { id, note, trust, now } of vectors.checkpoints ?? []) {
    answers[id] = checkpointAnswer(await verifyCheckpointAsync(note, trustOf(trust), nowOf(now)));
  }
  for (const { id, proof, entry, trust } of vectors.proofs ?? []) {
    answers[id] = proofAnswer(await verifyLogProofAsync(proof, bytesOf(entry), trustOf(trust)));
  }
  return answers;
}

/** What a file says must come out. */
export function expectedOf(vectors: LogVectors): Answers {
  return Object.fromEntries(
    Object.values(vectors)
      .filter((list) => Array.isArray(list))
      .flat()
      .map(({ id, expected }) => [id, expected]),
  );
}
