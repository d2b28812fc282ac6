import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Pkcs11 from 'pkcs11js';

export const PIN = '48151623';
const ALREADY_INITIALIZED = 0x191;

const library = [
  process.env['SOFTHSM2_LIB'],
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
].find((path) => path !== undefined && existsSync(path));

/** `undefined` when the binding was not built. */
function loadBinding(): typeof Pkcs11 | undefined {
  try {
    return createRequire(import.meta.url)('pkcs11js') as typeof Pkcs11;
  } catch {
    return undefined;
  }
}

const binding = loadBinding();

/** The library of SoftHSM, where it can be used. */
export const softHsm: string | undefined = binding === undefined ? undefined : library;
if (softHsm === undefined) {
  console.warn(
    library === undefined
      ? 'skipped: no SoftHSM; install softhsm2 or set SOFTHSM2_LIB'
      : 'skipped: pkcs11js is not built: npm rebuild pkcs11js --ignore-scripts=false',
  );
}

/** What a test does with the library itself, beside the signers of the process. */
export interface RawToken {
  readonly library: Pkcs11.PKCS11;
  readonly binding: typeof Pkcs11;
  readonly slot: Pkcs11.Handle;
  readonly session: Pkcs11.Handle;
}

/** SoftHSM with tokens in a folder of its own. */
export class SoftHsm {
  readonly #folder: string;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'taper-softhsm-'));
    mkdirSync(join(this.#folder, 'tokens'));
    const file = join(this.#folder, 'softhsm2.conf');
    writeFileSync(
      file,
      `directories.tokendir = ${join(this.#folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    );
    process.env['SOFTHSM2_CONF'] = file;
  }

  /** A file beside the tokens. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  addToken(label: string): void {
    const pins = ['--pin', PIN, '--so-pin', '12345678'];
    execFileSync('softhsm2-util', ['--init-token', '--free', '--label', label, ...pins], {
      stdio: 'pipe',
    });
  }

  /** Puts a key into a token that was outside of it. `pem`: PKCS #8. */
  importKey(token: string, label: string, id: string, pem: string): void {
    writeFileSync(this.path('import.pem'), pem);
    const key = ['--import', this.path('import.pem'), '--label', label, '--id', id];
    execFileSync('softhsm2-util', [...key, '--token', token, '--pin', PIN], { stdio: 'pipe' });
  }

  /** Takes all devices out. */
  unplug(): void {
    renameSync(this.path('tokens'), this.path('drawer'));
  }

  plugIn(): void {
    renameSync(this.path('drawer'), this.path('tokens'));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Calls the library in this process, in a session of its own with the token. */
  async raw<Result>(
    token: string,
    action: (raw: RawToken) => Result | Promise<Result>,
  ): Promise<Result> {
    if (binding === undefined || softHsm === undefined) throw new Error('no SoftHSM');
    const module = new binding.PKCS11();
    module.load(softHsm);
    let own = true;
    try {
      module.C_Initialize({ flags: 2 });
    } catch (error) {
      if ((error as { code?: number }).code !== ALREADY_INITIALIZED) throw error;
      own = false;
    }
    try {
      const slot = module
        .C_GetSlotList(true)
        .find((each) => module.C_GetTokenInfo(each).label.trimEnd() === token);
      if (slot === undefined) throw new Error('no such token');
      const session = module.C_OpenSession(slot, 2 | 4);
      try {
        if (own) module.C_Login(session, 1, PIN);
        return await action({ library: module, binding, slot, session });
      } finally {
        try {
          module.C_CloseSession(session);
        } catch {
          // The action closed it.
        }
      }
    } finally {
      if (own) module.C_Finalize();
    }
  }
}
