import { canonicalize } from '@taper/core';
import type { AuditEventInit } from './event.ts';

/** UTF-16 code units; what is longer is not kept: the event counts for more than what is beside it. */
const MAX_EVIDENCE = 4_194_304;

/** The evidence of an event as text (`spec/audit.md` section 9); `undefined` where there is none. */
export function writeEvidence({ evidence, arguments: args }: AuditEventInit): string | undefined {
  if (evidence === undefined) return undefined;
  const text = canonicalize({
    ...(args === undefined ? {} : { arguments: canonicalize(args) }),
    chains: evidence.chains.map(({ tokens }) => tokens.map(({ compact }) => compact)),
    ...(evidence.proofs.length === 0 ? {} : { proofs: [...evidence.proofs] }),
  });
  return text.length > MAX_EVIDENCE ? undefined : text;
}
