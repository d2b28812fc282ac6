export { verifyingSigner } from '@taper/core';
export {
  type AnchorsChange,
  type AnchorsPublisher,
  createAnchorsPublisher,
} from './anchors-publisher.ts';
export { createHybridKeyFile, openHybridKeyFile } from './hybrid-key-file.ts';
export {
  type CreateKeyFileOptions,
  changeKeyFilePassphrase,
  createKeyFile,
  type OpenKeyFileOptions,
  openKeyFile,
  unsafeKeyFilePublicKey,
} from './key-file.ts';
export type { ScryptCost } from './key-file-format.ts';
export { createPassphraseFile, type PassphraseSource, passphraseFile } from './passphrase.ts';
export { type PassphrasePromptOptions, promptPassphrase } from './passphrase-prompt.ts';
export {
  type IntendedSignature,
  type PurposeSignerOptions,
  purposeSigner,
  type SigningPurpose,
} from './purpose.ts';
