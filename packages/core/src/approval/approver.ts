import type { PublicKey } from '../key.ts';

/** A person or system that may approve for a group. */
export interface Approver {
  /** For audit events and people: `ada@example.com`. */
  readonly name: string;
  readonly key: PublicKey;
}
