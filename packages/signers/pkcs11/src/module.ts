import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { KeyStoreError } from '@taper/core';
import type * as Pkcs11 from 'pkcs11js';
import { codeOf, deviceError } from './problem.ts';

export type Library = Pkcs11.PKCS11;
export type Handle = Pkcs11.Handle;

/** CKF_OS_LOCKING_OK: signatures are made in the thread pool. */
const INITIALIZE = { flags: 0x02 };
const CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191;

/** A library is loaded and initialized once in a process, however many signers use it. */
const modules = new Map<string, Pkcs11Module>();

/**
 * The library at a path, initialized.
 * @throws {KeyStoreError} `unsupported` where the binding was not built; `device` when the library does not load or answer.
 */
export function useModule(path: string): Pkcs11Module {
  const library = loadBinding();
  let place: string;
  try {
    place = realpathSync(path);
  } catch (cause) {
    throw new KeyStoreError('device', `There is no PKCS#11 library at ${path}.`, {
      hint: 'Give the path of the shared object that came with the device.',
      cause,
    });
  }
  let found = modules.get(place);
  if (found === undefined) {
    found = new Pkcs11Module(library, place);
    modules.set(place, found);
  }
  found.take();
  return found;
}

export class Pkcs11Module {
  readonly #path: string;
  readonly library: Library;
  /** Goes up by one whenever all sessions and handles of the library are void. */
  generation = 0;
  #users = 0;
  /** Whether the library is ours to finalize: another part of this process may have initialized it before us. */
  #own = false;
  #initialized = false;
  #active = 0;
  #idle: (() => void)[] = [];
  /** Pending while the library is initialized anew. */
  #renewal: Promise<void> | undefined;

  constructor(library: Library, path: string) {
    this.#path = path;
    this.library = library;
    try {
      library.load(path);
      this.#initialize();
    } catch (cause) {
      throw deviceError(`The PKCS#11 library ${path} does not load.`, cause);
    }
  }

  take(): void {
    this.#users++;
  }

  /** Runs what calls the library. Several may run at once, but none while the library is initialized anew. */
  async run<Result>(action: (library: Library) => Result | Promise<Result>): Promise<Result> {
    while (this.#renewal !== undefined) await this.#renewal;
    this.#active++;
    try {
      if (!this.#initialized) this.#initialize();
      return await action(this.library);
    } finally {
      this.#active--;
      if (this.#active === 0) for (const proceed of this.#idle.splice(0)) proceed();
    }
  }

  /**
   * Finalizes and initializes the library, unless somebody did since `generation`: many libraries notice a device that came back
   * in no other way. Sessions of others become void, and they open new ones.
   */
  async renew(generation: number): Promise<void> {
    while (this.#renewal !== undefined) await this.#renewal;
    if (generation !== this.generation || !this.#own) return;
    this.#renewal = this.#reinitialize();
    try {
      await this.#renewal;
    } finally {
      this.#renewal = undefined;
    }
  }

  /** Gives the library back; the last who does finalizes it. */
  async release(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    await this.#quiet();
    if (this.#users > 0) return;
    modules.delete(this.#path);
    this.#finalize();
    this.library.close();
  }

  async #reinitialize(): Promise<void> {
    await this.#quiet();
    this.#finalize();
    this.#initialize();
  }

  #quiet(): Promise<void> {
    return this.#active === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#idle.push(resolve);
        });
  }

  #initialize(): void {
    try {
      this.library.C_Initialize(INITIALIZE);
      this.#own = true;
    } catch (cause) {
      if (codeOf(cause) !== CKR_CRYPTOKI_ALREADY_INITIALIZED) throw cause;
    }
    this.#initialized = true;
  }

  #finalize(): void {
    this.generation++;
    if (!this.#own) return;
    this.#initialized = false;
    try {
      this.library.C_Finalize();
    } catch {
      // It was not initialized: that is what was wanted.
    }
  }
}

function loadBinding(): Library {
  try {
    const { PKCS11 } = createRequire(import.meta.url)('pkcs11js') as typeof Pkcs11;
    return new PKCS11();
  } catch (cause) {
    throw new KeyStoreError('unsupported', 'The native part of pkcs11js does not load.', {
      hint: 'It is built when it is installed. Where install scripts are switched off: npm rebuild pkcs11js --ignore-scripts=false',
      cause,
    });
  }
}
