/** The caveats of one token: the claim `taper` (spec/profile.md section 3), well-formed and frozen. What a token leaves out is `undefined`. */
export interface Caveats {
  /** The one tenant at whose enforcement points the chain may be used. */
  readonly tenant: string | undefined;
  /** Meter to limit, an exact decimal: what all calls under this token may take together, those under its descendants included. */
  readonly budget: ReadonlyMap<string, string> | undefined;
  /** Tool to group to how many of its approvers have to approve each call. */
  readonly approvals: ReadonlyMap<string, ReadonlyMap<string, number>> | undefined;
  readonly revocation: RevocationCaveat | undefined;
  /** Tool to the {@link definitionHash} that was granted. */
  readonly definitions: ReadonlyMap<string, string> | undefined;
  /** The task that the token was made for. */
  readonly purpose: string | undefined;
}

/** The token counts only where it is known, as of lately, not to be revoked. */
export interface RevocationCaveat {
  /** Origin of the log that revocations are published in. */
  readonly log: string;
  /** The log's epoch when the token was made. */
  readonly epoch: number;
  /** Greatest age, in seconds, of what is known of the log. */
  readonly maxStaleness: number;
}

/** Caveats as {@link issue} and {@link derive} take them and the wire has them: JSON. At least one member; none of them empty. */
export interface CaveatsInit {
  readonly tenant?: string;
  /** Limit by meter: `{ calls: '10', EUR: '250.00' }`. */
  readonly budget?: { readonly [meter: string]: string };
  /** Number of approvers by group, by tool: `{ refund: { finance: 2 } }`. */
  readonly approvals?: { readonly [tool: string]: { readonly [group: string]: number } };
  readonly revocation?: {
    readonly log: string;
    readonly epoch: number;
    /** Seconds. */
    readonly max_staleness: number;
  };
  /** `definitionHash` by tool. */
  readonly definitions?: { readonly [tool: string]: string };
  readonly purpose?: string;
}
