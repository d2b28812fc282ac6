import { join } from 'node:path';
import { createSigner, generateKeyPair, type PublicJwk } from '@taper/core';
import {
  type AuditHead,
  type AuditRecorder,
  createAuditRecorder,
  type RecordedArguments,
} from '@taper/enforce';
import { createLogAuditSink } from '@taper/log';
import { openFileAuditSidecar } from '@taper/log/file';
import { beginLog } from './log-folder.ts';

/** What somebody else needs to read an audit log, and to check it. */
export interface AuditLogAddress {
  readonly folder: string;
  /** Name of the transparency log, and what its checkpoints verify with (C2SP signed-note). */
  readonly origin: string;
  readonly logKey: string;
  /** What its events verify with. */
  readonly eventKey: PublicJwk;
}

/** The audit log of one enforcement point. */
export interface AuditLog {
  readonly recorder: AuditRecorder;
  readonly address: AuditLogAddress;
  /** Publishes what there is. @returns how far the log has come, signed: to be kept by somebody else. */
  publish(): Promise<AuditHead | undefined>;
}

/** Begins an audit log, which is a transparency log of its own. Both of its keys are made here and stay in this process. */
export async function openAuditLog(
  folder: string,
  origin: string,
  recorded: RecordedArguments,
): Promise<AuditLog> {
  const signer = createSigner(generateKeyPair().privateJwk);
  const emitter = signer.publicKey.thumbprint;
  const log = await beginLog(folder, origin);
  // Chains, proofs and arguments can be erased later. They lie beside the log, which is for ever.
  const sidecar = await openFileAuditSidecar(join(folder, 'erasable'));
  const recorder = createAuditRecorder({
    sink: createLogAuditSink({ log, emitter, sidecar }),
    signer,
    emitter,
    recordedArguments: recorded, // all others are recorded by a salted hash
    keepEvidence: true,
  });
  let last: AuditHead | undefined;
  return {
    recorder: {
      emitter,
      publicKey: recorder.publicKey,
      async record(event) {
        const receipt = await recorder.record(event);
        const { hash, sequence, signature, time } = receipt;
        last = { emitter, hash, sequence, signature, time };
        return receipt;
      },
    },
    address: { folder, origin, logKey: log.key.text, eventKey: recorder.publicKey.jwk },
    async publish() {
      await log.publish();
      return last;
    },
  };
}
