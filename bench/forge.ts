import { type JsonObject, type JsonValue, platform, type Signer } from '@taper/core';
import { AUDIENCE, ISSUER, NOW, newId, signerAt } from './scene.ts';

const UTF8 = new TextEncoder();

/** Signs any payload as a token or a proof, with no check of what it says: attackers write their own code. */
export async function forge(
  typ: 'aat+jwt' | 'aat-pop+jwt',
  payload: JsonObject | string,
  signer: Signer,
): Promise<string> {
  const { alg } = signer.publicKey;
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const input = `${segment(JSON.stringify({ alg, typ }))}.${segment(text)}`;
  const signature = await signer.sign(UTF8.encode(input));
  return `${input}.${platform.encodeBase64url(signature)}`;
}

export function segment(text: string): string {
  return platform.encodeBase64url(UTF8.encode(text));
}

/** The claims of a token of our own. */
export function claimsOf(compact: string): JsonObject {
  const [, payload = ''] = compact.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString());
}

/** What a child's `par_hash` and a proof's `aat_hash` must be. */
function hashOf(compact: string): string {
  return platform.sha256(UTF8.encode(compact.slice(0, compact.lastIndexOf('.'))));
}

/** The token with the signature of another one: well-formed, and wrong. */
export function withSignatureOf(compact: string, other: string): string {
  return compact.slice(0, compact.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'));
}

/** A tool's constraints by argument, unchecked. */
export type Grant = { readonly [argument: string]: JsonValue };

/** A valid chain whose tokens grant these tools, one after the other; only the root issuer is honest. */
export async function forgeChain(grants: readonly JsonObject[]): Promise<readonly string[]> {
  const tokens: string[] = [];
  for (const [depth, tools] of grants.entries()) {
    const above = tokens.at(-1);
    const signer = signerAt(depth);
    const claims: JsonObject = {
      jti: newId(),
      iss: depth === 0 ? ISSUER : signer.publicKey.thumbprintUri,
      iat: NOW,
      exp: NOW + 3600,
      cnf: { jwk: { ...signerAt(depth + 1).publicKey.jwk } },
      del_depth: depth,
      del_max_depth: 8,
      authorization_details: [{ type: 'attenuating_agent_token', tools }],
      ...(above === undefined ? {} : { par_hash: hashOf(above) }),
    };
    tokens.push(await forge('aat+jwt', claims, signer));
  }
  return tokens;
}

/** A proof by the holder of the last token. */
export function forgeProof(
  tokens: readonly string[],
  tool: string,
  hta: JsonObject,
): Promise<string> {
  const leaf = tokens.at(-1) ?? '';
  const claims = {
    jti: newId(),
    iat: NOW,
    aat_id: claimsOf(leaf)['jti'] ?? '',
    aat_hash: hashOf(leaf),
    aat_aud: AUDIENCE,
    aat_tool: tool,
    hta,
  };
  return forge('aat-pop+jwt', claims, signerAt(tokens.length));
}
