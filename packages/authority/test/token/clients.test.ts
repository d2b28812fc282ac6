import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import type { JsonObject } from '@taper/core';
import { TEST_TIME, type TestKey } from '@taper/testkit';
import { Hono } from 'hono';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { JWT_SPIFFE } from '../../src/token/client-authentication.ts';
import { TOKEN_EXCHANGE } from '../../src/token/exchange.ts';
import { createJwks, createMetadata, metadataPath } from '../../src/token/metadata.ts';
import type { TokenEndpoint } from '../../src/token/token-endpoint.ts';
import { AAT_CHAIN, ACCESS_TOKEN, JWT } from '../../src/token/token-type.ts';
import { claimsOf, handOn, verified } from './chains.ts';
import {
  confirmation,
  details,
  KEYS,
  LOGIN,
  type Office,
  openOffice,
  spiffeId,
  subjectOf,
} from './office.ts';
import { jwt, sha256 } from './proofs.ts';

const any = { constraint_type: 'wildcard' };
const LOOKUP = { lookup: { order: any } };
const INSECURE = { [oauth.allowInsecureRequests]: true };
/** The office stands still at one time; the clients' clocks are set to it. */
const SKEW = TEST_TIME - Math.floor(Date.now() / 1000);

interface Served {
  readonly office: Office;
  readonly issuer: string;
  /** Status of each answer of the token endpoint. */
  readonly log: string[];
}

/** The office on a real socket. */
async function open(): Promise<Served> {
  let endpoint: TokenEndpoint | undefined;
  let issuer = '';
  const log: string[] = [];
  const app = new Hono();
  app.post('/oauth/token', async ({ req }) => {
    const response = (await endpoint?.(req.raw)) as Response;
    log.push(String(response.status));
    return response;
  });
  app.get('/.well-known/oauth-authorization-server', (context) =>
    context.json(
      createMetadata({ issuer, tokenEndpoint: `${issuer}/oauth/token`, jwksUri: `${issuer}/jwks` }),
    ),
  );
  app.get('/jwks', (context) => context.json(createJwks([KEYS.identity.publicKey])));
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
  await new Promise((listening) => server.once('listening', listening));
  onTestFinished(() => new Promise((closed) => server.close(() => closed())));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const office = await openOffice({ issuer, url: `${issuer}/oauth/token` });
  ({ endpoint } = office);
  return { office, issuer, log };
}

async function webKeys(key: TestKey): Promise<CryptoKeyPair> {
  const algorithm =
    key.alg === 'Ed25519' ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve: 'P-256' };
  const { jwk } = key.publicKey;
  return {
    privateKey: await crypto.subtle.importKey(
      'jwk',
      key.privateJwk as JsonWebKey,
      algorithm,
      false,
      ['sign'],
    ),
    publicKey: await crypto.subtle.importKey('jwk', jwk as JsonWebKey, algorithm, true, ['verify']),
  };
}

/** What an exchange adds to its DPoP proof. */
function about(subject: string, actor: string, issuer: string) {
  return (_header: unknown, payload: Record<string, unknown>): void => {
    Object.assign(payload, {
      subject_hash: sha256(subject),
      actor_hash: sha256(actor),
      aud: issuer,
    });
  };
}

const isNonceAsked = (error: unknown): boolean => oauth.isDPoPNonceError(error);

describe('oauth4webapi', () => {
  async function discover(issuer: string): Promise<oauth.AuthorizationServer> {
    const url = new URL(issuer);
    const response = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...INSECURE });
    return oauth.processDiscoveryResponse(url, response);
  }

  /** As every client does: asks, and asks again where the server wants a nonce. */
  async function grant(
    { issuer }: Served,
    key: TestKey,
    name: string,
    auth: oauth.ClientAuth,
    grantType: string,
    parameters: Record<string, string>,
    modify?: ReturnType<typeof about>,
  ): Promise<oauth.TokenEndpointResponse> {
    const as = await discover(issuer);
    const client: oauth.Client = { client_id: spiffeId(name), [oauth.clockSkew]: SKEW };
    const options = modify === undefined ? {} : { [oauth.modifyAssertion]: modify as never };
    const DPoP = oauth.DPoP(client, await webKeys(key), options);
    const ask = async (): Promise<oauth.TokenEndpointResponse> => {
      const response = await oauth.genericTokenEndpointRequest(
        as,
        client,
        auth,
        grantType,
        parameters,
        { DPoP, ...INSECURE },
      );
      return oauth.processGenericTokenEndpointResponse(as, client, response, {
        recognizedTokenTypes: { aat: () => {}, n_a: () => {} },
      });
    };
    return ask().catch((error: unknown) => {
      if (isNonceAsked(error)) return ask();
      throw error;
    });
  }

  const wanted = (key: TestKey): Record<string, string> => ({
    req_cnf: confirmation(key.publicKey),
    authorization_details: details(LOOKUP),
  });

  const withDocument =
    (document: string): oauth.ClientAuth =>
    (_as, client, body) => {
      body.set('client_id', client.client_id);
      body.set('client_assertion_type', JWT_SPIFFE);
      body.set('client_assertion', document);
    };

  for (const [name, key] of [
    ['desk', KEYS.desk],
    ['till', KEYS.till],
  ] as const) {
    test(`gets a root by client_credentials and private_key_jwt with ${key.alg}, asked for a nonce once`, async () => {
      const served = await open();
      const { privateKey } = await webKeys(key);
      const auth = oauth.PrivateKeyJwt(privateKey);
      const result = await grant(served, key, name, auth, 'client_credentials', wanted(key));
      expect(result).toMatchObject({ token_type: 'aat', expires_in: 3600 });
      expect(result.authorization_details).toEqual([
        { type: 'attenuating_agent_token', tools: LOOKUP },
      ]);
      const { issuer } = served;
      const { leaf } = verified([result.access_token], { issuer });
      expect(leaf.claims.holder.thumbprint).toBe(key.publicKey.thumbprint);
      expect(served.log).toEqual(['400', '200']);
    });
  }

  test('gets one with the identity document as client authentication', async () => {
    const served = await open();
    const auth = withDocument(await served.office.identity(KEYS.desk));
    const result = await grant(
      served,
      KEYS.desk,
      'desk',
      auth,
      'client_credentials',
      wanted(KEYS.desk),
    );
    expect(result.token_type).toBe('aat');
  });

  test("is told the error, where the identity document is another agent's", async () => {
    const served = await open();
    const auth = withDocument(await served.office.identity(KEYS.till));
    const asked = grant(served, KEYS.desk, 'till', auth, 'client_credentials', wanted(KEYS.desk));
    await expect(asked).rejects.toMatchObject({ error: 'invalid_client', status: 400 });
  });

  test('exchanges a chain, with a proof over subject, actor and audience', async () => {
    const served = await open();
    const { office, issuer } = served;
    const root = verified([await office.root(KEYS.desk)], { issuer });
    const subject = subjectOf(await handOn(root, KEYS.desk, KEYS.till));
    const actor = await office.identity(KEYS.till);
    const { privateKey } = await webKeys(KEYS.till);
    const parameters = {
      subject_token: subject,
      subject_token_type: AAT_CHAIN,
      actor_token: actor,
      actor_token_type: JWT,
    };
    const ask = (modify?: ReturnType<typeof about>) =>
      grant(
        served,
        KEYS.till,
        'till',
        oauth.PrivateKeyJwt(privateKey),
        TOKEN_EXCHANGE,
        parameters,
        modify,
      );
    const result = await ask(about(subject, actor, issuer));
    expect(result).toMatchObject({ token_type: 'n_a', issued_token_type: AAT_CHAIN });
    expect(verified([result.access_token], { issuer }).tokens).toHaveLength(1);
    await expect(ask()).rejects.toMatchObject({ error: 'invalid_dpop_proof' });
  });

  test("exchanges a user's token", async () => {
    const served = await open();
    const { office, issuer } = served;
    const claims = {
      iss: LOGIN,
      sub: 'ada',
      aud: issuer,
      iat: TEST_TIME,
      exp: TEST_TIME + 60,
      scope: 'orders:read',
    };
    const subject = jwt({ alg: 'Ed25519', kid: 'login', typ: 'at+jwt' }, claims, KEYS.login);
    const actor = await office.identity(KEYS.desk);
    const result = await grant(
      served,
      KEYS.desk,
      'desk',
      withDocument(actor),
      TOKEN_EXCHANGE,
      {
        subject_token: subject,
        subject_token_type: ACCESS_TOKEN,
        actor_token: actor,
        actor_token_type: JWT,
      },
      about(subject, actor, issuer),
    );
    expect(result.expires_in).toBe(60);
    expect(claimsOf(result.access_token)).toMatchObject({ sub: 'ada' });
  });

  test('finds the metadata of this issuer and takes it for no other (F15)', async () => {
    const { issuer } = await open();
    const as = await discover(issuer);
    expect(as).toMatchObject({ issuer, aat_issuer: true, token_endpoint: `${issuer}/oauth/token` });
    // The client asks under another name for the same server, and is told this one.
    const other = new URL(issuer.replace('127.0.0.1', 'localhost'));
    const response = await oauth.discoveryRequest(new URL(issuer), {
      algorithm: 'oauth2',
      ...INSECURE,
    });
    await expect(oauth.processDiscoveryResponse(other, response)).rejects.toThrow();
  });
});

describe('openid-client', () => {
  async function configure(
    { issuer }: Served,
    key: TestKey,
    name: string,
  ): Promise<openid.Configuration> {
    const { privateKey } = await webKeys(key);
    return openid.discovery(
      new URL(issuer),
      spiffeId(name),
      { [openid.clockSkew]: SKEW },
      openid.PrivateKeyJwt(privateKey),
      { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] },
    );
  }

  test('exchanges a chain, and answers the demand for a nonce by itself', async () => {
    const served = await open();
    const { office, issuer, log } = served;
    const root = verified([await office.root(KEYS.desk)], { issuer });
    const subject = subjectOf(await handOn(root, KEYS.desk, KEYS.till));
    const actor = await office.identity(KEYS.till);
    const config = await configure(served, KEYS.till, 'till');
    const DPoP = openid.getDPoPHandle(config, await webKeys(KEYS.till), {
      [openid.modifyAssertion]: about(subject, actor, issuer) as never,
    });
    const result = await openid.genericGrantRequest(
      config,
      TOKEN_EXCHANGE,
      {
        subject_token: subject,
        subject_token_type: AAT_CHAIN,
        actor_token: actor,
        actor_token_type: JWT,
      },
      { DPoP },
    );
    expect(result).toMatchObject({ token_type: 'n_a', issued_token_type: AAT_CHAIN });
    expect(verified([result.access_token], { issuer }).tokens).toHaveLength(1);
    expect(log).toEqual(['400', '200']);
  });

  const wanted = {
    req_cnf: confirmation(KEYS.desk.publicKey),
    authorization_details: details(LOOKUP),
  };

  test('takes an AAT for no bearer token, which it is not (draft section 6.1.3)', async () => {
    const served = await open();
    const config = await configure(served, KEYS.desk, 'desk');
    const DPoP = openid.getDPoPHandle(config, await webKeys(KEYS.desk));
    const asked = openid.clientCredentialsGrant(config, wanted, { DPoP });
    await expect(asked).rejects.toMatchObject({ code: 'OAUTH_UNSUPPORTED_OPERATION' });
    expect(served.log).toEqual(['400', '200']);
  });

  test('gets one by client_credentials where it is told what `aat` is (docs/token-endpoint.md)', async () => {
    const served = await open();
    const { issuer } = served;
    const config = await configure(served, KEYS.desk, 'desk');
    config[openid.customFetch] = async (url, init) => {
      const response = await fetch(url, init as RequestInit);
      if (!response.ok) return response;
      const body = (await response.json()) as JsonObject;
      const tokenType = body['token_type'] === 'aat' ? 'DPoP' : body['token_type'];
      return Response.json({ ...body, token_type: tokenType }, { headers: response.headers });
    };
    const DPoP = openid.getDPoPHandle(config, await webKeys(KEYS.desk));
    const result = await openid.clientCredentialsGrant(config, wanted, { DPoP });
    expect(verified([result.access_token], { issuer }).leaf.claims.holder.thumbprint).toBe(
      KEYS.desk.publicKey.thumbprint,
    );
  });
});

test('jose verifies an identity document with the key set that is served', async () => {
  const { office, issuer } = await open();
  const keys = (await (await fetch(`${issuer}/jwks`)).json()) as JSONWebKeySet;
  const document = await office.identity(KEYS.desk);
  const { payload } = await jwtVerify(document, createLocalJWKSet(keys), {
    issuer,
    typ: 'wit+jwt',
    currentDate: new Date(TEST_TIME * 1000),
  });
  expect(payload.sub).toBe(spiffeId('desk'));
});

describe('metadata', () => {
  const of = (issuer: string) =>
    createMetadata({ issuer, tokenEndpoint: `${issuer}/oauth/token`, jwksUri: `${issuer}/jwks` });

  test('is served between host and path of the issuer (RFC 8414 section 3.1)', () => {
    expect(metadataPath('https://a.example')).toBe('/.well-known/oauth-authorization-server');
    expect(metadataPath('https://a.example/t/x')).toBe(
      '/.well-known/oauth-authorization-server/t/x',
    );
  });

  test('has an issuer that is one: https, canonical, without query, fragment or user (F08)', () => {
    expect(of('https://a.example/t')['issuer']).toBe('https://a.example/t');
    const refused = [
      'http://a.example',
      'https://a.example/',
      'https://A.example',
      'https://a.example:443',
      'https://u@a.example',
      'https://a.example?x',
      'https://a.example#x',
      'https://a.example/t/../u',
      'a.example',
      'urn:x',
    ];
    for (const issuer of refused)
      expect(() => of(issuer), issuer).toThrow(expect.objectContaining({ code: 'option_invalid' }));
  });

  test('key sets have public keys alone (W07)', () => {
    const [key] = createJwks([KEYS.identity.publicKey])['keys'] as readonly JsonObject[];
    expect(Object.keys(key ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  });
});

test('no URL in a request or a token is asked for anything (W01)', async () => {
  let hits = 0;
  const listener = serve({
    fetch: () => {
      hits += 1;
      return Response.json({ keys: [] });
    },
    hostname: '127.0.0.1',
    port: 0,
  });
  await new Promise((listening) => listener.once('listening', listening));
  onTestFinished(() => new Promise((closed) => listener.close(() => closed())));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const { office } = await open();
  const header = { alg: 'Ed25519', jku: url, x5u: url, kid: url };
  const claims = { iss: url, sub: url, aud: url, exp: TEST_TIME + 60, jti: '1', jwks_uri: url };
  const token = jwt(header, claims, KEYS.desk);
  const types = [AAT_CHAIN, ACCESS_TOKEN];
  for (const type of types) {
    const answer = await office.exchange(KEYS.desk, token, { subject_token_type: type });
    expect(answer.outcome).toMatch(/^subject_refused/);
  }
  const bearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  const forms = [
    { client_assertion: token, client_assertion_type: bearer, client_id: url },
    { client_assertion: token },
    { actor_token: token },
    { resource: url, audience: url },
    { req_cnf: JSON.stringify({ jku: url }) },
  ];
  for (const form of forms) await office.exchange(KEYS.desk, token, form);
  expect(hits).toBe(0);
});
