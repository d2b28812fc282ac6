import { type EvidenceTrust, readEvidenceTrust, verifyEvidence } from '@taper/core';
import { createRandom } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { answers, openStory, policy, toldDenial } from './story.ts';
import { bundleOfThousand } from './thousand.ts';

// The verdict covers every bit of a bundle: its form is fixed, and each member is compared with something that was signed.

const SOUND = ['pass', 'pass', 'pass'];

/** The bits whose change leaves all three verdicts a pass. */
async function unnoticed(
  bundle: Buffer,
  bits: Iterable<number>,
  trust: EvidenceTrust,
): Promise<number[]> {
  const missed: number[] = [];
  for (const bit of bits) {
    const at = Math.floor(bit / 8);
    const before = bundle[at] as number;
    bundle[at] = before ^ (1 << (bit % 8));
    const verdict = await verifyEvidence(bundle, trust);
    bundle[at] = before;
    if (answers(verdict).every((answer) => answer === 'pass')) missed.push(bit);
  }
  return missed;
}

describe('S10, S11: a bundle in which one bit was changed is no pass', () => {
  test('every bit of a bundle of one call', { timeout: 300_000 }, async () => {
    const story = await openStory({ hops: 1 });
    await story.pay();
    const shows = ({ sequence }: { readonly sequence: number }): boolean => sequence === 1;
    const bundle = Buffer.from(await story.bundle({ shows }));
    const required = { sequences: { first: 1, last: 1 }, revocation: 'optional' };
    const trust = readEvidenceTrust(policy({ required }));
    expect(answers(await verifyEvidence(bundle, trust))).toEqual(SOUND);
    const bits = Array.from({ length: 8 * bundle.length }, (_, bit) => bit);
    expect(await unnoticed(bundle, bits, trust)).toEqual([]);
  });

  test('a bit of every byte of a bundle over a log of 1,000 events, with staple and older checkpoint', {
    timeout: 300_000,
  }, async () => {
    const { bundle, policy: given } = await bundleOfThousand();
    const trust = readEvidenceTrust(given);
    const verdict = await verifyEvidence(bundle, trust);
    expect(verdict.logs).toMatchObject([{ size: 1000, shown: 2, withheld: 998 }]);
    expect(answers(verdict)).toEqual(SOUND);
    const random = createRandom('one bit of every byte');
    const bits = Array.from({ length: bundle.length }, (_, at) => 8 * at + random.between(0, 7));
    expect(await unnoticed(bundle, bits, trust)).toEqual([]);
  });

  test('S10: in a bundle of all 1,000 events the one that was hit is named, and no other', {
    timeout: 300_000,
  }, async () => {
    const story = await openStory();
    for (let event = 0; event < 4; event++)
      await Promise.all(Array.from({ length: 250 }, () => story.recorder.record(toldDenial())));
    const bundle = Buffer.from(await story.bundle());
    const trust = readEvidenceTrust(policy());
    expect(answers(await verifyEvidence(bundle, trust))).toEqual(SOUND);
    const random = createRandom('one event of a thousand');
    for (let run = 0; run < 8; run++) {
      const item = random.between(0, 999);
      // In the signature, which is of letters and digits: what comes of it is still a bundle.
      const line = bundle.indexOf(`\\"sequence\\":${item + 1},`);
      const at = bundle.indexOf('signature', line) + 14 + random.between(0, 79);
      const before = bundle[at] as number;
      bundle[at] = before === 0x41 ? 0x42 : 0x41;
      const { problems, events } = await verifyEvidence(bundle, trust);
      bundle[at] = before;
      const named = problems.filter(({ path }) => path.includes('items['));
      expect(new Set(named.map(({ path }) => path))).toEqual(new Set([`logs[0].items[${item}]`]));
      expect(problems.map(({ code }) => code)).toContain('signature_invalid');
      expect(events).toHaveLength(999);
    }
  });
});
