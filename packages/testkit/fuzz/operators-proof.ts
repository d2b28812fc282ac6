import type { JsonObject } from '@taper/core';
import {
  forge,
  plusOrder,
  proofHeader,
  randomCall,
  signingInput,
  takeApart,
  tokenHash,
} from '../src/index.ts';
import { type Attack, type Attempt, type Expectation, type Operator, operator } from './attack.ts';
import { AUDIENCE, makeProof } from './family.ts';
import { type Occasion, occasion, otherCall, present } from './occasion.ts';

/** A proof with claims changed, over the call that is made. */
function changed(
  expect: Expectation,
  changes: (occasion: Occasion) => Readonly<Record<string, unknown>> | undefined,
): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const at = occasion(attack);
    const claims = at && changes(at);
    if (at === undefined || claims === undefined) return undefined;
    return present(at, expect, makeProof(at.leaf, at.call, at.key, claims));
  };
}

function captured(attack: Attack): Attempt | undefined {
  const { proofs, chain } = attack.family;
  const proof = proofs.find(({ leaf }) => leaf === chain.at(-1));
  if (proof === undefined) return undefined;
  return {
    expect: 'accept',
    chain: attack.compacts,
    invocation: { ...proof.call, proof: proof.compact },
  };
}

/** A proof that somebody else made, with the attacker's own chain. */
function stolen(attack: Attack): Attempt | undefined {
  const at = occasion(attack);
  const { proofs } = attack.family;
  if (at === undefined || proofs.length === 0) return undefined;
  const { compact, leaf, call } = attack.random.pick(proofs);
  if (leaf === at.leaf) return undefined;
  return present(at, 'deny', compact, attack.random.chance(0.5) ? call : {});
}

/** An honest chain with the proof of whoever found it. */
function noKey(attack: Attack): Attempt | undefined {
  const leaf = attack.random.pick(attack.family.chain);
  const call = randomCall(leaf.payload, attack.random);
  if (call === undefined) return undefined;
  const at = attack.family.chain.indexOf(leaf);
  const chain = attack.compacts.slice(0, at + 1);
  return {
    expect: 'deny',
    chain,
    invocation: { ...call, proof: makeProof(leaf, call, attack.own) },
  };
}

function badProof(attack: Attack): Attempt | undefined {
  const at = occasion(attack);
  if (at === undefined) return undefined;
  const proof = makeProof(at.leaf, at.call, at.key);
  const { payload, signature } = takeApart(proof);
  const signed = (header: JsonObject | string): string =>
    forge({ header, payload, signature: at.key });
  const { alg } = at.key;
  return present(
    at,
    'deny',
    attack.random.pick([
      '',
      'null',
      proof.slice(0, -1),
      `${proof}=`,
      `${proof}.`,
      `${signingInput(proof)}.`,
      at.leaf.compact,
      signed({ alg, typ: 'aat+jwt' }),
      signed({ alg, typ: 'JWT' }),
      signed({ alg }),
      signed({ alg: 'none', typ: 'aat-pop+jwt' }),
      signed({ alg: 'EdDSA', typ: 'aat-pop+jwt' }),
      signed({ ...proofHeader(at.key), crit: ['exp'] }),
      signed(`{"alg":"${alg}","alg":"${alg}","typ":"aat-pop+jwt"}`),
      alg === 'Ed25519'
        ? `${signingInput(proof)}.${Buffer.from(plusOrder(signature)).toString('base64url')}`
        : proof.slice(0, -4),
    ]),
  );
}

function proofText(change: (text: string) => string): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const at = occasion(attack);
    if (at === undefined) return undefined;
    const { payload } = takeApart(makeProof(at.leaf, at.call, at.key));
    const text = change(payload);
    if (text === payload) return undefined;
    const proof = forge({ header: proofHeader(at.key), payload: text, signature: at.key });
    return present(at, 'deny', proof);
  };
}

export const PROOF: readonly Operator[] = [
  operator(
    'proof_valid',
    changed('accept', () => ({})),
  ),
  operator('proof_replayed', captured),
  operator(
    'proof_of_other_key_order',
    otherCall('accept', (at) => {
      const reversed = Object.fromEntries(Object.entries(at.call.args).reverse());
      return { args: JSON.stringify(reversed, null, 1) };
    }),
  ),
  operator('proof_stolen', stolen),
  operator('proof_without_key', noKey),
  operator('proof_malformed', badProof),
  operator(
    'proof_for_other_arguments',
    otherCall('deny', ({ call, attack }) => {
      const { random } = attack;
      return {
        args: { ...call.args, [random.pick(['extra', ...Object.keys(call.args)])]: [random.u32()] },
      };
    }),
  ),
  operator(
    'proof_for_other_tool',
    otherCall('deny', ({ attack, call }) => {
      const others = Object.keys(attack.tools).filter((tool) => tool !== call.tool);
      return { tool: attack.random.pick([...others, `${call.tool} `, `${call.tool}\u0000`]) };
    }),
  ),
  operator(
    'proof_for_other_leaf',
    changed('deny', ({ attack, leaf }) => {
      const other = attack.random.pick([...attack.family.chain, ...attack.family.twin]);
      if (other === leaf) return undefined;
      const { random } = attack;
      return random.pick<Readonly<Record<string, unknown>>>([
        { aat_hash: other.hash },
        { aat_id: other.payload['jti'] },
        { aat_hash: other.hash, aat_id: other.payload['jti'] },
        { aat_hash: tokenHash(`${leaf.compact}.`) },
        { aat_hash: `${leaf.hash}=` },
      ]);
    }),
  ),
  operator(
    'proof_for_other_audience',
    changed('deny', ({ attack }) => ({
      aat_aud: attack.random.pick<unknown>([
        'https://other.example',
        `${AUDIENCE}/`,
        [AUDIENCE],
        '',
        null,
      ]),
    })),
  ),
  operator(
    'proof_without_audience',
    changed('accept', () => ({ aat_aud: undefined })),
  ),
  operator(
    'proof_at_other_time',
    changed('deny', ({ attack }) => ({
      iat: attack.family.now + attack.random.pick([-31, 31, -3600, 1e9]),
    })),
  ),
  operator(
    'proof_at_edge_of_window',
    changed('accept', ({ attack }) => ({
      iat: attack.family.now + attack.random.pick([-30, 30]),
    })),
  ),
  operator(
    'proof_claim_missing',
    changed('deny', ({ attack }) => ({
      [attack.random.pick(['jti', 'iat', 'aat_id', 'aat_hash', 'aat_tool', 'hta'])]: undefined,
    })),
  ),
  operator(
    'proof_claim_malformed',
    changed('deny', ({ attack }) =>
      attack.random.pick<Readonly<Record<string, unknown>>>([
        { jti: '' },
        { jti: 7 },
        { iat: String(attack.family.now) },
        { iat: attack.family.now + 0.5 },
        { iat: null },
        { aat_tool: ['read_file'] },
        { aat_id: 7 },
        { hta: [] },
        { hta: null },
        { hta: '{}' },
      ]),
    ),
  ),
  operator(
    'proof_duplicate_member',
    proofText((text) => text.replace('{', '{"jti":"first",')),
  ),
  operator(
    'proof_iat_with_fraction',
    proofText((text) => text.replace(/"iat":(\d+)/, '"iat":$1.0')),
  ),
  operator(
    'proof_number_inadmissible',
    proofText((text) => text.replace('"hta":{', '"hta":{"n":9007199254740993,')),
  ),
];
