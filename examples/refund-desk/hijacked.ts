import { forgeChild, forgeProof, type Loot } from './attacker.ts';
import { type Call, type SignedCall, send } from './calls.ts';

export interface ForcedCall extends Call {
  /** Another `alg` than the honest one for the header of the proof. */
  readonly alg?: string;
  /** Another chain than the attacker's own. */
  readonly chain?: readonly string[];
  /** Another server than the one that the attacker has to do with. */
  readonly server?: string;
}

/** Calls that no toolkit would make, by whoever the attacker turns out to be when they are made. */
export function hijacked(attacker: () => Loot) {
  return {
    /** Signs the call and sends it, whatever the chain allows. */
    forceCall({ tool, args, alg, ...other }: ForcedCall) {
      const loot = { ...attacker(), ...other };
      return send(loot.server, { tool, args }, forgeProof(loot, tool, args, alg));
    },
    /** Writes itself a token for the tools it wants, below its own, and uses it. */
    forceWider({ tool, args, tools }: Call & { readonly tools: object }) {
      const loot = attacker();
      const proof = forgeProof(forgeChild(loot, tools), tool, args);
      return send(loot.server, { tool, args }, proof);
    },
    /** Sends what somebody else has signed, as it is or with other arguments. */
    resend: ({ presentation, server, ...call }: SignedCall & { readonly server?: string }) =>
      send(server ?? attacker().server, call, presentation),
    /** Sends a call as if no authority were needed. */
    bareCall: (call: Call) => send(attacker().server, call),
  };
}
