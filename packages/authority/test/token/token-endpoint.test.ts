import { createVerifier } from '@taper/core';
import { TEST_TIME, takeApart, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../../src/store-error.ts';
import { MAX_TOKEN_REQUEST } from '../../src/token/form.ts';
import {
  answerOf,
  confirmation,
  details,
  type Form,
  formOf,
  KEYS,
  type Office,
  openOffice,
  spiffeId,
} from './office.ts';
import { assertion, dpopProof, ISSUER, jwt, TOKEN_URL } from './proofs.ts';

const { desk, till, root } = KEYS;
const any = { constraint_type: 'wildcard' };
const WANTED = { lookup: { order: any } };
const honest: Form = {
  grant_type: 'client_credentials',
  req_cnf: confirmation(desk.publicKey),
  authorization_details: details(WANTED),
};

describe('client_credentials', () => {
  test('answers with a root that a verifier takes, as draft section 6.1.3 has it', async () => {
    const office = await openOffice();
    const { status, headers, body } = await office.ask(desk, honest);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(office.nonces.accepts(headers.get('dpop-nonce') ?? '')).toBe(true);
    expect(body).toMatchObject({
      token_type: 'aat',
      expires_in: 3600,
      authorization_details: [{ type: 'attenuating_agent_token', tools: WANTED }],
    });
    const verifier = createVerifier({
      anchors: [{ issuer: ISSUER, key: root.publicKey }],
      profile: { tenant: 'acme' },
    });
    const verdict = verifier.verifyChain([body['access_token'] as string], TEST_TIME);
    expect(verdict.verdict).toBe('verified');
    if (verdict.verdict !== 'verified') return;
    const { claims } = verdict.chain.leaf;
    expect(claims.holder.thumbprint).toBe(desk.publicKey.thumbprint);
    expect(claims.exp).toBe(TEST_TIME + 3600);
    expect(claims.caveats?.tenant).toBe('acme');
  });

  test('authenticates by private_key_jwt as well', async () => {
    const office = await openOffice();
    const text = assertion(till, spiffeId('till'));
    const answer = await office.ask(till, {
      ...honest,
      req_cnf: confirmation(till.publicKey),
      client_assertion: text,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_id: spiffeId('till'),
    });
    expect(answer.outcome).toBe('ok');
  });

  test('a parameter without a value is not there, and one that nobody knows is passed over (RFC 6749 section 3.2)', async () => {
    const office = await openOffice();
    expect((await office.ask(desk, { ...honest, scope: '', x: 'y' })).outcome).toBe('ok');
  });

  test('audience and resource narrow, and may stand several times', async () => {
    const office = await openOffice();
    const token = await office.root(desk, { resource: 'https://shop.example.com' });
    expect(JSON.parse(takeApart(token).payload)).toMatchObject({
      aud: ['https://shop.example.com'],
    });
  });
});

interface Case {
  readonly rule: string;
  readonly form: Form;
  readonly error: string;
  readonly code: string;
}

/** Every malformed or refused parameter, with the error that its RFC names. */
const CASES: readonly Case[] = [
  {
    rule: 'a resource that is no absolute URI (RFC 8707 2)',
    form: { resource: 'shop' },
    error: 'invalid_target',
    code: 'target_refused',
  },
  {
    rule: 'a resource with a fragment (RFC 8707 2)',
    form: { resource: 'https://shop.example#x' },
    error: 'invalid_target',
    code: 'target_refused',
  },
  {
    rule: 'an audience with a line in it',
    form: { audience: 'a\nb' },
    error: 'invalid_target',
    code: 'target_refused',
  },
  {
    rule: 'an audience that is long',
    form: { audience: 'a'.repeat(2049) },
    error: 'invalid_target',
    code: 'target_refused',
  },
  {
    rule: 'no grant type (RFC 6749 5.2)',
    form: { grant_type: undefined },
    error: 'invalid_request',
    code: 'request_malformed: absent',
  },
  {
    rule: 'a grant type that is not served (RFC 6749 5.2)',
    form: { grant_type: 'password' },
    error: 'unsupported_grant_type',
    code: 'unsupported_grant_type',
  },
  {
    rule: 'a refresh token: there is no other refresh than asking again',
    form: { grant_type: 'refresh_token' },
    error: 'unsupported_grant_type',
    code: 'unsupported_grant_type',
  },
  {
    rule: 'no client authentication (RFC 6749 5.2)',
    form: { client_assertion: undefined, client_assertion_type: undefined },
    error: 'invalid_client',
    code: 'client_unauthenticated: absent',
  },
  {
    rule: 'an unknown kind of assertion',
    form: { client_assertion: 'x', client_assertion_type: 'urn:x' },
    error: 'invalid_client',
    code: 'client_unauthenticated: assertion_type',
  },
  {
    rule: 'an identity document that is none',
    form: { client_assertion: 'x' },
    error: 'invalid_client',
    code: 'identity_refused: malformed',
  },
  {
    rule: 'a client_secret beside it (RFC 6749 2.3)',
    form: { client_secret: 's' },
    error: 'invalid_client',
    code: 'client_unauthenticated: method',
  },
  {
    rule: 'a client_id of another',
    form: { client_id: spiffeId('till') },
    error: 'invalid_client',
    code: 'client_unauthenticated: client_id',
  },
  {
    rule: 'no req_cnf (draft 6.1.2)',
    form: { req_cnf: undefined },
    error: 'invalid_request',
    code: 'request_malformed: absent',
  },
  {
    rule: 'a req_cnf that is no JSON',
    form: { req_cnf: '{' },
    error: 'invalid_request',
    code: 'request_malformed: shape',
  },
  {
    rule: 'a req_cnf that is a list',
    form: { req_cnf: '[]' },
    error: 'invalid_request',
    code: 'request_malformed: shape',
  },
  {
    rule: 'a req_cnf that is null',
    form: { req_cnf: 'null' },
    error: 'invalid_request',
    code: 'request_malformed: shape',
  },
  {
    rule: 'a req_cnf with a thumbprint alone',
    form: { req_cnf: '{"jkt":"x"}' },
    error: 'invalid_request',
    code: 'request_malformed: shape',
  },
  {
    rule: 'a req_cnf with a URL of a key (W01)',
    form: { req_cnf: '{"jwk":{},"jku":"http://169.254.169.254/"}' },
    error: 'invalid_request',
    code: 'request_malformed: shape',
  },
  {
    rule: 'a req_cnf with a private key',
    form: { req_cnf: JSON.stringify({ jwk: desk.privateJwk }) },
    error: 'invalid_request',
    code: 'request_malformed: key',
  },
  {
    rule: 'a req_cnf with the key of another agent (Q04)',
    form: { req_cnf: confirmation(till.publicKey) },
    error: 'invalid_request',
    code: 'request_malformed: key_not_proved',
  },
  {
    rule: 'a req_cnf with a fresh key',
    form: { req_cnf: confirmation(testKey('fresh').publicKey) },
    error: 'invalid_request',
    code: 'request_malformed: key_not_proved',
  },
  {
    rule: 'no authorization_details (draft 6.1.2)',
    form: { authorization_details: undefined },
    error: 'invalid_request',
    code: 'request_malformed: absent',
  },
  {
    rule: 'authorization_details that are no JSON (RFC 9396 5)',
    form: { authorization_details: '[' },
    error: 'invalid_authorization_details',
    code: 'details_invalid: syntax',
  },
  {
    rule: 'authorization_details that are an object (RFC 9396 2)',
    form: { authorization_details: '{}' },
    error: 'invalid_authorization_details',
    code: 'details_invalid: shape',
  },
  {
    rule: 'authorization_details with one member twice',
    form: { authorization_details: '[{"type":"a","type":"b"}]' },
    error: 'invalid_authorization_details',
    code: 'details_invalid: duplicate_member',
  },
  {
    rule: 'authorization_details with a number that changes when it is read',
    form: {
      authorization_details:
        '[{"type":"attenuating_agent_token","tools":{"refund":{"amount":{"constraint_type":"range","max":100000000000000000000001}}}}]',
    },
    error: 'invalid_authorization_details',
    code: 'details_invalid: shape',
  },
  {
    rule: 'authorization_details of another type (RFC 9396 5)',
    form: { authorization_details: '[{"type":"payment"}]' },
    error: 'invalid_authorization_details',
    code: 'details_invalid: type',
  },
  {
    rule: 'authorization_details without an entry',
    form: { authorization_details: '[]' },
    error: 'invalid_authorization_details',
    code: 'details_invalid: one_entry',
  },
  {
    rule: 'a tool that no grant has (draft 6.1.3)',
    form: { authorization_details: details({ wire: {} }) },
    error: 'invalid_authorization_details',
    code: 'grant_none: nothing_in_common',
  },
  {
    rule: 'a grant that is not there',
    form: { grant: 'none' },
    error: 'invalid_authorization_details',
    code: 'grant_none: no_grant',
  },
  {
    rule: 'a scope: authority is not asked for in scopes (RFC 6749 5.2)',
    form: { scope: 'admin' },
    error: 'invalid_scope',
    code: 'scope_refused',
  },
  {
    rule: 'a lifetime that is no number',
    form: { lifetime: '1e9' },
    error: 'invalid_request',
    code: 'request_malformed: shape',
  },
  {
    rule: 'a depth below nothing',
    form: { max_depth: '-1' },
    error: 'invalid_request',
    code: 'request_malformed: shape',
  },
  {
    rule: 'an approval that nobody asked for',
    form: { pending: 'x' },
    error: 'invalid_request',
    code: 'pending_unknown',
  },
];

/** Errors whose status RFC 6749 section 5.2 leaves to no choice are 400. */
describe('a request with', () => {
  for (const { rule, form, error, code } of CASES) {
    test(`${rule} is ${error}`, async () => {
      const office = await openOffice();
      const answer = await office.ask(desk, { ...honest, ...form });
      expect([answer.body['error'], answer.outcome]).toEqual([error, code]);
      expect(answer.status).toBe(400);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.body['access_token']).toBeUndefined();
      expect(answer.body['error_description']).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    });
  }
});

/** Sends a request as it stands. */
async function send(office: Office, init: RequestInit, url = TOKEN_URL) {
  return answerOf(await office.endpoint(new Request(url, init)));
}

const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' };

describe('the transport', () => {
  test('another method than POST is not allowed', async () => {
    const office = await openOffice();
    const answer = await send(office, { method: 'GET' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    expect(answer.body['error']).toBe('invalid_request');
  });

  const bodies: readonly [string, RequestInit, string, string?][] = [
    ['JSON', { headers: { 'Content-Type': 'application/json' }, body: '{}' }, 'content_type'],
    ['no content type', { body: new Uint8Array([1]) }, 'content_type'],
    [
      'another character set',
      {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-16' },
        body: 'a=b',
      },
      'content_type',
    ],
    [
      'a content type that only begins so',
      { headers: { 'Content-Type': 'application/x-www-form-urlencodedx' }, body: 'a=b' },
      'content_type',
    ],
    [
      'a parameter twice (RFC 6749 3.2)',
      { headers: FORM_TYPE, body: 'grant_type=a&grant_type=b' },
      'repeated',
    ],
    [
      'a parameter twice, once without a value',
      { headers: FORM_TYPE, body: 'grant_type=client_credentials&grant_type=' },
      'repeated',
    ],
    [
      'a parameter twice, once percent-encoded',
      { headers: FORM_TYPE, body: 'grant_type=a&grant%5Ftype=b' },
      'repeated',
    ],
    ['a broken percent-encoding', { headers: FORM_TYPE, body: 'grant_type=%zz' }, 'encoding'],
    [
      'percent-encoded bytes that are no UTF-8',
      { headers: FORM_TYPE, body: 'grant_type=%ff' },
      'encoding',
    ],
    [
      'bytes that are no UTF-8',
      { headers: FORM_TYPE, body: new Uint8Array([97, 61, 0xff]) },
      'encoding',
    ],
    ['an empty body', { headers: FORM_TYPE, body: '' }, 'absent'],
    [
      'parameters in the URL (RFC 6749 3.2)',
      { headers: FORM_TYPE, body: 'grant_type=client_credentials' },
      'query',
      `${TOKEN_URL}?grant_type=client_credentials`,
    ],
  ];
  for (const [rule, init, reason, url] of bodies) {
    test(`${rule} is invalid_request`, async () => {
      const office = await openOffice();
      const answer = await send(office, { method: 'POST', ...init }, url);
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
      expect(answer.outcome).toBe(`request_malformed: ${reason}`);
    });
  }

  test('more than 64 parameters are refused', async () => {
    const office = await openOffice();
    const body = Array.from({ length: 65 }, (_none, at) => `p${at}=1`).join('&');
    const answer = await send(office, { method: 'POST', headers: FORM_TYPE, body });
    expect(answer.outcome).toBe('request_malformed: too_many_parameters');
  });

  test('a body that is too large is refused before it has been read', async () => {
    const office = await openOffice();
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(97));
      },
    });
    const answer = await send(office, {
      method: 'POST',
      headers: FORM_TYPE,
      body: endless,
      duplex: 'half',
    } as RequestInit);
    expect([answer.status, answer.outcome]).toEqual([413, 'request_malformed: too_large']);
    expect(sent).toBeLessThan(MAX_TOKEN_REQUEST + 4 * 65_536);
  });

  test('the header Authorization does not authenticate, nor stand beside what does', async () => {
    const office = await openOffice();
    const answer = await send(office, {
      method: 'POST',
      headers: {
        Authorization: 'Basic YTpi',
        DPoP: dpopProof(desk, { claims: { nonce: office.nonces.issue() } }),
      },
      body: formOf({ ...honest }),
    });
    expect([answer.body['error'], answer.outcome]).toEqual([
      'invalid_client',
      'client_unauthenticated: method',
    ]);
  });
});

describe('the DPoP proof at the endpoint', () => {
  const proofs: readonly [string, (office: Office) => string | undefined, string, string][] = [
    ['no proof', () => undefined, 'invalid_dpop_proof', 'possession_unproved: absent'],
    ['a proof that is none', () => 'x', 'invalid_dpop_proof', 'possession_unproved: malformed'],
    [
      'a proof without nonce (RFC 9449 8)',
      () => dpopProof(desk, { claims: { nonce: undefined } }),
      'use_dpop_nonce',
      'nonce_required',
    ],
    [
      'a proof with a nonce that the client made up (E09)',
      () => dpopProof(desk),
      'use_dpop_nonce',
      'nonce_required',
    ],
    [
      'a proof for another endpoint (E05)',
      ({ nonces }) => dpopProof(desk, { claims: { nonce: nonces.issue(), htu: ISSUER } }),
      'invalid_dpop_proof',
      'possession_unproved: htu',
    ],
    [
      'a proof with a private key',
      ({ nonces }) =>
        dpopProof(desk, { claims: { nonce: nonces.issue() }, header: { jwk: desk.privateJwk } }),
      'invalid_dpop_proof',
      'possession_unproved: key_invalid',
    ],
    [
      'an AAT instead of a proof (A10)',
      () => jwt({ alg: 'Ed25519', typ: 'aat+jwt' }, {}, desk),
      'invalid_dpop_proof',
      'possession_unproved: typ',
    ],
  ];
  for (const [rule, proofOf, error, code] of proofs) {
    test(`${rule} is ${error}, with a nonce to go on with`, async () => {
      const office = await openOffice();
      const proof = proofOf(office);
      const answer = await send(office, {
        method: 'POST',
        headers: proof === undefined ? {} : { DPoP: proof },
        body: formOf(honest),
      });
      expect([answer.status, answer.body['error'], answer.outcome]).toEqual([400, error, code]);
      expect(office.nonces.accepts(answer.headers.get('dpop-nonce') ?? '')).toBe(true);
    });
  }

  test('the Host of the request does not decide which URL was meant (E05)', async () => {
    const office = await openOffice();
    const elsewhere = 'https://evil.example/oauth/token';
    const ask = async (htu: string) => {
      const claims = { nonce: office.nonces.issue(), htu };
      const init = { method: 'POST', headers: { DPoP: dpopProof(desk, { claims }) } };
      const body = formOf({ ...honest, client_assertion: 'x' });
      return (await send(office, { ...init, body }, elsewhere)).outcome;
    };
    expect(await ask(elsewhere)).toBe('possession_unproved: htu');
    expect(await ask(TOKEN_URL)).toBe('client_unauthenticated: absent');
  });

  test('a request that is sent twice is answered once (E02)', async () => {
    const office = await openOffice();
    const init = async () => ({
      method: 'POST',
      headers: { DPoP: proof },
      body: formOf({
        ...honest,
        client_assertion: document,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
      }),
    });
    const document = await office.identity(desk);
    const proof = dpopProof(desk, { claims: { nonce: office.nonces.issue() } });
    const answers = await Promise.all([send(office, await init()), send(office, await init())]);
    expect(answers.map(({ outcome }) => outcome).sort()).toEqual([
      'ok',
      'possession_unproved: replayed',
    ]);
  });
});

test('a proof that one node has seen is refused by every other, and its nonce accepted (E03)', async () => {
  const office = await openOffice();
  const proof = dpopProof(desk, { claims: { nonce: office.nonces.issue() } });
  const body = formOf({
    ...honest,
    client_assertion: await office.identity(desk),
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe',
  });
  const ask = async (node: Office['endpoint']): Promise<string> => {
    const request = new Request(TOKEN_URL, { method: 'POST', headers: { DPoP: proof }, body });
    return (await answerOf(await node(request))).outcome;
  };
  expect(await ask(office.otherNode)).toBe('ok');
  expect(await ask(office.endpoint)).toBe('possession_unproved: replayed');
});

test('a store that does not answer is temporarily_unavailable, and nothing of it is told', async () => {
  const failures: unknown[] = [];
  const secret = 'disk at /secret/place is full';
  const office = await openOffice({
    onFailure: (error) => failures.push(error),
    brokenStore: () => {
      throw new StoreError(undefined, secret);
    },
  });
  const answer = await office.ask(desk, honest);
  expect([answer.status, answer.body['error'], answer.body['code']]).toEqual([
    503,
    'temporarily_unavailable',
    'unavailable',
  ]);
  expect(JSON.stringify(answer.body)).not.toContain('secret');
  expect(failures).toHaveLength(1);
});
