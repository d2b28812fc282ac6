import { createVerifier, issue, parseJson } from '@taper/core';
import { TEST_TIME, takeApart, testId, testKey } from '@taper/testkit';
import { expect, test } from 'vitest';

const ISSUER = 'https://auth.example.com';
const signer = testKey('issuer').signer;
const root = (information?: Parameters<typeof issue>[0]['information']) =>
  issue({
    issuer: ISSUER,
    signer,
    holder: testKey('alice').publicKey,
    tools: { read_file: {} },
    now: TEST_TIME,
    id: testId(1),
    lifetime: 60,
    maxDepth: 0,
    ...(information === undefined ? {} : { information }),
  });

test('carries claims for readers, and a verifier takes the token as without them', async () => {
  const { leaf } = await root({ act: { sub: 'spiffe://example.org/acme/agent/desk' }, sub: 'ada' });
  expect(parseJson(takeApart(leaf.compact).payload)).toMatchObject({
    value: { act: { sub: 'spiffe://example.org/acme/agent/desk' }, sub: 'ada' },
  });
  const verifier = createVerifier({ anchors: [{ issuer: ISSUER, key: signer.publicKey }] });
  const verdict = verifier.verifyChain([leaf.compact], TEST_TIME);
  expect(verdict.verdict).toBe('verified');
});

for (const claim of ['exp', 'iss', 'del_max_depth', 'authorization_details', 'taper', 'aud']) {
  test(`refuses \`${claim}\` as information, since it decides`, async () => {
    await expect(root({ [claim]: 1 })).rejects.toMatchObject({ code: 'option_invalid' });
  });
}
