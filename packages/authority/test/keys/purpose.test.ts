import {
  cosignatureInput,
  hashToken,
  issue,
  noteKey,
  platform,
  type Signer,
  signAnchors,
  signCheckpoint,
  TaperError,
} from '@taper/core';
import { testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  type IntendedSignature,
  purposeSigner,
  type SigningPurpose,
} from '../../src/keys/index.ts';

const key = testKey('purpose');
const ISSUER = 'https://authority.example.com';
const ORIGIN = 'authority.example.com/log';
const T0 = 1_800_000_000;

async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof TaperError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

/** Counts how often the key itself is asked. */
function counting(): { signer: Signer; calls: () => number } {
  let calls = 0;
  const sign = (input: Uint8Array): Uint8Array => {
    calls++;
    return key.sign(input);
  };
  return { signer: { publicKey: key.publicKey, sign }, calls: () => calls };
}

function signerFor(purpose: SigningPurpose, signer: Signer = key.signer): Signer {
  return purposeSigner({
    signer,
    purpose,
    ...(purpose === 'log' || purpose === 'witness' ? { origin: ORIGIN } : {}),
  });
}

function jws(header: object, payload: object = { sub: 'x' }): Buffer {
  const segment = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return Buffer.from(`${segment(header)}.${segment(payload)}`);
}

const root = (signer: Signer) =>
  issue({
    issuer: ISSUER,
    signer,
    holder: testKey('holder').publicKey,
    tools: { read: {} },
    id: 'one',
    now: T0,
    lifetime: 60,
    maxDepth: 1,
  });

const anchors = (signer: Signer) =>
  signAnchors(
    {
      issuer: ISSUER,
      issuedAt: T0,
      expiresAt: T0 + 60,
      anchors: [{ key: signer.publicKey, state: 'current', notBefore: T0 }],
      log: { origin: ORIGIN, key: noteKey(ORIGIN, testKey('log').publicKey, 1) },
      authorityKeys: [],
      identityKeys: [],
      witnesses: [],
      quorum: 0,
    },
    [signer],
    undefined,
  );

const checkpoint = (origin: string) => `${origin}\n1\n${'A'.repeat(43)}=\n`;

const texts: Readonly<Record<string, Buffer>> = {
  token: jws({ alg: 'Ed25519', typ: 'aat+jwt' }),
  rotation: jws({ alg: 'Ed25519', typ: 'taper-rotation+jwt' }),
  anchors: Buffer.from('taper-anchors-v1:{}'),
  identity: jws({ alg: 'EdDSA', typ: 'wit+jwt' }),
  revocation: Buffer.from('taper-revocation-entry-v1:{}'),
  entry: Buffer.from('taper-authority-entry-v1:{}'),
  directory: Buffer.from('taper-agent-directory-v1:{}'),
  request: jws({ alg: 'Ed25519', typ: 'taper-revocation+jwt' }),
  checkpoint: Buffer.from(checkpoint(ORIGIN)),
  cosignature: Buffer.from(cosignatureInput(checkpoint(ORIGIN), T0)),
  audit: Buffer.from('taper-audit-event-v1:{}'),
};

describe('Q07: a key is no oracle that signs whatever it is given', () => {
  const signs: [SigningPurpose, readonly string[]][] = [
    ['root', ['token', 'rotation', 'anchors']],
    ['identity', ['identity']],
    ['authority', ['revocation', 'entry', 'directory', 'request']],
    ['log', ['checkpoint']],
    ['witness', ['cosignature']],
    ['audit', ['audit']],
  ];
  test.each(signs)(
    'the %s key signs texts of its own kinds, and none of another',
    async (purpose, own) => {
      for (const [name, text] of Object.entries(texts)) {
        const { signer, calls } = counting();
        const made = signerFor(purpose, signer);
        const expected = own.includes(name) ? 'nothing thrown' : 'signing_failed';
        expect([name, await codeOf(() => made.sign(text))]).toEqual([name, expected]);
        expect(calls()).toBe(own.includes(name) ? 1 : 0);
      }
    },
  );

  test('real roots, trust-anchor documents and checkpoints are such texts', async () => {
    expect((await root(signerFor('root'))).tokens).toHaveLength(1);
    expect((await anchors(signerFor('root'))).sequence).toBe(1);
    expect(await signCheckpoint(checkpoint(ORIGIN), ORIGIN, signerFor('log'))).toContain(ORIGIN);
  });

  test('none signs what is of no kind, or of its kind by half', async () => {
    const nothing = [
      Buffer.alloc(0),
      Buffer.from('hello'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('taper-unknown-v1:{}'),
      jws({ alg: 'none', typ: 'aat+jwt' }),
      jws({ alg: 'ES256', typ: 'aat+jwt' }),
      jws({ alg: 'Ed25519' }),
      jws({ alg: 'Ed25519', typ: 'AAT+JWT' }),
      jws({ alg: 'Ed25519', typ: ['aat+jwt'] }),
      Buffer.from(`${texts['token']}.`),
      Buffer.from(`${texts['token']}.more`),
      Buffer.from(`${texts['token']}=`),
      Buffer.from(`x${texts['anchors']}`),
      Buffer.from(`${texts['checkpoint']}`.slice(0, -1)),
      Buffer.from(checkpoint('other.example.com/log')),
      Buffer.from(cosignatureInput(checkpoint('other.example.com/log'), T0)),
      Buffer.from(`cosignature/v1\ntime 01\n${checkpoint(ORIGIN)}`),
      Buffer.from(`cosignature/v1\ntime 1\n${`${texts['cosignature']}`}`),
    ];
    for (const purpose of ['root', 'identity', 'authority', 'log', 'witness', 'audit'] as const)
      for (const text of nothing)
        expect(await codeOf(() => signerFor(purpose).sign(text))).toBe('signing_failed');
  });

  test('what a header says twice is no type', async () => {
    const header = '{"alg":"Ed25519","typ":"x","typ":"aat+jwt"}';
    const text = `${Buffer.from(header).toString('base64url')}.e30`;
    expect(await codeOf(() => signerFor('root').sign(Buffer.from(text)))).toBe('signing_failed');
  });

  test('a purpose that nobody knows, or a log key without its log, is refused', async () => {
    const { signer } = key;
    for (const options of [
      { signer, purpose: 'everything' },
      { signer, purpose: 'constructor' },
      { signer, purpose: 'log' },
      { signer, purpose: 'witness' },
      { signer, purpose: 'root', origin: ORIGIN },
      { signer, purpose: 'audit', origin: ORIGIN },
      { signer, purpose: 'root', log: true },
    ])
      expect(await codeOf(() => purposeSigner(options as never))).toBe('option_invalid');
  });
});

describe('Q07: what is signed is recorded before it is signed', () => {
  test('by kind, key and the hash that the token is known by', async () => {
    const order: (IntendedSignature | string)[] = [];
    const { publicKey } = key;
    const signer = {
      publicKey,
      sign: (input: Uint8Array) => {
        order.push('signed');
        return key.sign(input);
      },
    };
    const record = async (intended: IntendedSignature) => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(intended);
    };
    const chain = await root(purposeSigner({ signer, purpose: 'root', record }));
    const hash = hashToken(chain.leaf.compact);
    const { thumbprint } = publicKey;
    expect(order).toEqual([{ purpose: 'root', key: thumbprint, kind: 'aat+jwt', hash }, 'signed']);
  });

  test('and when it cannot be, nothing is signed', async () => {
    for (const record of [
      () => {
        throw new Error('disk full');
      },
      () => Promise.reject(new Error('database down')),
    ]) {
      const { signer, calls } = counting();
      const made = purposeSigner({ signer, purpose: 'root', record });
      expect(await codeOf(() => made.sign(texts['token'] as Buffer))).toBe('signing_failed');
      expect(calls()).toBe(0);
    }
  });

  test('and what was recorded is what is signed, though the caller uses the bytes again', async () => {
    const record = () => new Promise<void>((resolve) => setImmediate(resolve));
    const made = purposeSigner({ signer: key.signer, purpose: 'root', record });
    const input = Buffer.from(texts['token'] as Buffer);
    const pending = made.sign(input);
    input.fill(0);
    const signature = await pending;
    expect(platform.verify?.(key.publicKey, texts['token'] as Buffer, signature)).toBe(true);
  });
});
