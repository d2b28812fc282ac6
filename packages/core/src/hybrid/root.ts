import { platform } from '#crypto';
import { type Problem, problem } from '../denial.ts';
import { TaperError } from '../error.ts';
import { canonicalizeParsed } from '../jcs.ts';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';
import { decodeSegment, type UnverifiedJws } from '../jws.ts';
import {
  type CheckedHybridKey,
  checkHybridKey,
  HYBRID_SIGNATURE_BYTES,
  type HybridSigner,
} from './key.ts';

/** The header parameter of a root that carries its second signature (spec/hybrid-roots.md section 2). */
export const HYBRID_PARAMETER = 'taper_hybrid';

/** What begins every text that the second key signs; no other text that Taper signs begins so. */
const DOMAIN = 'taper-hybrid-root-v1:';

/**
 * The second signature of a root whose first has verified, under an anchor that asks for both. `undefined` when it verifies.
 * Checked at once or not at all: a platform that knows no ML-DSA refuses.
 */
export function hybridProblem(
  { headerSegment, payloadSegment }: UnverifiedJws,
  { key }: CheckedHybridKey,
): Problem | undefined {
  const text = decodeSegment(headerSegment);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed?.ok || !isJsonObject(parsed.value))
    return problem('hybrid_signature_missing', undefined);
  const { [HYBRID_PARAMETER]: said, ...header } = parsed.value;
  if (said === undefined) return problem('hybrid_signature_missing', undefined);
  const signature = typeof said === 'string' ? platform.decodeBase64url(said) : undefined;
  // What is signed is written anew: a number that reads as another would be signed as that.
  if (signature?.length !== HYBRID_SIGNATURE_BYTES || parsed.numbers !== undefined)
    return problem('hybrid_signature_invalid', undefined, { reason: 'malformed' });
  if (platform.verifyMlDsa65 === undefined)
    return problem('hybrid_signature_invalid', undefined, { reason: 'unsupported' });
  const input = inputOf(header, payloadSegment);
  if (platform.verifyMlDsa65(key, input, signature) === true) return undefined;
  return problem('hybrid_signature_invalid', undefined);
}

/**
 * Signs a root with the second key, and checks the signature before it lets it out: base64url, the value of the header parameter.
 * @throws {TaperError} `signing_failed`, also where the platform cannot check it; `key_invalid`.
 */
export async function signHybrid(
  header: JsonObject,
  payloadSegment: string,
  signer: HybridSigner,
): Promise<string> {
  const { key } = checkHybridKey(signer.key);
  const input = inputOf(header, payloadSegment);
  let signature: Uint8Array;
  try {
    signature = await signer.sign(input);
  } catch (cause) {
    throw new TaperError('signing_failed', 'The hybrid signer failed.', { cause });
  }
  if (platform.verifyMlDsa65?.(key, input, signature) !== true)
    throw new TaperError(
      'signing_failed',
      'The second signature does not verify under the key that the signer names.',
      {
        hint: 'Check that the signer uses the private half of its key, on a platform with ML-DSA-65 (Node 24).',
      },
    );
  return platform.encodeBase64url(signature);
}

/** ASCII. `header` without the second signature. */
function inputOf(header: JsonObject, payloadSegment: string): Uint8Array {
  const segment = platform.encodeBase64url(UTF8.encode(canonicalizeParsed(header)));
  return platform.asciiBytes(`${DOMAIN}${segment}.${payloadSegment}`);
}

const UTF8 = new TextEncoder();
