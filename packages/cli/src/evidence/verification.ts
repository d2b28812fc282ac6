import { MAX_EVIDENCE_LENGTH, verifyEvidence } from '@taper/core';
import type { Outcome } from '../command-definition.ts';
import { readTrust } from '../file/evidence-trust.ts';
import type { InputBytes, SizeLimit } from '../file/read.ts';
import type { Session } from '../session.ts';
import { evidenceObject, evidenceText, worst } from '../text/evidence.ts';
import { paintFor } from '../text/layout.ts';
import { parseTime } from '../text/time.ts';

/** What no bundle is longer than, in UTF-8: whatever is read beyond says `bundle_too_large`. */
export const BUNDLE_LIMIT: SizeLimit = {
  bytes: 3 * MAX_EVIDENCE_LENGTH,
  hint: 'No evidence bundle is that long: ask for one with fewer events, or for several.',
};

export interface EvidenceVerifyOptions {
  readonly anchors?: readonly string[];
  readonly policy?: string;
  readonly asOf?: string;
}

/** Whether bytes look like an evidence bundle: enough to know what to ask of them. */
export function looksLikeEvidence(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b && Buffer.from(bytes).includes('"taper_evidence":');
}

/** Verifies a bundle under the files that say whom to believe. @throws {Failure} as `readTrust`. */
export async function verifyBundle(
  { bytes, source }: InputBytes,
  options: EvidenceVerifyOptions,
  session: Session,
): Promise<Outcome> {
  const { trust } = await readTrust(options.policy, options.anchors ?? [], session);
  const asOf = options.asOf === undefined ? {} : { asOf: parseTime(options.asOf, '--as-of') };
  const verdict = await verifyEvidence(bytes, trust, asOf);
  const paint = paintFor(session.io.stdout.isTerminal, session.io.env);
  return {
    exitCode: worst(verdict) === 'pass' ? 0 : 1,
    text: evidenceText(verdict, source, paint),
    json: evidenceObject(verdict),
  };
}
