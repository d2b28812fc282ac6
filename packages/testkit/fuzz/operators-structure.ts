import { forge, type IssuedToken, issueToken, tokenHeader } from '../src/index.ts';
import { type Attack, type Attempt, type Operator, operator } from './attack.ts';

const texts = (tokens: readonly IssuedToken[]): string[] => tokens.map(({ compact }) => compact);

function dropHop(attack: Attack): Attempt | undefined {
  const { chain } = attack.family;
  if (chain.length < 2) return undefined;
  const dropped = attack.random.between(0, chain.length - 2);
  return { expect: 'deny', chain: texts(chain.filter((_, hop) => hop !== dropped)) };
}

/** The prefix is a chain of its own: it may verify, and is no use without the key of its last holder. */
function presentPrefix(attack: Attack): Attempt | undefined {
  const { chain } = attack.family;
  if (chain.length < 2) return undefined;
  return {
    expect: 'accept',
    chain: texts(chain.slice(0, attack.random.between(1, chain.length - 1))),
  };
}

function reorder(attack: Attack): Attempt | undefined {
  const { chain } = attack.family;
  const shuffled = attack.random.shuffle(chain);
  if (shuffled.every((token, hop) => token === chain[hop])) return undefined;
  return { expect: 'deny', chain: texts(shuffled) };
}

function duplicate(attack: Attack): Attempt {
  const { chain } = attack.family;
  const at = attack.random.between(0, chain.length - 1);
  const twice = chain.flatMap((token, hop) => (hop === at ? [token, token] : [token]));
  return { expect: 'deny', chain: texts(twice) };
}

function cycle(attack: Attack): Attempt {
  const { chain } = attack.family;
  const from = attack.random.between(0, chain.length - 1);
  return { expect: 'deny', chain: texts([...chain, ...chain.slice(from)]) };
}

/** Hops of one chain after the first hops of another under the same keys. */
function splice(attack: Attack): Attempt | undefined {
  const { chain, twin } = attack.family;
  if (chain.length < 2) return undefined;
  const cut = attack.random.between(1, chain.length - 1);
  const [front, back] = attack.random.chance(0.5) ? [chain, twin] : [twin, chain];
  return { expect: 'deny', chain: texts([...front.slice(0, cut), ...back.slice(cut)]) };
}

function spliceOne(attack: Attack): Attempt | undefined {
  const { chain, twin } = attack.family;
  if (chain.length < 2) return undefined;
  const at = attack.random.between(0, chain.length - 1);
  const other = twin[at];
  if (other === undefined) return undefined;
  return {
    expect: 'deny',
    chain: texts(chain.map((token, hop) => (hop === at ? other : token))),
  };
}

function spliceSibling(attack: Attack): Attempt | undefined {
  const { chain, siblings } = attack.family;
  if (chain.length < 3) return undefined;
  const at = attack.random.between(1, chain.length - 2);
  const sibling = siblings[at - 1];
  if (sibling === undefined) return undefined;
  return {
    expect: 'deny',
    chain: texts(chain.map((token, hop) => (hop === at ? sibling : token))),
  };
}

/** The sibling alone is honest: its chain verifies. */
function presentSibling(attack: Attack): Attempt | undefined {
  const { chain, siblings } = attack.family;
  if (siblings.length === 0) return undefined;
  const at = attack.random.between(0, siblings.length - 1);
  const sibling = siblings[at];
  if (sibling === undefined) return undefined;
  return { expect: 'accept', chain: texts([...chain.slice(0, at + 1), sibling]) };
}

function rootClaims(attack: Attack, changes: Readonly<Record<string, unknown>>): IssuedToken {
  const [root] = attack.family.chain;
  if (root === undefined) throw new Error('a chain has a root');
  const payload = {
    ...root.payload,
    cnf: { jwk: { ...attack.own.publicKey.jwk } },
    ...changes,
  };
  return issueToken(payload as never, attack.own, attack.own);
}

/** A root over everything, signed by the attacker. */
function selfIssued(attack: Attack, changes: Readonly<Record<string, unknown>>): Attempt {
  return { expect: 'deny', chain: [rootClaims(attack, changes).compact] };
}

/** A root that a trust anchor signed for another issuer's name: supposes that the second anchor is malicious. */
function anchorConfusion(attack: Attack): Attempt {
  const { chain, anchors } = attack.family;
  const [first, second] = anchors;
  if (first === undefined || second === undefined) throw new Error('a family has two anchors');
  const payload = { ...chain[0]?.payload, iss: first.issuer } as never;
  const { compact } = issueToken(payload, second.key, attack.own);
  return { expect: 'deny', chain: [compact], alsoHolds: [second.key] };
}

/** The honest children under a root that the attacker made with the same claims. */
function replaceRoot(attack: Attack): Attempt {
  const [, ...rest] = attack.family.chain;
  const [root] = attack.family.chain;
  const forged = rootClaims(attack, { cnf: root?.payload['cnf'] });
  return { expect: 'deny', chain: [forged.compact, ...texts(rest)] };
}

function hugeChain(attack: Attack): Attempt {
  const { chain } = attack.family;
  const length = attack.random.pick([10, 100, 1000, 5000]);
  const long = Array.from({ length }, (_, index) => chain[index % chain.length]?.compact ?? '');
  return { expect: 'deny', chain: long };
}

/** Below the deepest hop that its claims allow. */
function overDepth(attack: Attack): Attempt | undefined {
  const leaf = attack.family.chain.at(-1);
  if (leaf === undefined) return undefined;
  const { del_depth: depth, del_max_depth: deepest } = leaf.payload;
  if (depth !== deepest && depth !== 8) return undefined;
  const payload = {
    ...leaf.payload,
    jti: attack.id,
    iss: leaf.holder.publicKey.thumbprintUri,
    par_hash: leaf.hash,
    del_depth: (depth as number) + 1,
    del_max_depth: attack.random.pick([deepest as number, (depth as number) + 1]),
  };
  const { compact } = issueToken(payload, leaf.holder, attack.own, leaf);
  return {
    expect: 'deny',
    chain: [...attack.compacts, compact],
    alsoHolds: [leaf.holder],
  };
}

/** A child that names the right parent and hangs below another. */
function childUnderTwin(attack: Attack): Attempt | undefined {
  const twin = attack.family.twin[attack.hop];
  if (!attack.hasRoom || twin === undefined || twin.holder !== attack.key) return undefined;
  const child = issueToken(attack.claims(), attack.key, attack.own, attack.parent);
  const above = attack.family.twin.slice(0, attack.hop + 1);
  return { expect: 'deny', chain: [...texts(above), child.compact] };
}

/** The attacker's child, and below it an honest token that was derived from another. */
function honestBelowForged(attack: Attack): Attempt | undefined {
  const below = attack.family.chain[attack.hop + 2];
  if (!attack.hasRoom || below === undefined) return undefined;
  const honestKey = below.signer;
  const child = issueToken(
    attack.claims({ cnf: { jwk: honestKey.publicKey.jwk } }),
    attack.key,
    honestKey,
    attack.parent,
  );
  return {
    expect: 'deny',
    chain: [...texts(attack.prefix), child.compact, below.compact],
  };
}

function proofAsToken(attack: Attack): Attempt | undefined {
  const [proof] = attack.family.proofs;
  return proof && attack.presented('deny', proof.compact);
}

/** A child of the right claims, signed for another use of the same key. */
function typeOf(attack: Attack, typ: unknown): Attempt | undefined {
  const { typ: _, ...header } = { ...tokenHeader(attack.key) };
  const claims = attack.claims();
  if (!attack.hasRoom) return undefined;
  const compact = forge({
    header: { ...header, ...(typ === undefined ? {} : { typ }) } as never,
    payload: claims,
    signature: attack.key,
  });
  return attack.presented('deny', compact);
}

export const STRUCTURE: readonly Operator[] = [
  operator('drop_hop', dropHop),
  operator('present_prefix', presentPrefix),
  operator('reorder_hops', reorder),
  operator('duplicate_hop', duplicate),
  operator('cycle', cycle),
  operator('splice_chains', splice),
  operator('splice_one_hop', spliceOne),
  operator('splice_sibling', spliceSibling),
  operator('present_sibling', presentSibling),
  operator('self_issued_root', (attack) => selfIssued(attack, {})),
  operator('self_issued_root_own_name', (attack) =>
    selfIssued(attack, { iss: attack.own.publicKey.thumbprintUri }),
  ),
  operator('root_of_another_anchor', anchorConfusion),
  operator('replace_root', replaceRoot),
  operator('empty_chain', () => ({ expect: 'deny', chain: [] })),
  operator('huge_chain', hugeChain),
  operator('derive_from_terminal', overDepth),
  operator('child_under_twin', childUnderTwin),
  operator('honest_below_forged', honestBelowForged),
  operator('proof_as_token', proofAsToken),
  operator('typ_confusion', (attack) =>
    typeOf(
      attack,
      attack.random.pick([
        'aat-pop+jwt',
        'JWT',
        'AAT+JWT',
        'application/aat+jwt',
        '',
        null,
        undefined,
        ['aat+jwt'],
      ]),
    ),
  ),
];
