import type { JsonObject } from '@taper/core';
import { TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, it } from 'vitest';
import {
  makeIdentityDocument,
  verifyIdentityDocument,
} from '../../src/identity/identity-document.ts';
import { signJwt } from '../../src/identity/sign-jwt.ts';

const ISSUER = 'https://authority.example';
const identity = testKey('identity');
const agent = testKey('agent');
const trust = { issuer: ISSUER, keys: [identity.publicKey], trustDomain: 'example.org' };
const spiffeId = 'spiffe://example.org/acme/agent/desk';

const HEADER: JsonObject = { kid: identity.publicKey.thumbprint, typ: 'wit+jwt' };
const CLAIMS: JsonObject = {
  cnf: { jwk: { ...agent.publicKey.jwk, alg: 'Ed25519' } },
  exp: TEST_TIME + 3600,
  iat: TEST_TIME,
  iss: ISSUER,
  jti: 'one',
  sub: spiffeId,
};

function make(key = agent, signer = identity): Promise<string> {
  return makeIdentityDocument({
    issuer: ISSUER,
    signer: signer.signer,
    spiffeId,
    key: key.publicKey,
    now: TEST_TIME,
    expiresAt: TEST_TIME + 3600,
    id: 'one',
  });
}

function without(members: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([member]) => member !== name));
}

function refusal(reason: string): unknown {
  return expect.objectContaining({ refusal: 'identity_refused', facts: { reason } });
}

describe('identity document', () => {
  it.each(['Ed25519', 'ES256'] as const)('is read as it was made, %s', async (alg) => {
    const own = testKey('agent', alg);
    const signer = testKey('identity', alg);
    const compact = await make(own, signer);
    const read = verifyIdentityDocument(compact, { ...trust, keys: [signer.publicKey] }, TEST_TIME);
    expect(read).toMatchObject({
      tenant: 'acme',
      name: 'desk',
      spiffeId,
      id: 'one',
      issuedAt: TEST_TIME,
      expiresAt: TEST_TIME + 3600,
    });
    expect(read.key.thumbprint).toBe(own.publicKey.thumbprint);
  });

  it('names type, key and algorithm as a WIT-SVID does', async () => {
    const [header = '', claims = ''] = (await make()).split('.');
    const read = (segment: string): unknown =>
      JSON.parse(Buffer.from(segment, 'base64url').toString());
    expect(read(header)).toEqual({
      alg: 'Ed25519',
      kid: identity.publicKey.thumbprint,
      typ: 'wit+jwt',
    });
    expect(read(claims)).toEqual(CLAIMS);
  });

  it('holds to the second before it expires', async () => {
    const compact = await make();
    expect(verifyIdentityDocument(compact, trust, TEST_TIME + 3599).id).toBe('one');
    expect(() => verifyIdentityDocument(compact, trust, TEST_TIME + 3600)).toThrow(
      refusal('expired'),
    );
  });

  it('of a node whose clock is ahead is taken for 30 seconds and no more', async () => {
    const compact = await make();
    expect(verifyIdentityDocument(compact, trust, TEST_TIME - 30).id).toBe('one');
    expect(() => verifyIdentityDocument(compact, trust, TEST_TIME - 31)).toThrow(
      refusal('issued_in_future'),
    );
  });

  it('is refused under another key, even with the right kid (F11)', async () => {
    const forged = await signJwt(HEADER, CLAIMS, testKey('other').signer);
    expect(() => verifyIdentityDocument(forged, trust, TEST_TIME)).toThrow(refusal('signature'));
    const other = await make(agent, testKey('other'));
    expect(() => verifyIdentityDocument(other, trust, TEST_TIME)).toThrow(refusal('signature'));
    expect(() => verifyIdentityDocument(other, { ...trust, keys: [] }, TEST_TIME)).toThrow(
      refusal('signature'),
    );
  });

  it.each([
    ['another issuer that begins alike (F07)', 'iss', `${ISSUER}.evil`, 'issuer'],
    ['an issuer with a slash more (F08)', 'iss', `${ISSUER}/`, 'issuer'],
    ['an issuer in a list (F07)', 'iss', [ISSUER], 'issuer'],
    ['another trust domain (F10)', 'sub', 'spiffe://example.org.evil/acme/agent/desk', 'subject'],
    ['a subject that is no agent', 'sub', 'spiffe://example.org/acme/administrator/a', 'subject'],
    ['a subject that is not canonical', 'sub', 'spiffe://example.org/acme/./agent/desk', 'subject'],
    ['no key', 'cnf', {}, 'malformed'],
    ['a key by reference', 'cnf', { jkt: agent.publicKey.thumbprint }, 'malformed'],
    ['a private key', 'cnf', { jwk: agent.privateJwk }, 'malformed'],
    ['a time that is no whole number', 'exp', TEST_TIME + 0.5, 'malformed'],
    ['a time as text', 'exp', `${TEST_TIME + 60}`, 'malformed'],
  ] as const)('with %s is refused', async (_, name, value, reason) => {
    const compact = await signJwt(HEADER, { ...CLAIMS, [name]: value }, identity.signer);
    expect(() => verifyIdentityDocument(compact, trust, TEST_TIME)).toThrow(refusal(reason));
  });

  it.each(Object.keys(CLAIMS))('without %s is refused', async (name) => {
    const compact = await signJwt(HEADER, without(CLAIMS, name), identity.signer);
    expect(() => verifyIdentityDocument(compact, trust, TEST_TIME)).toThrow(refusal('malformed'));
  });

  it.each([
    ['another type of ours', { ...HEADER, typ: 'aat+jwt' }, 'type'],
    ['no type', without(HEADER, 'typ'), 'type'],
    ['no kid', without(HEADER, 'kid'), 'malformed'],
    ['a key of its own', { ...HEADER, jwk: agent.publicKey.jwk }, 'malformed'],
    ['a key by URL (W01)', { ...HEADER, jku: 'http://169.254.169.254/jwks' }, 'malformed'],
    ['something critical', { ...HEADER, crit: ['exp'] }, 'malformed'],
  ] as const)('with %s in its header is refused', async (_, header, reason) => {
    const compact = await signJwt(header as JsonObject, CLAIMS, identity.signer);
    expect(() => verifyIdentityDocument(compact, trust, TEST_TIME)).toThrow(refusal(reason));
  });

  it('that is no JWT, or too long, is refused', async () => {
    const compact = await make();
    for (const text of ['', 'a.b.c', `${compact}.x`, `${compact}=`, compact.slice(0, -1)])
      expect(() => verifyIdentityDocument(text, trust, TEST_TIME)).toThrow(
        expect.objectContaining({ refusal: 'identity_refused' }),
      );
    const long = await signJwt(HEADER, { ...CLAIMS, jti: 'x'.repeat(4096) }, identity.signer);
    expect(() => verifyIdentityDocument(long, trust, TEST_TIME)).toThrow(refusal('malformed'));
  });

  it('is not let out when the signer signs with another key', async () => {
    const wrong = { publicKey: identity.publicKey, sign: testKey('other').sign };
    await expect(signJwt(HEADER, CLAIMS, wrong)).rejects.toMatchObject({ code: 'signing_failed' });
  });
});
