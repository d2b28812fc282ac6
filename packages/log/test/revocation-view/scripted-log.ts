import {
  cosign,
  createFrontier,
  createRevocationVerifier,
  createSigner,
  type EpochRecord,
  generateKeyPair,
  type LogTrust,
  leafHash,
  noteKey,
  parseNote,
  platform,
  type RevocationTarget,
  readRevocationLogEntry,
  requestRevocation,
  revokedBy,
  type Signer,
  signCheckpoint,
  signRevocationEntry,
  verifyInclusion,
  verifyRevocationEntry,
  writeCheckpoint,
  writeEpochRecord,
  writeNote,
} from '@taper/core';
import { createRevokedSet } from '../../src/index.ts';

/** Seconds since the epoch at which these logs begin. */
export const START = 1_800_000_000;
export const ORIGIN = 'authority.example/revocation';

export function newSigner(): Signer {
  return createSigner(generateKeyPair().privateJwk);
}

const UTF8 = new TextEncoder();
const issuer = newSigner();

/** A revocation log that is written by hand, so that it can be written wrong. */
export class ScriptedLog {
  readonly origin: string;
  readonly signer: Signer = newSigner();
  readonly authority: Signer;
  readonly witnesses: readonly Signer[];
  readonly entries: string[] = [];
  readonly set = createRevokedSet();
  time = START;
  epochs = 0;

  constructor({ origin = ORIGIN, witnesses = 0, authority = newSigner() } = {}) {
    this.origin = origin;
    this.authority = authority;
    this.witnesses = Array.from({ length: witnesses }, newSigner);
  }

  trust(quorum = 0): LogTrust {
    return {
      origin: this.origin,
      keys: [noteKey(this.origin, this.signer.publicKey, 1)],
      witnesses: this.witnesses.map(({ publicKey }, at) =>
        noteKey(`witness.example/${at}`, publicKey, 4),
      ),
      quorum,
    };
  }

  /** The text of an entry, signed by the authority or by whoever says so; not yet in the log. */
  async revocation(
    target: RevocationTarget,
    { authority = this.authority, log = this.origin, time = this.time } = {},
  ): Promise<string> {
    const request = await requestRevocation({
      log,
      target,
      signer: authority,
      now: time,
      id: crypto.randomUUID(),
      ...(target.kind === 'token' ? { expiresAt: START + 3_600 } : {}),
    });
    const verifier = createRevocationVerifier({
      log,
      authority: [authority.publicKey],
      anchors: [{ issuer: 'https://issuer.example', key: issuer.publicKey }],
    });
    const verdict = verifier.verifyRequest(request, time);
    if (!verdict.ok) throw new Error(JSON.stringify(verdict));
    return signRevocationEntry(verdict.request, { log, time, signer: authority });
  }

  /** Adds a revocation. */
  async revoke(target: RevocationTarget): Promise<string> {
    const text = await this.revocation(target);
    this.add(text);
    return text;
  }

  revokeToken(token: string): Promise<string> {
    return this.revoke({ kind: 'token', token, root: token });
  }

  add(text: string): void {
    this.entries.push(text);
    const read = readRevocationLogEntry(text);
    if (read.type !== 'revocation') return;
    const trust = { log: this.origin, authority: [this.authority.publicKey] };
    const verdict = verifyRevocationEntry(read.entry, trust);
    if (verdict.ok) for (const revoked of revokedBy(verdict.entry)) this.set.add(revoked);
  }

  record(changes: Partial<EpochRecord> = {}): EpochRecord {
    this.set.prune(this.time);
    return {
      epoch: this.epochs + 1,
      time: this.time,
      nextUpdate: this.time + 1,
      size: this.entries.length,
      revoked: this.set.size,
      revokedRoot: platform.encodeBase64url(this.set.root()),
      ...changes,
    };
  }

  /** Adds an epoch record. */
  epoch(changes: Partial<EpochRecord> = {}): EpochRecord {
    const record = this.record(changes);
    this.entries.push(writeEpochRecord(record));
    this.epochs = record.epoch;
    return record;
  }

  frontier(size = this.entries.length) {
    const frontier = createFrontier();
    for (const text of this.entries.slice(0, size)) frontier.append(leafHash(UTF8.encode(text)));
    return frontier;
  }

  /** A signed checkpoint, cosigned by the first of the witnesses. */
  async note({
    size = this.entries.length,
    root = this.frontier(size).root(),
    cosigners = this.witnesses.length,
    origin = this.origin,
    time = this.time,
  } = {}): Promise<string> {
    const body = writeCheckpoint({ origin, size, root });
    const lines = [await signCheckpoint(body, origin, this.signer)];
    for (const [at, witness] of this.witnesses.slice(0, cosigners).entries())
      lines.push(await cosign(body, `witness.example/${at}`, witness, time));
    const own = lines.map((line) => parseNote(`${body}\n${line}\n`)?.signatures[0]);
    return writeNote(
      body,
      own.map((signature) => signature as NonNullable<typeof signature>),
    );
  }

  /** The inclusion proof of an entry, by trying: these logs are small. */
  inclusion(index: number, size: number): readonly Uint8Array[] {
    const hashes = this.entries.slice(0, size).map((text) => leafHash(UTF8.encode(text)));
    const proof = pathOf(hashes, index);
    const root = this.frontier(size).root();
    const leaf = hashes[index] as Uint8Array;
    if (!verifyInclusion({ leaf, index, size, proof, root })) throw new Error('no proof');
    return proof;
  }
}

/** RFC 6962 section 2.1.1, as it is written there. */
function pathOf(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (leaves.length <= 1) return [];
  const split = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...pathOf(left, index), rootOf(right)]
    : [...pathOf(right, index - split), rootOf(left)];
}

function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const frontier = createFrontier();
  for (const leaf of leaves) frontier.append(leaf);
  return frontier.root();
}
