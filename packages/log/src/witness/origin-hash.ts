import { platform } from '@taper/core';

/** Where a witness serves what it cosigned of a log: SHA-256 of the origin, lowercase hex (C2SP tlog-witness, "Monitor Retrieval Mechanism"). */
export function originHash(origin: string): string {
  const digest = platform.digest(new TextEncoder().encode(origin));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
