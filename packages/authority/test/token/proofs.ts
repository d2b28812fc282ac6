import { type JsonObject, platform } from '@taper/core';
import { forge, TEST_TIME, type TestKey } from '@taper/testkit';

export const ISSUER = 'https://authority.example.com';
export const TOKEN_URL = 'https://authority.example.com/oauth/token';

let count = 0;

/** Members to put in the place of others; those that are `undefined` are left out. */
export type Changes = Readonly<Record<string, unknown>>;

/** A DPoP proof as an honest client makes it, but for what is said. */
export function dpopProof(
  key: TestKey,
  {
    claims = {},
    header = {},
    signer = key,
  }: { claims?: Changes; header?: Changes; signer?: TestKey } = {},
): string {
  count += 1;
  return jwt(
    { typ: 'dpop+jwt', alg: key.alg, jwk: key.publicKey.jwk, ...header },
    { jti: `proof-${count}`, htm: 'POST', htu: TOKEN_URL, iat: TEST_TIME, nonce: 'n', ...claims },
    signer,
  );
}

/** A `private_key_jwt` assertion as an honest client makes it, but for what is said. */
export function assertion(
  key: TestKey,
  subject: string,
  {
    claims = {},
    header = {},
    signer = key,
  }: { claims?: Changes; header?: Changes; signer?: TestKey } = {},
): string {
  count += 1;
  const honest = { iss: subject, sub: subject, aud: ISSUER, jti: `assertion-${count}` };
  return jwt(
    { alg: key.alg, ...header },
    { ...honest, iat: TEST_TIME, exp: TEST_TIME + 60, ...claims },
    signer,
  );
}

/** Any JWT, signed as the key signs. */
export function jwt(header: Changes, claims: Changes, signer: TestKey): string {
  return forge({ header: defined(header), payload: defined(claims), signature: signer });
}

export function sha256(text: string): string {
  return platform.sha256(new TextEncoder().encode(text));
}

function defined(members: Changes): JsonObject {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as JsonObject;
}
