import { TaperError } from './error.ts';

/**
 * Why a private key cannot be had from where it is kept. Of files: `missing`, `exists`, `permissions`, `unreadable`, `unwritable`,
 * `malformed`, `version`, `parameters`, `passphrase`. Of devices and services: `device`, `pin`, `key_missing`, `key_ambiguous`,
 * `key_exportable`, `key_misusable`. Of both: `key_mismatch`, `unsupported`.
 */
export type KeyStoreProblem =
  | 'missing'
  | 'exists'
  | 'permissions'
  | 'unreadable'
  | 'unwritable'
  | 'malformed'
  | 'version'
  | 'parameters'
  | 'passphrase'
  | 'device'
  | 'pin'
  | 'key_missing'
  | 'key_ambiguous'
  | 'key_exportable'
  | 'key_misusable'
  | 'key_mismatch'
  | 'unsupported';

/** Thrown by whatever opens or makes a private key: `key_store_unusable`. No message, hint or cause carries a secret. */
export class KeyStoreError extends TaperError {
  /** Stable, machine-readable. */
  readonly problem: KeyStoreProblem;

  constructor(
    problem: KeyStoreProblem,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super('key_store_unusable', message, options);
    this.name = 'KeyStoreError';
    this.problem = problem;
  }
}
