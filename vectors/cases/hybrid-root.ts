import type { JsonObject } from '@taper/core';
import { CAST, type Hop, type Scenario, TEST_TIME, type TestKey } from '@taper/testkit';
import type { Case, Permitted } from '../case.ts';
import { HYBRID_SIGNATURE } from './hybrid-signature.ts';

// Roots with a second signature, spec/hybrid-roots.md, whose sections the identifiers name.

const { mallory } = CAST;
const plain = CAST.anchors[1] as { issuer: string; key: TestKey };

/** A root with this second signature, and a child; the first signature is made over whatever the header says. */
function root(taper_hybrid: unknown, hop: Hop = {}, members: JsonObject = {}): Scenario {
  const second = taper_hybrid === undefined ? {} : { taper_hybrid };
  const header = { alg: 'Ed25519', ...members, ...second, typ: 'aat+jwt' } as JsonObject;
  return { hops: [{ header, ...hop }, {}] };
}

const bytes = Buffer.from(HYBRID_SIGNATURE, 'base64url');
const flipped = Buffer.from(bytes);
flipped[100] = (flipped[100] as number) ^ 1;

function wrong(
  word: string,
  what: string,
  denied: Scenario,
  code: Case['code'] = 'hybrid_signature_invalid',
  step: string | null = null,
): Case {
  return {
    id: `h2.${word}`,
    step,
    code,
    hop: 0,
    refuses: `refuses a root ${what}`,
    denied,
    accepts: 'accepts a root with both signatures',
    permitted: root(HYBRID_SIGNATURE),
  };
}

export const HYBRID: readonly Case[] = [
  wrong('missing', 'without the second signature', root(undefined), 'hybrid_signature_missing'),
  wrong('null', 'with null in its place', root(null)),
  wrong('list', 'with a list in its place', root([HYBRID_SIGNATURE])),
  wrong('empty', 'with an empty text in its place', root('')),
  wrong('padded', 'with padding behind it', root(`${HYBRID_SIGNATURE}==`)),
  wrong('short', 'with a byte less of it', root(bytes.subarray(1).toString('base64url'))),
  wrong(
    'long',
    'with a byte more of it',
    root(Buffer.concat([bytes, bytes.subarray(0, 1)]).toString('base64url')),
  ),
  wrong('flipped', 'with a bit of it changed', root(flipped.toString('base64url'))),
  wrong(
    'other-claims',
    'with the second signature of other claims',
    root(HYBRID_SIGNATURE, { claims: { exp: TEST_TIME + 3301 } }),
  ),
  wrong(
    'other-header',
    'with the second signature of another header',
    root(HYBRID_SIGNATURE, {}, { kid: 'root' }),
  ),
  wrong(
    'first',
    'whose second signature verifies and whose first does not',
    root(HYBRID_SIGNATURE, { signer: mallory }),
    'signature_invalid',
    '3b',
  ),
];

export const HYBRID_VALID: readonly Permitted[] = [
  {
    id: 'h3.ignored',
    accepts: 'accepts anything in its place under an anchor that does not ask for it',
    permitted: {
      hops: [
        {
          signer: plain.key,
          header: { alg: 'ES256', taper_hybrid: 'AAAA', typ: 'aat+jwt' },
          claims: { iss: plain.issuer },
        },
        {},
      ],
    },
  },
];
