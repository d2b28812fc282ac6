import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import { type JsonObject, type PublicKey, parseJson, type VerifiedChain } from '@taper/core';
import {
  createRandom,
  createTestClock,
  type TestClock,
  type TestKey,
  testKey,
} from '@taper/testkit';
import { onTestFinished } from 'vitest';
import {
  createForeignDomains,
  type ForeignDomainOptions,
} from '../../src/foreign/foreign-domain.ts';
import { readGrantSet } from '../../src/grant/read-grant-set.ts';
import { type Agents, createAgents } from '../../src/identity/agents.ts';
import { verifyIdentityDocument } from '../../src/identity/identity-document.ts';
import { createIssuance } from '../../src/issuance/issuance.ts';
import type { RootRequest } from '../../src/issuance/request.ts';
import { createTrustedIssuers } from '../../src/oidc/trusted-issuers.ts';
import type { AuthorityStore } from '../../src/port/store.ts';
import { JWT_SPIFFE } from '../../src/token/client-authentication.ts';
import { createTokenExchange, TOKEN_EXCHANGE } from '../../src/token/exchange.ts';
import { createNonces, loadNonceSecret, type Nonces } from '../../src/token/nonce.ts';
import type { RevocationCheck } from '../../src/token/subject-chain.ts';
import { createTokenEndpoint, type TokenEndpoint } from '../../src/token/token-endpoint.ts';
import { AAT_CHAIN, JWT } from '../../src/token/token-type.ts';
import { type Changes, dpopProof, ISSUER, sha256, TOKEN_URL } from './proofs.ts';

const DOMAIN = 'example.com';
/** The issuer of users' tokens. */
export const LOGIN = 'https://login.example.com';
/** A foreign trust domain. */
export const PARTNER = 'https://authority.partner.example';

export const KEYS: {
  readonly root: TestKey;
  readonly identity: TestKey;
  readonly login: TestKey;
  readonly partner: TestKey;
  readonly desk: TestKey;
  readonly till: TestKey;
  readonly rival: TestKey;
} = {
  root: testKey('office root'),
  identity: testKey('office identity'),
  login: testKey('login'),
  partner: testKey('partner root'),
  desk: testKey('office desk'),
  till: testKey('office till', 'ES256'),
  rival: testKey('office rival'),
};

export const spiffeId = (name: string, tenant = 'acme'): string =>
  `spiffe://${DOMAIN}/${tenant}/agent/${name}`;

const any = { constraint_type: 'wildcard' };
const upTo = (max: number): JsonObject => ({ constraint_type: 'range', max });

/** What the operator granted. */
const GRANTS: readonly JsonObject[] = [
  grant('work', { refund: { order: any, amount: upTo(100) }, lookup: { order: any } }),
  grant(
    'on-behalf',
    { refund: { order: any, amount: upTo(80) }, lookup: { order: any } },
    {
      subject: {
        kind: 'user',
        issuer: LOGIN,
        scopes: {
          'orders:read': { lookup: { order: any } },
          'orders:refund': { refund: { order: any, amount: upTo(50) } },
        },
      },
    },
  ),
  grant(
    'handed-on',
    { refund: { order: any, amount: upTo(90) }, lookup: { order: any } },
    { subject: { kind: 'chain' }, max_depth: 8, lifetime: 86_400 },
  ),
  grant(
    'partner',
    { lookup: { order: any } },
    { subject: { kind: 'foreign', issuer: PARTNER, tools: { find_order: 'lookup' } } },
  ),
];

function grant(name: string, tools: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    name,
    tenant: 'acme',
    agents: ['desk', 'till'],
    tools,
    audience: 'any',
    max_depth: 3,
    max_depth_reason: 'two helpers and a tool',
    lifetime: 3600,
    ends: '2027-06-30T00:00:00Z',
    ...more,
  };
}

/** An authority with an agent `desk` and an agent `till` of the tenant acme, and a `rival` of another. Everything in it is real. */
export interface Office {
  readonly clock: TestClock;
  readonly store: AuthorityStore;
  readonly agents: Agents;
  readonly nonces: Nonces;
  readonly endpoint: TokenEndpoint;
  /** Another node on the same store. */
  readonly otherNode: TokenEndpoint;
  /** What was revoked: hashes of tokens and thumbprints of keys. */
  readonly revoked: Set<string>;
  /** Identity document of whoever has the key. */
  identity(key: TestKey): Promise<string>;
  /** Asks as the holder of the key, with its identity document as client authentication, and a proof as it should be. */
  ask(key: TestKey, form: Form, how?: How): Promise<Answer>;
  /** Exchanges a subject token, with actor token and proof as they should be. */
  exchange(key: TestKey, subject: string, form?: Form, how?: How): Promise<Answer>;
  /** A root of the grant `work`, or another. */
  root(key: TestKey, form?: Form): Promise<string>;
}

/** Parameters; those that are `undefined` are left out. */
export type Form = Readonly<Record<string, string | undefined>>;

export interface How {
  /** Claims of the DPoP proof in the place of others. */
  readonly claims?: Changes;
  /** Signs the proof. */
  readonly proofKey?: TestKey;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JsonObject;
  /** `ok`, or code and reason. */
  readonly outcome: string;
}

export interface OfficeOptions {
  readonly foreign?: readonly ForeignDomainOptions[];
  readonly revoked?: RevocationCheck;
  readonly issuer?: string;
  readonly url?: string;
  readonly clock?: TestClock;
  readonly onFailure?: (error: unknown) => void;
  /** What issuing is asked instead of what the exchange asks. */
  readonly misunderstood?: (request: RootRequest) => RootRequest | Promise<RootRequest>;
  /** The store as endpoint, exchange and issuance have it. */
  readonly storeAs?: (store: AuthorityStore) => AuthorityStore;
  /** What the endpoint's transactions do instead. */
  readonly brokenStore?: () => never;
}

export async function openOffice(options: OfficeOptions = {}): Promise<Office> {
  const { issuer = ISSUER, url = TOKEN_URL, clock = createTestClock(), brokenStore } = options;
  const random = createRandom('office');
  const kept = openSqliteAuthorityStore({ path: ':memory:' });
  onTestFinished(() => kept.close());
  const store = options.storeAs?.(kept) ?? kept;
  const common = { store, issuer, clock: clock.now, random: random.bytes };
  const agents = createAgents({
    ...common,
    store: kept,
    trustDomain: DOMAIN,
    identity: KEYS.identity.signer,
    root: KEYS.root.signer,
  });
  const members: readonly [TestKey, string, string][] = [
    [KEYS.desk, 'acme', 'desk'],
    [KEYS.till, 'acme', 'till'],
    [KEYS.rival, 'rivals', 'rival'],
  ];
  for (const [key, tenant, name] of members)
    await agents.enrol({
      possession: { key: key.publicKey },
      admission: { kind: 'operator', tenant, name, by: { kind: 'operator', id: 'test' } },
    });
  const text = JSON.stringify({ type: 'taper-grants', version: 1, grants: GRANTS });
  await kept.transaction((tx) =>
    tx.insertGrantSet({
      version: 1,
      document: readGrantSet(text).document,
      appliedAt: clock.now(),
      appliedBy: 'test',
    }),
  );
  const { issueRoot } = createIssuance({ ...common, root: KEYS.root.signer });
  const users = createTrustedIssuers({
    clock: clock.now,
    issuers: [
      {
        use: 'subject',
        issuer: LOGIN,
        audience: issuer,
        algorithms: ['Ed25519'],
        jwks: { keys: [{ ...KEYS.login.publicKey.jwk, kid: 'login', alg: 'Ed25519', use: 'sig' }] },
      },
    ],
  });
  const trust = { issuer, keys: [KEYS.identity.publicKey], trustDomain: DOMAIN };
  const verifyIdentity = (compact: string, now: number) =>
    verifyIdentityDocument(compact, trust, now);
  const revoked = new Set<string>();
  const openNonces = async (): Promise<Nonces> =>
    createNonces({
      secret: await loadNonceSecret(kept, random.bytes),
      clock: clock.now,
      random: random.bytes,
    });
  const nonces = await openNonces();
  const exchange = createTokenExchange({
    issuer,
    store,
    anchors: [{ issuer, key: KEYS.root.publicKey }],
    foreign: createForeignDomains(options.foreign ?? [], issuer),
    revoked:
      options.revoked ??
      (({ chains }) =>
        chains.some(({ tokens, keys }) => [...tokens, ...keys].some((id) => revoked.has(id)))
          ? 'revoked'
          : 'good'),
    verifyIdentity,
    verifyUserToken: (token) => users.verifyToken(token, 'subject'),
    issueRoot: async (request) => issueRoot((await options.misunderstood?.(request)) ?? request),
  });
  const openNode = (own: Nonces): TokenEndpoint =>
    createTokenEndpoint({
      issuer,
      url,
      store:
        brokenStore === undefined
          ? store
          : { ...store, read: async () => brokenStore(), transaction: async () => brokenStore() },
      nonces: own,
      verifyIdentity,
      issueRoot,
      exchange,
      clock: clock.now,
      onFailure: options.onFailure ?? ((error) => console.error(error)),
    });
  const endpoint = openNode(nonces);
  const otherNode = openNode(await openNonces());

  const identity = async (key: TestKey): Promise<string> =>
    (await agents.renewIdentity({ key: key.publicKey })).document;

  async function ask(key: TestKey, form: Form, how: How = {}): Promise<Answer> {
    const { proofKey = key, claims = {} } = how;
    const authentication = {
      client_assertion_type: JWT_SPIFFE,
      client_assertion: 'client_assertion' in form ? undefined : await identity(key),
    };
    const nonce = nonces.issue();
    const proof = dpopProof(proofKey, {
      claims: { iat: clock.now(), htu: url, nonce, ...claims },
    });
    const body = formOf({ ...authentication, ...form });
    const request = new Request(url, { method: 'POST', headers: { DPoP: proof }, body });
    const answer = await answerOf(await endpoint(request));
    requireNoSecret(answer, [proof, nonce, ...body.values()]);
    return answer;
  }

  return {
    clock,
    store: kept,
    agents,
    nonces,
    endpoint,
    otherNode,
    revoked,
    identity,
    ask,
    async exchange(key, subject, form = {}, how = {}) {
      const actor = form['actor_token'] ?? (await identity(key));
      const parameters = {
        grant_type: TOKEN_EXCHANGE,
        subject_token: subject,
        subject_token_type: AAT_CHAIN,
        actor_token: actor,
        actor_token_type: JWT,
        ...form,
      };
      const claims = { subject_hash: sha256(subject), actor_hash: sha256(actor), aud: issuer };
      return ask(key, parameters, { ...how, claims: { ...claims, ...how.claims } });
    },
    async root(key, form = {}) {
      const answer = await ask(key, {
        grant_type: 'client_credentials',
        req_cnf: confirmation(key.publicKey),
        authorization_details: details({ refund: { order: any, amount: upTo(100) } }),
        ...form,
      });
      if (answer.status !== 200) throw new Error(`no root: ${answer.outcome}`);
      return answer.body['access_token'] as string;
    },
  };
}

/** Nothing that was sent comes back in a refusal: it would stand in logs (T01). */
function requireNoSecret({ outcome, body }: Answer, sent: readonly string[]): void {
  const text = outcome === 'ok' ? '' : JSON.stringify(body);
  for (const value of sent.flatMap((each) => each.split(/[.~]/)))
    if (value.length > 60 && text.includes(value)) throw new Error(`a secret came back: ${text}`);
}

export const confirmation = (key: PublicKey): string => JSON.stringify({ jwk: key.jwk });

/** `authorization_details` that ask for these tools. */
export const details = (tools: JsonObject): string =>
  JSON.stringify([{ type: 'attenuating_agent_token', tools }]);

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const parsed = parseJson(text);
  if (!parsed.ok) throw new Error(`no JSON: ${text}`);
  const body = parsed.value as JsonObject;
  const {
    code,
    facts,
    access_token: token,
  } = body as {
    readonly code?: string;
    readonly facts?: { readonly reason?: string };
    readonly access_token?: string;
  };
  const reason = facts?.reason === undefined ? '' : `: ${facts.reason}`;
  const outcome = token === undefined ? `${code}${reason}` : 'ok';
  return { status: response.status, headers: response.headers, body, outcome };
}

export function formOf(form: Form): URLSearchParams {
  const entries = Object.entries(form).filter(([, value]) => value !== undefined);
  return new URLSearchParams(entries as [string, string][]);
}

/** The tokens of a chain as `subject_token`. */
export const subjectOf = ({ tokens }: VerifiedChain): string =>
  tokens.map(({ compact }) => compact).join('~');
