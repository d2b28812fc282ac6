import type { JsonObject } from '@taper/core';
import {
  forge,
  forgeSegments,
  headerFor,
  type IssuedToken,
  issueToken,
  markedHeader,
  segment,
  takeApart,
  tokenHeader,
} from '../src/index.ts';
import { type Attack, type Attempt, type Operator, operator } from './attack.ts';
import { randomCaveats } from './caveats.ts';

/** A forged child with this claim, under a header that names the profile or another one. */
function claim(
  make: (attack: Attack) => unknown,
  header: (attack: Attack) => JsonObject = ({ key }) => markedHeader(key),
): (attack: Attack) => Attempt | undefined {
  return (attack) =>
    attack.childText('deny', attack.claims({ taper: make(attack) }), header(attack));
}

const SHAPES: readonly unknown[] = [
  undefined,
  null,
  {},
  [],
  '',
  'purpose',
  { purpose: '' },
  { purpose: null },
  { tenant: ['acme'] },
  { tenant: '' },
  { budget: {} },
  { budget: null },
  { budget: { calls: 1 } },
  { budget: { calls: '1.0' } },
  { budget: { EUR: '-1' } },
  { budget: { EUR: '1e9' } },
  { budget: { EUR: '' } },
  { budget: { '': '1' } },
  { approvals: {} },
  { approvals: { pay: {} } },
  { approvals: { pay: { finance: 0 } } },
  { approvals: { pay: { finance: 17 } } },
  { approvals: { pay: 'finance' } },
  { revocation: {} },
  { revocation: { log: 'a.example', epoch: 0 } },
  { revocation: { log: 'a.example', epoch: 0, max_staleness: 1e9 } },
  { revocation: { log: 'a.example', epoch: -1, max_staleness: 1 } },
  { definitions: {} },
  { definitions: { pay: 'x' } },
  { definitions: { pay: `${'A'.repeat(42)}B` } },
];

const MEMBERS = ['rate', 'Tenant', 'aud', 'budgets', 'constructor', 'toString', ''];

/** Headers that say less, or more, than that the profile of version 1 is to be understood. */
function otherMark({ key, random }: Attack): JsonObject {
  const marked = markedHeader(key);
  return random.pick<JsonObject>([
    tokenHeader(key),
    { ...tokenHeader(key), taper: 1 },
    { ...tokenHeader(key), crit: ['taper'] },
    { ...marked, taper: 2 },
    { ...marked, taper: '1' },
    { ...marked, taper: null },
    { ...marked, crit: [] },
    { ...marked, crit: 'taper' },
    { ...marked, crit: ['Taper'] },
    { ...marked, crit: ['taper', 'taper'] },
    { ...marked, crit: ['taper', 'b64'] },
    { ...marked, crit: ['b64'] },
    { ...marked, crit: null },
  ]);
}

/** A token of the chain with caveats that the attacker has not signed, and its place. */
function restricted({ family, hop, random }: Attack): [IssuedToken, number] | undefined {
  const above = family.chain
    .slice(0, hop + 1)
    .flatMap((token, at): [IssuedToken, number][] =>
      Object.hasOwn(token.payload, 'taper') ? [[token, at]] : [],
    );
  return above.length === 0 ? undefined : random.pick(above);
}

/** The chain with one of its restricted tokens in another form. */
function inPlace(
  change: (token: IssuedToken, attack: Attack) => string,
): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const [token, at] = restricted(attack) ?? [];
    if (token === undefined) return undefined;
    const made = change(token, attack);
    if (made === token.compact) return undefined;
    return {
      expect: 'deny',
      chain: attack.compacts.map((compact, hop) => (hop === at ? made : compact)),
    };
  };
}

/** The claims of a token without its caveats, or with looser ones. */
function loosened({ payload }: IssuedToken, { random }: Attack): JsonObject {
  const { taper, ...rest } = payload;
  const [first] = Object.keys(taper as JsonObject);
  const { [first ?? '']: _, ...fewer } = taper as Record<string, unknown>;
  return random.pick<JsonObject>([
    rest,
    { ...rest, taper: {} },
    { ...rest, taper: { purpose: 'anything' } },
    ...(Object.keys(fewer).length === 0 ? [] : [{ ...rest, taper: fewer } as JsonObject]),
  ]);
}

/** A child that asks less than its parent, as far as it can say so: nothing is gained by it. */
function looserChild(attack: Attack): Attempt | undefined {
  const { family, random } = attack;
  const taper = random.pick<JsonObject>([
    { budget: { calls: '999999999', EUR: '999999999.99' } },
    { approvals: { pay: { finance: 1 } } },
    { revocation: { log: 'elsewhere.example', epoch: 0, max_staleness: 7_776_000 } },
    { definitions: { 'not called': `${'C'.repeat(42)}A` } },
    { purpose: 'anything' },
    randomCaveats(random, family.profile?.tenant),
  ]);
  return attack.child(family.profile === undefined ? 'deny' : 'accept', { taper });
}

/** A child, or its child in turn, that belongs to another tenant than a token above it. */
function otherTenant(attack: Attack): Attempt | undefined {
  const { family, key, own, parent, prefix, random } = attack;
  const named = prefix.some(({ payload }) =>
    Object.hasOwn((payload['taper'] ?? {}) as object, 'tenant'),
  );
  const tenant = random.pick(['evil', 'Acme', 'acme ', 'acme\u200b', 'acm']);
  if (named) return attack.child('deny', { taper: { tenant } });
  if (!attack.hasRoom || family.profile === undefined) return undefined;
  const { del_depth: depth, del_max_depth: deepest } = parent.payload as Readonly<
    Record<string, number>
  >;
  if ((depth as number) + 2 > Math.min(deepest as number, 8)) return undefined;
  const child = issueToken(attack.claims({ taper: { tenant: 'acme' } }), key, own, parent);
  const next = new Map(Object.entries(attack.claims()));
  for (const [name, value] of Object.entries({
    jti: `${attack.id}-below`,
    iss: own.publicKey.thumbprintUri,
    del_depth: (depth as number) + 2,
    par_hash: child.hash,
    taper: { tenant },
  }))
    next.set(name, value);
  const leaf = issueToken(Object.fromEntries(next), own, own, child);
  return {
    expect: 'deny',
    chain: [...prefix.map(({ compact }) => compact), child.compact, leaf.compact],
  };
}

export const CAVEATS: readonly Operator[] = [
  operator(
    'caveat_malformed',
    claim(({ random }) => random.pick(SHAPES)),
    2,
  ),
  operator(
    'caveat_unknown',
    claim(({ random }) => ({ ...randomCaveats(random), [random.pick(MEMBERS)]: 'x' })),
  ),
  operator(
    'caveat_mark_forged',
    claim(({ random }) => randomCaveats(random), otherMark),
    2,
  ),
  operator(
    'caveat_unmarked_by_its_maker',
    claim(
      ({ random }) => randomCaveats(random),
      ({ key }) => tokenHeader(key),
    ),
  ),
  operator(
    'caveat_mark_taken_off',
    inPlace(({ compact, signer }) => {
      const [, payload = '', signature = ''] = compact.split('.');
      return `${segment(tokenHeader(signer))}.${payload}.${signature}`;
    }),
    2,
  ),
  operator(
    'caveat_stripped',
    inPlace((token, attack) => {
      const payload = loosened(token, attack);
      const header = segment(headerFor(payload, token.signer));
      return forgeSegments(header, segment(payload), takeApart(token.compact).signature);
    }),
    2,
  ),
  operator(
    'caveat_stripped_and_signed_anew',
    inPlace((token, attack) =>
      forge({
        header: tokenHeader(attack.own),
        payload: loosened(token, attack),
        signature: attack.own,
      }),
    ),
  ),
  operator('caveat_loosened_below', looserChild, 3),
  operator('caveat_other_tenant', otherTenant, 2),
];
