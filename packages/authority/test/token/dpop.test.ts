import { createPrivateKey, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { otherS, TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DPOP_WINDOW, spendDpopProof, verifyDpopProof } from '../../src/token/dpop.ts';
import { type Changes, dpopProof, jwt, sha256, TOKEN_URL } from './proofs.ts';

const key = testKey('agent');
const other = testKey('mallory');

function verify(proof: string | null, changes: Changes = {}) {
  return verifyDpopProof(proof, {
    method: 'POST',
    url: TOKEN_URL,
    now: TEST_TIME,
    acceptsNonce: (nonce) => nonce === 'n',
    ...changes,
  });
}

/** Refusal code, and the reason where one is given. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    const { refusal: code, facts } = error as { refusal: string; facts: { reason?: string } };
    return facts.reason === undefined ? code : `${code}: ${facts.reason}`;
  }
  return 'accepted';
}

describe('a proof', () => {
  test('proves the key in its header, under both algorithms', () => {
    for (const alg of ['Ed25519', 'ES256'] as const) {
      const holder = testKey('agent', alg);
      expect(verify(dpopProof(holder)).key.thumbprint).toBe(holder.publicKey.thumbprint);
    }
  });

  test('has a nonce that is said to be accepted, and not one of which a promise is made (X04)', () => {
    const promised = (async () => false) as never;
    expect(refusal(() => verify(dpopProof(key), { acceptsNonce: promised }))).toBe(
      'nonce_required',
    );
  });

  test('with a header of RFC 7797 is none: what it signs could be read in two ways (B09)', () => {
    for (const b64 of [false, true])
      expect(refusal(() => verify(dpopProof(key, { header: { b64 } })))).toBe(
        'possession_unproved: malformed',
      );
  });

  test('may name Ed25519 as EdDSA, as older libraries do', () => {
    expect(refusal(() => verify(dpopProof(key, { header: { alg: 'EdDSA' } })))).toBe('accepted');
  });

  test('of ES256 may have either form of S: libraries make both', () => {
    const holder = testKey('agent', 'ES256');
    const [header, payload, signature = ''] = dpopProof(holder).split('.');
    const high = Buffer.from(otherS(Buffer.from(signature, 'base64url'))).toString('base64url');
    expect(refusal(() => verify(`${header}.${payload}.${high}`))).toBe('accepted');
  });

  const refused: readonly [rule: string, changes: Parameters<typeof dpopProof>[1], code: string][] =
    [
      ['of another type', { header: { typ: 'JWT' } }, 'possession_unproved: typ'],
      [
        'that is an AAT proof by its type',
        { header: { typ: 'aat-pop+jwt' } },
        'possession_unproved: typ',
      ],
      ['that is unsecured', { header: { alg: 'none' } }, 'possession_unproved: alg'],
      ['under a symmetric algorithm', { header: { alg: 'HS256' } }, 'possession_unproved: alg'],
      [
        'under the algorithm of another kind of key',
        { header: { alg: 'ES256' } },
        'possession_unproved: signature',
      ],
      [
        'that asks to be understood',
        { header: { crit: ['x'], x: 1 } },
        'possession_unproved: malformed',
      ],
      ['without a key', { header: { jwk: undefined } }, 'key_invalid'],
      ['with a private key', { header: { jwk: key.privateJwk } }, 'key_invalid'],
      ['signed by another key', { signer: other }, 'possession_unproved: signature'],
      ['for another method', { claims: { htm: 'GET' } }, 'possession_unproved: htm'],
      ['for a method in lower case', { claims: { htm: 'post' } }, 'possession_unproved: htm'],
      ['without a method', { claims: { htm: undefined } }, 'possession_unproved: htm'],
      ['without an identifier', { claims: { jti: undefined } }, 'possession_unproved: jti'],
      [
        'with an identifier that is large',
        { claims: { jti: 'x'.repeat(257) } },
        'possession_unproved: jti',
      ],
      ['without a time', { claims: { iat: undefined } }, 'possession_unproved: iat'],
      ['with half a second', { claims: { iat: TEST_TIME + 0.5 } }, 'possession_unproved: iat'],
      ['with a time as text', { claims: { iat: String(TEST_TIME) } }, 'possession_unproved: iat'],
      [
        'older than the window',
        { claims: { iat: TEST_TIME - DPOP_WINDOW - 1 } },
        'possession_unproved: iat',
      ],
      [
        'made ahead, E08',
        { claims: { iat: TEST_TIME + DPOP_WINDOW + 1 } },
        'possession_unproved: iat',
      ],
      ['without a nonce, E09', { claims: { nonce: undefined } }, 'nonce_required'],
      ['with a nonce of somebody else, E09', { claims: { nonce: 'm' } }, 'nonce_required'],
    ];
  for (const [rule, changes, code] of refused) {
    test(`${rule} is refused`, () => {
      expect(refusal(() => verify(dpopProof(key, changes)))).toBe(code);
    });
  }

  test('at either end of the window is accepted', () => {
    for (const iat of [TEST_TIME - DPOP_WINDOW, TEST_TIME + DPOP_WINDOW])
      expect(refusal(() => verify(dpopProof(key, { claims: { iat } })))).toBe('accepted');
  });

  test('that is absent, is no JWT or came in two headers is refused', () => {
    const proof = dpopProof(key);
    for (const header of [null, '', 'x', `${proof}, ${dpopProof(key)}`, `${proof}.`, ` ${proof}`])
      expect(refusal(() => verify(header))).toMatch(/^possession_unproved: (absent|malformed)$/);
  });

  test('whose payload says one claim twice is refused', () => {
    const [header] = dpopProof(key).split('.');
    const twice = `{"htm":"GET","htm":"POST","htu":"${TOKEN_URL}","iat":${TEST_TIME},"jti":"a","nonce":"n"}`;
    const input = `${header}.${Buffer.from(twice).toString('base64url')}`;
    const signature = Buffer.from(key.sign(Buffer.from(input))).toString('base64url');
    expect(refusal(() => verify(`${input}.${signature}`))).toBe('possession_unproved: malformed');
  });

  test('under a key that is in print is refused, however well it is signed', () => {
    // RFC 8037 appendix A.1.
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
    const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
    const printed = createPrivateKey({ key: { ...jwk, d }, format: 'jwk' });
    const [header = '', payload = ''] = dpopProof(key, { header: { jwk } }).split('.');
    const signature = sign(null, Buffer.from(`${header}.${payload}`), printed);
    const proof = `${header}.${payload}.${signature.toString('base64url')}`;
    expect(refusal(() => verify(proof))).toBe('key_weak');
  });

  test('under a key of small order is refused', () => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' };
    expect(refusal(() => verify(dpopProof(key, { header: { jwk } })))).toBe('key_weak');
  });
});

describe('htu names the endpoint as it is configured (E05)', () => {
  const accepted = [
    TOKEN_URL,
    `${TOKEN_URL}?a=b`,
    `${TOKEN_URL}#c`,
    'HTTPS://authority.example.com/oauth/token',
    'https://AUTHORITY.example.com/oauth/token',
    'https://authority.example.com:443/oauth/token',
    'https://authority.example.com/x/../oauth/token',
  ];
  for (const htu of accepted) {
    test(`${htu} is the same resource (RFC 3986 section 6.2)`, () => {
      expect(refusal(() => verify(dpopProof(key, { claims: { htu } })))).toBe('accepted');
    });
  }
  const refused = [
    undefined,
    '',
    '/oauth/token',
    'https://authority.example.com/oauth/token/',
    'https://authority.example.com/oauth/Token',
    'https://authority.example.com/oauth',
    'https://authority.example.com:8443/oauth/token',
    'http://authority.example.com/oauth/token',
    'https://authority.example.com.evil.example/oauth/token',
    'https://user@authority.example.com/oauth/token',
    'https://authority.example.com\\oauth\\token',
    'https://authority.example.com/oauth/\ttoken',
    ' https://authority.example.com/oauth/token',
    'https://authority.example.com/oauth%2Ftoken',
  ];
  for (const htu of refused) {
    test(`${JSON.stringify(htu)} is not`, () => {
      expect(refusal(() => verify(dpopProof(key, { claims: { htu } })))).toBe(
        'possession_unproved: htu',
      );
    });
  }
});

describe('with a token that is presented (E06)', () => {
  test('ath is its hash', () => {
    const proof = dpopProof(key, { claims: { ath: sha256('token') } });
    expect(refusal(() => verify(proof, { accessToken: 'token' }))).toBe('accepted');
  });
  test('a proof without ath, or of another token, is refused', () => {
    for (const ath of [undefined, sha256('another'), 'token'])
      expect(
        refusal(() => verify(dpopProof(key, { claims: { ath } }), { accessToken: 'token' })),
      ).toBe('possession_unproved: ath');
  });
});

describe('a proof is used once', () => {
  async function spend(
    proofs: readonly string[],
    times: readonly number[] = [],
  ): Promise<string[]> {
    const store = openSqliteAuthorityStore({ path: ':memory:' });
    onTestFinished(() => store.close());
    const outcomes: string[] = [];
    for (const [at, text] of proofs.entries()) {
      const now = times[at] ?? TEST_TIME;
      const proof = verify(text, { now });
      const outcome = store
        .transaction((tx) => spendDpopProof(tx, proof, now))
        .then(
          () => 'accepted',
          (error: { refusal: string; facts: { reason: string } }) => error.facts.reason,
        );
      outcomes.push(await outcome);
    }
    return outcomes;
  }

  test('and refused the second time (E02)', async () => {
    const proof = dpopProof(key);
    expect(await spend([proof, proof])).toEqual(['accepted', 'replayed']);
  });
  test('to the last second of its window', async () => {
    const proof = dpopProof(key);
    expect(await spend([proof, proof], [TEST_TIME, TEST_TIME + DPOP_WINDOW])).toEqual([
      'accepted',
      'replayed',
    ]);
  });
  test('for as long as it could be accepted, whatever the store forgets meanwhile', async () => {
    const store = openSqliteAuthorityStore({ path: ':memory:' });
    onTestFinished(() => store.close());
    const proof = dpopProof(key, { claims: { iat: TEST_TIME + DPOP_WINDOW } });
    const spendAt = (now: number) =>
      store.transaction((tx) => spendDpopProof(tx, verify(proof, { now }), now));
    await spendAt(TEST_TIME);
    const last = TEST_TIME + 2 * DPOP_WINDOW;
    await store.sweep(last);
    await expect(spendAt(last)).rejects.toMatchObject({ facts: { reason: 'replayed' } });
  });
  test('by its identifier, whatever else it says', async () => {
    const proofs = ['2', '3'].map((extra) => dpopProof(key, { claims: { jti: 'same', extra } }));
    expect(await spend(proofs)).toEqual(['accepted', 'replayed']);
  });
  test('for each key: the same identifier of another holder is another proof', async () => {
    const claims = { jti: 'same' };
    expect(await spend([dpopProof(key, { claims }), dpopProof(other, { claims })])).toEqual([
      'accepted',
      'accepted',
    ]);
  });
});

interface Example {
  readonly jwt: string;
  readonly payload: {
    readonly iat: number;
    readonly htm: string;
    readonly htu: string;
    readonly ath?: string;
  };
}

const folder = fileURLToPath(
  new URL('../../../../../shared/vectors/rfc9449-dpop/', import.meta.url),
);
const isThere = existsSync(folder);
if (!isThere) console.warn('SKIPPED: the RFC 9449 vectors are not beside the checkout.');

describe.skipIf(!isThere)('the examples of RFC 9449', () => {
  const examples: readonly Example[] = isThere
    ? JSON.parse(readFileSync(`${folder}examples.json`, 'utf8'))
    : [];
  // Its access token stands in section 7.1 of the RFC.
  const TOKEN = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU';

  test('are there', () => {
    expect(examples).toHaveLength(3);
  });
  for (const [at, { jwt: proof, payload }] of examples.entries()) {
    const { iat, htm, htu, ath } = payload;
    const expected = {
      now: iat,
      method: htm,
      url: htu,
      ...(ath === undefined ? {} : { accessToken: TOKEN }),
    };
    test(`number ${at + 1} passes up to the nonce, which it does not have`, () => {
      expect(refusal(() => verify(proof, expected))).toBe('nonce_required');
    });
    test(`number ${at + 1} passes for no other method, URL or time`, () => {
      const changes: readonly [Changes, string][] = [
        [{ method: 'PUT' }, 'htm'],
        [{ url: `${htu}/` }, 'htu'],
        [{ now: iat + DPOP_WINDOW + 1 }, 'iat'],
      ];
      for (const [change, reason] of changes)
        expect(refusal(() => verify(proof, { ...expected, ...change }))).toBe(
          `possession_unproved: ${reason}`,
        );
    });
    test(`number ${at + 1} with one changed character of its signature is refused`, () => {
      const at = proof.length - 10;
      const changed = `${proof.slice(0, at)}${proof[at] === 'A' ? 'B' : 'A'}${proof.slice(at + 1)}`;
      expect(refusal(() => verify(changed, expected))).toBe('possession_unproved: signature');
    });
  }
});

test('an unsecured proof with an empty signature is refused', () => {
  const [header, payload] = jwt({ typ: 'dpop+jwt', alg: 'none' }, {}, key).split('.');
  expect(refusal(() => verify(`${header}.${payload}.`))).toBe('possession_unproved: malformed');
});
