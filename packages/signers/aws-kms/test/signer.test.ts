import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { KeyStoreError, platform, TaperError } from '@taper/core';
import { testKey } from '@taper/testkit';
import { error, KmsServer, type ServedKey } from '@taper/testkit/kms-server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AwsKmsSigner, type AwsKmsSignerOptions, openAwsKmsSigner } from '../src/index.ts';

const INPUT = Buffer.from('what is signed');
const SECRETS = ['wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'FwoGZXIvYXdzEBYaDEXAMPLETOKEN'];
const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: SECRETS[0] as string,
  sessionToken: SECRETS[1] as string,
};

let server: KmsServer;
let key: ServedKey;
let options: AwsKmsSignerOptions;
const opened: AwsKmsSigner[] = [];

beforeEach(async () => {
  server = new KmsServer();
  await server.start();
  key = server.addKey();
  const { endpoint } = server;
  options = { keyId: key.arn, region: 'eu-central-1', endpoint, credentials, attempts: 1 };
});
afterEach(async () => {
  for (const signer of opened.splice(0)) signer.close();
  await server.stop();
});

async function open(changes: Partial<AwsKmsSignerOptions> = {}): Promise<AwsKmsSigner> {
  const signer = await openAwsKmsSigner({ ...options, ...changes });
  opened.push(signer);
  return signer;
}

async function isSound(signer: AwsKmsSigner, input: Uint8Array = INPUT): Promise<boolean> {
  return platform.verify?.(signer.publicKey, input, await signer.sign(input)) === true;
}

async function thrownBy(action: () => unknown): Promise<TaperError> {
  let error: unknown = 'nothing thrown';
  try {
    await action();
  } catch (thrown) {
    error = thrown;
  }
  if (!(error instanceof TaperError)) throw error;
  expect(error.hint).toBeTypeOf('string');
  const text = inspect(error, { depth: 20, showHidden: true });
  for (const secret of [...SECRETS, 'AWS4-HMAC-SHA256', credentials.accessKeyId])
    expect(text).not.toContain(secret);
  return error;
}

async function problemOf(action: Promise<unknown>): Promise<string> {
  const error = await thrownBy(() => action);
  if (!(error instanceof KeyStoreError)) throw error;
  return error.problem;
}

const codeOf = async (action: () => unknown): Promise<string> => (await thrownBy(action)).code;

describe('a key in AWS KMS (its documented protocol, served here)', () => {
  test('signs, and what it signs verifies', async () => {
    const signer = await open();
    expect(signer.publicKey.alg).toBe('Ed25519');
    expect(signer.keyArn).toBe(key.arn);
    for (const length of [1, 64, 4096])
      expect(await isSound(signer, Buffer.alloc(length, length))).toBe(true);
  });

  test('is asked for ED25519_SHA_512 over the bytes themselves, by its ARN', async () => {
    const signer = await open();
    await signer.sign(INPUT);
    expect(server.requests.at(-1)).toMatchObject({
      operation: 'Sign',
      body: {
        KeyId: key.arn,
        MessageType: 'RAW',
        SigningAlgorithm: 'ED25519_SHA_512',
        Message: INPUT.toString('base64'),
      },
    });
  });

  test('is not asked to sign more than 4096 bytes, and what is asked is an error', async () => {
    const signer = await open();
    const before = server.requests.length;
    expect(await codeOf(() => signer.sign(Buffer.alloc(4097)))).toBe('signing_failed');
    expect(server.requests).toHaveLength(before);
  });

  test('many callers at once each get the signature of what they asked for', async () => {
    const signer = await open();
    const inputs = Array.from({ length: 50 }, (_, index) => Buffer.from(`input ${index}`));
    const sound = await Promise.all(inputs.map((input) => isSound(signer, input)));
    expect(sound.every(Boolean)).toBe(true);
  });

  test('does not sign once its signer is closed', async () => {
    const signer = await open();
    signer.close();
    expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
  });
});

describe('Q06: what another key signed is never released', () => {
  test('and an alias is resolved once: what it is pointed at later does not sign', async () => {
    server.aliases.set('alias/root', key.arn);
    const signer = await open({ keyId: 'alias/root' });
    expect(signer.keyArn).toBe(key.arn);
    const other = server.addKey();
    server.aliases.set('alias/root', other.arn);
    expect(await isSound(signer)).toBe(true);
    expect(server.requests.at(-1)?.body['KeyId']).toBe(key.arn);
  });

  test('an alias that leads to another key than the pinned one does not open', async () => {
    const { publicKey } = await open();
    const other = server.addKey();
    server.aliases.set('alias/root', other.arn);
    expect(await problemOf(open({ keyId: 'alias/root', publicKey }))).toBe('key_mismatch');
    server.aliases.set('alias/root', key.arn);
    expect(await isSound(await open({ keyId: 'alias/root', publicKey }))).toBe(true);
    const { publicKey: stranger } = testKey('stranger');
    expect(await problemOf(open({ publicKey: stranger }))).toBe('key_mismatch');
  });

  test('though the service says that it was the right one', async () => {
    const signer = await open();
    key.privateKey = generateKeyPairSync('ed25519').privateKey;
    expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
  });

  test('and a service whose signatures do not go with its public key does not open', async () => {
    key.privateKey = generateKeyPairSync('ed25519').privateKey;
    expect(await codeOf(() => open())).toBe('signing_failed');
  });

  test('nor is what the service says it made with another key or algorithm', async () => {
    const signer = await open();
    for (const change of [
      { KeyId: 'arn:aws:kms:eu-central-1:111122223333:key/other' },
      { SigningAlgorithm: 'ED25519_PH_SHA_512' },
      { Signature: undefined },
      { Signature: Buffer.alloc(64).toString('base64') },
      { Signature: Buffer.alloc(63, 1).toString('base64') },
    ]) {
      server.override = (_, own) => {
        const { status, body } = own();
        return { status, body: { ...body, ...change } };
      };
      expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
    }
    server.override = undefined;
    expect(await isSound(signer)).toBe(true);
  });

  test('Q09: a signature with one wrong bit is not released', async () => {
    const signer = await open();
    server.override = (_, own) => {
      const { status, body } = own();
      const bytes = Buffer.from(String(body['Signature']), 'base64');
      bytes[40] = (bytes[40] as number) ^ 1;
      return { status, body: { ...body, Signature: bytes.toString('base64') } };
    };
    expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
  });
});

describe('a key that is not fit does not open', () => {
  const unfit: [string, Partial<ServedKey>, string][] = [
    ['of another spec', { spec: 'ECC_NIST_P256' }, 'unsupported'],
    ['for key agreement', { usage: 'KEY_AGREEMENT' }, 'key_misusable'],
    ['that is disabled', { state: 'Disabled' }, 'key_misusable'],
    ['that is to be deleted', { state: 'PendingDeletion' }, 'key_misusable'],
    ['Q08: whose material was imported', { origin: 'EXTERNAL' }, 'key_exportable'],
  ];
  test.each(unfit)('%s', async (_, changes, problem) => {
    const { arn } = server.addKey(changes);
    expect(await problemOf(open({ keyId: arn }))).toBe(problem);
  });

  test('that is not there', async () => {
    expect(await problemOf(open({ keyId: 'alias/none' }))).toBe('key_missing');
  });

  test('whose public half is not what it should be', async () => {
    for (const change of [
      { PublicKey: Buffer.from('no key').toString('base64') },
      { PublicKey: undefined },
      { KeyId: 'another' },
      { KeySpec: 'RSA_2048' },
    ]) {
      server.override = (operation, own) => {
        const { status, body } = own();
        return { status, body: operation === 'GetPublicKey' ? { ...body, ...change } : body };
      };
      expect(await problemOf(open())).toBe('device');
    }
  });

  test('with options that are missing, wrong or unknown', async () => {
    for (const changes of [
      { keyId: '' },
      { region: '' },
      { endpoint: 'http://kms.example.com' },
      { endpoint: 'no url' },
      { timeout: 0 },
      { attempts: 0 },
      { fallback: 'file' },
    ]) {
      const wrong = { ...options, ...changes } as AwsKmsSignerOptions;
      expect(await codeOf(() => openAwsKmsSigner(wrong))).toBe('option_invalid');
    }
    expect(server.requests).toEqual([]);
  });
});

describe('Q05: while KMS does not sign, nothing signs', () => {
  test('since it cannot be reached, and it signs once it can', async () => {
    const signer = await open();
    await server.stop();
    for (let attempt = 0; attempt < 3; attempt++)
      expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
    expect(await problemOf(open())).toBe('device');
    await server.start();
    expect(await isSound(signer)).toBe(true);
  });

  test.each([
    'ThrottlingException',
    'AccessDeniedException',
    'DisabledException',
    'KMSInvalidStateException',
    'ExpiredTokenException',
    'KMSInternalException',
  ])('since it answers %s', async (type) => {
    const signer = await open();
    server.override = () => error(type, type === 'KMSInternalException' ? 500 : 400);
    expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
    server.override = undefined;
    expect(await isSound(signer)).toBe(true);
  });

  test('since it never answers, or hangs up', async () => {
    const signer = await open({ timeout: 0.3 });
    for (const silence of ['hang', 'cut'] as const) {
      server.override = () => silence;
      expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
    }
  });

  test('since it answers what is no answer', async () => {
    const signer = await open();
    server.override = () => ({ status: 200, body: {} });
    expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
  });

  test('and while it throttles, it is asked again as often as was configured, and no more', async () => {
    const signer = await open({ attempts: 3 });
    const before = server.requests.length;
    let left = 2;
    server.override = (_, own) => (left-- > 0 ? error('ThrottlingException') : own());
    expect(await isSound(signer)).toBe(true);
    expect(server.requests.length - before).toBe(3);
    server.override = () => error('ThrottlingException');
    expect(await codeOf(() => signer.sign(INPUT))).toBe('signing_failed');
    expect(server.requests.length - before).toBe(6);
  });
});

test('Q15: credentials show nowhere in the signer', async () => {
  const text = inspect(await open(), { depth: 20, showHidden: true });
  for (const secret of SECRETS) expect(text).not.toContain(secret);
});
