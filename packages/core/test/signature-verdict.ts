import { Buffer } from 'node:buffer';
import { platform as webPlatform } from '../src/crypto/browser.ts';
import { nodePlatform, sodiumPlatform } from '../src/crypto/node.ts';
import type { PlatformCrypto } from '../src/crypto/port.ts';
import type { JsonValue } from '../src/json.ts';
import { type KeyProblem, readPublicKey } from '../src/key.ts';
import { precheckSignature, type SignatureProblem } from '../src/signature.ts';

if (sodiumPlatform === undefined) {
  throw new Error('sodium-native does not load; these tests compare it with the other backends');
}

/** Every implementation that Taper ships. */
export const backends: readonly PlatformCrypto[] = [sodiumPlatform, nodePlatform, webPlatform];

export type Verdict = 'valid' | KeyProblem | SignatureProblem;

/** What each backend says about one signature, as a verifier asks: key, form, then the backend. Keyed by the backend's name. */
export async function verdicts(
  jwk: JsonValue | undefined,
  input: Uint8Array,
  signature: Uint8Array,
): Promise<Record<string, Verdict>> {
  const key = readPublicKey(jwk);
  const result: Record<string, Verdict> = {};
  for (const backend of backends) {
    if (typeof key === 'string') {
      result[backend.name] = key;
      continue;
    }
    const malformed = precheckSignature(key.alg, signature);
    const verified = malformed === undefined && (await backend.verifyAsync(key, input, signature));
    result[backend.name] = malformed ?? (verified ? 'valid' : 'signature_invalid');
  }
  return result;
}

/** The same verdict under every backend's name. */
export function everywhere(verdict: Verdict): Record<string, Verdict> {
  return Object.fromEntries(backends.map((backend) => [backend.name, verdict]));
}

export function okp(hex: string): { kty: 'OKP'; crv: 'Ed25519'; x: string } {
  return { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(hex, 'hex').toString('base64url') };
}
