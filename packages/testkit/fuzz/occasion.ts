import {
  type Call,
  detailsOf,
  type IssuedToken,
  issueToken,
  narrowTools,
  randomCall,
  type TestKey,
} from '../src/index.ts';
import type { Attack, Attempt, Expectation } from './attack.ts';
import { makeProof } from './family.ts';

/** A leaf that the attacker can prove possession of, and a call that it permits. */
export interface Occasion {
  readonly attack: Attack;
  readonly leaf: IssuedToken;
  /** The key of the leaf's holder. */
  readonly key: TestKey;
  readonly chain: readonly string[];
  readonly call: Call;
}

/** The attacker's own token, or a child of it that narrows. */
export function occasion(attack: Attack): Occasion | undefined {
  const { parent, prefix, random } = attack;
  const leaf = attack.hasRoom && random.chance(0.5) ? narrowedChild(attack) : parent;
  const call = randomCall(leaf.payload, random);
  if (call === undefined) return undefined;
  const above = leaf === parent ? prefix : [...prefix, leaf];
  return { attack, leaf, key: leaf.holder, chain: above.map(({ compact }) => compact), call };
}

function narrowedChild(attack: Attack): IssuedToken {
  const { own, p256 } = attack.family.mallory;
  const holder = attack.random.pick([own, own, p256]);
  const details = detailsOf(narrowTools(attack.tools, attack.random));
  const cnf = { jwk: holder.publicKey.jwk };
  const claims = attack.claims({ cnf, authorization_details: details });
  return issueToken(claims, attack.key, holder, attack.parent);
}

export function present(
  { chain, call }: Occasion,
  expect: Expectation,
  proof: string,
  changes: Partial<NonNullable<Attempt['invocation']>> = {},
): Attempt {
  return { expect, chain, invocation: { ...call, proof, ...changes } };
}

/** A proof over one call, presented with another. */
export function otherCall(
  expect: Expectation,
  change: (occasion: Occasion) => Partial<NonNullable<Attempt['invocation']>> | undefined,
): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const at = occasion(attack);
    const call = at && change(at);
    if (at === undefined || call === undefined) return undefined;
    return present(at, expect, makeProof(at.leaf, at.call, at.key), call);
  };
}
