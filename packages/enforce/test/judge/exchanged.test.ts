import { derive, issue, type JsonObject, type VerifiedChain } from '@taper/core';
import { exchangedFor } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  createMemoryRevocationView,
  type Revocation,
  type RevocationQuery,
  type RevocationView,
} from '../../src/index.ts';
import {
  agent,
  authority,
  chainOf,
  childOf,
  codeOf,
  grace,
  ISSUER,
  NOW,
  newSigner,
  nextId,
  orchestrator,
  PAYMENT,
  pay,
  pointWith,
  present,
  rootOf,
} from './scene.ts';

// What was exchanged for a root is revoked with everything below it (spec/revocation.md section 6.2).

const tools = { pay: {} };
const tenant = 'acme';
const middle = newSigner();

/** Authority → orchestrator → middle → desk: what desk exchanges. */
async function subjectChain(now = NOW - 30): Promise<VerifiedChain> {
  const common = { tools, now, maxDepth: 3 };
  const root = await issue({
    ...common,
    issuer: ISSUER,
    signer: authority,
    holder: orchestrator.publicKey,
    id: nextId(),
    lifetime: 630,
    caveats: { tenant },
  });
  const next = { signer: orchestrator, holder: middle.publicKey, id: nextId() };
  const second = await derive(root, { ...common, ...next });
  return derive(second, { ...common, signer: middle, holder: grace.publicKey, id: nextId() });
}

/** A root for grace, on which all of these rest, the latest first; and the agent's token below it. */
async function exchanged(...subjects: readonly VerifiedChain[]): Promise<VerifiedChain> {
  let information: JsonObject = {};
  for (const subject of subjects.toReversed()) {
    const { taper_subject: before } = information;
    information = exchangedFor(subject, before === undefined ? {} : { subject: before });
  }
  const root = await issue({
    issuer: ISSUER,
    signer: authority,
    holder: grace.publicKey,
    tools,
    now: NOW,
    id: nextId(),
    lifetime: 600,
    maxDepth: 1,
    caveats: { tenant },
    information,
  });
  const options = { signer: grace, holder: agent.publicKey, tools, now: NOW, id: nextId() };
  return derive(root, options);
}

type Target = (subject: VerifiedChain) => Revocation;

const TARGETS: readonly (readonly [string, Target])[] = [
  ['M02 the root of its subject', ({ tokens }) => ({ token: tokens[0]?.hash ?? '' })],
  ['M02 a token in the middle of its subject', ({ tokens }) => ({ token: tokens[1]?.hash ?? '' })],
  ['M01 the leaf of its subject', ({ leaf }) => ({ token: leaf.hash })],
  ['the key of the first holder there', () => ({ key: orchestrator.publicKey.thumbprint })],
  ['the key of a holder in the middle', () => ({ key: middle.publicKey.thumbprint })],
  ['the tenant, as it was before the exchange', () => ({ tenant, issuedBefore: NOW - 10 })],
];

describe('D22 a root that was made by token exchange is refused', () => {
  for (const [what, target] of TARGETS) {
    test(`at the next call after ${what} was revoked, cached or not`, async () => {
      const revocation = createMemoryRevocationView();
      const point = pointWith({ revocation, tenant });
      const subject = await subjectChain();
      const chain = await exchanged(subject);
      expect(codeOf(await pay(point, chain))).toBe('permit');
      expect(codeOf(await pay(point, chain))).toBe('permit');
      const unrelated = await exchanged(await chainOf({ root: { tenant } }));
      revocation.revoke(target(subject), NOW);
      const refused = await pay(point, chain);
      expect(codeOf(refused)).toBe('revoked');
      if (refused.verdict === 'deny' && !what.startsWith('the tenant'))
        expect(refused.denial.hop).toBe(0);
      // A chain that rests on others goes on, but for a key on both.
      const isShared = what.includes('first holder');
      expect(codeOf(await pay(point, unrelated))).toBe(isShared ? 'revoked' : 'permit');
    });
  }

  test('after what had been exchanged before that, and before that again, was revoked', async () => {
    const [first, second, third] = [
      await subjectChain(),
      await subjectChain(),
      await subjectChain(),
    ];
    for (const subject of [first, second, third]) {
      const revocation = createMemoryRevocationView();
      const point = pointWith({ revocation, tenant });
      const chain = await exchanged(third, second, first);
      expect(codeOf(await pay(point, chain))).toBe('permit');
      revocation.revoke({ token: subject.tokens[1]?.hash ?? '' }, NOW);
      expect(codeOf(await pay(point, chain))).toBe('revoked');
    }
  });

  test('and not where the tenant was revoked as of before its subject', async () => {
    const revocation = createMemoryRevocationView();
    const point = pointWith({ revocation, tenant });
    const chain = await exchanged(await subjectChain(NOW - 30));
    revocation.revoke({ tenant, issuedBefore: NOW - 30 }, NOW);
    expect(codeOf(await pay(point, chain))).toBe('permit');
    revocation.revoke({ tenant, issuedBefore: NOW - 29 }, NOW);
    expect(codeOf(await pay(point, chain))).toBe('revoked');
  });

  test('in a join by the chain that rests on it, at its root', async () => {
    const revocation = createMemoryRevocationView();
    const point = pointWith({ revocation, tenant });
    const plain = await childOf(await rootOf({ tenant }));
    const subject = await subjectChain();
    const wires = [await present(plain), await present(await exchanged(subject))];
    const joined = { taper_chains: wires };
    revocation.revoke({ token: subject.leaf.hash }, NOW);
    const refused = await point.authorize(joined, 'pay', PAYMENT);
    expect(refused).toMatchObject({ denial: { code: 'revoked', hop: 0 }, joined: 1 });
  });
});

describe('what a view is asked', () => {
  function recording(): RevocationView & { readonly asked: RevocationQuery[] } {
    const asked: RevocationQuery[] = [];
    return {
      asked,
      check(query, now) {
        asked.push(query);
        return { verdict: 'good', asOf: now };
      },
    };
  }

  test('of a chain that rests on others: its own first, then theirs, and the tokens and keys in that order', async () => {
    const revocation = recording();
    const subject = await subjectChain();
    const chain = await exchanged(subject);
    expect(codeOf(await pay(pointWith({ revocation, tenant }), chain))).toBe('permit');
    const [query] = revocation.asked as [RevocationQuery];
    const parts = [chain, subject].map(({ tokens, anchor }) => ({
      tokens: tokens.map(({ hash }) => hash),
      keys: [anchor.key.thumbprint, ...tokens.map(({ claims }) => claims.holder.thumbprint)],
    }));
    expect(query.chains).toEqual(parts);
    expect(query.tokens).toEqual(parts.flatMap(({ tokens }) => tokens));
    expect(query.keys).toEqual(parts.flatMap(({ keys }) => keys));
    expect(query.oldestIssuedAt).toBe(NOW - 30);
    // Whoever signed before the exchange was asked about then.
    expect(query.acting).toHaveLength(2);
  });

  test('of a chain that does not: itself, and each time the very same question', async () => {
    const revocation = recording();
    const point = pointWith({ revocation });
    const chain = await chainOf();
    for (let time = 0; time < 2; time += 1) await pay(point, chain);
    expect(revocation.asked[0]?.chains).toHaveLength(1);
    expect(new Set(revocation.asked).size).toBe(1);
  });

  test('an index beyond all of them is revoked all the same', async () => {
    const chain = await exchanged(await subjectChain());
    const revocation: RevocationView = {
      check: () => ({ verdict: 'revoked', what: 'token', index: 5 }),
    };
    expect(codeOf(await pay(pointWith({ revocation, tenant }), chain))).toBe('revoked');
  });
});

test('D22 a root that says in another shape what it rests on is refused before anybody is asked', async () => {
  const chain = await exchanged(await subjectChain());
  const root = chain.tokens[0]?.compact ?? '';
  const [header = '', payload = ''] = root.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  claims.taper_subject.tokens = [];
  const changed = Buffer.from(JSON.stringify(claims)).toString('base64url');
  const signed = Buffer.from(await authority.sign(Buffer.from(`${header}.${changed}`)));
  const wire = {
    aat_chain: [`${header}.${changed}.${signed.toString('base64url')}`],
    aat_pop: (await present(chain)).aat_pop,
  };
  const decision = await pointWith({ tenant }).authorize(wire, 'pay', PAYMENT);
  expect(decision).toMatchObject({
    denial: { code: 'caveats_malformed', hop: 0, facts: { claim: 'taper_subject' } },
  });
});
