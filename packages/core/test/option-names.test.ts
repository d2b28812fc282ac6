import { expect, test } from 'vitest';
import { createVerifier, generateKeyPair } from '../src/index.ts';

const anchors = [{ issuer: 'https://auth.example.com', key: generateKeyPair().publicKey }];

test('a verifier is made with the options that there are', () => {
  expect(() => createVerifier({ anchors, requireChainAudience: true })).not.toThrow();
});

test.each([
  ['mistyped, so that what it asks would not be asked', { requireChainAudiance: true }],
  ['there without a value, as when it was not loaded', { acceptsNonce: undefined }],
  ['a name that every object has', { constructor: true }],
])('a verifier is not made with an option that is %s (Z03)', (_what, options) => {
  expect(() => createVerifier({ anchors, ...options } as never)).toThrow(
    expect.objectContaining({ code: 'option_invalid' }),
  );
});
