import { platform } from '#crypto';
import type { Signer } from './crypto/port.ts';
import { type Denial, denial, type Problem } from './denial.ts';
import { TaperError } from './error.ts';
import type { HybridSigner } from './hybrid/key.ts';
import { HYBRID_PARAMETER, signHybrid } from './hybrid/root.ts';
import {
  encodeHeader,
  encodeHeaderWith,
  headerWith,
  type JwsType,
  ROTATION_PARAMETER,
} from './jws.ts';
import type { VerifiedRotation } from './rotation/succession.ts';
import { canonicalSignature, precheckSignature } from './signature.ts';

/** A token, chain or proof was not made, because verification would have refused it. Carries the same denial. */
export class RefusedError extends TaperError {
  readonly denial: Denial;

  constructor(cause: Denial, hint?: string) {
    const { tool, argument } = cause.facts;
    const where = [
      tool && `tool ${JSON.stringify(tool)}`,
      argument && `argument ${JSON.stringify(argument)}`,
    ]
      .filter(Boolean)
      .join(', ');
    super(
      'refused',
      `Not made: ${cause.code}${where === '' ? '' : ` (${where})`}.`,
      hint === undefined ? {} : { hint },
    );
    this.name = 'RefusedError';
    this.denial = cause;
  }
}

/** Throws the denial that verification would give. */
export function refuse(cause: Problem, hop?: number): never {
  throw new RefusedError(denial(cause.code, { hop, step: cause.step }, cause.facts));
}

const UTF8 = new TextEncoder();

/**
 * Signs a payload as a compact JWS and checks the signature before it lets it out.
 * @throws {TaperError} `signing_failed` when the signer fails, or signs with another key than it names.
 */
export function sign(
  payload: string,
  typ: JwsType,
  signer: Signer,
  rotations?: readonly VerifiedRotation[],
): Promise<string> {
  return signSegment(headerOf(typ, false, signer, rotations), payload, signer);
}

/** Signs the payload of a token; `marked` names the profile in its header, which carries the rotation statements. @throws as {@link sign}. */
export function signToken(
  payload: string,
  marked: boolean,
  signer: Signer,
  rotations?: readonly VerifiedRotation[],
): Promise<string> {
  return signSegment(headerOf('aat+jwt', marked, signer, rotations), payload, signer);
}

/** Signs a root with both keys of its anchor: the second signature first, which the first covers. @throws as {@link sign}, and `key_invalid`. */
export async function signHybridRoot(
  payload: string,
  marked: boolean,
  signer: Signer,
  hybrid: HybridSigner,
): Promise<string> {
  const { alg } = signer.publicKey;
  const segment = platform.encodeBase64url(UTF8.encode(payload));
  const second = await signHybrid(headerWith(alg, 'aat+jwt', marked, {}), segment, hybrid);
  const header = encodeHeaderWith(alg, 'aat+jwt', marked, { [HYBRID_PARAMETER]: second });
  return signSegment(header, payload, signer);
}

function headerOf(
  typ: JwsType,
  marked: boolean,
  { publicKey: { alg } }: Signer,
  rotations: readonly VerifiedRotation[] | undefined,
): string {
  if (rotations === undefined) return encodeHeader(alg, typ, marked);
  const statements = rotations.map(({ compact }) => compact);
  return encodeHeaderWith(alg, typ, marked, { [ROTATION_PARAMETER]: statements });
}

/** As {@link sign}, under a protected header that is encoded already. */
export async function signSegment(
  headerSegment: string,
  payload: string,
  signer: Signer,
): Promise<string> {
  const signingInput = `${headerSegment}.${platform.encodeBase64url(UTF8.encode(payload))}`;
  const signature = await signBytes(platform.asciiBytes(signingInput), signer);
  return `${signingInput}.${platform.encodeBase64url(signature)}`;
}

/** Signs bytes as they are, in the one form that verifiers take, and checks the signature before it lets it out. @throws as {@link sign}. */
export async function signBytes(input: Uint8Array, signer: Signer): Promise<Uint8Array> {
  const { publicKey } = signer;
  let signature: Uint8Array;
  try {
    signature = canonicalSignature(publicKey.alg, await signer.sign(input));
  } catch (cause) {
    throw new TaperError('signing_failed', 'The signer failed.', { cause });
  }
  const verified =
    precheckSignature(publicKey.alg, signature) === undefined &&
    (platform.verify?.(publicKey, input, signature) ??
      (await platform.verifyAsync(publicKey, input, signature)));
  if (!verified) {
    throw new TaperError(
      'signing_failed',
      'The signature does not verify under the key that the signer names.',
      {
        hint: 'Check that the signer uses the private half of its public key.',
      },
    );
  }
  return signature;
}
