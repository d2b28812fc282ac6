import { decodeBase64, encodeBase64 } from '../base64.ts';
import { TaperError } from '../error.ts';
import type { SignatureCheck } from '../jws.ts';
import { driveAsync, driveSync } from '../signature-driver.ts';
import { parseHash, parseLogNumber } from './checkpoint.ts';
import { isHash, isLogNumber, leafHash, verifyInclusion } from './merkle.ts';
import { MAX_NOTE_SIZE } from './note.ts';
import {
  type CheckpointOptions,
  type CheckpointVerdict,
  checkpointVerification,
  type LogProblem,
  type LogTrust,
} from './trust.ts';

/** That an entry is in a log, in one text (C2SP tlog-proof); not verified. */
export interface LogProof {
  /** Zero-based. */
  readonly index: number;
  /** The inclusion proof: from the leaf's sibling up to the child of the root. */
  readonly hashes: readonly Uint8Array[];
  /** The signed checkpoint, as it was given. */
  readonly checkpoint: string;
  /** Of the application; nobody has signed it. */
  readonly extra: Uint8Array | undefined;
}

/** As {@link LogProblem}, and: the proof is no tlog-proof; the checkpoint is believed, but the entry is not in that log at that index. */
export type LogProofProblem = LogProblem | 'proof_malformed' | 'inclusion_invalid';

export type LogProofVerdict =
  | (Extract<CheckpointVerdict, { ok: true }> & {
      /** Of the entry, zero-based. */
      readonly index: number;
      /** As {@link LogProof.extra}; not authenticated. */
      readonly unsafeExtra: Uint8Array | undefined;
    })
  | { readonly ok: false; readonly problem: LogProofProblem };

const HEADER = 'c2sp.org/tlog-proof@v1';
const EXTRA = 'extra ';
const INDEX = 'index ';
/** A log has fewer than 2^53 entries. */
const MAX_HASHES = 53;
/** Characters: a checkpoint, and as much for extra data and proof. */
const MAX_PROOF_SIZE = 2 * MAX_NOTE_SIZE;

/** Takes a tlog-proof apart; `undefined` when it is none. The checkpoint in it is not looked at. Never throws. */
export function parseLogProof(text: string): LogProof | undefined {
  if (typeof text !== 'string' || text.length > MAX_PROOF_SIZE) return undefined;
  const end = text.indexOf('\n\n');
  if (end === -1) return undefined;
  const lines = text.slice(0, end).split('\n');
  if (lines.shift() !== HEADER) return undefined;
  let extra: Uint8Array | undefined;
  if (lines[0]?.startsWith(EXTRA)) {
    extra = decodeBase64((lines.shift() as string).slice(EXTRA.length));
    if (extra === undefined) return undefined;
  }
  const indexLine = lines.shift();
  if (!indexLine?.startsWith(INDEX) || lines.length > MAX_HASHES) return undefined;
  const index = parseLogNumber(indexLine.slice(INDEX.length));
  if (index === undefined) return undefined;
  const hashes: Uint8Array[] = [];
  for (const line of lines) {
    const hash = parseHash(line);
    if (hash === undefined) return undefined;
    hashes.push(hash);
  }
  return { index, hashes, checkpoint: text.slice(end + 2), extra };
}

/**
 * Writes a tlog-proof. `checkpoint` is the signed note.
 *
 * @throws TaperError `option_invalid` when the index is none or a hash is not 32 bytes.
 */
export function writeLogProof(
  proof: Omit<LogProof, 'extra'> & { readonly extra?: Uint8Array | undefined },
): string {
  const { index, hashes, checkpoint, extra } = proof;
  if (!isLogNumber(index) || hashes.length > MAX_HASHES || !hashes.every(isHash)) {
    throw new TaperError('option_invalid', 'This cannot be written as a proof of inclusion.', {
      hint: 'The index is a whole number below 2^53; there are at most 53 hashes of 32 bytes.',
    });
  }
  return [
    HEADER,
    ...(extra === undefined ? [] : [EXTRA + encodeBase64(extra)]),
    `${INDEX}${index}`,
    ...hashes.map(encodeBase64),
    '',
    checkpoint,
  ].join('\n');
}

/**
 * Verifies that this very entry is in the log (C2SP tlog-proof): the checkpoint as `verifyCheckpoint` does, then the entry's inclusion.
 *
 * @throws TaperError `option_invalid` when the trust or an option is none; `crypto_asynchronous` in a browser.
 */
export function verifyLogProof(
  text: string,
  entry: Uint8Array,
  trust: LogTrust,
  options: CheckpointOptions = {},
): LogProofVerdict {
  return driveSync(logProofVerification(text, entry, trust, options));
}

/** As {@link verifyLogProof}, where signatures are checked asynchronously; works everywhere. */
export async function verifyLogProofAsync(
  text: string,
  entry: Uint8Array,
  trust: LogTrust,
  options: CheckpointOptions = {},
): Promise<LogProofVerdict> {
  return await driveAsync(logProofVerification(text, entry, trust, options));
}

function* logProofVerification(
  text: string,
  entry: Uint8Array,
  trust: LogTrust,
  options: CheckpointOptions,
): Generator<SignatureCheck, LogProofVerdict, boolean> {
  const proof = parseLogProof(text);
  const verdict = yield* checkpointVerification(proof?.checkpoint ?? '', trust, options);
  if (proof === undefined) return { ok: false, problem: 'proof_malformed' };
  if (!verdict.ok) return verdict;
  const { index, hashes, extra } = proof;
  const { size, root } = verdict.checkpoint;
  if (!verifyInclusion({ leaf: leafHash(entry), index, size, proof: hashes, root }))
    return { ok: false, problem: 'inclusion_invalid' };
  return { ...verdict, index, unsafeExtra: extra };
}
