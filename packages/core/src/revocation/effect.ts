import type { RevokedEntry } from '../revoked-set/entry.ts';
import type { RevocationEntry } from './entry.ts';

/** What an entry puts into the revoked set (spec/revocation.md section 6). */
export function revokedBy({ target, expiresAt }: RevocationEntry): readonly RevokedEntry[] {
  switch (target.kind) {
    case 'token': {
      const { token, root } = target;
      return [{ kind: 'token', token, root, expiresAt: expiresAt as number }];
    }
    case 'key':
      return [{ kind: 'key', key: target.key }];
    case 'agent':
      return target.keys.map((key) => ({ kind: 'key', key }));
    case 'tenant':
      return [{ kind: 'tenant', tenant: target.tenant, issuedBefore: target.issued_before }];
  }
}
