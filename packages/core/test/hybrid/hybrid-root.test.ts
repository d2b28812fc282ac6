import {
  canonicalize,
  createAsyncVerifier,
  createHybridSigner,
  createVerifier,
  derive,
  generateHybridKeyPair,
  type HybridKey,
  type HybridSigner,
  issue,
  type JsonObject,
  platform,
  prove,
  readEvidenceTrust,
  type TrustAnchor,
  type VerifiedChain,
} from '@taper/core';
import { CAST, forge, TEST_TIME, type TestKey, TOOLS, takeApart, testId } from '@taper/testkit';
import { describe, expect, it } from 'vitest';

const now = TEST_TIME;
const [alice, bob] = CAST.holders as readonly [TestKey, TestKey];
const { issuer, key: rootKey } = CAST.anchors[0] as { issuer: string; key: TestKey };
const pair = generateHybridKeyPair();
const otherPair = generateHybridKeyPair();
const hybridAnchor: TrustAnchor = { issuer, key: rootKey.publicKey, hybrid: pair.key };
const plainAnchor: TrustAnchor = { issuer, key: rootKey.publicKey };

function issued(hybrid?: HybridSigner): Promise<VerifiedChain> {
  return issue({
    issuer,
    signer: rootKey.signer,
    ...(hybrid === undefined ? {} : { hybrid }),
    holder: alice.publicKey,
    tools: TOOLS,
    caveats: { purpose: 'reading' },
    now,
    id: testId(1),
    lifetime: 3600,
    maxDepth: 1,
  });
}

const signer = createHybridSigner(pair.privateJwk);
const hybrid = await issued(signer);

/** The root with another header, signed anew by the Ed25519 key of the anchor, as whoever has broken that could. */
function resigned(change: (header: JsonObject) => JsonObject, payload?: string): string {
  const parts = takeApart(hybrid.leaf.compact);
  const header = change(JSON.parse(parts.header));
  return forge({ header, payload: payload ?? parts.payload, signature: rootKey });
}

function verdict(compact: string, anchors: readonly TrustAnchor[] = [hybridAnchor]): string {
  const given = createVerifier({ anchors, profile: {} }).verifyChain([compact], now);
  return given.verdict === 'deny' ? given.denial.code : given.verdict;
}

describe('a root under an anchor with two keys', () => {
  it('verifies when both signatures do, and its children and proofs as ever', async () => {
    expect(verdict(hybrid.leaf.compact)).toBe('verified');
    const chain = await derive(hybrid, {
      signer: alice.signer,
      holder: bob.publicKey,
      tools: TOOLS,
      now,
      id: testId(2),
    });
    const call = { tool: 'read_file', args: { path: '/data/q3.pdf' }, now };
    const presentation = await prove(chain, { ...call, signer: bob.signer, id: testId(3) });
    const anchors = [hybridAnchor];
    const verifier = createVerifier({ anchors, profile: {} });
    expect(verifier.authorize({ ...call, presentation }).verdict).toBe('permit');
    expect(verifier.authorize({ ...call, presentation }).verdict).toBe('permit');
    const later = createAsyncVerifier({ anchors, profile: {} });
    expect((await later.authorize({ ...call, presentation })).verdict).toBe('permit');
  });

  it('is refused without the second signature, however good the first', async () => {
    expect(verdict((await issued()).leaf.compact)).toBe('hybrid_signature_missing');
    const stripped = resigned(({ taper_hybrid: _, ...header }) => header);
    expect(verdict(stripped)).toBe('hybrid_signature_missing');
  });

  it('is refused with a second signature cut out and the first left as it was', () => {
    const { header, payload, signature } = takeApart(hybrid.leaf.compact);
    const { taper_hybrid: _, ...rest } = JSON.parse(header);
    expect(verdict(forge({ header: rest, payload, signature }))).toBe('signature_invalid');
  });

  it('is refused where a number in its header is not written as it is signed', async () => {
    const { payload } = takeApart(hybrid.leaf.compact);
    const header = { alg: 'Ed25519', crit: ['taper'], n: 1, taper: 1, typ: 'aat+jwt' };
    const segment = (text: string): string => Buffer.from(text).toString('base64url');
    const input = `taper-hybrid-root-v1:${segment(canonicalize(header))}.${segment(payload)}`;
    const taper_hybrid = Buffer.from(await signer.sign(Buffer.from(input))).toString('base64url');
    const text = canonicalize({ ...header, taper_hybrid });
    const written = (number: string): string =>
      verdict(
        forge({ header: text.replace('"n":1', `"n":${number}`), payload, signature: rootKey }),
      );
    expect(written('1')).toBe('verified');
    expect(written('1.0')).toBe('hybrid_signature_invalid');
    expect(written('1e0')).toBe('hybrid_signature_invalid');
  });

  it('is refused with the second signature of another key, payload or header', async () => {
    const other = await issued(createHybridSigner(otherPair.privateJwk));
    expect(verdict(other.leaf.compact)).toBe('hybrid_signature_invalid');
    const { payload } = takeApart(hybrid.leaf.compact);
    expect(verdict(resigned((header) => header, payload.replace('reading', 'writing')))).toBe(
      'hybrid_signature_invalid',
    );
    expect(verdict(resigned((header) => ({ ...header, kid: 'root' })))).toBe(
      'hybrid_signature_invalid',
    );
    expect(verdict(resigned((header) => header))).toBe('verified');
  });

  it.each([
    ['null', null],
    ['a number', 1],
    ['an empty text', ''],
    ['a list of one', [takeApart(hybrid.leaf.compact).header]],
    ['a signature that is too short', 'AAAA'],
  ])('is refused with %s in the place of the second signature', (_, taper_hybrid) => {
    expect(verdict(resigned((header) => ({ ...header, taper_hybrid })))).toBe(
      'hybrid_signature_invalid',
    );
  });

  it('is refused with the second signature and a first that does not verify', () => {
    const { header, payload, signature } = takeApart(hybrid.leaf.compact);
    const broken = Uint8Array.from(signature);
    broken[3] = (broken[3] ?? 0) ^ 1;
    expect(verdict(forge({ header, payload, signature: alice }))).toBe('signature_invalid');
    expect(['signature_invalid', 'signature_malformed']).toContain(
      verdict(forge({ header, payload, signature: broken })),
    );
  });

  it('says nothing to an anchor with one key', async () => {
    expect(verdict(hybrid.leaf.compact, [plainAnchor])).toBe('verified');
    const garbled = resigned((header) => ({ ...header, taper_hybrid: 'AAAA' }));
    expect(verdict(garbled, [plainAnchor])).toBe('verified');
  });

  it('does not become plain by a verifier that knows the key twice', () => {
    for (const anchors of [
      [hybridAnchor, plainAnchor],
      [plainAnchor, hybridAnchor],
      [hybridAnchor, { ...plainAnchor, hybrid: otherPair.key }],
    ])
      expect(() => createVerifier({ anchors })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
    expect(() => createVerifier({ anchors: [hybridAnchor, hybridAnchor] })).not.toThrow();
  });

  it('is judged once, and remembered only with the text that was verified', async () => {
    const verifier = createVerifier({ anchors: [hybridAnchor], profile: {} });
    const judged = (compact: string) => verifier.verifyChain([compact], now);
    expect(judged(hybrid.leaf.compact).verdict).toBe('verified');
    const stripped = resigned(({ taper_hybrid: _, ...header }) => header);
    expect(judged(stripped)).toMatchObject({ denial: { code: 'hybrid_signature_missing' } });
    expect(judged(hybrid.leaf.compact).verdict).toBe('verified');
  });
});

describe('a second key', () => {
  it('has one form, as bytes or as base64url', () => {
    const bytes = platform.decodeBase64url(pair.key.key as string) as Uint8Array;
    const anchors = [{ ...plainAnchor, hybrid: { alg: 'ML-DSA-65', key: bytes } as const }];
    expect(verdict(hybrid.leaf.compact, anchors)).toBe('verified');
    const wrong = [
      { alg: 'ML-DSA-65', key: bytes.subarray(1) },
      { alg: 'ML-DSA-44', key: bytes },
      { alg: 'ML-DSA-65', key: `${pair.key.key}=` },
      { alg: 'ML-DSA-65', key: bytes, priv: 'x' },
      { alg: 'ML-DSA-65' },
      null,
    ] as unknown as HybridKey[];
    for (const each of wrong)
      expect(() => createVerifier({ anchors: [{ ...plainAnchor, hybrid: each }] })).toThrow(
        expect.objectContaining({ code: 'key_invalid' }),
      );
  });

  it('signs only as the key that it names', async () => {
    const mixed: HybridSigner = { key: otherPair.key, sign: (input) => signer.sign(input) };
    await expect(issued(mixed)).rejects.toMatchObject({ code: 'signing_failed' });
    expect(() => createHybridSigner({ ...pair.privateJwk, pub: otherPair.privateJwk.pub })).toThrow(
      expect.objectContaining({ code: 'key_invalid' }),
    );
  });

  it('is one for each anchor of an auditor’s trust policy', () => {
    const jwk = rootKey.publicKey.jwk as unknown as JsonObject;
    const second = { alg: 'ML-DSA-65', key: pair.key.key as string };
    const anchor = { issuer, key: jwk };
    const read = (anchors: JsonObject[]) => readEvidenceTrust({ taper_trust: 1, anchors });
    expect(read([{ ...anchor, hybrid: second }]).anchors[0]?.hybrid).toStrictEqual(pair.key);
    for (const anchors of [
      [anchor, { ...anchor, hybrid: second }],
      [{ ...anchor, hybrid: { ...second, alg: 'ML-DSA-87' } }],
      [{ ...anchor, hybrid: { ...second, key: 'AAAA' } }],
    ])
      expect(() => read(anchors)).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });
});
