import { testKey } from '@taper/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  advanceAnchors,
  announceAnchor,
  createVerifier,
  issue,
  pinAnchors,
  promoteAnchor,
  prove,
  type Signer,
  signAnchors,
  trustAnchorsAt,
  type UnsafeAnchors,
  type VerifiedAnchors,
} from '../../src/index.ts';
import { content, DAY, entry, forge, ISSUER, members, one, T0, three, two } from './world.ts';

const THEFT = T0 + 10 * DAY;
const holder = testKey('anchors holder');
const [stolen, announcedKey, thief] = [one, two, three];

/** Whether a verifier with these anchors permits a call under a root of this key. */
async function permits(anchors: VerifiedAnchors, signer: Signer, now: number): Promise<string> {
  const trusted = trustAnchorsAt(anchors, now);
  const root = await issue({
    issuer: ISSUER,
    signer,
    holder: holder.publicKey,
    tools: { read: {} },
    id: `root ${now}`,
    now,
    lifetime: 3600,
    maxDepth: 1,
  });
  const verifier = createVerifier({ anchors: [{ issuer: ISSUER, key: signer.publicKey }] });
  const compact = root.tokens.map((token) => token.compact);
  const own = verifier.verifyChain(compact, now);
  if (own.verdict !== 'verified') throw new Error(own.denial.code);
  const call = { tool: 'read', args: {}, now };
  const presentation = await prove(own.chain, {
    ...call,
    signer: holder.signer,
    id: `call ${now}`,
  });
  const decision = createVerifier({ anchors: trusted }).authorize({ ...call, presentation });
  return decision.verdict === 'deny' ? decision.denial.code : decision.verdict;
}

describe('Q14: the drill of docs/keys.md for a stolen root key', () => {
  let before: VerifiedAnchors;
  let recovered: VerifiedAnchors;

  beforeAll(async () => {
    const first = await signAnchors(
      content({ expiresAt: T0 + 90 * DAY }),
      [stolen.signer],
      undefined,
    );
    const next = { key: announcedKey.publicKey, notBefore: T0 + DAY };
    before = await signAnchors(
      content({
        issuedAt: T0 + DAY,
        expiresAt: T0 + 90 * DAY,
        anchors: announceAnchor(first.anchors, next),
      }),
      [stolen.signer],
      first,
    );
    const { thumbprint } = announcedKey.publicKey;
    recovered = await signAnchors(
      content({
        issuedAt: THEFT,
        expiresAt: THEFT + 90 * DAY,
        anchors: promoteAnchor(before.anchors, thumbprint, THEFT),
      }),
      [stolen.signer, announcedKey.signer],
      before,
    );
  });

  /** What the thief publishes: a key of his own takes over, with all signatures that he can make. */
  const rogue = (sequence: number, issued_at: number): UnsafeAnchors =>
    forge(
      members(before, {
        sequence,
        issued_at,
        expires_at: THEFT + 90 * DAY,
        anchors: [
          ...(members(before)['anchors'] as object[]),
          { jwk: thief.publicKey.jwk, state: 'current', not_before: THEFT },
        ],
      }),
      [stolen, thief],
    );

  test('before it, whoever has the key is the issuer', async () => {
    expect(await permits(before, stolen.signer, THEFT)).toBe('permit');
  });

  test('step 2: verifiers go to the next document by themselves, and deny what the stolen key signs', async () => {
    const verdict = advanceAnchors(before, [recovered], THEFT);
    expect(verdict.ok).toBe(true);
    const anchors = verdict.ok ? verdict.anchors : before;
    expect(await permits(anchors, stolen.signer, THEFT)).toBe('signature_invalid');
    expect(await permits(anchors, announcedKey.signer, THEFT)).toBe('permit');
  });

  test('step 2: from there the thief leads nobody anywhere', () => {
    for (const sequence of [recovered.sequence, recovered.sequence + 1]) {
      const verdict = advanceAnchors(recovered, [rogue(sequence, THEFT)], THEFT);
      expect(verdict.ok).toBe(false);
    }
  });

  test('step 3: a verifier that took the document of the thief is told of two histories', () => {
    const taken = advanceAnchors(before, [rogue(recovered.sequence, THEFT)], THEFT);
    expect(taken.ok).toBe(true);
    if (!taken.ok) return;
    const verdict = advanceAnchors(taken.anchors, [recovered], THEFT);
    expect(verdict).toMatchObject({ ok: false, problem: 'forked' });
  });

  test('step 4: pinned anew by the thumbprint on paper, it is back on the right one, which the thief cannot forge', () => {
    const paper = announcedKey.publicKey.thumbprint;
    expect(pinAnchors(recovered, paper).ok).toBe(true);
    expect(pinAnchors(rogue(recovered.sequence, THEFT), paper)).toMatchObject({
      problem: 'pin_mismatch',
    });
    const claimed = forge(
      members(recovered, {
        anchors: [
          { jwk: thief.publicKey.jwk, state: 'current', not_before: T0 },
          { jwk: announcedKey.publicKey.jwk, state: 'current', not_before: T0 },
        ],
      }),
      [stolen, thief],
    );
    expect(pinAnchors(claimed, paper)).toMatchObject({ problem: 'signature_missing' });
  });

  test('step 6: what the stolen key signed in its time can still be told apart and verified', async () => {
    const kept = recovered.anchors.find(
      ({ key }) => key.thumbprint === stolen.publicKey.thumbprint,
    );
    expect(kept).toMatchObject({ state: 'retired', notBefore: T0, notAfter: THEFT });
    expect(entry(stolen).key.thumbprint).toBe(kept?.key.thumbprint);
  });
});
