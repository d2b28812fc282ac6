import {
  createVerifier,
  derive,
  issue,
  type JsonObject,
  MAX_QUERY_IDS,
  MAX_SUBJECT_IDS,
  MAX_SUBJECTS,
  oldestIssuedAt,
  restsOn,
  revocationSubject,
  soughtIds,
  type VerifiedChain,
} from '@taper/core';
import { exchangedFor, TEST_TIME, testId, testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';

// spec/profile.md section 3.7, spec/revocation.md section 6.2.

const ISSUER = 'https://auth.example.com';
const issuer = testKey('issuer');
const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => testKey(name)) as [
  ReturnType<typeof testKey>,
  ReturnType<typeof testKey>,
  ReturnType<typeof testKey>,
];
const tools = { read_file: {} };
let serial = 0;

function root(
  holder: typeof alice,
  information?: JsonObject,
  { now = TEST_TIME, plain = false } = {},
): Promise<VerifiedChain> {
  serial += 1;
  return issue({
    issuer: ISSUER,
    signer: issuer.signer,
    holder: holder.publicKey,
    tools,
    now,
    id: testId(serial),
    lifetime: 600,
    maxDepth: 3,
    ...(plain ? {} : { caveats: { tenant: 'acme' } }),
    ...(information === undefined ? {} : { information }),
  });
}

async function handOn(chain: VerifiedChain, by: typeof alice, to: typeof alice) {
  serial += 1;
  const options = { signer: by.signer, holder: to.publicKey, tools, now: TEST_TIME };
  return derive(chain, { ...options, id: testId(serial), maxDepth: 3 });
}

const own = ({ anchor, tokens }: VerifiedChain) => ({
  tokens: tokens.map(({ hash }) => hash),
  keys: [anchor.key.thumbprint, ...tokens.map(({ claims }) => claims.holder.thumbprint)],
});

/** As a verifier has it, which was not there when it was made. */
function seen(chain: VerifiedChain): VerifiedChain {
  const anchors = [{ issuer: ISSUER, key: issuer.publicKey }];
  const compacts = chain.tokens.map(({ compact }) => compact);
  const verdict = createVerifier({ anchors, profile: {} }).verifyChain(compacts, TEST_TIME);
  if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
  return verdict.chain;
}

describe('a chain rests on', () => {
  test('itself alone, where its root was not made by token exchange', async () => {
    const chain = seen(await handOn(await root(alice), alice, bob));
    expect(restsOn(chain)).toEqual([own(chain)]);
    expect(revocationSubject(chain)).toEqual({
      chains: [own(chain)],
      tenant: 'acme',
      oldestIssuedAt: TEST_TIME,
    });
  });

  test('itself, and then every chain that was exchanged for its root, however often (D22)', async () => {
    const first = await handOn(await root(alice, undefined, { now: TEST_TIME - 60 }), alice, bob);
    const second = await handOn(await root(bob, exchangedFor(first)), bob, carol);
    const { taper_subject: before } = exchangedFor(first);
    const third = await root(carol, exchangedFor(second, { subject: before as JsonObject }));
    const chain = seen(await handOn(third, carol, alice));
    expect(restsOn(chain)).toEqual([own(chain), own(second), own(first)]);
    expect(oldestIssuedAt(chain)).toBe(TEST_TIME - 60);
  });

  test('a user’s token, of which nothing can be revoked', async () => {
    const hash = 'A'.repeat(43);
    const taper_subject = { kind: 'user', iss: 'https://login.example.com', hash };
    const chain = seen(await root(alice, { taper_subject }));
    expect(restsOn(chain)).toEqual([own(chain)]);
  });

  test('a chain of another domain, whose tenant and what was before it there are none of ours', async () => {
    const past = await root(alice, undefined, { now: TEST_TIME - 60 });
    const { taper_subject: before } = exchangedFor(past);
    const information = exchangedFor(past, { kind: 'foreign', subject: before as JsonObject });
    const chain = seen(await root(bob, information));
    expect(restsOn(chain)).toEqual([own(chain), own(past), own(past)]);
    expect(oldestIssuedAt(chain)).toBe(TEST_TIME);
  });

  test('no more than one question of the log can hold (R01)', async () => {
    const first = await root(alice);
    let claim = exchangedFor(first)['taper_subject'] as JsonObject;
    const keys = Array.from({ length: 22 }, () => 'A'.repeat(43));
    const once = { ...claim, keys: [...keys, 'A'.repeat(43)] };
    claim = once;
    for (let level = 1; level < MAX_SUBJECTS; level += 1) claim = { ...once, subject: claim };
    expect(MAX_SUBJECTS * 24).toBe(MAX_SUBJECT_IDS);
    let chain = await root(alice, { taper_subject: claim });
    for (const [by, to] of [
      [alice, bob],
      [bob, carol],
      [carol, alice],
    ] as const)
      chain = await handOn(chain, by, to);
    const subject = revocationSubject(seen(chain));
    expect(subject.chains).toHaveLength(1 + MAX_SUBJECTS);
    expect(soughtIds(subject)).toBeDefined();
    expect(MAX_QUERY_IDS - MAX_SUBJECT_IDS).toBeGreaterThanOrEqual(9 + 10);
  });
});

describe('the claim', () => {
  test('is not made where nobody would look: on a root without caveats', async () => {
    const information = exchangedFor(await root(alice));
    await expect(root(bob, information, { plain: true })).rejects.toMatchObject({
      code: 'option_invalid',
    });
  });

  test('is not made in a shape that verifiers deny', async () => {
    const information = exchangedFor(await root(alice), { keys: [] });
    await expect(root(bob, information)).rejects.toMatchObject({
      denial: {
        code: 'caveats_malformed',
        facts: { claim: 'taper_subject', reason: 'shape' },
        hop: 0,
      },
    });
  });
});
