import {
  type Checkpoint,
  cosign,
  EMPTY_ROOT,
  type NoteKey,
  type NoteSignature,
  parseCheckpoint,
  parseNote,
  platform,
  type Signer,
  verifyConsistency,
  verifyNoteAsync,
  writeNote,
} from '@taper/core';
import { refusal } from '../http/answer.ts';
import type { BodyReader, MissingBody } from '../http/body-reader.ts';
import { sameBytes } from './record.ts';
import { type AddCheckpointRequest, parseAddCheckpoint } from './request.ts';
import type { WitnessedCheckpoint, WitnessStore } from './store.ts';

/** A log whose checkpoints a witness cosigns. */
export interface WitnessedLog {
  /** First line of its checkpoints. */
  readonly origin: string;
  /** Keys of the log, of type 1: one of them must have signed. */
  readonly keys: readonly NoteKey[];
}

/** A checkpoint that a log really signed, and that does not go with the one that the witness cosigned before: perhaps proof that the log misbehaves. */
export interface RefusedCheckpoint {
  readonly origin: string;
  /** What the witness has cosigned; `undefined` when nothing. */
  readonly held: string | undefined;
  /** What was shown now, with the signatures of the log alone. */
  readonly shown: string;
  /** `root`: another tree of the same size, which is proof by itself. `proof`: the consistency proof does not verify. `empty`: a tree of no entries with the root of another. */
  readonly why: 'root' | 'proof' | 'empty';
}

export interface AddCheckpointContext {
  readonly name: string;
  readonly signer: Signer;
  readonly store: WitnessStore;
  readonly bodies: BodyReader;
  readonly clock: { now(): number };
  readonly logs: ReadonlyMap<string, WitnessedLog>;
  readonly onRefused: (refused: RefusedCheckpoint) => void;
}

/** Bytes of a request: 63 proof lines, and a checkpoint with scores of post-quantum signatures. */
const MAX_REQUEST = 512 * 1024;

/** A checkpoint that the log signed. */
interface SignedCheckpoint {
  readonly text: string;
  readonly checkpoint: Checkpoint;
  /** The log's own signatures, one of each key; those of others are not passed on. */
  readonly signatures: readonly NoteSignature[];
}

/**
 * Answers `add-checkpoint` (C2SP tlog-witness): judges in the order of the specification, signs, remembers, and only then
 * answers. Rejects when the store, the signer or the clock fails; nothing was shown then.
 */
export async function addCheckpoint(
  request: Request,
  context: AddCheckpointContext,
): Promise<Response> {
  if (request.headers.has('content-encoding'))
    return refusal(415, 'send the request without content encoding');
  const bytes = await context.bodies.read(request, MAX_REQUEST);
  if (typeof bytes === 'string') return refusal(...MISSING[bytes]);
  const text = platform.decodeUtf8(bytes);
  const asked = text === undefined ? undefined : parseAddCheckpoint(text);
  if (asked === undefined) return refusal(400, 'malformed request');
  const signed = await verifySigned(asked.note, context.logs);
  return signed instanceof Response ? signed : await judge(signed, asked, context);
}

const MISSING: Readonly<Record<MissingBody, readonly [status: number, text: string]>> = {
  too_long: [413, 'the request is too long'],
  late: [408, 'the request does not come'],
  crowded_out: [503, 'too many requests come slowly'],
};

/** 400 for what is no checkpoint, 404 for a log that nobody configured, 403 without a signature of that log. */
async function verifySigned(
  note: string,
  logs: AddCheckpointContext['logs'],
): Promise<SignedCheckpoint | Response> {
  const text = parseNote(note)?.text;
  const checkpoint = text === undefined ? undefined : readCheckpoint(text);
  if (text === undefined || checkpoint === undefined) return refusal(400, 'malformed checkpoint');
  const log = logs.get(checkpoint.origin);
  if (log === undefined) return refusal(404, 'unknown log');
  const verdict = await verifyNoteAsync(note, log.keys);
  if (!verdict.ok) return refusal(403, 'no valid signature of the log');
  const signatures = log.keys.flatMap(
    ({ name, id }) =>
      verdict.note.signatures.find((line) => line.name === name && line.id === id) ?? [],
  );
  return { text, checkpoint, signatures };
}

/** An empty tree with another root than the empty one is no checkpoint for anybody else; a witness has to answer it with 422. */
function readCheckpoint(text: string): Checkpoint | undefined {
  const checkpoint = parseCheckpoint(text);
  if (checkpoint !== undefined) return checkpoint;
  const lines = text.split('\n');
  if (lines[1] !== '0') return undefined;
  // Read as a tree of one entry, for which any root will do.
  const other = parseCheckpoint(lines.with(1, '1').join('\n'));
  return other === undefined ? undefined : { ...other, size: 0 };
}

async function judge(
  signed: SignedCheckpoint,
  asked: AddCheckpointRequest,
  { store, onRefused, ...context }: AddCheckpointContext,
): Promise<Response> {
  const { origin, size, root } = signed.checkpoint;
  if (asked.oldSize > size) return refusal(400, 'the old size is larger than the checkpoint');
  const held = await store.read(origin);
  if ((held?.size ?? 0) !== asked.oldSize) return conflict(held?.size ?? 0);
  const why = inconsistency(signed.checkpoint, asked, held);
  if (why !== undefined) {
    const shown = writeNote(signed.text, signed.signatures);
    // With the very tree that was cosigned, a wrong proof says nothing of the log: anybody can send that.
    if (why !== 'proof' || size > asked.oldSize)
      onRefused({ origin, held: held?.note, shown, why });
    return refusal(422, why === 'proof' ? 'invalid consistency proof' : 'another root hash');
  }
  const now = context.clock.now();
  if (!Number.isSafeInteger(now) || now <= 0) throw new TypeError('The clock gives no time.');
  const line = await cosign(signed.text, context.name, context.signer, now);
  const note = writeNote(signed.text, [...signed.signatures, line]);
  // Nothing new to remember: anybody can ask again for what everybody knows, and the disk is not for them.
  if (note === held?.note) return signatureAnswer(line);
  const written = await store.replace(asked.oldSize, { origin, size, root, note });
  if (written === 'replaced') return signatureAnswer(line);
  if (written !== 'conflict') throw new TypeError('The store gives no answer.');
  return conflict((await store.read(origin))?.size ?? 0);
}

/** What keeps a checkpoint from being cosigned; `undefined` for nothing. */
function inconsistency(
  { size, root }: Checkpoint,
  { oldSize, proof }: AddCheckpointRequest,
  held: WitnessedCheckpoint | undefined,
): RefusedCheckpoint['why'] | undefined {
  if (size === 0 && !sameBytes(root, EMPTY_ROOT)) return 'empty';
  const oldRoot = held?.root ?? EMPTY_ROOT;
  if (size === oldSize && !sameBytes(root, oldRoot)) return 'root';
  return verifyConsistency({ oldSize, oldRoot, size, root, proof }) ? undefined : 'proof';
}

function conflict(size: number): Response {
  return new Response(`${size}\n`, {
    status: 409,
    headers: { 'Content-Type': 'text/x.tlog.size', 'Cache-Control': 'no-store' },
  });
}

function signatureAnswer(line: string): Response {
  return new Response(`${line}\n`, {
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  });
}
