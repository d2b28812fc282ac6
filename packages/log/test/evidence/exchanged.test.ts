import type { RevocationTarget, VerifiedChain } from '@taper/core';
import { exchangedFor } from '@taper/testkit';
import { expect, test } from 'vitest';
import { answers, NOW, newChain, openStory, toldPermit, verify } from './story.ts';

// A root that was made by token exchange, and a bundle about a call under it (spec/evidence.md section 2.3).

const caveats = { tenant: 'acme' };

async function exchanged(): Promise<{
  readonly subject: VerifiedChain;
  readonly chain: VerifiedChain;
}> {
  const subject = await newChain({ caveats, now: NOW - 60 });
  return { subject, chain: await newChain({ caveats, information: exchangedFor(subject) }) };
}

type Target = (subject: VerifiedChain) => RevocationTarget;

const root = ({ tokens }: VerifiedChain): string => tokens[0]?.hash ?? '';
const TARGETS: readonly (readonly [string, Target, string])[] = [
  ['M02 a token in its middle', (subject) => token(subject, 1), 'chain_revoked'],
  ['M01 its leaf', (subject) => token(subject, 2), 'chain_revoked'],
  ['its tenant as of then', () => tenant(NOW - 59), 'chain_revoked'],
  ['its tenant as of before', () => tenant(NOW - 60), ''],
];

function token(subject: VerifiedChain, hop: number) {
  return { kind: 'token', token: subject.tokens[hop]?.hash ?? '', root: root(subject) } as const;
}

function tenant(before: number): RevocationTarget {
  return { kind: 'tenant', tenant: 'acme', issued_before: before };
}

for (const [what, target, code] of TARGETS) {
  test(`D22 a call under a root, when of what was exchanged for it ${what} had been revoked: ${code === '' ? 'passes' : code}`, async () => {
    const story = await openStory();
    const { subject, chain } = await exchanged();
    const revoked = target(subject);
    const options = revoked.kind === 'token' ? { expiresAt: NOW + 3600 } : {};
    await story.revocation.revoke(revoked, options);
    await story.recorder.record(await toldPermit(chain, caveats));
    const found = await verify(await story.bundle({ staples: [await story.staple(chain)] }));
    expect(found.problems.map((each) => each.code)).toEqual(code === '' ? [] : [code]);
    expect(answers(found)[1]).toBe(code === '' ? 'pass' : 'fail');
  });
}

test('D22 a staple that is silent about what was exchanged proves nothing for the root', async () => {
  const story = await openStory();
  const { subject, chain } = await exchanged();
  // Of an empty set, one proof is good for every question: somebody else's token below the subject's root.
  const sibling = Buffer.alloc(32, 7).toString('base64url');
  const options = { expiresAt: NOW + 3600 };
  await story.revocation.revoke({ ...token(subject, 0), token: sibling }, options);
  const { tokens, anchor } = chain;
  const own = {
    tokens: tokens.map(({ hash }) => hash),
    keys: [anchor.key.thumbprint, ...tokens.map(({ claims }) => claims.holder.thumbprint)],
  };
  const silent = await story.staple(chain, { chains: [own], ...caveats });
  await story.recorder.record(await toldPermit(chain, caveats));
  const found = await verify(await story.bundle({ staples: [silent] }));
  expect(found.problems.map(({ code }) => code)).toEqual([
    'staple_invalid',
    'revocation_not_shown',
  ]);
  const whole = await verify(await story.bundle({ staples: [await story.staple(chain)] }));
  expect(answers(whole)).toEqual(['pass', 'pass', 'pass']);
});
