import { createVerifier, issue, type VerifiedChain } from '@taper/core';
import { exchangedFor, TEST_TIME, testId } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { ALICE, ANCHOR, ANCHORS, ask, BOB, CAROL, CHAIN, keyOf, NOW, openDesk } from './desk.ts';

// A root that was made by token exchange is revoked with what was exchanged for it (spec/revocation.md sections 2, 4.1).

const { issuer } = ANCHORS[0] as (typeof ANCHORS)[number];

/** For alice, bob, carol: carol's own root. */
async function exchanged(): Promise<VerifiedChain> {
  const verdict = createVerifier({ anchors: ANCHORS }).verifyChain(CHAIN, NOW);
  if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
  return issue({
    issuer,
    signer: ANCHOR.signer,
    holder: CAROL.publicKey,
    tools: { read_file: {} },
    now: TEST_TIME,
    id: testId(77),
    lifetime: 60,
    maxDepth: 1,
    caveats: { tenant: 'acme' },
    information: exchangedFor(verdict.chain),
  });
}

describe('after what was exchanged for a root was revoked', () => {
  test('D22: revoking the root adds nothing, and the answer is the entry above the exchange', async () => {
    const desk = await openDesk();
    const root = [(await exchanged()).leaf.compact];
    const above = await desk.authority.request(await ask(ALICE, CHAIN.slice(0, 2)));
    expect(above).toMatchObject({ ok: true, added: true });
    const below = await desk.authority.request(await ask(CAROL, root));
    expect(below).toMatchObject({ ok: true, added: false, direct: false });
  });

  test('D22: its holder cannot revoke its key by it any more, as by any chain that is revoked', async () => {
    for (const isRevoked of [true, false]) {
      const desk = await openDesk();
      const root = [(await exchanged()).leaf.compact];
      if (isRevoked) await desk.authority.request(await ask(BOB, CHAIN));
      const answer = await desk.authority.request(await ask(CAROL, root, { target: keyOf(CAROL) }));
      expect(answer).toMatchObject(
        isRevoked ? { ok: false, code: 'request_chain_revoked' } : { ok: true },
      );
    }
  });
});
