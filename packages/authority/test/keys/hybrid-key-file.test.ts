import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifier, issue, KeyStoreError, TaperError } from '@taper/core';
import { testKey } from '@taper/testkit';
import { afterAll, describe, expect, test } from 'vitest';
import {
  createHybridKeyFile,
  createKeyFile,
  openHybridKeyFile,
  openKeyFile,
} from '../../src/keys/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'taper-hybrid-'));
afterAll(() => rmSync(folder, { recursive: true }));

const passphrase = 'correct horse battery staple';
const cost = { n: 2 ** 14, r: 8, p: 1 };
const ISSUER = 'https://authority.example.com';
const root = testKey('hybrid root');

async function problemOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    if (error instanceof KeyStoreError) return error.problem;
    if (error instanceof TaperError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

let count = 0;
const newPath = (): string => join(folder, `${count++}.json`);

describe('the file of a second root key', () => {
  test('gives back the key that was made, and is for its owner alone', async () => {
    const path = newPath();
    const made = await createHybridKeyFile({ path, passphrase, cost });
    const opened = await openHybridKeyFile({ path, passphrase });
    expect(opened.key).toEqual(made.key);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const chain = await issue({
      issuer: ISSUER,
      signer: root.signer,
      hybrid: opened,
      holder: testKey('holder').publicKey,
      tools: { read: {} },
      id: 'one',
      now: 1_800_000_000,
      lifetime: 60,
      maxDepth: 1,
    });
    const anchors = [{ issuer: ISSUER, key: root.publicKey, hybrid: made.key }];
    const verdict = createVerifier({ anchors }).verifyChain([chain.leaf.compact], 1_800_000_001);
    expect(verdict.verdict).toBe('verified');
  });

  test('Q07: its key signs no text but a root', async () => {
    const signer = await createHybridKeyFile({ path: newPath(), passphrase, cost });
    for (const text of ['', 'hello', 'taper-hybrid-root-v1', 'taper-anchors-v1:{}'])
      expect(() => signer.sign(Buffer.from(text))).toThrow(
        expect.objectContaining({ code: 'signing_failed' }),
      );
    expect(signer.sign(Buffer.from('taper-hybrid-root-v1:x.y'))).toHaveLength(3309);
  });

  test('does not open with another passphrase, nor where anything was changed', async () => {
    const path = newPath();
    await createHybridKeyFile({ path, passphrase, cost });
    const open = () => problemOf(openHybridKeyFile({ path, passphrase }));
    expect(await problemOf(openHybridKeyFile({ path, passphrase: 'another one' }))).toBe(
      'passphrase',
    );
    const whole = readFileSync(path, 'utf8');
    const other = newPath();
    await createHybridKeyFile({ path: other, passphrase, cost });
    const file = JSON.parse(whole);
    file.public = JSON.parse(readFileSync(other, 'utf8')).public;
    writeFileSync(path, JSON.stringify(file));
    expect(await open()).toBe('passphrase');
    writeFileSync(path, whole.slice(0, -20));
    expect(await open()).toBe('malformed');
    writeFileSync(path, whole);
    expect(await open()).toBe('nothing thrown');
  });

  test('Q04: is not taken for the file of a first key, nor the other way round', async () => {
    const [second, first] = [newPath(), newPath()];
    await createHybridKeyFile({ path: second, passphrase, cost });
    await createKeyFile({ path: first, passphrase, cost });
    expect(await problemOf(openKeyFile({ path: second, passphrase }))).toBe('malformed');
    expect(await problemOf(openHybridKeyFile({ path: first, passphrase }))).toBe('malformed');
  });

  test('Q03: never replaces another', async () => {
    const path = newPath();
    const { key } = await createHybridKeyFile({ path, passphrase, cost });
    expect(await problemOf(createHybridKeyFile({ path, passphrase, cost }))).toBe('exists');
    expect((await openHybridKeyFile({ path, passphrase })).key).toEqual(key);
  });
});
