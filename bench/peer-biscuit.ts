import {
  AuthorizerBuilder,
  Biscuit,
  KeyPair,
  SignatureAlgorithm,
} from '@biscuit-auth/biscuit-wasm';
import type { Peer } from './peer.ts';
import { received } from './scene.ts';

/** Microseconds and counts, so that a busy machine does not refuse what it should permit. */
const LIMITS = { max_facts: 1000, max_iterations: 100, max_time_micro: 1_000_000 };

const CALL = `
  tool("refund.create"); amount(4250); currency("EUR"); order("ord_1042");
  time(2027-01-15T08:00:00Z);
  allow if tool($tool), right($tool);`;

function checks(hop: number): string {
  return `
    check if amount($amount), $amount <= ${25_000 - 100 * hop};
    check if currency("EUR");
    check if order($order), ["ord_1042", "ord_1043", "ord_1044"].contains($order);
    check if time($now), $now < 2027-01-15T09:00:00Z;`;
}

/** A root and an attenuation block for each further hop, the same constraints as Datalog checks. */
export const biscuit: Peer = {
  name: 'biscuit-wasm',
  checks: "every block's checks against the call, in Datalog, by WebAssembly",
  leavesOut:
    'proof by the holder (whoever has the text can use it), who attenuated, the exact arguments',
  async makeChain(hops) {
    const root = new KeyPair(SignatureAlgorithm.Ed25519);
    const builder = Biscuit.builder();
    builder.addCode(`right("refund.create"); right("orders.read"); ${checks(0)}`);
    let token = builder.build(root.getPrivateKey());
    for (let hop = 1; hop < hops; hop += 1) {
      const block = Biscuit.block_builder();
      block.addCode(checks(hop));
      token = token.appendBlock(block);
    }
    const text = token.toBase64();
    const publicKey = root.getPublicKey();
    const verify = (): void => {
      const presented = Biscuit.fromBase64(received(text), publicKey);
      const call = new AuthorizerBuilder();
      call.addCode(CALL);
      const authorizer = call.buildAuthenticated(presented);
      authorizer.authorizeWithLimits(LIMITS);
      authorizer.free();
      presented.free();
    };
    // One signature for each block; the last block's key is proved to be known with its private half.
    return { size: text.length, signatures: hops, verify };
  },
};
