import { type NoteKey, noteKey, type Signer, TaperError } from '@taper/core';
import { Failure } from '../failure.ts';
import { readSigner, refuseTestKey } from '../file/key.ts';
import type { Session } from '../session.ts';
import { showName } from '../text/escape.ts';

/** Reads the private key of a log or witness. @throws {Failure} `key_invalid` unless it is Ed25519, and as `readSigner`. */
export async function readNoteSigner(path: string, session: Session): Promise<Signer> {
  const signer = await readSigner(path, '--key', session);
  refuseTestKey(signer.publicKey, '--key', false);
  if (signer.publicKey.alg === 'Ed25519') return signer;
  throw new Failure('key_invalid', 'logs and witnesses sign with Ed25519 keys', {
    field: '--key',
    hint: '`taper key new --out log.jwk` makes one.',
  });
}

/** The note key under a name that somebody wrote. @throws {Failure} `usage` when it cannot be one. */
export function namedKey(name: string, signer: Signer, type: 1 | 4, option: string): NoteKey {
  try {
    return noteKey(name, signer.publicKey, type);
  } catch (cause) {
    if (!(cause instanceof TaperError)) throw cause;
    throw new Failure('usage', `${option} cannot be ${showName(name)}`, {
      field: option,
      hint: 'A URL without its scheme, such as log.example.com/authority: no space, no plus sign.',
    });
  }
}
