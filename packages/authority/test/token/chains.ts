import {
  createVerifier,
  type DeriveOptions,
  derive,
  type JsonObject,
  type PublicKey,
  parseJson,
  type VerifiedChain,
} from '@taper/core';
import { TEST_TIME, type TestKey, takeApart, testId } from '@taper/testkit';
import { KEYS } from './office.ts';
import { ISSUER } from './proofs.ts';

let count = 100;

/** A root as whoever got it knows it. */
export function verified(
  tokens: readonly string[],
  {
    issuer = ISSUER,
    key = KEYS.root.publicKey,
    now = TEST_TIME,
  }: { issuer?: string; key?: PublicKey; now?: number } = {},
): VerifiedChain {
  const verdict = createVerifier({ anchors: [{ issuer, key }], profile: {} }).verifyChain(
    tokens,
    now,
  );
  if (verdict.verdict === 'verified') return verdict.chain;
  throw new Error(`not verified: ${verdict.denial.code}`);
}

/** Hands a chain on to another holder, all that it grants unless said otherwise. */
export async function handOn(
  parent: VerifiedChain,
  from: TestKey,
  to: TestKey,
  options: Partial<DeriveOptions> = {},
): Promise<VerifiedChain> {
  count += 1;
  const tools = Object.fromEntries(
    [...parent.leaf.claims.capabilities].map(([tool, { named }]) => [
      tool,
      Object.fromEntries(named),
    ]),
  );
  return derive(parent, {
    signer: from.signer,
    holder: to.publicKey,
    tools,
    now: TEST_TIME,
    id: testId(count),
    maxDepth: parent.leaf.claims.delMaxDepth,
    ...options,
  });
}

/** The claims of a token as they stand. */
export function claimsOf(compact: string): JsonObject {
  const parsed = parseJson(takeApart(compact).payload);
  if (!parsed.ok) throw new Error('no claims');
  return parsed.value as JsonObject;
}
