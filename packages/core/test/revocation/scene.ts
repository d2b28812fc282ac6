import {
  createRevocationVerifier,
  type RevocationRequestOptions,
  type RevocationVerifier,
  requestRevocation,
} from '@taper/core';
import {
  CAST,
  type Hop,
  present,
  TEST_TIME,
  type TestKey,
  testKey,
  tokenHash,
} from '@taper/testkit';

export const LOG = 'log.example.com/revocations';
export const NOW: number = TEST_TIME;
export const AUTHORITY: TestKey = testKey('authority');
const [ANCHOR_ONE, ANCHOR_TWO] = CAST.anchors.map(({ key }) => key) as [TestKey, TestKey];
export const ANCHOR: TestKey = ANCHOR_ONE;
export const OTHER_ANCHOR: TestKey = ANCHOR_TWO;
export const ANCHORS = CAST.anchors.map(({ issuer, key }) => ({ issuer, key: key.publicKey }));
const [A, B, C] = CAST.holders as unknown as [TestKey, TestKey, TestKey];
export const [ALICE, BOB, CAROL] = [A, B, C];

/** A chain of the cast, root first: alice, bob, carol, … */
export function chainOf(hops: readonly Hop[]): readonly string[] {
  return present({ hops }).chain;
}

/** alice, bob, carol. */
export const CHAIN: readonly string[] = chainOf([{}, {}, {}]);

/** The last token of a chain, as a target. */
export function leafOf(chain: readonly string[]): {
  readonly kind: 'token';
  readonly token: string;
  readonly root: string;
} {
  return {
    kind: 'token',
    token: tokenHash(chain.at(-1) as string),
    root: tokenHash(chain[0] as string),
  };
}

export const VERIFIER: RevocationVerifier = createRevocationVerifier({
  log: LOG,
  authority: [AUTHORITY.publicKey],
  anchors: ANCHORS,
});

/** A request for the last token of a chain, unless said otherwise. */
export function request(
  by: TestKey,
  options: Partial<RevocationRequestOptions> = {},
): Promise<string> {
  const chain = options.chain ?? CHAIN;
  return requestRevocation({
    log: LOG,
    target: leafOf(chain.length === 0 ? CHAIN : chain),
    chain,
    signer: by.signer,
    now: NOW,
    id: 'request-1',
    ...options,
  });
}
