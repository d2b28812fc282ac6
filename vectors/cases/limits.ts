import { CAST, type Hop, present, type Scenario, type TestKey, tokenHeader } from '@taper/testkit';
import { at, type Case } from '../case.ts';

const issuer = (CAST.anchors[0] as (typeof CAST.anchors)[number]).key;

/** A hop below these whose token has exactly so many characters. */
function ofSize(above: readonly Hop[], characters: number): Hop {
  const signer = above.length === 0 ? issuer : (CAST.holders[above.length - 1] as TestKey);
  for (let kid = 0; kid < 8; kid += 1) {
    const header = { ...tokenHeader(signer), kid: 'k'.repeat(kid) };
    const padded = (padding: number): Hop => ({
      header,
      claims: { padding: '.'.repeat(padding), del_max_depth: 8 },
    });
    const sizeWith = (padding: number): number =>
      present({ hops: [...above, padded(padding)] }).chain[above.length]?.length ?? 0;
    let padding = Math.floor(((characters - sizeWith(0)) * 3) / 4) - 4;
    while (sizeWith(padding) < characters) padding += 1;
    if (sizeWith(padding) === characters) return padded(padding);
  }
  throw new Error('no token has this size');
}

function chainOfSize(characters: number): Scenario {
  const hops: Hop[] = [];
  while (hops.length < 4) hops.push(ofSize(hops, 65_000));
  return { hops: [...hops, ofSize(hops, characters - 4 * 65_000)] };
}

/** Large, so in a file of their own. */
export const LIMITS: readonly Case[] = [
  at('2a', 'token_too_large', 0)(
    'token-size',
    'refuses a token of 65,537 characters (R01)',
    { hops: [ofSize([], 65_537)] },
    'accepts a token of 65,536 characters',
    { hops: [ofSize([], 65_536)] },
  ),
  at('2b', 'chain_too_large')(
    'chain-size',
    'refuses a chain of 262,145 characters (R01)',
    chainOfSize(262_145),
    'accepts a chain of 262,144 characters',
    chainOfSize(262_144),
  ),
];
