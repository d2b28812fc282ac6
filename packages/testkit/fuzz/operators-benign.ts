import { detailsOf, type IssuedToken, issueToken, narrowTools, randomChild } from '../src/index.ts';
import { type Attack, type Attempt, type Operator, operator, sitesOf, withMap } from './attack.ts';
import { AUDIENCE } from './family.ts';

/** What an honest holder does: all of it must be accepted. */
function handDown(attack: Attack): Attempt | undefined {
  if (!attack.hasRoom) return undefined;
  const shape = {
    issuer: '',
    issuerKey: attack.key,
    holders: [attack.own, attack.family.mallory.p256],
    depth: 0,
    now: attack.family.now,
    audience: AUDIENCE,
  };
  const { del_depth: depth, del_max_depth: deepest } = attack.parent.payload;
  const room = Math.min(deepest as number, 8) - (depth as number);
  const chain: IssuedToken[] = [...attack.prefix];
  for (let left = attack.random.between(1, room) - 1; left >= 0; left -= 1)
    chain.push(randomChild(chain.at(-1) as IssuedToken, shape, left, attack.random));
  return { expect: 'accept', chain: chain.map(({ compact }) => compact) };
}

function fewerTools(attack: Attack): Attempt | undefined {
  const kept = attack.random.some(Object.entries(attack.tools));
  return attack.childWithTools('accept', Object.fromEntries(kept));
}

function requireOptional(attack: Attack): Attempt | undefined {
  const optional = sitesOf(attack.tools).filter(
    ({ constraint }) => constraint['optional'] === true,
  );
  if (optional.length === 0) return undefined;
  const { tool, argument, constraint } = attack.random.pick(optional);
  const { optional: _, ...required } = constraint;
  return attack.childWithTools(
    'accept',
    withMap(attack.tools, tool, { ...attack.tools[tool], [argument]: required }),
  );
}

function dropStar(attack: Attack): Attempt | undefined {
  const open = Object.entries(attack.tools).filter(
    ([, map]) => Object.hasOwn(map, '*') && Object.keys(map).length > 1,
  );
  if (open.length === 0) return undefined;
  const [tool, map] = attack.random.pick(open);
  const { '*': _, ...closed } = map;
  return attack.childWithTools('accept', withMap(attack.tools, tool, closed));
}

/** Claims and entries that the draft tells verifiers to ignore. */
function ignored(attack: Attack): Attempt | undefined {
  return attack.child('accept', {
    sub: 'root',
    nbf: 9_999_999_999,
    scope: 'admin',
    tools: { delete_all: {} },
    constructor: null,
    authorization_details: [
      { type: 'Attenuating_agent_token', tools: { delete_all: {} } },
      ...(detailsOf(attack.tools) as readonly never[]),
      { type: 'payment', amount: 1e6 },
    ],
  });
}

/** Two tokens for one key: the same holder may stand in a chain twice. */
function toOneself(attack: Attack): Attempt | undefined {
  if (!attack.hasRoom) return undefined;
  const cnf = { jwk: attack.key.publicKey.jwk };
  const child = issueToken(attack.claims({ cnf }), attack.key, attack.key, attack.parent);
  return {
    expect: 'accept',
    chain: [...attack.prefix.map(({ compact }) => compact), child.compact],
  };
}

export const BENIGN: readonly Operator[] = [
  operator('present_as_is', ({ compacts }) => ({ expect: 'accept', chain: compacts })),
  operator('present_twin', ({ family }) => ({
    expect: 'accept',
    chain: family.twin.map(({ compact }) => compact),
  })),
  operator('hand_down', handDown),
  operator('hand_over_unchanged', (attack) => attack.child('accept')),
  operator('hand_to_oneself', toOneself),
  operator('narrow_tools', (attack) =>
    attack.childWithTools('accept', narrowTools(attack.tools, attack.random)),
  ),
  operator('fewer_tools', fewerTools),
  operator('require_optional', requireOptional),
  operator('drop_star', dropStar),
  operator('shorten_life', (attack) =>
    attack.child('accept', {
      iat: attack.family.now,
      exp: attack.random.between(attack.family.now + 1, attack.parent.payload['exp'] as number),
    }),
  ),
  operator('lower_max_depth', (attack) =>
    attack.child('accept', { del_max_depth: (attack.parent.payload['del_depth'] as number) + 1 }),
  ),
  operator('name_audience', (attack) =>
    attack.child('accept', { aud: attack.random.pick<unknown>([AUDIENCE, [AUDIENCE, 'x']]) }),
  ),
  operator('claims_to_ignore', ignored),
];
