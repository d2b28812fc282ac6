import { canonicalize, type JsonObject, platform, type Signer, verifyingSigner } from '@taper/core';

const UTF8 = new TextEncoder();

/**
 * Signs claims as a JWT in compact serialization, in canonical JSON; `alg` in the header is the signer's. The signature is verified before it
 * is let out.
 * @throws {TaperError} `signing_failed`.
 */
export async function signJwt(
  header: JsonObject,
  claims: JsonObject,
  signer: Signer,
): Promise<string> {
  const segment = (members: JsonObject): string =>
    platform.encodeBase64url(UTF8.encode(canonicalize(members)));
  const input = `${segment({ ...header, alg: signer.publicKey.alg })}.${segment(claims)}`;
  const signature = await verifyingSigner(signer).sign(platform.asciiBytes(input));
  return `${input}.${platform.encodeBase64url(signature)}`;
}
