import { join } from 'node:path';
import { openKeyFile, passphraseFile } from '@taper/authority/keys';
import { KeyStoreError, type Signer } from '@taper/core';
import { Failure } from '../failure.ts';
import { showName } from '../text/escape.ts';
import type { AuthorityConfig } from './config.ts';
import { KEY_PURPOSES, type KeyPurpose, keyPath } from './home.ts';

/** The keys of a node, each for one purpose. */
export type AuthorityKeys = Readonly<Record<KeyPurpose, Signer>>;

/** Opens all keys in a folder. @throws {Failure} `key_store_unusable` naming the file. */
export async function openKeys(folder: string, config: AuthorityConfig): Promise<AuthorityKeys> {
  const passphrase = passphraseFile(join(folder, config.passphraseFile));
  const wanted = KEY_PURPOSES.filter(
    (purpose) => purpose !== 'witness' || config.witnessListen !== undefined,
  );
  const opened: Partial<Record<KeyPurpose, Signer>> = {};
  for (const purpose of wanted) {
    const path = keyPath(folder, purpose);
    try {
      opened[purpose] = await openKeyFile({ path, passphrase });
    } catch (cause) {
      if (!(cause instanceof KeyStoreError)) throw cause;
      throw new Failure(
        'key_store_unusable',
        `the ${purpose} key cannot be opened: ${cause.problem}`,
        {
          file: showName(path),
          field: cause.problem,
          hint: `${cause.message} ${cause.hint ?? ''}`.trim(),
        },
      );
    }
  }
  const seen = new Set(Object.values(opened).map(({ publicKey }) => publicKey.thumbprint));
  if (seen.size === wanted.length) return opened as AuthorityKeys;
  throw new Failure('key_store_unusable', 'one key is there for two purposes', {
    hint: 'Restore the files in keys/ from their backup: each has a key of its own.',
  });
}
