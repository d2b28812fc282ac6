import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyFile, createPassphraseFile, passphraseFile } from '@taper/authority/keys';
import type { Signer } from '@taper/core';
import { createPkcs11Key, openPkcs11Signer } from '@taper/signer-pkcs11';

/** Where a root key lies. */
export interface RootKey {
  readonly name: string;
  readonly signer: Signer;
  close(): Promise<void>;
}

const LIBRARIES = [
  process.env['SOFTHSM2_LIB'],
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];

const PIN = '48151623';

/** A key in an encrypted file, opened: what signs is in the memory of the process. */
export async function keyFile(): Promise<RootKey> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-bench-key-'));
  const passphrase = join(folder, 'passphrase');
  await createPassphraseFile(passphrase);
  const signer = await createKeyFile({
    path: join(folder, 'root.json'),
    passphrase: passphraseFile(passphrase),
    cost: { n: 2 ** 14, r: 8, p: 1 },
  });
  return {
    name: 'file',
    signer,
    async close() {
      rmSync(folder, { recursive: true });
    },
  };
}

/** A key in a token of SoftHSM; `undefined`, and said so, where there is none. */
export async function softHsm(): Promise<RootKey | undefined> {
  const library = LIBRARIES.find((path) => path !== undefined && existsSync(path));
  if (library === undefined) {
    console.error('SKIPPED: no SoftHSM. Install softhsm2, or set SOFTHSM2_LIB.');
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'taper-bench-softhsm-'));
  const close = async (): Promise<void> => rmSync(folder, { recursive: true, force: true });
  try {
    mkdirSync(join(folder, 'tokens'));
    const file = join(folder, 'softhsm2.conf');
    const settings = [
      `directories.tokendir = ${join(folder, 'tokens')}`,
      'objectstore.backend = file',
      'log.level = ERROR',
    ];
    writeFileSync(file, `${settings.join('\n')}\n`);
    process.env['SOFTHSM2_CONF'] = file;
    const pins = ['--pin', PIN, '--so-pin', '12345678'];
    execFileSync('softhsm2-util', ['--init-token', '--free', '--label', 'bench', ...pins], {
      stdio: 'pipe',
    });
    const device = { module: library, token: { label: 'bench' }, pin: () => PIN };
    await createPkcs11Key({ ...device, label: 'root' });
    const signer = await openPkcs11Signer({ ...device, key: { label: 'root' } });
    return {
      name: 'SoftHSM',
      signer,
      async close() {
        await signer.close();
        await close();
      },
    };
  } catch (cause) {
    await close();
    console.error(`SKIPPED: SoftHSM cannot be used: ${String(cause)}`);
    return undefined;
  }
}
