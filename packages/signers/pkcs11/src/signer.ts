import { randomBytes } from 'node:crypto';
import {
  isPublicKey,
  KeyStoreError,
  type PublicKey,
  requireKnownOptions,
  type Signer,
  TaperError,
  verifyingSigner,
} from '@taper/core';
import { CKM_EDDSA, findKey, generateKey, type KeySelector } from './key.ts';
import { type Handle, type Pkcs11Module, useModule } from './module.ts';
import type { PinSource } from './pin.ts';
import { signingError } from './problem.ts';
import { closeSession, openSession, readPin, type TokenSelector } from './token.ts';

export interface Pkcs11Options {
  /** Path of the library of the device, such as `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly module: string;
  readonly token: TokenSelector;
  readonly pin: PinSource;
}

export interface Pkcs11SignerOptions extends Pkcs11Options {
  readonly key: KeySelector;
  /** The key that it must be; without it, the one that is found first must stay. */
  readonly publicKey?: PublicKey;
  /** Seconds after which a caller is no longer kept waiting. Default 10. */
  readonly timeout?: number;
}

/** A {@link Signer} whose key is in a token. */
export interface Pkcs11Signer extends Signer {
  /** Ends the session. Signing then throws `signing_failed`. */
  close(): Promise<void>;
}

/** Callers that wait at once. */
const MAX_WAITING = 1000;

/**
 * Signs with an Ed25519 key in a PKCS#11 token. One signature is made at a time, in the thread pool; log-in and search are calls of
 * the library that block. Every signature is verified before it is released.
 *
 * When the device is gone, signing throws `signing_failed`; each later call looks for it anew, and signs once the same key is
 * back with the same attributes. A PIN that was refused is not tried again.
 *
 * @throws {KeyStoreError} `unsupported`, `device`, `pin`, `key_missing`, `key_ambiguous`, `key_exportable`, `key_misusable`,
 * `key_mismatch`; what the PIN source throws; TaperError `option_invalid`, and `signing_failed` when its first signature fails.
 */
export async function openPkcs11Signer(options: Pkcs11SignerOptions): Promise<Pkcs11Signer> {
  requireKnownOptions(options, ['module', 'token', 'key', 'pin', 'publicKey', 'timeout']);
  requireSelector(options.token, ['label', 'serial'], 'token');
  requireSelector(options.key, ['label', 'id'], 'key');
  const { publicKey, timeout = 10 } = options;
  if (publicKey !== undefined && !isPublicKey(publicKey))
    throw invalid('publicKey', 'Make it with importPublicKey.');
  if (!(timeout > 0 && timeout <= 3600)) throw invalid('timeout', 'Seconds, up to 3600.');
  const module = useModule(options.module);
  const token = new TokenSigner(module, options, timeout);
  try {
    return await token.open();
  } catch (cause) {
    await token.close();
    throw cause;
  }
}

/**
 * Makes an Ed25519 key in a token: it can only sign, never leaves the token, and nobody can change that.
 * @param options `label`: how it is found again; no key of the token may have it.
 * @throws {KeyStoreError} as {@link openPkcs11Signer}; `exists`.
 */
export async function createPkcs11Key(
  options: Pkcs11Options & { readonly label: string },
): Promise<{ readonly publicKey: PublicKey; readonly id: string }> {
  requireKnownOptions(options, ['module', 'token', 'pin', 'label']);
  requireSelector(options.token, ['label', 'serial'], 'token');
  requireSelector({ label: options.label }, ['label'], 'label');
  const module = useModule(options.module);
  try {
    const pin = await readPin(options.pin);
    return await module.run(async (library) => {
      const session = await openSession(library, options.token, pin, 'change');
      try {
        const id = randomBytes(16);
        generateKey(library, session, options.label, id);
        const { publicKey } = findKey(library, session, { id: id.toString('hex') });
        return { publicKey, id: id.toString('hex') };
      } finally {
        closeSession(library, session);
      }
    });
  } finally {
    await module.release();
  }
}

interface OpenKey {
  readonly session: Handle;
  readonly privateKey: Handle;
  readonly generation: number;
}

class TokenSigner {
  readonly #module: Pkcs11Module;
  readonly #options: Pkcs11SignerOptions;
  readonly #timeout: number;
  #publicKey: PublicKey | undefined;
  #open: OpenKey | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;
  /** Set once the PIN was refused: whoever tried on would lock the token. */
  #refused: KeyStoreError | undefined;

  constructor(module: Pkcs11Module, options: Pkcs11SignerOptions, timeout: number) {
    this.#module = module;
    this.#options = options;
    this.#timeout = timeout;
    this.#publicKey = options.publicKey;
  }

  async open(): Promise<Pkcs11Signer> {
    await this.#reopen();
    const publicKey = this.#publicKey as PublicKey;
    const signer = verifyingSigner({ publicKey, sign: (input) => this.#sign(input) });
    // Nothing else in Taper begins so: what is signed here says nothing to anybody.
    await signer.sign(Buffer.from(`taper-key-check-v1:${randomBytes(16).toString('hex')}`));
    return Object.freeze({
      publicKey,
      sign: (input: Uint8Array) => signer.sign(input),
      close: () => this.close(),
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#turn.catch(() => undefined);
    await this.#forget();
    await this.#module.release();
  }

  #sign(input: Uint8Array): Promise<Uint8Array> {
    if (this.#closed)
      return Promise.reject(failed('This signer has been closed.', 'Open it anew.'));
    if (this.#waiting >= MAX_WAITING) {
      const hint = 'The device is too slow for the load, or hangs: limit the rate, or examine it.';
      return Promise.reject(failed('Too many signatures wait for the token.', hint));
    }
    this.#waiting++;
    // A copy: the caller may use its bytes again while they wait.
    const bytes = Buffer.from(input);
    const made = this.#turn.then(() => this.#attempt(bytes)).finally(() => this.#waiting--);
    this.#turn = made.catch(() => undefined);
    return patiently(made, this.#timeout);
  }

  async #attempt(input: Buffer): Promise<Uint8Array> {
    try {
      if (this.#open?.generation !== this.#module.generation) await this.#reopen();
      return await this.#module.run((library) => {
        if (this.#open?.generation !== this.#module.generation)
          throw new KeyStoreError('device', 'The session is lost.', { hint: 'Try again.' });
        const { session, privateKey } = this.#open;
        library.C_SignInit(session, { mechanism: CKM_EDDSA }, privateKey);
        return library.C_SignAsync(session, input, Buffer.alloc(64));
      });
    } catch (cause) {
      await this.#forget();
      throw signingError(cause);
    }
  }

  /** Opens session and key; where that fails, once more with the library initialized anew. */
  async #reopen(): Promise<void> {
    if (this.#refused !== undefined) throw this.#refused;
    const { generation } = this.#module;
    try {
      await this.#find();
    } catch (cause) {
      const isGone =
        cause instanceof KeyStoreError &&
        (cause.problem === 'device' || cause.problem === 'key_missing');
      if (!isGone) throw cause;
      await this.#module.renew(generation);
      await this.#find();
    }
  }

  async #find(): Promise<void> {
    const { token, key, pin: source } = this.#options;
    const pin = await readPin(source);
    await this.#module.run(async (library) => {
      const session = await openSession(library, token, pin, 'use').catch(this.#noteRefusal);
      try {
        const { privateKey, publicKey } = findKey(library, session, key);
        if ((this.#publicKey ?? publicKey).thumbprint !== publicKey.thumbprint) {
          throw new KeyStoreError('key_mismatch', 'The token holds another key than expected.', {
            hint: `Expected is ${this.#publicKey?.thumbprint}, there is ${publicKey.thumbprint}. Find out who replaced it.`,
          });
        }
        this.#publicKey = publicKey;
        this.#open = { session, privateKey, generation: this.#module.generation };
      } catch (cause) {
        closeSession(library, session);
        throw cause;
      }
    });
  }

  readonly #noteRefusal = (cause: unknown): never => {
    if (cause instanceof KeyStoreError && cause.problem === 'pin') this.#refused = cause;
    throw cause;
  };

  async #forget(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined || open.generation !== this.#module.generation) return;
    await this.#module.run((library) => closeSession(library, open.session));
  }
}

/** Gives up waiting after some seconds; what is waited for goes on, and nobody else uses its session before it is done. */
async function patiently<Result>(made: Promise<Result>, seconds: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(failed('The token did not sign in time.', 'Check the device, and the load on it.'));
    }, seconds * 1000);
  });
  try {
    return await Promise.race([made, late]);
  } finally {
    clearTimeout(timer);
  }
}

function requireSelector(given: object, names: readonly string[], option: string): void {
  requireKnownOptions(given, names);
  const values: unknown[] = Object.values(given);
  if (values.length === 0) throw invalid(option, `Give ${names.join(' or ')}.`);
  for (const [name, value] of Object.entries(given)) {
    const isRight =
      typeof value === 'string' &&
      value !== '' &&
      (name !== 'id' || /^(?:[0-9a-f]{2}){1,64}$/.test(value));
    if (!isRight) throw invalid(`${option}.${name}`, 'Text; an id is lower-case hexadecimal.');
  }
}

function invalid(option: string, hint: string): TaperError {
  return new TaperError('option_invalid', `The option \`${option}\` is not what it must be.`, {
    hint,
  });
}

function failed(message: string, hint: string): TaperError {
  return new TaperError('signing_failed', message, { hint });
}
