import { createHmac, generateKeyPairSync } from 'node:crypto';
import { createTestClock, TEST_TIME, testKey } from '@taper/testkit';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import type { TrustedIssuer } from '../../src/oidc/trusted-issuer.ts';
import { createTrustedIssuers, type TrustedIssuers } from '../../src/oidc/trusted-issuers.ts';
import { BY, idOf, testAuthority } from '../identity/authority.ts';
import { AUDIENCE, CLAIMS, issuerOf, json, keySet, serve, tokenOf } from './issuer.ts';

const key = testKey('ci');
const curve = testKey('ci, second', 'ES256');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

function trust(...issuers: readonly TrustedIssuer[]): TrustedIssuers {
  return createTrustedIssuers({ issuers, clock: () => TEST_TIME });
}

const ci = trust(issuerOf(key));

function refusal(reason: string): unknown {
  return expect.objectContaining({ refusal: 'identity_refused', facts: { reason } });
}

const untrusted = expect.objectContaining({ refusal: 'issuer_untrusted' });

function without(name: string): Promise<string> {
  return tokenOf(key, { [name]: undefined });
}

function unsigned(header: object, claims: object = CLAIMS): string {
  const segment = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${segment(header)}.${segment(claims)}`;
}

describe('token of a trusted workload issuer', () => {
  it('names the agent that the operator bound it to', async () => {
    expect(await ci.identifyWorkload(await tokenOf(key))).toMatchObject({
      tenant: 'acme',
      name: 'desk',
      issuer: 'https://ci.example',
      subject: 'ci-desk',
      expiresAt: TEST_TIME + 300,
    });
  });

  it.each(['RS256', 'PS256'] as const)('is verified under %s too', async (alg) => {
    const jwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' };
    const issuers = trust(issuerOf(key, { jwks: { keys: [jwk] }, algorithms: [alg] }));
    const token = await new SignJWT({ ...CLAIMS } as never)
      .setProtectedHeader({ alg, kid: 'rsa', typ: 'JWT' })
      .sign(rsa.privateKey);
    expect(await issuers.identifyWorkload(token)).toMatchObject({ name: 'desk' });
    const [header, claims, signature = ''] = token.split('.');
    const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;
    await expect(issuers.identifyWorkload(`${header}.${claims}.${flipped}`)).rejects.toThrow(
      refusal('signature'),
    );
  });

  it('is verified under ES256, and under no algorithm that was not named', async () => {
    const token = await tokenOf(curve);
    expect(await trust(issuerOf(curve)).identifyWorkload(token)).toMatchObject({ name: 'desk' });
    const edwardsOnly = trust(issuerOf(curve, { algorithms: ['Ed25519'] }));
    await expect(edwardsOnly.identifyWorkload(token)).rejects.toThrow(refusal('algorithm'));
  });

  it('is refused unsigned, or signed with the public key as a secret', async () => {
    for (const alg of ['none', 'None', 'HS256']) {
      const input = unsigned({ alg, kid: 'ci' });
      const mac = createHmac('sha256', key.publicKey.raw).update(input).digest('base64url');
      await expect(ci.identifyWorkload(`${input}.${mac}`)).rejects.toThrow(refusal('algorithm'));
    }
    await expect(ci.identifyWorkload(`${unsigned({ alg: 'none' })}.`)).rejects.toThrow(
      refusal('malformed'),
    );
  });

  it.each([
    'https://ci.example/',
    'https://CI.example',
    'HTTPS://ci.example',
    'https://ci.example:443',
    'https://user@ci.example',
    'https://ci.example#x',
    'https://ci.example?x',
    'https://ci.example.evil',
    'https://evil-ci.example',
    'https://ci.exampl',
    'https://ci.ex%61mple',
    'https://ci.examplé',
    'http://ci.example',
    ' https://ci.example',
    '',
  ])('of the issuer %j is not of ours, byte for byte (F07, F08)', async (iss) => {
    await expect(ci.identifyWorkload(await tokenOf(key, { iss }))).rejects.toThrow(untrusted);
  });

  it.each([[['https://ci.example']], [null], [1], [{}], [['x', 'https://ci.example']]])(
    'of the issuer %j is of none (F07)',
    async (iss) => {
      await expect(ci.identifyWorkload(await tokenOf(key, { iss }))).rejects.toThrow(untrusted);
    },
  );

  it.each([
    ['another', 'https://other.example'],
    ['one that begins alike', `${AUDIENCE}.evil`],
    ['one with a slash more', `${AUDIENCE}/`],
    ['ours and another', [AUDIENCE, 'https://other.example']],
    ['another and ours', ['https://other.example', AUDIENCE]],
    ['ours twice', [AUDIENCE, AUDIENCE]],
    ['none in a list', []],
    ['a list in a list', [[AUDIENCE]]],
    ['null', null],
  ])('for %s is not for us (F06)', async (_, aud) => {
    await expect(ci.identifyWorkload(await tokenOf(key, { aud }))).rejects.toThrow(
      refusal('audience'),
    );
  });

  it('for us alone, in a list of one, is for us', async () => {
    expect(await ci.identifyWorkload(await tokenOf(key, { aud: [AUDIENCE] }))).toBeDefined();
  });

  it('without audience, issuer, subject or expiry is refused', async () => {
    await expect(ci.identifyWorkload(await without('aud'))).rejects.toThrow(refusal('audience'));
    await expect(ci.identifyWorkload(await without('iss'))).rejects.toThrow(untrusted);
    await expect(ci.identifyWorkload(await without('sub'))).rejects.toThrow(refusal('subject'));
    await expect(ci.identifyWorkload(await without('exp'))).rejects.toThrow(refusal('malformed'));
  });

  it('counts to the second before it expires', async () => {
    const token = await tokenOf(key);
    const at = (now: number): TrustedIssuers =>
      createTrustedIssuers({ issuers: [issuerOf(key)], clock: () => now });
    expect(await at(TEST_TIME + 299).identifyWorkload(token)).toBeDefined();
    await expect(at(TEST_TIME + 300).identifyWorkload(token)).rejects.toThrow(refusal('expired'));
  });

  it.each([
    ['exp', `${TEST_TIME + 300}`, 'malformed'],
    ['exp', TEST_TIME + 0.5, 'malformed'],
    ['exp', TEST_TIME + 86_401, 'lifetime'],
    ['nbf', TEST_TIME + 31, 'not_yet_valid'],
    ['iat', TEST_TIME + 31, 'not_yet_valid'],
    ['nbf', null, 'malformed'],
    ['sub', 1, 'subject'],
    ['sub', 'ci-desk\n', 'subject'],
    ['sub', 'x'.repeat(1025), 'subject'],
    ['sub', 'someone else', 'binding'],
  ])('with %s %j is refused: %s', async (name, value, reason) => {
    await expect(ci.identifyWorkload(await tokenOf(key, { [name]: value }))).rejects.toThrow(
      refusal(reason),
    );
  });

  it('of an issuer whose clock is 30 seconds ahead counts', async () => {
    const ahead = { nbf: TEST_TIME + 30, iat: TEST_TIME + 30 };
    expect(await ci.identifyWorkload(await tokenOf(key, ahead))).toBeDefined();
  });

  it.each(['jku', 'x5u'])(
    'that names a key by %s is refused, and nothing is asked (W01)',
    async (name) => {
      const evil = testKey('evil');
      const server = await serve(json(() => keySet(evil)));
      for (const url of [server.url, 'http://169.254.169.254/', 'file:///etc/passwd'])
        await expect(ci.identifyWorkload(await tokenOf(evil, {}, { [name]: url }))).rejects.toThrow(
          refusal('key_in_header'),
        );
      expect(server.asked()).toBe(0);
    },
  );

  it('whose claims are URLs makes nobody ask for them (W01)', async () => {
    const server = await serve(json(() => keySet(key)));
    const { url } = server;
    const token = await tokenOf(key, {
      iss: url,
      jwks_uri: url,
      status: { status_list: { uri: url } },
    });
    await expect(ci.identifyWorkload(token)).rejects.toThrow(untrusted);
    const trusted = await tokenOf(key, { jwks_uri: url, status: { status_list: { uri: url } } });
    expect(await ci.identifyWorkload(trusted)).toBeDefined();
    expect(server.asked()).toBe(0);
  });

  it('that brings its key is refused', async () => {
    const evil = testKey('evil');
    const token = await tokenOf(evil, {}, { jwk: { ...evil.publicKey.jwk }, kid: 'ci' });
    await expect(ci.identifyWorkload(token)).rejects.toThrow(refusal('key_in_header'));
    await expect(ci.identifyWorkload(await tokenOf(evil, {}, { kid: 'ci' }))).rejects.toThrow(
      refusal('signature'),
    );
    await expect(ci.identifyWorkload(await tokenOf(evil))).rejects.toThrow(refusal('key_unknown'));
  });

  it.each(['at+jwt', 'aat+jwt', 'wit+jwt', 'dpop+jwt', 'logout+jwt', 'secevent+jwt', 'x', ''])(
    'of the type %j is something else',
    async (typ) => {
      await expect(ci.identifyWorkload(await tokenOf(key, {}, { typ }))).rejects.toThrow(
        refusal('type'),
      );
    },
  );

  it.each(['JWT', 'jwt', 'application/JWT', 'JOSE'])('of the type %j counts', async (typ) => {
    expect(await ci.identifyWorkload(await tokenOf(key, {}, { typ }))).toBeDefined();
  });

  it.each(['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', 'x'.repeat(20_000)])(
    'is not %.10s',
    async (text) => {
      await expect(ci.identifyWorkload(text)).rejects.toThrow(refusal('malformed'));
    },
  );
});

describe('several trusted issuers', () => {
  const other = testKey('other');

  it('each sign for themselves, whatever kid their keys have (F11, F12)', async () => {
    const enterprise = issuerOf(key);
    const consumer = issuerOf(key, {
      issuer: 'https://consumer.example',
      jwks: { keys: [{ ...other.publicKey.jwk, kid: 'ci' }] },
      bindings: [{ where: { sub: 'ci-desk' }, tenant: 'globex', name: 'desk' }],
    });
    const issuers = trust(enterprise, consumer);
    expect(await issuers.identifyWorkload(await tokenOf(key))).toMatchObject({ tenant: 'acme' });
    const forged = await tokenOf(other, {}, { kid: 'ci' });
    await expect(issuers.identifyWorkload(forged)).rejects.toThrow(refusal('signature'));
    const own = await tokenOf(other, { iss: 'https://consumer.example' }, { kid: 'ci' });
    expect(await issuers.identifyWorkload(own)).toMatchObject({ tenant: 'globex' });
  });

  it('do not share a place for their keys (F11, F12)', () => {
    const jwksUri = 'https://keys.example/common';
    const { jwks: _, ...base } = issuerOf(key);
    const first = { ...base, jwksUri };
    const second = { ...base, jwksUri, issuer: 'https://consumer.example' };
    expect(() => trust(first, second)).toThrow(expect.objectContaining({ code: 'option_invalid' }));
    expect(trust(first, { ...second, jwksUri: `${jwksUri}2` })).toBeDefined();
  });

  it('give a token one use: a user’s does not enrol, a workload’s is nobody’s behalf', async () => {
    const { bindings: _, ...base } = issuerOf(key);
    const subject: TrustedIssuer = { ...base, use: 'subject', audience: 'our-client' };
    const issuers = trust(issuerOf(key), subject);
    const ofUser = await tokenOf(key, { aud: 'our-client' });
    const ofWorkload = await tokenOf(key);
    expect(await issuers.verifyToken(ofUser, 'subject')).toMatchObject({ audience: 'our-client' });
    expect(await issuers.verifyToken(ofWorkload, 'workload')).toMatchObject({ subject: 'ci-desk' });
    await expect(issuers.identifyWorkload(ofUser)).rejects.toThrow(refusal('audience'));
    await expect(issuers.verifyToken(ofWorkload, 'subject')).rejects.toThrow(refusal('audience'));
    const accessToken = await tokenOf(key, { aud: 'our-client' }, { typ: 'at+jwt' });
    expect(await issuers.verifyToken(accessToken, 'subject')).toBeDefined();
    expect(() => trust(issuerOf(key), { ...subject, audience: AUDIENCE })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });
});

describe('JWT-SVID of a trusted SPIFFE trust domain', () => {
  const sub = 'spiffe://prod.example/ns/acme/sa/desk';
  const { issuer: _, ...base } = issuerOf(key);
  const domain: TrustedIssuer = {
    ...base,
    trustDomain: 'prod.example',
    bindings: [{ where: { sub }, tenant: 'acme', name: 'desk' }],
  };
  const svid = (subject: string, signer = key): Promise<string> =>
    tokenOf(signer, { iss: undefined, sub: subject });

  it('needs no issuer', async () => {
    expect(await trust(domain).identifyWorkload(await svid(sub))).toMatchObject({
      tenant: 'acme',
      name: 'desk',
      issuer: 'spiffe://prod.example',
      subject: sub,
    });
  });

  it.each([
    'spiffe://prod.example.evil/ns/acme/sa/desk',
    'spiffe://evil-prod.example/ns/acme/sa/desk',
    'spiffe://Prod.example/ns/acme/sa/desk',
    'SPIFFE://prod.example/ns/acme/sa/desk',
    'spiffe://prod.example:443/ns/acme/sa/desk',
    'prod.example',
  ])('of %s is not of this trust domain (F09, F10)', async (subject) => {
    await expect(trust(domain).identifyWorkload(await svid(subject))).rejects.toThrow(untrusted);
  });

  it.each([
    'spiffe://prod.example/ns/acme/sa/desk/',
    'spiffe://prod.example/ns//acme/sa/desk',
    'spiffe://prod.example/ns/acme/./sa/desk',
    'spiffe://prod.example/ns/acme/x/../sa/desk',
    'spiffe://prod.example/ns/acme/sa/%64esk',
  ])('with the path of %s is no SPIFFE ID (F09)', async (subject) => {
    await expect(trust(domain).identifyWorkload(await svid(subject))).rejects.toThrow(untrusted);
  });

  it('of one trust domain is not signed by another (F12)', async () => {
    const other = testKey('other');
    const foreign: TrustedIssuer = {
      ...domain,
      trustDomain: 'staging.example',
      jwks: { keys: [{ ...other.publicKey.jwk, kid: 'ci', use: 'jwt-svid' }] },
    };
    const issuers = trust(domain, foreign);
    const forged = await tokenOf(
      other,
      { iss: undefined, sub },
      {
        kid: 'ci',
      },
    );
    await expect(issuers.identifyWorkload(forged)).rejects.toThrow(refusal('signature'));
  });

  it('with an issuer counts where the operator named that issuer, for this trust domain alone', async () => {
    const both = trust({ ...domain, issuer: 'https://ci.example' });
    expect(await both.identifyWorkload(await tokenOf(key, { sub }))).toMatchObject({
      name: 'desk',
    });
    const elsewhere = await tokenOf(key, { sub: 'spiffe://other.example/ns/acme/sa/desk' });
    await expect(both.identifyWorkload(elsewhere)).rejects.toThrow(refusal('subject'));
    await expect(trust(domain).identifyWorkload(await tokenOf(key, { sub }))).rejects.toThrow(
      untrusted,
    );
  });
});

describe('keys from a URL that the operator configured', () => {
  const { jwks: _, ...base } = issuerOf(key);

  it('are asked for there, at most once a minute, and the way out is said', async () => {
    const server = await serve(json(() => keySet(key)));
    const clock = createTestClock();
    const issuers = createTrustedIssuers({
      issuers: [{ ...base, jwksUri: server.url }],
      clock: clock.now,
      fetch: { loopbackHttp: true },
    });
    expect(await issuers.identifyWorkload(await tokenOf(key))).toMatchObject({ name: 'desk' });
    clock.advance(10);
    const unknown = await tokenOf(testKey('new'));
    for (let index = 0; index < 20; index += 1)
      await expect(issuers.identifyWorkload(unknown)).rejects.toThrow(
        expect.objectContaining({
          refusal: 'issuer_unavailable',
          facts: { reason: 'key_unknown', retry_after: 50 },
        }),
      );
    expect(server.asked()).toBe(1);
    clock.advance(50);
    await expect(issuers.identifyWorkload(unknown)).rejects.toThrow(refusal('key_unknown'));
    expect(server.asked()).toBe(2);
  });

  it('are not asked for by a token that could not count', async () => {
    const server = await serve(json(() => keySet(key)));
    const issuers = createTrustedIssuers({
      issuers: [{ ...base, jwksUri: server.url }],
      clock: () => TEST_TIME,
      fetch: { loopbackHttp: true },
    });
    for (const claims of [{ exp: TEST_TIME }, { aud: 'x' }, { iss: 'x' }])
      await expect(issuers.identifyWorkload(await tokenOf(key, claims))).rejects.toThrow(
        expect.objectContaining({ code: 'authority_refused' }),
      );
    expect(server.asked()).toBe(0);
  });

  it('that cannot be had refuse, and never let pass (Z01)', async () => {
    const server = await serve((_request, response) => response.writeHead(500).end());
    const issuers = createTrustedIssuers({
      issuers: [{ ...base, jwksUri: server.url }],
      clock: () => TEST_TIME,
      fetch: { loopbackHttp: true },
    });
    await expect(issuers.identifyWorkload(await tokenOf(key))).rejects.toThrow(
      expect.objectContaining({ refusal: 'issuer_unavailable' }),
    );
  });
});

describe('enrolment by a workload identity', () => {
  const possession = { key: testKey('agent').publicKey };

  it('makes the agent that the binding names, and logs which workload it was', async () => {
    const authority = testAuthority({ workloads: ci });
    const token = await tokenOf(key);
    const { agent } = await authority.agents.enrol({
      possession,
      admission: { kind: 'workload', token },
    });
    expect(agent.spiffeId).toBe(idOf('desk'));
    const entries = await authority.entries();
    expect(entries).toMatchObject([
      {
        event: 'agent.enrolled',
        by: { kind: 'workload', id: 'ci-desk' },
        details: { issuer: 'https://ci.example' },
      },
    ]);
    expect(JSON.stringify(entries)).not.toContain(token);
  });

  it('takes a token once, whoever brings it', async () => {
    const claims = { deployment: 'one' };
    const bindings = [
      { where: { sub: 'ci-desk' }, tenant: 'acme', name: { claim: 'deployment' } },
    ] as const;
    const authority = testAuthority({ workloads: trust(issuerOf(key, { bindings })) });
    const admission = { kind: 'workload', token: await tokenOf(key, claims) } as const;
    const attempts = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        authority.node().enrol({
          possession: { key: testKey(`agent ${index}`).publicKey },
          admission,
        }),
      ),
    );
    const refused = attempts.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(refused).toHaveLength(7);
    for (const reason of refused) expect(reason).toMatchObject({ refusal: 'replayed' });
    expect(await authority.entries()).toHaveLength(1);
  });

  it('leaves the token good when the key is refused', async () => {
    const authority = testAuthority({ workloads: ci });
    await authority.agents.enrol({
      possession,
      admission: { kind: 'operator', by: BY, tenant: 'acme', name: 'first' },
    });
    const admission = { kind: 'workload', token: await tokenOf(key) } as const;
    await expect(authority.agents.enrol({ possession, admission })).rejects.toMatchObject({
      refusal: 'key_in_use',
    });
    const other = { key: testKey('agent, other').publicKey };
    expect((await authority.agents.enrol({ possession: other, admission })).agent.name).toBe(
      'desk',
    );
  });
});

describe('configuration of a trusted issuer', () => {
  it.each([
    ['no use', { use: 'both' }],
    ['an empty issuer', { issuer: '' }],
    ['neither issuer nor trust domain', { issuer: undefined }],
    ['a trust domain that is none', { trustDomain: 'Prod.example' }],
    ['no audience', { audience: '' }],
    ['a list of audiences', { audience: ['a', 'b'] }],
    ['no algorithm', { algorithms: [] }],
    ['HS256', { algorithms: ['HS256'] }],
    ['none', { algorithms: ['none'] }],
    ['keys twice', { jwksUri: 'https://ci.example/jwks' }],
    ['a private key (W07)', { jwks: { keys: [key.privateJwk] } }],
    ['no keys', { jwks: { keys: [] } }],
    ['no binding', { bindings: [] }],
    ['bindings for subjects', { use: 'subject' }],
    [
      'a binding by an address',
      { bindings: [{ where: { email: 'a@b' }, tenant: 'a', name: 'b' }] },
    ],
    ['a lifetime without end', { maxLifetime: Number.POSITIVE_INFINITY }],
    ['a type with a prefix', { types: ['application/jwt'] }],
    ['a name that nobody knows', { jwks_uri: 'https://ci.example/jwks' }],
  ])('with %s is refused at the start (Z03)', (_, change) => {
    expect(() => trust({ ...issuerOf(key), ...change } as TrustedIssuer)).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  it('is never discovered: a URL is configured, over https (W01, W05)', () => {
    const { jwks: _, ...base } = issuerOf(key);
    for (const jwksUri of [
      'http://ci.example/jwks',
      'http://127.0.0.1/jwks',
      'https://a@ci.example/jwks',
    ])
      expect(() => trust({ ...base, jwksUri })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
    expect(trust({ ...base, jwksUri: 'https://ci.example/jwks' })).toBeDefined();
  });

  it('stands once for an issuer and an audience', () => {
    expect(() => trust(issuerOf(key), issuerOf(testKey('x')))).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });
});
