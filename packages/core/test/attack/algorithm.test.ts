import { createHmac } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { forge, forgeSegments, segment, takeApart, tokenHeader } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { createVerifier, importPublicKey, parsePresentation } from '../../src/index.ts';
import {
  alice,
  anchors,
  bob,
  call,
  carol,
  childToken,
  ISSUER,
  issuer,
  mallory,
  outcome,
  place,
  proofOf,
  rootToken,
  type Token,
  verify,
} from './attacker.ts';

// Group B of the attack catalogue: algorithms, headers and the choice of the key.

const tools = { read: {} };
const root = rootToken(tools);

function withHeader(header: object, signer = issuer): Token {
  return rootToken(tools, { header: JSON.stringify(header), signer });
}

describe('the algorithm', () => {
  test.each<[string, unknown]>([
    ['none', 'none'],
    ['None', 'None'],
    ['nOnE', 'nOnE'],
    ['empty', ''],
    ['absent', undefined],
    ['null', null],
    ['an array', ['Ed25519']],
    ['an object', { name: 'Ed25519' }],
    ['EdDSA, the deprecated name', 'EdDSA'],
    ['in lower case', 'ed25519'],
    ['HS256', 'HS256'],
    ['RS256', 'RS256'],
    ['PBES2-HS256+A128KW', 'PBES2-HS256+A128KW'],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
  ])('B01 R05 %s is refused, on a root, a child and a proof', (_what, alg) => {
    const header = JSON.stringify({ alg, typ: 'aat+jwt' });
    expect(place(verify([rootToken(tools, { header })]))).toBe('algorithm_not_allowed 3a 0');
    const child = childToken(root, tools, { header });
    expect(place(verify([root, child]))).toBe('algorithm_not_allowed 4a 1');
    const proof = proofOf(
      root,
      'read',
      {},
      { header: JSON.stringify({ alg, typ: 'aat-pop+jwt' }) },
    );
    expect(place(call([root], 'read', {}, { proof }))).toBe('algorithm_not_allowed 7a');
  });

  test('B01 D16 an unsigned token is refused', () => {
    const header = segment('{"alg":"none","typ":"aat+jwt"}');
    const { payload } = takeApart(root.compact);
    expect(place(verify([`${header}.${segment(payload)}.`]))).toBe('algorithm_not_allowed 3a 0');
    expect(place(verify([`${header}.${segment(payload)}`]))).toBe('token_malformed 2c 0');
  });

  test.each(['HS256', 'Ed25519', 'ES256'])(
    'B02 a MAC with the public key as its secret is refused under the name %s',
    (alg) => {
      const header = JSON.stringify({ alg, typ: 'aat+jwt' });
      const { payload } = takeApart(root.compact);
      for (const secret of [issuer.publicKey.raw, JSON.stringify(issuer.publicKey.jwk)]) {
        const mac = (input: Uint8Array) => createHmac('sha512', secret).update(input).digest();
        expect(verify([forge({ header, payload, signature: mac })]).verdict).toBe('deny');
      }
    },
  );

  test('B21 is the one of the key that must verify, not any that is allowed elsewhere', () => {
    const es = JSON.stringify({ alg: 'ES256', typ: 'aat+jwt' });
    expect(place(verify([rootToken(tools, { header: es })]))).toBe('algorithm_key_mismatch 3a 0');
    expect(place(verify([root, childToken(root, tools, { header: es })]))).toBe(
      'algorithm_key_mismatch 4a 1',
    );
    const held = rootToken(tools, { holder: carol });
    const ed = JSON.stringify({ alg: 'Ed25519', typ: 'aat+jwt' });
    expect(place(verify([held, childToken(held, tools, { header: ed })]))).toBe(
      'algorithm_key_mismatch 4a 1',
    );
  });

  test('B21 Ed25519 and ES256 may follow each other in a chain, each under the key of its hop', () => {
    const one = rootToken(tools, { holder: carol });
    const two = childToken(one, tools, { holder: bob });
    const three = childToken(two, tools, { holder: carol });
    expect(outcome(call([one, two, three], 'read', {}))).toBe('permit');
  });
});

describe('a key from the header is never used', () => {
  test.each<[string, object]>([
    ['jwk', { jwk: mallory.publicKey.jwk }],
    ['x5c', { x5c: [Buffer.from(mallory.publicKey.raw).toString('base64')] }],
    ['jku', { jku: 'http://127.0.0.1:9/keys', kid: 'mallory' }],
    ['x5u', { x5u: 'http://127.0.0.1:9/certificate' }],
    ['kid with a path', { kid: '../../../../dev/null' }],
    ['kid with SQL', { kid: "x' UNION SELECT 'key" }],
    ['kid with NUL', { kid: 'issuer\u0000' }],
    ['kid of the real issuer', { kid: issuer.publicKey.thumbprint }],
  ])('B04 B05 B06 B14 B15 %s', (_what, more) => {
    const forged = withHeader({ alg: 'Ed25519', typ: 'aat+jwt', ...more }, mallory);
    expect(place(verify([forged]))).toBe('signature_invalid 3b 0');
    const honest = withHeader({ alg: 'Ed25519', typ: 'aat+jwt', ...more });
    expect(outcome(verify([honest]))).toBe('verified');
  });
});

describe('the root key', () => {
  const other = { issuer: 'https://other.example', key: mallory.publicKey };
  const both = createVerifier({ anchors: [...anchors, other] });

  test('B07 F11 is bound to its issuer: one anchor does not speak for another', () => {
    const spoof = rootToken(tools, { signer: mallory });
    expect(place(verify([spoof], both))).toBe('issuer_mismatch 3k 0');
    const own = rootToken(tools, { signer: mallory, claims: { iss: other.issuer } });
    expect(outcome(verify([own], both))).toBe('verified');
  });

  test('B16 is not taken as the anchor of two issuers', () => {
    const twice = [...anchors, { issuer: 'https://other.example', key: issuer.publicKey }];
    expect(() => createVerifier({ anchors: twice })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test('B16 may be one of several of the same issuer, and may be given twice', () => {
    const rotated = createVerifier({
      anchors: [{ issuer: ISSUER, key: mallory.publicKey }, ...anchors, ...anchors],
    });
    expect(outcome(verify([root], rotated))).toBe('verified');
    expect(outcome(verify([rootToken(tools, { signer: mallory })], rotated))).toBe('verified');
  });

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['an empty string', ''],
    ['a JWK that nobody checked', issuer.publicKey.jwk],
    ['a look-alike', { ...issuer.publicKey }],
    ['one that inherits from a key', Object.create(issuer.publicKey)],
  ])('B13 X16 is not %s', (_what, key) => {
    expect(() => createVerifier({ anchors: [{ issuer: ISSUER, key: key as never }] })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test.each([
    '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----',
    ' \ufeff-----BEGIN PUBLIC KEY-----',
    '',
    'secret',
  ])('B03 B13 is no text: %j', (pem) => {
    expect(() => importPublicKey(pem)).toThrow(expect.objectContaining({ code: 'key_invalid' }));
  });
});

describe('what the header may not say', () => {
  test.each<[string, unknown]>([
    ['an extension', ['taper']],
    ['nothing', []],
    ['b64', ['b64']],
    ['a name of the JWS standard', ['alg']],
    ['no array', 'b64'],
    ['null', null],
  ])('B08 D15 crit that lists %s is refused on every hop and on the proof', (_what, crit) => {
    const header = JSON.stringify({ alg: 'Ed25519', typ: 'aat+jwt', crit, b64: false, taper: 1 });
    expect(place(verify([rootToken(tools, { header })]))).toBe('critical_header_unknown 3a 0');
    const child = childToken(root, tools, { header });
    expect(place(verify([root, child]))).toBe('critical_header_unknown 4a 1');
    const typ = 'aat-pop+jwt';
    const proof = proofOf(
      root,
      'read',
      {},
      {
        header: JSON.stringify({ alg: 'Ed25519', typ, crit }),
      },
    );
    expect(place(call([root], 'read', {}, { proof }))).toBe('critical_header_unknown 7a');
  });

  test('B09 b64 without crit does not make a payload of plain text', () => {
    const header = segment('{"alg":"Ed25519","b64":false,"typ":"aat+jwt"}');
    const plain = takeApart(root.compact).payload;
    expect(verify([forgeSegments(header, plain, issuer)]).verdict).toBe('deny');
    expect(outcome(verify([forgeSegments(header, segment(plain), issuer)]))).toBe('verified');
  });

  test('B11 R04 zip is not looked at: a compressed payload is no JSON', () => {
    const { payload } = takeApart(root.compact);
    const zipped = forge({
      header: '{"alg":"Ed25519","typ":"aat+jwt","zip":"DEF"}',
      payload: deflateRawSync(payload),
      signature: issuer,
    });
    expect(place(verify([zipped]))).toBe('token_id_unreadable 2c 0');
  });

  test.each<[string, unknown]>([
    ['absent', undefined],
    ['JWT', 'JWT'],
    ['at+jwt, an access token', 'at+jwt'],
    ['dpop+jwt', 'dpop+jwt'],
    ['the media type', 'application/aat+jwt'],
    ['upper case', 'AAT+JWT'],
    ['a list', ['aat+jwt']],
  ])('B12 typ that is %s is refused', (_what, typ) => {
    const token = withHeader({ alg: 'Ed25519', typ });
    expect(place(verify([token]))).toBe('type_mismatch 3a 0');
    const header = JSON.stringify({ alg: 'Ed25519', typ });
    const proof = proofOf(root, 'read', {}, { header });
    expect(place(call([root], 'read', {}, { proof }))).toBe('type_mismatch 7a');
  });
});

describe('other serializations', () => {
  const [header, payload, signature] = root.compact.split('.') as [string, string, string];

  test('B10 the JSON serializations are refused, as text and as an object', () => {
    const flattened = { protected: header, payload, signature };
    const general = { payload, signatures: [{ protected: header, signature }] };
    for (const form of [flattened, general]) {
      expect(place(verify([JSON.stringify(form)]))).toBe('token_malformed 2c 0');
      const presentation = { aat_chain: [form], aat_pop: 'x' };
      expect(parsePresentation(JSON.stringify(presentation))).toMatchObject({
        code: 'presentation_malformed',
      });
    }
  });

  test('B11 five segments, as an encrypted token has, are refused', () => {
    expect(place(verify([`${header}.a.${payload}.${signature}.b`]))).toBe('token_malformed 2c 0');
  });

  test('B12 a token of another kind, with all claims and a true signature, is refused', () => {
    const identity = forge({
      header: { ...tokenHeader(issuer), typ: 'JWT' },
      payload: takeApart(root.compact).payload,
      signature: issuer,
    });
    expect(place(verify([identity]))).toBe('type_mismatch 3a 0');
    expect(outcome(verify([alice.publicKey.thumbprint]))).toBe('token_malformed');
  });
});
