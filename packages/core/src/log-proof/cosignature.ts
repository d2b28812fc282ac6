import type { Signer } from '../crypto/port.ts';
import { TaperError } from '../error.ts';
import { canonicalSignature } from '../signature.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { isLogNumber } from './merkle.ts';
import { writeSignatureLine } from './note.ts';
import { type NoteKeyType, noteKey } from './note-key.ts';

const UTF8 = new TextEncoder();
const TIME_LENGTH = 8;
const SIGNATURE_LENGTH = 64;

/** A cosignature (type 4) taken apart: `timestamped_signature` of C2SP tlog-cosignature. */
export interface Cosignature {
  /** Seconds since the epoch, 0 to 2^53 − 1. */
  readonly time: number;
  readonly signature: Uint8Array;
}

/** Reads the bytes of a cosignature; `undefined` unless they are a time below 2^53 and 64 bytes. */
export function parseCosignature(bytes: Uint8Array): Cosignature | undefined {
  if (bytes.length !== TIME_LENGTH + SIGNATURE_LENGTH) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const time = Number(view.getBigUint64(0));
  // A greater number rounds to one that is no safe integer either.
  if (!isLogNumber(time)) return undefined;
  return { time, signature: bytes.subarray(TIME_LENGTH) };
}

/** What an Ed25519 cosigner signs: two lines, then the whole text of the checkpoint. `time` is in seconds since the epoch. */
export function cosignatureInput(body: string, time: number): Uint8Array {
  return UTF8.encode(`cosignature/v1\ntime ${time}\n${body}`);
}

/**
 * A log's signature line (type 1) over the text of a checkpoint, without a newline; for `writeNote`.
 *
 * @throws TaperError `option_invalid` when the text is no checkpoint, or name or key cannot sign one; `signing_failed`.
 */
export async function signCheckpoint(body: string, name: string, signer: Signer): Promise<string> {
  return await signatureLine(body, name, signer, 1, UTF8.encode(body), new Uint8Array(0));
}

/**
 * A witness' signature line (type 4) over the text of a checkpoint, without a newline: as of `time`, in seconds since the epoch,
 * this is the largest consistent tree that the witness has seen of this log. It must have checked that.
 *
 * @throws TaperError `option_invalid` when the text is no checkpoint, the time is 0 or no whole number, or name or key cannot sign one; `signing_failed`.
 */
export async function cosign(
  body: string,
  name: string,
  signer: Signer,
  time: number,
): Promise<string> {
  if (!isLogNumber(time) || time === 0) {
    throw new TaperError('option_invalid', 'A cosignature is of a time in whole seconds, not 0.');
  }
  const prefix = new Uint8Array(TIME_LENGTH);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(time));
  return await signatureLine(body, name, signer, 4, cosignatureInput(body, time), prefix);
}

async function signatureLine(
  body: string,
  name: string,
  signer: Signer,
  type: NoteKeyType,
  input: Uint8Array,
  prefix: Uint8Array,
): Promise<string> {
  if (parseCheckpoint(body) === undefined) {
    throw new TaperError('option_invalid', 'Only the text of a checkpoint is signed for a log.', {
      hint: 'Make it with writeCheckpoint.',
    });
  }
  const { id } = noteKey(name, signer.publicKey, type);
  const signature = canonicalSignature('Ed25519', await signer.sign(input));
  const bytes = new Uint8Array(prefix.length + signature.length);
  bytes.set(prefix);
  bytes.set(signature, prefix.length);
  return writeSignatureLine({ name, id, bytes });
}
