import type { RevocationTarget, VerifiedRevocationRequest } from '@taper/core';

/** What is revoked, whatever the reach. */
export function subjectOf(target: RevocationTarget): string {
  switch (target.kind) {
    case 'token':
      return `token ${target.token} ${target.root}`;
    case 'key':
      return `key ${target.key}`;
    case 'agent':
      return `agent ${target.keys.join()}`;
    case 'tenant':
      return `tenant ${target.tenant}`;
  }
}

/** How far a request goes: until when, or from when back. */
export function reachOf({ target, expiresAt }: VerifiedRevocationRequest): number {
  return target.kind === 'tenant' ? target.issued_before : (expiresAt ?? 0);
}
