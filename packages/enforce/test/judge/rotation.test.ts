import {
  approve,
  consentToRotation,
  createVerifier,
  derive,
  prove,
  rotateKey,
  type Signer,
  type VerifiedChain,
} from '@taper/core';
import { describe, expect, test } from 'vitest';
import {
  createMemoryApprovalSource,
  createMemoryRevocationView,
  type EnforcementPoint,
  type RevocationQuery,
  type RevocationView,
} from '../../src/index.ts';
import { handshake, open, sessionPoint, TEXT } from '../session/parties.ts';
import {
  AUDIENCE,
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

const nextAgent = newSigner();
const nextOrchestrator = newSigner();
const nextAuthority = newSigner();

interface Statement {
  readonly from?: Signer;
  readonly to?: Signer;
  readonly signer?: Signer;
}

async function statement({ from = agent, to = nextAgent, signer = authority }: Statement = {}) {
  const common = {
    issuer: ISSUER,
    subject: 'spiffe://example.com/acme/agent/a',
    oldKey: from.publicKey,
    newKey: to.publicKey,
    now: NOW - 10,
  };
  return rotateKey({
    ...common,
    signer,
    consent: await consentToRotation({ ...common, signer: from }),
    acceptance: await consentToRotation({ ...common, signer: to }),
    overlap: 10,
    id: nextId(),
  });
}

/** A payment that the new key of the agent proves. */
async function payRotated(point: EnforcementPoint, chain: VerifiedChain, by?: Statement) {
  const call = { tool: 'pay', args: PAYMENT, now: NOW, id: nextId(), audience: AUDIENCE };
  const rotation = [await statement(by)];
  return point.authorize(
    await prove(chain, { ...call, signer: nextAgent, rotation }),
    'pay',
    PAYMENT,
  );
}

const BOTH = [authority, nextAuthority].map(({ publicKey: key }) => ({ issuer: ISSUER, key }));

/** The chain, as somebody knows it who trusts both root keys. */
function underBoth({ tokens }: VerifiedChain): VerifiedChain {
  const verifier = createVerifier({ anchors: BOTH });
  const verdict = verifier.verifyChain(
    tokens.map(({ compact }) => compact),
    NOW,
  );
  if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
  return verdict.chain;
}

/** A view that knows until when which keys serve, and nothing else. */
function viewOf(ends: ReadonlyMap<Signer, number>): RevocationView {
  const byKey = new Map([...ends].map(([{ publicKey }, end]) => [publicKey.thumbprint, end]));
  return {
    check({ acting }: RevocationQuery, now: number) {
      const index = acting.findIndex(({ key, at }) => (at ?? now) >= (byKey.get(key) ?? Infinity));
      return index === -1 ? { verdict: 'good', asOf: now } : { verdict: 'rotated', index };
    },
  };
}

describe('a key that was replaced', () => {
  test('Q01 may call until its time is over, and not at that second', async () => {
    const chain = await chainOf();
    const at = (end: number) =>
      pay(pointWith({ revocation: viewOf(new Map([[agent, end]])) }), chain);
    expect(codeOf(await at(NOW + 1))).toBe('permit');
    expect(await at(NOW)).toMatchObject({ denial: { code: 'key_rotated', hop: 1 } });
  });

  test('lets its successor call under what it holds, for as long as that is in force', async () => {
    const point = pointWith({ revocation: viewOf(new Map([[agent, NOW - 5]])) });
    expect(codeOf(await payRotated(point, await chainOf()))).toBe('permit');
    expect(codeOf(await pay(point, await chainOf()))).toBe('key_rotated');
  });

  test('keeps what it handed on before its time was over, and hands on nothing after', async () => {
    const chain = await chainOf();
    const at = (end: number) =>
      pay(pointWith({ revocation: viewOf(new Map([[orchestrator, end]])) }), chain);
    expect(codeOf(await at(NOW + 1))).toBe('permit');
    expect(await at(NOW)).toMatchObject({ denial: { code: 'key_rotated', hop: 1 } });
  });

  test('lets its successor hand on what it holds', async () => {
    const rotation = [await statement({ from: orchestrator, to: nextOrchestrator })];
    const chain = await derive(await rootOf(), {
      signer: nextOrchestrator,
      rotation,
      holder: agent.publicKey,
      tools: {
        read: {},
        pay: {
          order: { constraint_type: 'exact', value: 'o-1' },
          amount: { constraint_type: 'decimal', min: '0', max: '200.00', scale: 2 },
        },
      },
      now: NOW,
      id: nextId(),
    });
    const ends = new Map([
      [orchestrator, NOW - 5],
      [nextOrchestrator, NOW],
    ]);
    expect(
      codeOf(
        await pay(pointWith({ revocation: viewOf(new Map([[orchestrator, NOW - 5]])) }), chain),
      ),
    ).toBe('permit');
    expect(codeOf(await pay(pointWith({ revocation: viewOf(ends) }), chain))).toBe('key_rotated');
  });

  test.each([
    ['J11 M16 the old key, as compromised', agent],
    ['the new key', nextAgent],
    ['Q14 the root key that signed the statement', nextAuthority],
  ])('does not let its successor call once %s was revoked', async (_, { publicKey }) => {
    const revocation = createMemoryRevocationView();
    const point = pointWith({
      revocation,
      anchors: BOTH,
    });
    const chain = underBoth(await chainOf());
    expect(codeOf(await payRotated(point, chain, { signer: nextAuthority }))).toBe('permit');
    revocation.revoke({ key: publicKey.thumbprint }, NOW);
    expect(codeOf(await payRotated(point, chain, { signer: nextAuthority }))).toBe('revoked');
  });

  test('does not approve, as its successor, what it is to do itself', async () => {
    const groups = {
      finance: [
        { name: 'grace', key: grace.publicKey },
        { name: 'next', key: nextAgent.publicKey },
      ],
    };
    const approvals = createMemoryApprovalSource({ groups });
    const point = pointWith({ approvals });
    const chain = await chainOf({ root: { approvals: { pay: { finance: 1 } } } });
    const asked = await payRotated(point, chain);
    if (asked.verdict !== 'approval_required') throw new Error(codeOf(asked));
    const call = async (signer: Signer) => {
      const { action } = asked.pending;
      const approval = await approve({ action, group: 'finance', signer, now: NOW, id: nextId() });
      const proved = { tool: 'pay', args: PAYMENT, now: NOW, id: nextId(), audience: AUDIENCE };
      const rotation = [await statement()];
      const presentation = await prove(chain, { ...proved, signer: nextAgent, rotation });
      return codeOf(
        await point.authorize({ ...presentation, taper_approvals: [approval] }, 'pay', PAYMENT),
      );
    };
    expect(await call(nextAgent)).toBe('approval_by_requester');
    expect(await call(grace)).toBe('permit');
  });

  test('still shows its chains, since nobody calls by showing them', async () => {
    const point = pointWith({ revocation: viewOf(new Map([[agent, NOW]])) });
    const chain = await chainOf();
    const bare = { aat_chain: chain.tokens.map(({ compact }) => compact) };
    expect(await point.inspect(bare)).not.toHaveProperty('code');
    const handedOn = pointWith({ revocation: viewOf(new Map([[orchestrator, NOW]])) });
    expect(await handedOn.inspect(bare)).toMatchObject({ code: 'key_rotated', hop: 1 });
  });

  test('Q01 ends the session that it opened when its time is over, and opens none after', async () => {
    const ends = new Map([[agent, NOW + 1]]);
    const clock = { time: NOW, now: () => clock.time };
    const point = sessionPoint({ revocation: viewOf(ends), clock });
    const session = await open(point);
    const call = async () =>
      codeOf(await point.authorize(session.request('pay', TEXT), 'pay', TEXT));
    expect(await call()).toBe('permit');
    clock.time = NOW + 1;
    expect(await call()).toBe('key_rotated');
    const late = sessionPoint({ revocation: viewOf(new Map([[agent, NOW]])) });
    expect((await handshake({ point: late })).outcome).toBe('key_rotated');
  });

  test('has a successor that opens no session in its stead', async () => {
    const chains = [await chainOf()];
    const { outcome } = await handshake({ chains, signers: [nextAgent] }).catch(
      (error: { code: string }) => ({ outcome: error.code }),
    );
    expect(outcome).not.toBe('open');
  });

  test('is not looked for where its successor’s call runs for long', async () => {
    const ends = new Map([[agent, NOW]]);
    const point = pointWith({ revocation: viewOf(ends) });
    const permitted = await payRotated(point, await chainOf());
    if (permitted.verdict !== 'permit') throw new Error(codeOf(permitted));
    const causes: unknown[] = [];
    const end = point.watch(permitted, (cause) => causes.push(cause));
    await new Promise((resolve) => setImmediate(resolve));
    end();
    expect(causes).toStrictEqual([]);
  });
});

test('a proof serves once, whichever key of the holder made it', async () => {
  const point = pointWith();
  const chain = await chainOf();
  const call = { tool: 'pay', args: PAYMENT, now: NOW, audience: AUDIENCE, id: nextId() };
  const rotation = [await statement()];
  const presentation = await prove(chain, { ...call, signer: nextAgent, rotation });
  expect(codeOf(await point.authorize(presentation, 'pay', PAYMENT))).toBe('permit');
  expect(codeOf(await point.authorize(presentation, 'pay', PAYMENT))).toBe('proof_replayed');
  const again = await prove(chain, { ...call, signer: agent });
  expect(codeOf(await point.authorize(again, 'pay', PAYMENT))).toBe('proof_replayed');
});

test.each([
  ['no index', { verdict: 'rotated' }],
  ['a negative one', { verdict: 'rotated', index: -1 }],
  ['half of one', { verdict: 'rotated', index: 0.5 }],
])('a view that says “rotated” with %s answers nonsense', async (_, answer) => {
  const revocation = { check: () => answer } as unknown as RevocationView;
  const chain = await childOf(await rootOf());
  expect(codeOf(await pay(pointWith({ revocation }), chain))).toBe('revocation_unavailable');
});

test('a view that names a key that was not asked for refuses all the same', async () => {
  const revocation: RevocationView = { check: () => ({ verdict: 'rotated', index: 99 }) };
  const point = pointWith({ revocation });
  const decision = await point.authorize(await present(await chainOf()), 'pay', PAYMENT);
  expect(codeOf(decision)).toBe('key_rotated');
});
