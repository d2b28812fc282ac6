/** One chain of another system, ready to be verified again and again. */
export interface PeerChain {
  /** Characters that travel with a call. */
  readonly size: number;
  /** Asymmetric signatures that one verification checks. */
  readonly signatures: number;
  /** Verifies from what travels, as text; throws when it is refused. */
  readonly verify: () => void | Promise<void>;
}

/** Another system, doing as nearly as it can what Taper does. */
export interface Peer {
  readonly name: string;
  /** What is checked in the run that is measured, beyond signatures and expiry. */
  readonly checks: string;
  /** What Taper checks in the same run and this does not. */
  readonly leavesOut: string;
  readonly makeChain: (hops: number) => Promise<PeerChain>;
}
