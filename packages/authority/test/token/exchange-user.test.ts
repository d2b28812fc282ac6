import type { JsonObject } from '@taper/core';
import { TEST_TIME, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { ACCESS_TOKEN, ID_TOKEN } from '../../src/token/token-type.ts';
import { claimsOf } from './chains.ts';
import {
  type Answer,
  details,
  type Form,
  KEYS,
  LOGIN,
  type Office,
  openOffice,
  spiffeId,
} from './office.ts';
import { type Changes, ISSUER, jwt, sha256 } from './proofs.ts';

const { desk, login } = KEYS;
const any = { constraint_type: 'wildcard' };
const LOOKUP: JsonObject = { lookup: { order: any } };
const REFUND: JsonObject = {
  refund: { order: any, amount: { constraint_type: 'range', max: 50 } },
};

/** An access token (RFC 9068) as the login makes it for Ada, but for what is said. */
function accessToken(claims: Changes = {}, header: Changes = {}, signer = login): string {
  return jwt(
    { alg: 'Ed25519', kid: 'login', typ: 'at+jwt', ...header },
    {
      iss: LOGIN,
      sub: 'ada',
      aud: ISSUER,
      iat: TEST_TIME,
      exp: TEST_TIME + 600,
      jti: 'token-1',
      scope: 'orders:read orders:refund profile',
      ...claims,
    },
    signer,
  );
}

function exchange(office: Office, token: string, form: Form = {}): Promise<Answer> {
  return office.exchange(desk, token, { subject_token_type: ACCESS_TOKEN, ...form });
}

async function outcomeOf(token: string, form: Form = {}): Promise<string> {
  return (await exchange(await openOffice(), token, form)).outcome;
}

async function rootOf(token: string, form: Form = {}): Promise<JsonObject> {
  const answer = await exchange(await openOffice(), token, form);
  if (answer.outcome !== 'ok') throw new Error(JSON.stringify(answer.body));
  return claimsOf(answer.body['access_token'] as string);
}

const toolsOf = (claims: JsonObject): JsonObject =>
  (claims['authorization_details'] as readonly JsonObject[])[0]?.['tools'] as JsonObject;

describe("a user's access token is exchanged for a root of the agent", () => {
  test('with the tools that the grant has for its scopes, for as long as it lives', async () => {
    const token = accessToken();
    const claims = await rootOf(token);
    expect(toolsOf(claims)).toEqual({ ...LOOKUP, ...REFUND });
    expect(claims).toMatchObject({
      exp: TEST_TIME + 600,
      sub: 'ada',
      act: { iss: ISSUER, sub: spiffeId('desk') },
      taper_subject: { kind: 'user', iss: LOGIN, hash: sha256(token) },
      taper: { tenant: 'acme' },
    });
  });

  test('a scope that the token does not have gives nothing', async () => {
    expect(toolsOf(await rootOf(accessToken({ scope: 'orders:read' })))).toEqual(LOOKUP);
    expect(await outcomeOf(accessToken({ scope: 'profile' }))).toBe(
      'grant_none: nothing_in_common',
    );
    expect(await outcomeOf(accessToken({ scope: undefined }))).toBe(
      'grant_none: nothing_in_common',
    );
    expect(await outcomeOf(accessToken({ scope: ['orders:read'] }))).toBe('subject_refused: scope');
  });

  test('scope can only leave out, and leaving it out adds nothing (D23)', async () => {
    expect(toolsOf(await rootOf(accessToken(), { scope: 'orders:read' }))).toEqual(LOOKUP);
    const answer = await exchange(await openOffice(), accessToken({ scope: 'orders:read' }), {
      scope: 'orders:read orders:refund',
    });
    expect([answer.body['error'], answer.outcome]).toEqual(['invalid_scope', 'scope_refused']);
  });

  test('authorization_details can only narrow (D23)', async () => {
    const wide = { refund: { order: any, amount: { constraint_type: 'range', max: 80 } } };
    expect(toolsOf(await rootOf(accessToken(), { authorization_details: details(wide) }))).toEqual(
      REFUND,
    );
  });

  test('the end does not move, however often it is exchanged (D22)', async () => {
    const office = await openOffice();
    const token = accessToken();
    office.clock.advance(599);
    const answer = await exchange(office, token);
    expect(answer.body['expires_in']).toBe(1);
    office.clock.advance(1);
    expect((await exchange(office, token)).outcome).toBe('subject_refused: identity_refused');
  });

  test('without an actor there is no exchange (D21)', async () => {
    expect(await outcomeOf(accessToken(), { actor_token: '', actor_token_type: '' })).toBe(
      'actor_required',
    );
    const mayAct = { may_act: { iss: ISSUER, sub: spiffeId('desk') } };
    expect(await outcomeOf(accessToken(mayAct), { actor_token: '', actor_token_type: '' })).toBe(
      'actor_required',
    );
  });
});

describe('may_act names the one who may (D25)', () => {
  const mayAct = { iss: ISSUER, sub: spiffeId('desk') };
  test('by issuer and subject', async () => {
    expect(await outcomeOf(accessToken({ may_act: mayAct }))).toBe('ok');
  });
  const refused: readonly [string, unknown][] = [
    ['by subject alone', { sub: mayAct.sub }],
    ['by issuer alone', { iss: mayAct.iss }],
    ['another agent', { ...mayAct, sub: spiffeId('till') }],
    ['the same subject of another issuer', { ...mayAct, iss: LOGIN }],
    ['an issuer that ours begins with', { ...mayAct, iss: `${ISSUER}/` }],
    ['several issuers (F07)', { ...mayAct, iss: [ISSUER, LOGIN] }],
    ['more than is understood', { ...mayAct, client_id: 'x' }],
    ['nobody', {}],
    ['no object', 'x'],
    ['null', null],
    ['a list', [mayAct]],
  ];
  for (const [rule, value] of refused) {
    test(`${rule} is refused`, async () => {
      const answer = await exchange(await openOffice(), accessToken({ may_act: value }));
      expect([answer.body['error'], answer.outcome]).toEqual([
        'invalid_request',
        'actor_refused: may_act',
      ]);
    });
  }
});

describe('act of the token is kept (D24)', () => {
  test('within that of the root, and opens nothing', async () => {
    const act = { iss: LOGIN, sub: 'assistant', act: { iss: LOGIN, sub: 'portal' } };
    const claims = await rootOf(accessToken({ act, scope: 'orders:read' }));
    expect(claims['act']).toEqual({ iss: ISSUER, sub: spiffeId('desk'), act });
    expect(toolsOf(claims)).toEqual(LOOKUP);
  });
  test('another issuer says nothing of agents of ours, and learns nothing of them (D24, F16)', async () => {
    const office = await openOffice();
    const by = { kind: 'operator', id: 'test' } as const;
    await office.agents.suspend({ agent: spiffeId('till'), by });
    for (const name of ['desk', 'till', 'nobody']) {
      const ours = { iss: ISSUER, sub: spiffeId(name) };
      for (const act of [ours, { iss: LOGIN, sub: 'portal', act: ours }])
        expect((await exchange(office, accessToken({ act }))).outcome).toBe('subject_refused: act');
    }
    const theirs = { iss: LOGIN, sub: spiffeId('till') };
    expect((await exchange(office, accessToken({ act: theirs }))).outcome).toBe('ok');
  });
  test('what cannot be kept refuses', async () => {
    let deep: JsonObject = { sub: 'a' };
    for (let level = 0; level < 15; level += 1) deep = { sub: 'a', act: deep };
    for (const act of ['x', null, [], { sub: 'a', act: 'b' }, deep])
      expect(await outcomeOf(accessToken({ act }))).toBe('subject_refused: act');
  });
});

describe('a token that is not to be trusted is invalid_request (RFC 8693 2.2.2)', () => {
  const refused: readonly [string, Changes, Changes?, string?][] = [
    ['of another issuer', { iss: 'https://login.other.example' }],
    ['of an issuer that ours begins with (F07)', { iss: `${LOGIN}.evil.example` }],
    ['of a list of issuers (F07)', { iss: [LOGIN] }],
    ['of our issuer with a slash (F08)', { iss: `${LOGIN}/` }],
    ['of our issuer in capitals (F08)', { iss: 'https://LOGIN.example.com' }],
    ['of our issuer with its port (F08)', { iss: `${LOGIN}:443` }],
    ['of our issuer with a user (F08)', { iss: 'https://x@login.example.com' }],
    ['for another server (F14)', { aud: 'https://shop.example.com' }],
    ['for us and an attacker (F05)', { aud: [ISSUER, 'https://attacker.example'] }],
    ['for a name that begins with ours (F05)', { aud: `${ISSUER}.evil.example` }],
    ['for nobody', { aud: undefined }],
    ['that has ended', { exp: TEST_TIME }],
    ['without an end', { exp: undefined }],
    ['that is not valid yet (J05)', { nbf: TEST_TIME + 300 }],
    ['from the future (J05)', { iat: TEST_TIME + 300 }],
    ['without a subject', { sub: undefined }],
    ['of another type', {}, { typ: 'dpop+jwt' }],
    ['that is unsecured', {}, { alg: 'none' }],
    ['under an algorithm that is not configured', {}, { alg: 'ES256' }],
    ['whose header says where its keys are (W01)', {}, { jku: 'http://169.254.169.254/' }],
    ['whose header brings its key (W01)', {}, { jwk: testKey('mallory').publicKey.jwk }],
  ];
  for (const [rule, claims, header] of refused) {
    test(rule, async () => {
      const answer = await exchange(await openOffice(), accessToken(claims, header));
      expect(answer.body['error']).toBe('invalid_request');
      expect(answer.outcome).toMatch(/^subject_refused: (identity_refused|issuer_untrusted)$/);
    });
  }

  test('signed by another key', async () => {
    expect(await outcomeOf(accessToken({}, {}, testKey('mallory')))).toBe(
      'subject_refused: identity_refused',
    );
  });

  test('no JWT, or one that is too long', async () => {
    expect(await outcomeOf('opaque')).toBe('subject_refused: identity_refused');
    expect(await outcomeOf(accessToken({ x: 'y'.repeat(20_000) }))).toBe(
      'subject_refused: too_long',
    );
  });
});

describe('an ID token', () => {
  const idToken = (claims: Changes = {}, header: Changes = {}) =>
    accessToken({ scope: undefined, nonce: 'n', ...claims }, { typ: 'JWT', ...header });

  test('has the scope that there is for it, and gives what the grant has for that: here nothing', async () => {
    expect(await outcomeOf(idToken(), { subject_token_type: ID_TOKEN })).toBe(
      'grant_none: nothing_in_common',
    );
  });
  test('sent as an access token is refused, and so is an access token sent as one (B12)', async () => {
    expect(await outcomeOf(idToken({ scope: 'orders:read' }))).toBe('subject_refused: type');
    expect(await outcomeOf(accessToken(), { subject_token_type: ID_TOKEN })).toBe(
      'subject_refused: type',
    );
  });
});
