import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { forge, TEST_TIME, type TestKey, testKey } from '@taper/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  makeIdentityDocument,
  verifyIdentityDocument,
} from '../../src/identity/identity-document.ts';
import type { AgentRecord, AuthorityStore, KeyRecord } from '../../src/port/store.ts';
import {
  authenticateClient,
  type ClientCredentials,
  JWT_BEARER,
  JWT_SPIFFE,
  readClient,
} from '../../src/token/client-authentication.ts';
import { verifyDpopProof } from '../../src/token/dpop.ts';
import { spend } from '../../src/token/single-use.ts';
import { assertion, dpopProof, ISSUER, jwt, TOKEN_URL } from './proofs.ts';

const DOMAIN = 'example.com';
const SPIFFE_ID = `spiffe://${DOMAIN}/acme/agent/desk`;
const OTHER_ID = `spiffe://${DOMAIN}/acme/agent/till`;
const [desk, deskOld, till, identity, mallory] = [
  'desk',
  'desk-old',
  'till',
  'identity',
  'mallory',
].map((name) => testKey(name)) as [TestKey, TestKey, TestKey, TestKey, TestKey];

function agentRecord(name: string, state: AgentRecord['state'] = 'active'): AgentRecord {
  const spiffeId = `spiffe://${DOMAIN}/acme/agent/${name}`;
  return { id: name, tenant: 'acme', name, spiffeId, state, createdAt: TEST_TIME, version: 1 };
}

function keyRecord(
  key: TestKey,
  holder: string,
  state: KeyRecord['state'] = 'current',
  endsAt?: number,
): KeyRecord {
  const { thumbprint, jwk } = key.publicKey;
  return { thumbprint, jwk, purpose: 'agent', holder, state, addedAt: TEST_TIME, endsAt };
}

async function openStore(
  agents: readonly AgentRecord[] = [agentRecord('desk'), agentRecord('till')],
  keys: readonly KeyRecord[] = [keyRecord(desk, 'desk'), keyRecord(till, 'till')],
): Promise<AuthorityStore> {
  const store = openSqliteAuthorityStore({ path: ':memory:' });
  onTestFinished(() => store.close());
  await store.transaction(async (tx) => {
    for (const agent of agents) await tx.insertAgent(agent);
    for (const key of keys) await tx.insertKey(key);
  });
  return store;
}

const trust = { issuer: ISSUER, keys: [identity.publicKey], trustDomain: DOMAIN };

/** The agent's name, or the refusal with its reason. */
async function authenticate(
  store: AuthorityStore,
  credentials: Partial<ClientCredentials>,
  { proofKey = desk, now = TEST_TIME }: { proofKey?: TestKey; now?: number } = {},
): Promise<string> {
  const proof = verifyDpopProof(dpopProof(proofKey, { claims: { iat: now } }), {
    method: 'POST',
    url: TOKEN_URL,
    now,
    acceptsNonce: () => true,
  });
  const expectation = {
    issuer: ISSUER,
    proof,
    now,
    verifyIdentity: (compact: string) => verifyIdentityDocument(compact, trust, now),
  };
  const nothing = { clientId: undefined, assertionType: undefined, assertion: undefined };
  try {
    const claimed = await readClient({ ...nothing, other: false, ...credentials }, expectation);
    const client = await store.transaction(async (tx) => {
      const authenticated = await authenticateClient(tx, claimed, expectation);
      await spend(tx, claimed.uses, now);
      return authenticated;
    });
    expect(client.key.thumbprint).toBe(proofKey.publicKey.thumbprint);
    return client.agent.name;
  } catch (error) {
    const { refusal, facts } = error as { refusal: string; facts: { reason?: string } };
    return facts?.reason === undefined ? refusal : `${refusal}: ${facts.reason}`;
  }
}

const bearer = (text: string): Partial<ClientCredentials> => ({
  assertionType: JWT_BEARER,
  assertion: text,
});

function document(changes: Partial<Parameters<typeof makeIdentityDocument>[0]> = {}) {
  return makeIdentityDocument({
    issuer: ISSUER,
    signer: identity.signer,
    spiffeId: SPIFFE_ID,
    key: desk.publicKey,
    now: TEST_TIME,
    expiresAt: TEST_TIME + 3600,
    id: 'document-1',
    ...changes,
  });
}

const presented = (text: string): Partial<ClientCredentials> => ({
  assertionType: JWT_SPIFFE,
  assertion: text,
});

describe('private_key_jwt', () => {
  test('authenticates the agent whose key signed it, with or without client_id', async () => {
    const store = await openStore();
    expect(await authenticate(store, bearer(assertion(desk, SPIFFE_ID)))).toBe('desk');
    const named = { ...bearer(assertion(desk, SPIFFE_ID)), clientId: SPIFFE_ID };
    expect(await authenticate(store, named)).toBe('desk');
  });

  test('may be typed, as draft-ietf-oauth-rfc7523bis wants it', async () => {
    const typed = assertion(desk, SPIFFE_ID, { header: { typ: 'client-authentication+jwt' } });
    expect(await authenticate(await openStore(), bearer(typed))).toBe('desk');
  });

  const refused: readonly [string, Parameters<typeof assertion>[2], string][] = [
    ['of another type', { header: { typ: 'dpop+jwt' } }, 'typ'],
    ['that is an identity document by its type', { header: { typ: 'wit+jwt' } }, 'typ'],
    ['without a signature algorithm', { header: { alg: 'none' } }, 'signature'],
    ['signed by a stranger', { signer: mallory }, 'signature'],
    ['signed by another agent', { signer: till }, 'signature'],
    ['whose issuer is not its subject', { claims: { iss: OTHER_ID } }, 'sub'],
    ['whose issuer is a list that has its subject (F07)', { claims: { iss: [SPIFFE_ID] } }, 'sub'],
    [
      'whose issuer only begins with its subject (F07)',
      { claims: { iss: `${SPIFFE_ID}x` } },
      'sub',
    ],
    ['without a subject', { claims: { sub: undefined, iss: undefined } }, 'sub'],
    ['without an audience', { claims: { aud: undefined } }, 'aud'],
    ['for the token endpoint instead of the issuer (F06)', { claims: { aud: TOKEN_URL } }, 'aud'],
    ['for another server (F06, F14)', { claims: { aud: 'https://other.example.com' } }, 'aud'],
    ['for us in a list of one (F06)', { claims: { aud: [ISSUER] } }, 'aud'],
    [
      'for us and an attacker (F05)',
      { claims: { aud: ['https://attacker.example', ISSUER] } },
      'aud',
    ],
    ['for a name that ours begins with (F05)', { claims: { aud: ISSUER.slice(0, -1) } }, 'aud'],
    [
      'for a name that begins with ours (F05)',
      { claims: { aud: `${ISSUER}.evil.example` } },
      'aud',
    ],
    ['for our name with a slash (F08)', { claims: { aud: `${ISSUER}/` } }, 'aud'],
    ['for our name in capitals (F08)', { claims: { aud: ISSUER.toUpperCase() } }, 'aud'],
    ['for our name with its port (F08)', { claims: { aud: `${ISSUER}:443` } }, 'aud'],
    ['for our name with a fragment (F08)', { claims: { aud: `${ISSUER}#` } }, 'aud'],
    ['without an end', { claims: { exp: undefined } }, 'exp'],
    ['that has ended this second', { claims: { exp: TEST_TIME } }, 'exp'],
    ['that ends in more than five minutes', { claims: { exp: TEST_TIME + 301 } }, 'exp'],
    ['with an end as text', { claims: { exp: String(TEST_TIME + 60) } }, 'exp'],
    ['that is not valid yet (J05)', { claims: { nbf: TEST_TIME + 31 } }, 'nbf'],
    [
      'that begins when it has ended (J05)',
      { claims: { exp: TEST_TIME + 9, nbf: TEST_TIME + 9 } },
      'nbf',
    ],
    ['that is from the future (J05)', { claims: { iat: TEST_TIME + 31 } }, 'iat'],
    ['with half a second (J05)', { claims: { iat: TEST_TIME + 0.5 } }, 'iat'],
    ['without an identifier', { claims: { jti: undefined } }, 'jti'],
    ['with an identifier that is large', { claims: { jti: 'x'.repeat(257) } }, 'jti'],
  ];
  for (const [rule, changes, reason] of refused) {
    test(`${rule} is refused`, async () => {
      const text = assertion(desk, SPIFFE_ID, changes);
      expect(await authenticate(await openStore(), bearer(text))).toBe(
        `client_unauthenticated: ${reason}`,
      );
    });
  }

  test('is used once, to its last second', async () => {
    const store = await openStore();
    const text = assertion(desk, SPIFFE_ID);
    expect(await authenticate(store, bearer(text))).toBe('desk');
    expect(await authenticate(store, bearer(text), { now: TEST_TIME + 59 })).toBe(
      'client_unauthenticated: replayed',
    );
  });

  test('of an agent that does not exist is refused as one whose signature is wrong', async () => {
    const text = assertion(mallory, `spiffe://${DOMAIN}/acme/agent/nobody`);
    expect(await authenticate(await openStore(), bearer(text))).toBe(
      'client_unauthenticated: signature',
    );
  });

  test('for another client_id than its subject is refused', async () => {
    const named = { ...bearer(assertion(desk, SPIFFE_ID)), clientId: OTHER_ID };
    expect(await authenticate(await openStore(), named)).toBe('client_unauthenticated: client_id');
  });

  test('goes with a DPoP proof of the same agent and of nobody else (Q04)', async () => {
    const store = await openStore();
    const refusedFor = async (proofKey: TestKey) =>
      authenticate(store, bearer(assertion(desk, SPIFFE_ID)), { proofKey });
    expect(await refusedFor(till)).toBe('key_not_current');
    expect(await refusedFor(mallory)).toBe('key_not_current');
  });
});

describe('keys and states', () => {
  const overlapping = (endsAt: number): KeyRecord[] => [
    keyRecord(desk, 'desk'),
    keyRecord(deskOld, 'desk', 'overlapping', endsAt),
  ];

  test('a key that was replaced serves to the second before its overlap ends', async () => {
    const store = await openStore([agentRecord('desk')], overlapping(TEST_TIME + 1));
    const ask = (now: number) =>
      authenticate(
        store,
        bearer(assertion(deskOld, SPIFFE_ID, { claims: { iat: now, exp: now + 60 } })),
        { proofKey: deskOld, now },
      );
    expect(await ask(TEST_TIME)).toBe('desk');
    expect(await ask(TEST_TIME + 1)).toBe('client_unauthenticated: signature');
  });

  for (const state of ['former', 'compromised'] as const) {
    test(`a key that is ${state} signs nothing`, async () => {
      const keys = [keyRecord(desk, 'desk'), keyRecord(deskOld, 'desk', state, TEST_TIME)];
      const store = await openStore([agentRecord('desk')], keys);
      expect(await authenticate(store, bearer(assertion(deskOld, SPIFFE_ID)))).toBe(
        'client_unauthenticated: signature',
      );
      const proved = bearer(assertion(desk, SPIFFE_ID));
      expect(await authenticate(store, proved, { proofKey: deskOld })).toBe('key_not_current');
    });
  }

  for (const state of ['suspended', 'retired'] as const) {
    test(`an agent that is ${state} gets nothing, and learns why`, async () => {
      const store = await openStore([agentRecord('desk', state)], [keyRecord(desk, 'desk')]);
      expect(await authenticate(store, bearer(assertion(desk, SPIFFE_ID)))).toBe(`agent_${state}`);
      expect(await authenticate(store, presented(await document()))).toBe(`agent_${state}`);
    });
    test(`whoever cannot sign for an agent does not learn that it is ${state}`, async () => {
      const store = await openStore([agentRecord('desk', state)], [keyRecord(desk, 'desk')]);
      const text = assertion(desk, SPIFFE_ID, { signer: mallory });
      expect(await authenticate(store, bearer(text))).toBe('client_unauthenticated: signature');
    });
  }
});

describe('the identity document', () => {
  test('authenticates with a proof by the key that it names', async () => {
    expect(await authenticate(await openStore(), presented(await document()))).toBe('desk');
  });

  test('is nothing in the hands of whoever does not have that key (E01)', async () => {
    expect(
      await authenticate(await openStore(), presented(await document()), { proofKey: till }),
    ).toBe('client_unauthenticated: key');
  });

  test('is refused when it has ended, is of another issuer or was signed by another key', async () => {
    const store = await openStore();
    const refused = [
      { expiresAt: TEST_TIME, now: TEST_TIME - 60 },
      { issuer: `${ISSUER}/` },
      { issuer: 'https://other.example.com' },
      { signer: mallory.signer },
      { spiffeId: 'spiffe://other.example/acme/agent/desk' },
    ];
    for (const changes of refused)
      expect(await authenticate(store, presented(await document(changes)))).toMatch(
        /^identity_refused/,
      );
  });

  test('names the agent of its key, and no other', async () => {
    const text = await document({ spiffeId: OTHER_ID });
    expect(await authenticate(await openStore(), presented(text))).toBe('key_not_current');
  });

  test('does not outlive its key', async () => {
    const keys = [keyRecord(desk, 'desk', 'former', TEST_TIME), keyRecord(deskOld, 'desk')];
    const store = await openStore([agentRecord('desk')], keys);
    expect(await authenticate(store, presented(await document()))).toBe('key_not_current');
  });

  test('is no bearer assertion, and an assertion no document', async () => {
    const store = await openStore();
    expect(await authenticate(store, bearer(await document()))).toBe('client_unauthenticated: typ');
    expect(await authenticate(store, presented(assertion(desk, SPIFFE_ID)))).toMatch(
      /^identity_refused/,
    );
  });
});

test('nothing, a secret and an unknown kind of assertion do not authenticate', async () => {
  const store = await openStore();
  const valid = bearer(assertion(desk, SPIFFE_ID));
  const reasons: readonly [Partial<ClientCredentials>, string][] = [
    [{}, 'absent'],
    [{ clientId: SPIFFE_ID }, 'absent'],
    [{ ...valid, assertionType: undefined }, 'absent'],
    [
      { ...valid, assertionType: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
      'assertion_type',
    ],
    [{ ...valid, other: true }, 'method'],
    [bearer('x'), 'malformed'],
    [bearer('x'.repeat(10_000)), 'malformed'],
  ];
  for (const [credentials, reason] of reasons)
    expect(await authenticate(store, credentials)).toBe(`client_unauthenticated: ${reason}`);
});

test('an assertion that says one claim twice is refused', async () => {
  const [header] = jwt({ alg: 'Ed25519' }, {}, desk).split('.');
  const claims = `{"aud":"x","aud":"${ISSUER}","exp":${TEST_TIME + 60},"iss":"${SPIFFE_ID}","jti":"1","sub":"${SPIFFE_ID}"}`;
  const input = `${header}.${Buffer.from(claims).toString('base64url')}`;
  const signature = Buffer.from(desk.sign(Buffer.from(input))).toString('base64url');
  expect(await authenticate(await openStore(), bearer(`${input}.${signature}`))).toBe(
    'client_unauthenticated: malformed',
  );
});

test('an identifier that one agent used is still every other one’s (E04)', async () => {
  const store = await openStore();
  const ask = (key: TestKey, id: string) =>
    authenticate(
      store,
      {
        assertionType: JWT_BEARER,
        assertion: assertion(key, id, { claims: { jti: 'the same' } }),
      },
      { proofKey: key },
    );
  expect(await ask(till, OTHER_ID)).toBe('till');
  expect(await ask(desk, SPIFFE_ID)).toBe('desk');
  expect(await ask(desk, SPIFFE_ID)).toBe('client_unauthenticated: replayed');
});

test.each(['1.8e9', `${TEST_TIME + 60}.0`, '-1', `"${TEST_TIME + 60}"`])(
  'an expiry that is no whole number as it stands is none: %s (C11)',
  async (exp) => {
    const store = await openStore();
    const claims = `{"aud":"${ISSUER}","exp":${exp},"iss":"${SPIFFE_ID}","jti":"1","sub":"${SPIFFE_ID}"}`;
    const compact = forge({ header: { alg: desk.alg }, payload: claims, signature: desk });
    expect(await authenticate(store, { assertionType: JWT_BEARER, assertion: compact })).toBe(
      'client_unauthenticated: exp',
    );
  },
);
