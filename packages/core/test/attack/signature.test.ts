import { forge, otherS, plusOrder, proofHeader, takeApart, tokenHeader } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { createVerifier } from '../../src/index.ts';
import {
  AUDIENCE,
  alice,
  anchors,
  bob,
  call,
  carol,
  childToken,
  issuer,
  NOW,
  outcome,
  payloadOf,
  place,
  proofOf,
  rootToken,
  type Token,
  verify,
} from './attacker.ts';
import { keyUnderWhichItAlsoVerifies } from './duplicate-key.ts';

// Group A of the attack catalogue: signatures and keys, as a chain meets them.

const tools = { read: {} };

/** The same signed text under another signature. */
function resigned(token: Token, change: (signature: Uint8Array) => Uint8Array): Token {
  const { header, payload, signature } = takeApart(token.compact);
  return { ...token, compact: forge({ header, payload, signature: change(signature) }) };
}

describe('a second form of a valid signature', () => {
  const root = rootToken(tools, { holder: carol });
  const child = childToken(root, tools, { holder: bob });

  test('A01 S + L is refused on a token and on a proof', () => {
    expect(place(verify([resigned(root, plusOrder)]))).toBe('signature_malformed 3b 0');
    const { header, payload, signature } = takeApart(proofOf(child, 'read', {}));
    const proof = forge({ header, payload, signature: plusOrder(signature) });
    expect(place(call([root, child], 'read', {}, { proof }))).toBe('signature_malformed 7b');
  });

  test('A08 n − s is refused on a token and on a proof', () => {
    expect(place(verify([root, resigned(child, otherS)]))).toBe('signature_malformed 4b 1');
    const { header, payload, signature } = takeApart(proofOf(root, 'read', {}));
    const proof = forge({ header, payload, signature: otherS(signature) });
    expect(place(call([root], 'read', {}, { proof }))).toBe('signature_malformed 7b');
    expect(outcome(call([root, child], 'read', {}))).toBe('permit');
  });

  test.each([0, 1, 63, 65, 128])('A07 a signature of %i bytes is refused', (length) => {
    const cut = resigned(root, (signature) =>
      Buffer.concat([signature, signature, signature]).subarray(0, length),
    );
    expect(place(verify([cut]))).toBe('signature_malformed 3b 0');
  });

  test('A07 a signature of zeros is refused under both algorithms', () => {
    const zeros = () => new Uint8Array(64);
    expect(place(verify([resigned(root, zeros)]))).toBe('signature_malformed 3b 0');
    expect(place(verify([root, resigned(child, zeros)]))).toBe('signature_malformed 4b 1');
  });
});

describe('a holder key that proves nothing', () => {
  test.each([
    ['the identity', '0100000000000000000000000000000000000000000000000000000000000000'],
    ['order 2', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['order 4', '0000000000000000000000000000000000000000000000000000000000000080'],
    [
      'another spelling of the identity',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    ],
  ])('A02 A03 A04 is refused in cnf: %s', (_what, hex) => {
    const x = Buffer.from(hex, 'hex').toString('base64url');
    const cnf = { jwk: { kty: 'OKP', crv: 'Ed25519', x } };
    expect(place(verify([rootToken(tools, { claims: { cnf } })]))).toBe('holder_key_weak 3l 0');
    const root = rootToken(tools);
    const child = childToken(root, tools, { claims: { cnf } });
    expect(place(verify([root, child]))).toBe('holder_key_weak 4b2 1');
  });

  test.each<[string, object]>([
    ['a key identifier', { kid: bob.publicKey.thumbprint }],
    ['an address of a key set', { jku: 'https://evil.example/keys', kid: '1' }],
    ['a thumbprint', { jkt: bob.publicKey.thumbprint }],
    ['an encrypted key', { jwe: 'x' }],
    ['nothing', {}],
  ])('A12 is refused where cnf names it by %s instead of holding it', (_what, cnf) => {
    expect(place(verify([rootToken(tools, { claims: { cnf } })]))).toBe('holder_key_invalid 3l 0');
  });
});

describe('what was signed for one purpose', () => {
  const root = rootToken(tools);

  test('A10 a proof is no token', () => {
    expect(place(verify([proofOf(root, 'read', {})]))).toBe('type_mismatch 3a 0');
    const payload = payloadOf(alice, tools, 0, { iss: 'https://auth.example.com' });
    const asProof = forge({ header: proofHeader(issuer), payload, signature: issuer });
    expect(place(verify([asProof]))).toBe('type_mismatch 3a 0');
  });

  test('A10 B12 a token is no proof, though its holder signed it and every claim is there', () => {
    const { payload } = takeApart(proofOf(root, 'read', {}));
    const proof = forge({ header: tokenHeader(alice), payload, signature: alice });
    expect(place(call([root], 'read', {}, { proof }))).toBe('type_mismatch 7a');
  });

  test('A11 E19 members beside chain and proof, and after the signature, change nothing', () => {
    const [bystander] = [rootToken({ write: {} })];
    const decision = createVerifier({ anchors, audience: AUDIENCE }).authorize({
      presentation: {
        aat_chain: [root.compact],
        aat_pop: proofOf(root, 'read', {}),
        ...{ kid: 'x', alg: 'none', tools: { write: {} }, anchors: [], chain: [bystander.compact] },
      },
      tool: 'write',
      args: {},
      now: NOW,
    });
    expect(place(decision)).toBe('tool_not_granted 6b 0');
    expect(place(verify([{ ...root, compact: `${root.compact}.${root.compact}` }]))).toBe(
      'token_malformed 2c 0',
    );
  });

  test('A14 a key under which the signature of somebody else verifies does not make that child its own', () => {
    const victim = rootToken(tools, { holder: carol });
    const child = childToken(victim, tools, { holder: bob });
    expect(outcome(verify([victim, child]))).toBe('verified');
    const input = Buffer.from(child.compact.slice(0, child.compact.lastIndexOf('.')));
    const jwk = keyUnderWhichItAlsoVerifies(
      carol.publicKey,
      input,
      takeApart(child.compact).signature,
    );
    const lure = rootToken(tools, { claims: { cnf: { jwk } } });
    expect(outcome(verify([lure]))).toBe('verified');
    expect(place(verify([lure, child]))).toBe('issuer_mismatch 4c 1');
  });
});

describe('the check of a signature', () => {
  const root = rootToken(tools);
  const child = childToken(root, tools);

  test('A06 D06 is made for every token and for the proof, each under its own key', () => {
    const keys: string[] = [];
    const by = createVerifier({
      anchors,
      audience: AUDIENCE,
      cacheCharacters: 0,
      verifySignature: (key) => keys.push(key.thumbprint) > 0,
    });
    expect(outcome(call([root, child], 'read', {}, { by }))).toBe('permit');
    expect(keys).toEqual([issuer, alice, bob].map(({ publicKey }) => publicKey.thumbprint));
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['gives a promise of true', () => Promise.resolve(true)],
    ['gives 1', () => 1],
    ['gives "true"', () => 'true'],
    ['gives a true object', () => Object(true)],
    ['gives nothing', () => undefined],
  ])('A15 X04 counts for nothing when it %s', (_fault, check) => {
    const by = createVerifier({ anchors, verifySignature: check as () => boolean });
    expect(verify([root], by).verdict).toBe('deny');
    expect(call([root], 'read', {}, { by }).verdict).toBe('deny');
  });
});
