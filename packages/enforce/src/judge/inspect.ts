import { type Denial, denial, readPresentations, type VerifiedChain } from '@taper/core';
import type { Settings } from '../options.ts';
import { findTestKey } from './call.ts';
import type { Judge } from './judge.ts';

/** The tokens of every chain of a presentation. A chain may come without a proof: nothing is going to run. */
export function chainsOf(presentation: unknown): readonly (readonly string[])[] | Denial {
  const bare = presentation as { aat_chain?: unknown; aat_pop?: unknown } | null | undefined;
  if (
    typeof bare === 'object' &&
    bare !== null &&
    Object.keys(bare).join() === 'aat_chain' &&
    Array.isArray(bare.aat_chain)
  ) {
    return [bare.aat_chain as readonly string[]];
  }
  const read = readPresentations(presentation);
  return 'code' in read ? read : read.presentations.map((each) => each.aat_chain);
}

/** Verifies chains of which nothing is asked but what they grant here: sound, meant for this enforcement point, not revoked. */
export async function inspectChains(
  wire: readonly (readonly string[])[],
  judge: Judge,
  { allowTestKeys }: Settings,
  evidence: string | undefined,
): Promise<readonly VerifiedChain[] | Denial> {
  const now = judge.readClock();
  if (now === undefined) return denial('clock_unavailable');
  const chains: VerifiedChain[] = [];
  for (const tokens of wire) {
    const verdict = judge.verifier.verifyChain(tokens, now);
    if (verdict.verdict === 'deny') return verdict.denial;
    const { chain } = verdict;
    const misplaced = judge.verifier.checkPlace(chain);
    if (misplaced !== undefined) return misplaced;
    const weak = allowTestKeys ? undefined : findTestKey(chain);
    if (weak !== undefined) return weak.denial;
    chains.push(chain);
  }
  return (await judge.lapse(chains, evidence, 'nobody')) ?? chains;
}
