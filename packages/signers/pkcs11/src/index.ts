export type { KeySelector } from './key.ts';
export { type PinSource, pinFile } from './pin.ts';
export {
  createPkcs11Key,
  openPkcs11Signer,
  type Pkcs11Options,
  type Pkcs11Signer,
  type Pkcs11SignerOptions,
} from './signer.ts';
export type { TokenSelector } from './token.ts';
