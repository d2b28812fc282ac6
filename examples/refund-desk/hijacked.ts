import type { Client } from '@modelcontextprotocol/client';
import { forgeChild, forgeProof, type Loot } from './attacker.ts';
import { type Call, type SignedCall, send } from './calls.ts';

/** Whoever attacks: what was got hold of, and an ordinary MCP client to use it with. */
export interface Attacker extends Loot {
  readonly client: Client;
}

export interface ForcedCall extends Call {
  /** Another `alg` than the honest one for the header of the proof. */
  readonly alg?: string;
  /** Another chain than the attacker's own. */
  readonly chain?: readonly string[];
}

/** Calls that no toolkit would make, by whoever the attacker turns out to be when they are made. */
export function hijacked(attacker: () => Attacker) {
  return {
    /** Signs the call and sends it, whatever the chain allows. */
    forceCall({ tool, args, alg, chain }: ForcedCall) {
      const loot = attacker();
      const proof = forgeProof({ ...loot, chain: chain ?? loot.chain }, tool, args, alg);
      return send(loot.client, { tool, args }, proof);
    },
    /** Writes itself a token for the tools it wants, below its own, and uses it. */
    forceWider({ tool, args, tools }: Call & { readonly tools: object }) {
      const loot = attacker();
      const proof = forgeProof(forgeChild(loot, tools), tool, args);
      return send(loot.client, { tool, args }, proof);
    },
    /** Sends what somebody else has signed, as it is or with other arguments. */
    resend: ({ presentation, ...call }: SignedCall) => send(attacker().client, call, presentation),
    /** Sends a call as if no authority were needed. */
    bareCall: (call: Call) => send(attacker().client, call),
  };
}
