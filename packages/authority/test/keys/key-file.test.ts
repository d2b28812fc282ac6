import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeyStoreError, platform } from '@taper/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  changeKeyFilePassphrase,
  createKeyFile,
  createPassphraseFile,
  openKeyFile,
  passphraseFile,
  unsafeKeyFilePublicKey,
} from '../../src/keys/index.ts';
import { type KeyFileJson, sealByHand, unsealByHand } from './key-file-decoder.ts';

const PASSPHRASE = 'correct horse battery staple';
/** The least that is accepted: 16 MiB. */
const cost = { n: 2 ** 14, r: 8, p: 1 };
const INPUT = Buffer.from('what is signed');

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taper-key-file-'));
  path = join(folder, 'root.key.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function problemOf(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => 'nothing thrown',
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof KeyStoreError)) throw error;
  expect(error.code).toBe('key_store_unusable');
  expect(error.hint).toBeTypeOf('string');
  expect(`${error.message}${error.hint}${error.stack}`).not.toContain(PASSPHRASE);
  return error.problem;
}

async function read(): Promise<KeyFileJson> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** The file with something in it changed. */
async function change(edit: (file: KeyFileJson) => unknown): Promise<void> {
  const file = await read();
  const changed = edit(file);
  await writeFile(path, typeof changed === 'string' ? changed : JSON.stringify(file));
}

const open = (passphrase: string = PASSPHRASE) => openKeyFile({ path, passphrase });

describe('a key file', () => {
  test.each(['Ed25519', 'ES256'] as const)('gives back the %s key that was made', async (alg) => {
    const made = await createKeyFile({ path, passphrase: PASSPHRASE, alg, cost });
    const opened = await open();
    expect(opened.publicKey.thumbprint).toBe(made.publicKey.thumbprint);
    for (const signer of [made, opened]) {
      const signature = await signer.sign(INPUT);
      expect(platform.verify?.(made.publicKey, INPUT, signature)).toBe(true);
    }
  });

  test('is what its description says, and opens by means of the description alone', async () => {
    const { publicKey } = await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    const file = await read();
    expect(file).toMatchObject({
      type: 'taper-key',
      version: 1,
      public: publicKey.jwk,
      kdf: { name: 'scrypt', ...cost },
      cipher: { name: 'A256GCM' },
    });
    const seed = unsealByHand(file, PASSPHRASE).subarray(-32);
    const { d, ...jwk } = { ...publicKey.jwk, d: seed.toString('base64url') };
    expect(jwk).toEqual(publicKey.jwk);
    expect(d).toHaveLength(43);
  });

  test('costs 128 MiB to try a passphrase unless another cost is asked for', async () => {
    await createKeyFile({ path, passphrase: PASSPHRASE });
    expect((await read()).kdf).toMatchObject({ n: 131072, r: 8, p: 1 });
  });

  test('is for its owner alone, and leaves nothing beside it', async () => {
    await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['root.key.json']);
  });

  test('is found behind a symbolic link, as secrets are mounted in containers', async () => {
    const { publicKey } = await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    const link = join(folder, 'link');
    await symlink(path, link);
    const opened = await openKeyFile({ path: link, passphrase: PASSPHRASE });
    expect(opened.publicKey.thumbprint).toBe(publicKey.thumbprint);
  });

  test('never has the salt or the nonce of another', async () => {
    const files: KeyFileJson[] = [];
    for (const name of ['a', 'b', 'c']) {
      path = join(folder, name);
      await createKeyFile({ path, passphrase: PASSPHRASE, cost });
      files.push(await read());
    }
    expect(new Set(files.map(({ kdf }) => kdf.salt)).size).toBe(3);
    expect(new Set(files.map(({ cipher }) => cipher.nonce)).size).toBe(3);
  });

  test('names its public half without a passphrase', async () => {
    const { publicKey } = await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    expect((await unsafeKeyFilePublicKey(path)).thumbprint).toBe(publicKey.thumbprint);
  });
});

describe('a key file is never replaced', () => {
  test('when one is made where one is', async () => {
    const { publicKey } = await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    const again = createKeyFile({ path, passphrase: PASSPHRASE, cost });
    expect(await problemOf(again)).toBe('exists');
    expect((await open()).publicKey.thumbprint).toBe(publicKey.thumbprint);
    expect(await readdir(folder)).toEqual(['root.key.json']);
  });

  test('Q03: of several that make it at once, one does, and its key is the one that is kept', async () => {
    const all = await Promise.allSettled(
      Array.from({ length: 6 }, () => createKeyFile({ path, passphrase: PASSPHRASE, cost })),
    );
    const made = all.filter((each) => each.status === 'fulfilled');
    expect(made).toHaveLength(1);
    expect(made[0]?.value.publicKey.thumbprint).toBe((await open()).publicKey.thumbprint);
  });

  test('and none is left behind where it cannot be written', async () => {
    path = join(folder, 'none', 'root.key.json');
    expect(await problemOf(createKeyFile({ path, passphrase: PASSPHRASE, cost }))).toBe(
      'unwritable',
    );
  });
});

describe('a key file does not open', () => {
  beforeEach(async () => {
    await createKeyFile({ path, passphrase: PASSPHRASE, cost });
  });

  test('with another passphrase', async () => {
    expect(await problemOf(open('correct horse battery stable'))).toBe('passphrase');
  });

  test('with an empty passphrase', async () => {
    expect(await problemOf(open(''))).toBe('passphrase');
  });

  test('when it is not there', async () => {
    await rm(path);
    expect(await problemOf(open())).toBe('missing');
  });

  test.each([0o640, 0o604, 0o660, 0o644, 0o610])('when its mode is %o', async (mode) => {
    await chmod(path, mode);
    expect(await problemOf(open())).toBe('permissions');
  });

  test('unless its mode is 0400 or 0600', async () => {
    await chmod(path, 0o400);
    expect((await open()).publicKey.alg).toBe('Ed25519');
  });

  test('when it is a folder', async () => {
    path = folder;
    await chmod(folder, 0o700);
    expect(await problemOf(open())).toBe('unreadable');
  });

  test('when it was cut off anywhere', async () => {
    const text = await readFile(path, 'utf8');
    for (const length of [0, 1, 20, text.length / 2, text.length - 3]) {
      await writeFile(path, text.slice(0, length));
      expect(await problemOf(open())).toBe('malformed');
    }
  });

  test('when it is something else', async () => {
    for (const text of [
      '[]',
      '"taper-key"',
      '{"type":"taper-anchors","version":1}',
      'x'.repeat(20_000),
    ]) {
      await writeFile(path, text);
      expect(await problemOf(open())).toBe('malformed');
    }
  });

  test('when its version is not known', async () => {
    await change((file) => {
      file.version = 2;
    });
    expect(await problemOf(open())).toBe('version');
  });

  test('when a member is there twice, added or missing', async () => {
    const text = await readFile(path, 'utf8');
    for (const changed of [
      text.replace('"version": 1', '"version": 1, "version": 1'),
      text.replace('"version": 1', '"version": 1, "extra": 1'),
      text.replace(/,\s*"cipher": \{[^}]*\}/, ''),
    ]) {
      expect(changed).not.toBe(text);
      await writeFile(path, changed);
      expect(await problemOf(open())).toBe('malformed');
    }
  });

  test('when any byte of what is encrypted was changed', async () => {
    const whole = await readFile(path, 'utf8');
    const length = Buffer.from((await read()).ciphertext ?? '', 'base64url').length;
    for (const at of [0, 16, length - 17, length - 16, length - 1]) {
      await writeFile(path, whole);
      await change((file) => {
        const bytes = Buffer.from(file.ciphertext ?? '', 'base64url');
        bytes[at] = (bytes[at] as number) ^ 1;
        file.ciphertext = bytes.toString('base64url');
      });
      expect(await problemOf(open())).toBe('passphrase');
    }
  });

  test('when salt, nonce, cost or the public key it names were changed', async () => {
    const whole = await readFile(path, 'utf8');
    const other = join(folder, 'other');
    await createKeyFile({ path: other, passphrase: PASSPHRASE, cost });
    const from: KeyFileJson = JSON.parse(await readFile(other, 'utf8'));
    const edits: ((file: KeyFileJson) => void)[] = [
      (file) => {
        file.kdf.salt = from.kdf.salt;
      },
      (file) => {
        file.cipher.nonce = from.cipher.nonce;
      },
      (file) => {
        file.kdf.n = 2 ** 15;
      },
      (file) => {
        file.public = from.public;
      },
    ];
    for (const edit of edits) {
      await writeFile(path, whole);
      await change(edit);
      expect(await problemOf(open())).toBe('passphrase');
    }
  });

  test('when it holds another key than it names, though whoever sealed it knew the passphrase', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
    await change((file) => JSON.stringify(sealByHand(file, PASSPHRASE, pkcs8)));
    expect(await problemOf(open())).toBe('key_mismatch');
  });

  test('when it holds a key of another kind', async () => {
    const { privateKey } = generateKeyPairSync('x25519');
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
    await change((file) => JSON.stringify(sealByHand(file, PASSPHRASE, pkcs8)));
    expect(await problemOf(open())).toBe('key_mismatch');
  });
});

describe('R05: what a file says it costs is bounded before anything is computed', () => {
  const refused: [string, object][] = [
    ['64 GiB', { n: 2 ** 26, r: 8, p: 1 }],
    ['twice as much as is accepted', { n: 2 ** 19, r: 8, p: 1 }],
    ['half of what is accepted', { n: 2 ** 13, r: 8, p: 1 }],
    ['no power of two', { n: 2 ** 14 + 1, r: 8, p: 1 }],
    ['wide blocks', { n: 2 ** 14, r: 1024, p: 1 }],
    ['a long time', { n: 2 ** 14, r: 8, p: 2 ** 24 }],
    ['nothing', { n: 0, r: 0, p: 0 }],
    ['less than nothing', { n: -(2 ** 14), r: 8, p: 1 }],
    ['text', { n: '16384', r: 8, p: 1 }],
    ['parts', { n: 2 ** 14, r: 8, p: 1.5 }],
    ['another function', { name: 'pbkdf2' }],
  ];
  test.each(refused)('%s', async (_, kdf) => {
    await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    await change((file) => {
      Object.assign(file.kdf, kdf);
    });
    let asked = false;
    const passphrase = () => {
      asked = true;
      return PASSPHRASE;
    };
    expect(await problemOf(openKeyFile({ path, passphrase }))).toBe('parameters');
    expect(asked).toBe(false);
  });

  test('another cipher is not accepted', async () => {
    await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    await change((file) => {
      file.cipher.name = 'A128GCM';
    });
    expect(await problemOf(open())).toBe('parameters');
  });

  test('nor does one make a file at a cost that would not open', async () => {
    const make = createKeyFile({ path, passphrase: PASSPHRASE, cost: { n: 1024, r: 8, p: 1 } });
    await expect(make).rejects.toMatchObject({ code: 'option_invalid' });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('another passphrase', () => {
  const NEW = 'an entirely different one';

  test('opens the same key from then on, and the old one does not', async () => {
    const { publicKey } = await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    const before = await read();
    await changeKeyFilePassphrase({ path, passphrase: PASSPHRASE, newPassphrase: NEW });
    expect((await open(NEW)).publicKey.thumbprint).toBe(publicKey.thumbprint);
    expect(await problemOf(open())).toBe('passphrase');
    const after = await read();
    expect(after.kdf.salt).not.toBe(before.kdf.salt);
    expect(after.cipher.nonce).not.toBe(before.cipher.nonce);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('is not taken from who does not know the old one, and the file stays as it was', async () => {
    await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    const before = await readFile(path, 'utf8');
    const wrong = changeKeyFilePassphrase({ path, passphrase: 'not this one', newPassphrase: NEW });
    expect(await problemOf(wrong)).toBe('passphrase');
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  test('of fewer than 12 bytes seals nothing', async () => {
    expect(await problemOf(createKeyFile({ path, passphrase: 'eleven char', cost }))).toBe(
      'passphrase',
    );
    await createKeyFile({ path, passphrase: 'twelve chars', cost });
    const shorter = { path, passphrase: 'twelve chars', newPassphrase: 'short' };
    expect(await problemOf(changeKeyFilePassphrase(shorter))).toBe('passphrase');
    expect((await open('twelve chars')).publicKey.alg).toBe('Ed25519');
  });
});

describe('a passphrase file', () => {
  test('that was made opens what was sealed with it, and is for its owner alone', async () => {
    const file = join(folder, 'passphrase');
    const passphrase = await createPassphraseFile(file);
    const { publicKey } = await createKeyFile({ path, passphrase, cost });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const opened = await openKeyFile({ path, passphrase: passphraseFile(file) });
    expect(opened.publicKey.thumbprint).toBe(publicKey.thumbprint);
    expect(await problemOf(createPassphraseFile(file))).toBe('exists');
  });

  test.each(['', '\n', '\r\n'])(
    'may end with a line end, here %j, and with nothing else',
    async (end) => {
      const file = join(folder, 'passphrase');
      await createKeyFile({ path, passphrase: PASSPHRASE, cost });
      await writeFile(file, `${PASSPHRASE}${end}`, { mode: 0o600 });
      expect((await openKeyFile({ path, passphrase: passphraseFile(file) })).publicKey.alg).toBe(
        'Ed25519',
      );
      await writeFile(file, `${PASSPHRASE} ${end}`, { mode: 0o600 });
      expect(await problemOf(openKeyFile({ path, passphrase: passphraseFile(file) }))).toBe(
        'passphrase',
      );
    },
  );

  test('that others can read, that is empty, too long or missing is not used', async () => {
    const file = join(folder, 'passphrase');
    await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    const attempt = () => problemOf(openKeyFile({ path, passphrase: passphraseFile(file) }));
    expect(await attempt()).toBe('missing');
    await writeFile(file, '\n', { mode: 0o600 });
    expect(await attempt()).toBe('passphrase');
    await writeFile(file, 'x'.repeat(5000));
    expect(await attempt()).toBe('malformed');
    await writeFile(file, PASSPHRASE);
    await chmod(file, 0o644);
    expect(await attempt()).toBe('permissions');
  });
});
