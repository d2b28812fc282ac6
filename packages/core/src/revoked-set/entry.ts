/** What is in the revoked set of an epoch (spec/revocation.md, "Revoked set"). */
export type RevokedEntry =
  | {
      readonly kind: 'token';
      /** Hash of the root of the token's chain: the token's own where it is a root. Both are base64url SHA-256 of a signing input. */
      readonly root: string;
      readonly token: string;
      /** Seconds since the epoch; `exp` of the token. Of two entries for one token the later counts. */
      readonly expiresAt: number;
    }
  | {
      readonly kind: 'key';
      /** RFC 7638 thumbprint, base64url SHA-256. */
      readonly key: string;
    }
  | {
      readonly kind: 'tenant';
      readonly tenant: string;
      /** Seconds since the epoch; tokens older than this are revoked. Of two entries for one tenant the later counts. */
      readonly issuedBefore: number;
    };

/** Seconds for which a revoked token stays in the set beyond its `exp`, since clocks differ and step back. */
export const REVOKED_TOKEN_RETENTION = 86_400;

/** Whether a revoked token is in the set of an epoch of that time (seconds since the epoch), or pruned from it. */
export function isRetained(expiresAt: number, time: number): boolean {
  return expiresAt + REVOKED_TOKEN_RETENTION > time;
}

/** Whether it is a time that an entry can have: whole seconds since the epoch, 0 to 2^53 − 1. */
export function isEntryTime(time: number): boolean {
  return Number.isSafeInteger(time) && time >= 0;
}

/** Whether it is a name that a tenant can have: not empty, and with one UTF-8 form. */
export function isTenantName(name: string): boolean {
  return typeof name === 'string' && name !== '' && name.isWellFormed();
}
