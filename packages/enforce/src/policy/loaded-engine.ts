import type { PolicyEngine } from '../port/policy-engine.ts';

/** Which policies an engine has loaded; the same in every decision it makes. */
export interface LoadedPolicy {
  readonly id: string;
  /** Names the exact content: by default its SHA-256 in base64url. */
  readonly version: string;
}

/** An engine whose policies lie in this process. */
export interface LoadedPolicyEngine extends PolicyEngine {
  readonly policy: LoadedPolicy;
}
