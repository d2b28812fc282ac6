import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKeyFile, openKeyFile } from '../../src/keys/index.ts';
import { unsealByHand } from './key-file-decoder.ts';

const PASSPHRASE = 'a passphrase for one test alone';
const cost = { n: 2 ** 14, r: 8, p: 1 };

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taper-secrecy-'));
  path = join(folder, 'root.key.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Every spelling in which the private half could be printed. */
function spellings(pkcs8: Buffer): string[] {
  const seed = pkcs8.subarray(-32);
  return [
    seed.toString('base64url'),
    seed.toString('base64').replace(/=+$/, ''),
    seed.toString('hex'),
    seed.toString('latin1'),
    pkcs8.toString('base64').replace(/=+$/, ''),
    [...seed.subarray(0, 8)].join(','),
    [...seed.subarray(0, 8)].join(', '),
  ];
}

describe('Q15: a private key', () => {
  test('shows neither in its signer nor in anything that is reached from it', async () => {
    await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    const secret = spellings(unsealByHand(JSON.parse(await readFile(path, 'utf8')), PASSPHRASE));
    const signer = await openKeyFile({ path, passphrase: PASSPHRASE });
    const shown = [
      inspect(signer, { depth: 50, showHidden: true, getters: true }),
      JSON.stringify(signer),
      String(signer),
    ].join('\n');
    for (const each of [...secret, PASSPHRASE]) expect(shown).not.toContain(each);
  });

  test('shows in no error of a signer, nor in its causes', async () => {
    await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    const secret = spellings(unsealByHand(JSON.parse(await readFile(path, 'utf8')), PASSPHRASE));
    const signer = await openKeyFile({ path, passphrase: PASSPHRASE });
    let error: unknown;
    try {
      await signer.sign('not bytes' as unknown as Uint8Array);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'signing_failed' });
    const shown = inspect(error, { depth: 50, showHidden: true });
    for (const each of [...secret, PASSPHRASE]) expect(shown).not.toContain(each);
  });

  test('is in no heap snapshot of a process that signs with it, as a string', async () => {
    await createKeyFile({ path, passphrase: PASSPHRASE, cost });
    const secret = spellings(unsealByHand(JSON.parse(await readFile(path, 'utf8')), PASSPHRASE));
    const passphraseFile = join(folder, 'passphrase');
    await writeFile(passphraseFile, PASSPHRASE, { mode: 0o600 });
    const source = `
      import { writeHeapSnapshot } from 'node:v8';
      import { openKeyFile, passphraseFile } from ${JSON.stringify(new URL('../../src/keys/index.ts', import.meta.url))};
      const [path, file, out] = process.argv.slice(1);
      const signer = await openKeyFile({ path, passphrase: passphraseFile(file) });
      await signer.sign(Buffer.from('x'));
      globalThis.witness = 'this string is ' + 'in the heap';
      writeHeapSnapshot(out);
      globalThis.signer = signer;
    `;
    const out = join(folder, 'heap.heapsnapshot');
    await promisify(execFile)(process.execPath, [
      '--conditions=@taper/source',
      '--input-type=module',
      `--eval=${source}`,
      path,
      passphraseFile,
      out,
    ]);
    const snapshot = await readFile(out, 'utf8');
    expect(snapshot).toContain('this string is in the heap');
    for (const each of [...secret, PASSPHRASE]) expect(snapshot).not.toContain(each);
  });
});
