import { createSigner, generateKeyPair, type PublicJwk } from '@taper/core';
import {
  type AuditHead,
  type AuditRecorder,
  createAuditRecorder,
  openFileAuditSink,
  type RecordedArguments,
} from '@taper/enforce';

/** The audit log of one enforcement point. */
export interface AuditLog {
  readonly recorder: AuditRecorder;
  /** What an auditor checks the log with. */
  readonly key: PublicJwk;
  /** How far the log has come, signed: to be kept by somebody else. */
  head(): AuditHead | undefined;
}

/** Begins a log in a file. Its key is made here and stays in this process. */
export async function openAuditLog(file: string, recorded: RecordedArguments): Promise<AuditLog> {
  const recorder = createAuditRecorder({
    sink: await openFileAuditSink(file),
    signer: createSigner(generateKeyPair().privateJwk),
    recordedArguments: recorded, // all others are recorded by a salted hash
  });
  const { emitter, publicKey } = recorder;
  let last: AuditHead | undefined;
  return {
    recorder: {
      emitter,
      publicKey,
      async record(event) {
        const receipt = await recorder.record(event);
        const { hash, sequence, signature, time } = receipt;
        last = { emitter, hash, sequence, signature, time };
        return receipt;
      },
    },
    key: publicKey.jwk,
    head: () => last,
  };
}
