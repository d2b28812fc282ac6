import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { KeyStoreError, platform, TaperError } from '@taper/core';
import { testKey } from '@taper/testkit';
import { PIN, type RawToken, SoftHsm, softHsm } from '@taper/testkit/soft-hsm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createPkcs11Key,
  openPkcs11Signer,
  type Pkcs11Signer,
  type Pkcs11SignerOptions,
  pinFile,
} from '../src/index.ts';

const INPUT = Buffer.from('what is signed');
const WRONG_PIN = '00000000';

describe.skipIf(softHsm === undefined)('a key in a PKCS#11 token (SoftHSM)', () => {
  let hsm: SoftHsm;
  let options: Pkcs11SignerOptions;
  const opened: Pkcs11Signer[] = [];

  beforeAll(async () => {
    hsm = new SoftHsm();
    hsm.addToken('one');
    options = {
      module: softHsm as string,
      token: { label: 'one' },
      key: { label: 'root' },
      pin: () => PIN,
    };
    const { module, token, pin } = options;
    await createPkcs11Key({ module, token, pin, label: 'root' });
  });
  afterEach(async () => {
    for (const signer of opened.splice(0)) await signer.close();
  });
  afterAll(() => hsm?.remove());

  async function open(changes: Partial<Pkcs11SignerOptions> = {}): Promise<Pkcs11Signer> {
    const signer = await openPkcs11Signer({ ...options, ...changes });
    opened.push(signer);
    return signer;
  }

  async function isSound(signer: Pkcs11Signer, input: Uint8Array = INPUT): Promise<boolean> {
    const signature = await signer.sign(input);
    return platform.verify?.(signer.publicKey, input, signature) === true;
  }

  async function thrownBy(action: Promise<unknown>): Promise<TaperError> {
    const error: unknown = await action.then(
      () => 'nothing thrown',
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof TaperError)) throw error;
    expect(error.hint).toBeTypeOf('string');
    const text = inspect(error, { depth: 10, showHidden: true });
    expect(text).not.toContain(PIN);
    expect(text).not.toContain(WRONG_PIN);
    return error;
  }

  async function problemOf(action: Promise<unknown>): Promise<string> {
    const error = await thrownBy(action);
    if (!(error instanceof KeyStoreError)) throw error;
    expect(error.code).toBe('key_store_unusable');
    return error.problem;
  }

  const codeOf = async (action: Promise<unknown>): Promise<string> => (await thrownBy(action)).code;

  test('signs, and what it signs verifies', async () => {
    const signer = await open();
    expect(signer.publicKey.alg).toBe('Ed25519');
    for (const length of [1, 64, 4097, 1_000_000])
      expect(await isSound(signer, Buffer.alloc(length, length))).toBe(true);
  });

  test('is found by label, by id, by both, and by serial number of the token', async () => {
    const { module, token, pin } = options;
    const made = await createPkcs11Key({ module, token, pin, label: 'found' });
    const serial = await hsm.raw('one', ({ library, slot }) =>
      library.C_GetTokenInfo(slot).serialNumber.trimEnd(),
    );
    for (const changes of [
      { key: { label: 'found' } },
      { key: { id: made.id } },
      { key: { label: 'found', id: made.id } },
      { key: { label: 'found' }, token: { serial } },
      { key: { label: 'found' }, token: { serial, label: 'one' } },
    ]) {
      const signer = await open(changes);
      expect(signer.publicKey.thumbprint).toBe(made.publicKey.thumbprint);
    }
    expect(await problemOf(open({ key: { label: 'root', id: made.id } }))).toBe('key_missing');
    expect(await problemOf(open({ token: { serial, label: 'two' } }))).toBe('device');
  });

  test('many callers at once each get the signature of what they asked for', async () => {
    const signer = await open();
    const inputs = Array.from({ length: 200 }, (_, index) => Buffer.from(`input ${index}`));
    const sound = await Promise.all(inputs.map((input) => isSound(signer, input)));
    expect(sound.every(Boolean)).toBe(true);
  });

  test('signs what it was given, though the caller uses the bytes again at once', async () => {
    const signer = await open();
    const input = Buffer.from('first');
    const kept = Buffer.from(input);
    const pending = [signer.sign(Buffer.from('before')), signer.sign(input)];
    input.fill(0);
    const [, signature] = await Promise.all(pending.map(async (each) => each));
    expect(platform.verify?.(signer.publicKey, kept, signature as Uint8Array)).toBe(true);
  });

  test('two signers of one token do not disturb each other, and one goes on when the other is closed', async () => {
    const first = await open();
    const second = await open();
    await Promise.all([isSound(first), isSound(second), isSound(first)]);
    await first.close();
    expect(await isSound(second)).toBe(true);
    expect(await codeOf(Promise.resolve(first.sign(INPUT)))).toBe('signing_failed');
  });

  describe('Q08: a key that could leave the token, or do more than sign, is refused', () => {
    const base: Record<string, boolean> = {
      PRIVATE: true,
      SENSITIVE: true,
      EXTRACTABLE: false,
      SIGN: true,
      DECRYPT: false,
      UNWRAP: false,
      DERIVE: false,
    };

    function generate(
      { library, binding, session }: RawToken,
      label: string,
      id: Buffer,
      own: Record<string, boolean>,
      ofPublic: Record<string, boolean> = {},
    ): void {
      const attribute = ([name, value]: [string, boolean]) => ({
        type: binding[`CKA_${name}` as 'CKA_SIGN'],
        value,
      });
      const common = [
        { type: binding.CKA_TOKEN, value: true },
        { type: binding.CKA_LABEL, value: label },
        { type: binding.CKA_ID, value: id },
      ];
      library.C_GenerateKeyPair(
        session,
        { mechanism: 0x1055 },
        [
          ...common,
          { type: binding.CKA_EC_PARAMS, value: Buffer.from('06032b6570', 'hex') },
          ...Object.entries({ VERIFY: true, ENCRYPT: false, WRAP: false, ...ofPublic }).map(
            attribute,
          ),
        ],
        [...common, ...Object.entries({ ...base, ...own }).map(attribute)],
      );
    }

    let next = 0x70;
    async function opening(
      own: Record<string, boolean>,
      ofPublic: Record<string, boolean> = {},
    ): Promise<Pkcs11Signer> {
      const label = `key ${next}`;
      await hsm.raw('one', (raw) => generate(raw, label, Buffer.from([next++]), own, ofPublic));
      return open({ key: { label } });
    }

    test('while the same key without any of that signs', async () => {
      expect(await isSound(await opening({}))).toBe(true);
    });

    test('extractable', async () => {
      expect(await problemOf(opening({ EXTRACTABLE: true }))).toBe('key_exportable');
    });

    test('not sensitive', async () => {
      expect(await problemOf(opening({ SENSITIVE: false }))).toBe('key_exportable');
    });

    test('may decrypt', async () => {
      expect(await problemOf(opening({ DECRYPT: true }))).toBe('key_misusable');
    });

    test('may unwrap', async () => {
      expect(await problemOf(opening({ UNWRAP: true }))).toBe('key_misusable');
    });

    test('may derive', async () => {
      expect(await problemOf(opening({ DERIVE: true }))).toBe('key_misusable');
    });

    test('may not sign', async () => {
      expect(await problemOf(opening({ SIGN: false }))).toBe('key_misusable');
    });

    test('its public half may wrap', async () => {
      expect(await problemOf(opening({}, { WRAP: true }))).toBe('key_misusable');
    });

    test('its public half may encrypt', async () => {
      expect(await problemOf(opening({}, { ENCRYPT: true }))).toBe('key_misusable');
    });

    test('was imported, so that it has been outside', async () => {
      const { privateKey } = generateKeyPairSync('ed25519');
      const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
      hsm.importKey('one', 'imported', 'aa01', pem);
      expect(await problemOf(open({ key: { label: 'imported' } }))).toBe('key_exportable');
    });

    test('was extractable once', async () => {
      const label = 'once';
      await hsm.raw('one', (raw) => {
        generate(raw, label, Buffer.from('once'), { EXTRACTABLE: true });
        const { library, binding, session } = raw;
        library.C_FindObjectsInit(session, [
          { type: binding.CKA_LABEL, value: label },
          { type: binding.CKA_CLASS, value: binding.CKO_PRIVATE_KEY },
        ]);
        const key = library.C_FindObjects(session) as Buffer;
        library.C_FindObjectsFinal(session);
        library.C_SetAttributeValue(session, key, [
          { type: binding.CKA_EXTRACTABLE, value: false },
        ]);
      });
      expect(await problemOf(open({ key: { label } }))).toBe('key_exportable');
    });

    test('a key that we made can neither be read, wrapped, copied as extractable nor changed', async () => {
      const outcomes = await hsm.raw('one', ({ library, binding, session }) => {
        library.C_FindObjectsInit(session, [
          { type: binding.CKA_LABEL, value: 'root' },
          { type: binding.CKA_CLASS, value: binding.CKO_PRIVATE_KEY },
        ]);
        const key = library.C_FindObjects(session) as Buffer;
        library.C_FindObjectsFinal(session);
        const aes = library.C_GenerateKey(session, { mechanism: binding.CKM_AES_KEY_GEN }, [
          { type: binding.CKA_VALUE_LEN, value: 32 },
          { type: binding.CKA_WRAP, value: true },
          { type: binding.CKA_TOKEN, value: false },
        ]);
        const attempts: (() => unknown)[] = [
          () => library.C_GetAttributeValue(session, key, [{ type: binding.CKA_VALUE }]),
          () =>
            library.C_WrapKey(
              session,
              { mechanism: binding.CKM_AES_KEY_WRAP_PAD },
              aes,
              key,
              Buffer.alloc(1024),
            ),
          () =>
            library.C_CopyObject(session, key, [
              { type: binding.CKA_TOKEN, value: false },
              { type: binding.CKA_EXTRACTABLE, value: true },
            ]),
          () =>
            library.C_SetAttributeValue(session, key, [
              { type: binding.CKA_EXTRACTABLE, value: true },
            ]),
          () =>
            library.C_SetAttributeValue(session, key, [{ type: binding.CKA_DECRYPT, value: true }]),
        ];
        return attempts.map((attempt) => {
          try {
            attempt();
            return 'done';
          } catch (error) {
            return (error as Error).message.startsWith('CKR_') ? 'refused' : error;
          }
        });
      });
      expect(outcomes).toEqual(['refused', 'refused', 'refused', 'refused', 'refused']);
    });
  });

  describe('is refused when it is not the one key that is meant', () => {
    test('since none has its label', async () => {
      expect(await problemOf(open({ key: { label: 'none' } }))).toBe('key_missing');
    });

    test('since two have its label or its id', async () => {
      await hsm.raw('one', ({ library, binding, session }) => {
        for (const [label, id] of [
          ['twin', 'bb01'],
          ['twin', 'bb02'],
          ['elder', 'bb03'],
          ['younger', 'bb03'],
        ] as const) {
          const common = [
            { type: binding.CKA_TOKEN, value: true },
            { type: binding.CKA_LABEL, value: label },
            { type: binding.CKA_ID, value: Buffer.from(id, 'hex') },
          ];
          library.C_GenerateKeyPair(
            session,
            { mechanism: 0x1055 },
            [...common, { type: binding.CKA_EC_PARAMS, value: Buffer.from('06032b6570', 'hex') }],
            [
              ...common,
              { type: binding.CKA_SENSITIVE, value: true },
              { type: binding.CKA_EXTRACTABLE, value: false },
              { type: binding.CKA_SIGN, value: true },
              { type: binding.CKA_DECRYPT, value: false },
              { type: binding.CKA_UNWRAP, value: false },
            ],
          );
        }
      });
      expect(await problemOf(open({ key: { label: 'twin' } }))).toBe('key_ambiguous');
      expect(await problemOf(open({ key: { id: 'bb03' } }))).toBe('key_ambiguous');
      expect(await problemOf(open({ key: { label: 'elder' } }))).toBe('key_ambiguous');
    });

    test('Q06: since another key has the name that was configured for a pinned one', async () => {
      const { publicKey } = testKey('stranger');
      expect(await problemOf(open({ publicKey }))).toBe('key_mismatch');
      const { publicKey: own } = await open();
      expect(await isSound(await open({ publicKey: own }))).toBe(true);
    });

    test('since it is of another kind', async () => {
      await hsm.raw('one', ({ library, binding, session }) => {
        const common = [
          { type: binding.CKA_TOKEN, value: true },
          { type: binding.CKA_LABEL, value: 'p-256' },
          { type: binding.CKA_ID, value: Buffer.from([0x56]) },
        ];
        const curve = Buffer.from('06082a8648ce3d030107', 'hex');
        library.C_GenerateKeyPair(
          session,
          { mechanism: binding.CKM_EC_KEY_PAIR_GEN },
          [...common, { type: binding.CKA_EC_PARAMS, value: curve }],
          [...common, { type: binding.CKA_SIGN, value: true }],
        );
      });
      expect(await problemOf(open({ key: { label: 'p-256' } }))).toBe('unsupported');
    });

    test('and none is made under a name that is taken', async () => {
      const { module, token, pin } = options;
      expect(await problemOf(createPkcs11Key({ module, token, pin, label: 'root' }))).toBe(
        'exists',
      );
    });
  });

  describe('of a token that cannot be used', () => {
    test('since no token, or more than one, has its label', async () => {
      expect(await problemOf(open({ token: { label: 'none' } }))).toBe('device');
      hsm.addToken('pair');
      hsm.addToken('pair');
      expect(await problemOf(open({ token: { label: 'pair' } }))).toBe('device');
    });

    test('since there is no such library, or it is none', async () => {
      expect(await problemOf(open({ module: '/nowhere/pkcs11.so' }))).toBe('device');
      writeFileSync(hsm.path('text.so'), 'no library');
      expect(await problemOf(open({ module: hsm.path('text.so') }))).toBe('device');
    });

    test('since the PIN is wrong, which is tried once', async () => {
      let asked = 0;
      const pin = () => {
        asked++;
        return WRONG_PIN;
      };
      expect(await problemOf(open({ pin }))).toBe('pin');
      expect(asked).toBe(1);
    });

    test('since options are missing, empty or unknown', async () => {
      for (const changes of [
        { token: {} },
        { key: {} },
        { key: { label: '' } },
        { key: { id: 'no hex' } },
        { timeout: 0 },
        { retries: 3 },
      ]) {
        const attempt = openPkcs11Signer({ ...options, ...changes } as Pkcs11SignerOptions);
        expect(await codeOf(attempt)).toBe('option_invalid');
      }
    });
  });

  describe('a PIN file', () => {
    test('is for its owner alone, and is read without its line end', async () => {
      const path = hsm.path('pin');
      expect(await problemOf(open({ pin: pinFile(path) }))).toBe('missing');
      writeFileSync(path, `${PIN}\n`, { mode: 0o600 });
      expect(await isSound(await open({ pin: pinFile(path) }))).toBe(true);
      chmodSync(path, 0o640);
      expect(await problemOf(open({ pin: pinFile(path) }))).toBe('permissions');
      chmodSync(path, 0o600);
      writeFileSync(path, '\n');
      expect(await problemOf(open({ pin: pinFile(path) }))).toBe('pin');
    });

    test('Q15: shows nowhere in the signer', async () => {
      const signer = await open();
      const text = inspect(signer, { depth: 20, showHidden: true, showProxy: true });
      expect(text).not.toContain(PIN);
      expect(JSON.stringify(signer)).not.toContain(PIN);
    });
  });

  describe('when the device goes away', () => {
    test('nothing is signed, and the same signer signs once it is back', async () => {
      const signer = await open();
      expect(await isSound(signer)).toBe(true);
      hsm.unplug();
      try {
        for (let attempt = 0; attempt < 3; attempt++)
          expect(await codeOf(Promise.resolve(signer.sign(INPUT)))).toBe('signing_failed');
      } finally {
        hsm.plugIn();
      }
      expect(await isSound(signer)).toBe(true);
    });

    test('no signer opens, and one opens once it is back', async () => {
      hsm.unplug();
      try {
        expect(await problemOf(open())).toBe('device');
      } finally {
        hsm.plugIn();
      }
      expect(await isSound(await open())).toBe(true);
    });

    test('another signer of the same library signs on when it is back, and does not fail when the first one looked for it', async () => {
      const first = await open();
      const second = await open();
      hsm.unplug();
      try {
        for (let attempt = 0; attempt < 2; attempt++)
          expect(await codeOf(Promise.resolve(first.sign(INPUT)))).toBe('signing_failed');
      } finally {
        hsm.plugIn();
      }
      expect(await isSound(second)).toBe(true);
      expect(await isSound(first)).toBe(true);
    });

    test('a session that is lost costs one signature, and no more', async () => {
      const signer = await open();
      await hsm.raw('one', ({ library, slot }) => library.C_CloseAllSessions(slot));
      expect(await codeOf(Promise.resolve(signer.sign(INPUT)))).toBe('signing_failed');
      expect(await isSound(signer)).toBe(true);
    });

    test('a PIN that is refused on the way back is not tried again', async () => {
      let pin = PIN;
      let asked = 0;
      const signer = await open({
        pin: () => {
          asked++;
          return pin;
        },
      });
      expect(asked).toBe(1);
      pin = WRONG_PIN;
      await hsm.raw('one', ({ library, slot }) => library.C_CloseAllSessions(slot));
      for (let attempt = 0; attempt < 4; attempt++)
        expect(await codeOf(Promise.resolve(signer.sign(INPUT)))).toBe('signing_failed');
      expect(asked).toBe(2);
    });

    test('Q05, Q06: another key that took its name meanwhile does not sign for it', async () => {
      const { module, token, pin } = options;
      await createPkcs11Key({ module, token, pin, label: 'replaced' });
      const signer = await open({ key: { label: 'replaced' } });
      await hsm.raw('one', ({ library, binding, session, slot }) => {
        library.C_FindObjectsInit(session, [{ type: binding.CKA_LABEL, value: 'replaced' }]);
        const objects = library.C_FindObjects(session, 10);
        library.C_FindObjectsFinal(session);
        for (const object of objects) library.C_DestroyObject(session, object);
        library.C_CloseAllSessions(slot);
      });
      await createPkcs11Key({ module, token, pin, label: 'replaced' });
      for (let attempt = 0; attempt < 3; attempt++)
        expect(await codeOf(Promise.resolve(signer.sign(INPUT)))).toBe('signing_failed');
      const another = await open({ key: { label: 'replaced' } });
      expect(another.publicKey.thumbprint).not.toBe(signer.publicKey.thumbprint);
    });
  });
});
