import { platform } from '#crypto';
import type { Signer } from '../crypto/port.ts';
import { TaperError } from '../error.ts';
import { verifyingSigner } from '../verifying-signer.ts';
import { type AnchorsBody, canonicalBody, readAnchors, type UnsafeAnchors } from './document.ts';
import {
  advanceAnchorsAsync,
  anchorsSigningInput,
  pinAnchorsAsync,
  type VerifiedAnchors,
} from './verify.ts';

/** The first document of an issuer, and its successors, have these of the caller; the number follows. */
export type AnchorsContent = Omit<AnchorsBody, 'sequence'>;

/**
 * Signs the first document of an issuer (`previous` undefined), or the next one. It makes nothing that a verifier would refuse: a
 * successor keeps every key of `previous`.
 *
 * @param signers every current root key of it and, of a successor, one that was current before.
 * @throws TaperError `anchors_invalid` with the reason; `signing_failed`.
 */
export async function signAnchors(
  content: AnchorsContent,
  signers: readonly Signer[],
  previous: VerifiedAnchors | undefined,
): Promise<VerifiedAnchors> {
  const sequence = previous === undefined ? 1 : previous.sequence + 1;
  const canonical = canonicalBody({ ...content, sequence });
  const input = anchorsSigningInput(canonical);
  const signatures: { key: string; signature: string }[] = [];
  for (const signer of signers) {
    const signature = await verifyingSigner(signer).sign(input);
    signatures.push({
      key: signer.publicKey.thumbprint,
      signature: platform.encodeBase64url(signature),
    });
  }
  const list = JSON.stringify(signatures);
  const [made] = readAnchors(`{"signatures":${list},${canonical.slice(1)}`);
  const verdict =
    previous === undefined
      ? await pinAnchorsAsync(made as UnsafeAnchors)
      : await advanceAnchorsAsync(previous, [made as UnsafeAnchors], content.issuedAt);
  if (verdict.ok) return verdict.anchors;
  throw new TaperError(
    'anchors_invalid',
    `No verifier would take this document: ${verdict.problem}.`,
    {
      hint: 'See spec/anchors.md section 4: what a document may change, and who must sign it.',
    },
  );
}
