import type { JsonObject } from '@taper/core';
import type { Hop, Scenario } from '@taper/testkit';
import { at, type Case, type Permitted } from '../case.ts';

// `taper_subject`, spec/profile.md section 3.7: what a root says of what was exchanged for it.

const MARKED = '{"alg":"Ed25519","crit":["taper"],"taper":1,"typ":"aat+jwt"}';
const here = { policy: { profile: {} } } as const;

/** Different hashes. */
const hash = (number: number): string => `${String(number).padStart(42, 'A')}A`;
const hashes = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => hash(from + index));

/** What is said of a chain of so many tokens. */
function chain(changes: JsonObject = {}, count = 1): JsonObject {
  return {
    kind: 'chain',
    iss: 'https://auth.example.com',
    hash: hash(count - 1),
    iat: 1_750_000_000,
    tokens: hashes(count),
    keys: hashes(count + 1, 500),
    ...changes,
  };
}

const user: JsonObject = { kind: 'user', iss: 'https://login.example.com', hash: hash(1) };

/** One exchanged for the root of the other, as often as said. */
function stacked(levels: number, count = 1): JsonObject {
  let subject = chain({}, count);
  for (let level = 1; level < levels; level += 1) subject = chain({ subject }, count);
  return subject;
}

function without(member: string): JsonObject {
  const { [member]: _, ...rest } = chain();
  return rest;
}

function root(subject: unknown, marked = true): Scenario {
  const claims = { taper_subject: subject };
  const hop: Hop = marked
    ? { header: MARKED, claims: { ...claims, taper: { purpose: 'p' } } }
    : { claims };
  return { hops: [hop, {}] };
}

/** A derived token with the claim, which is its holder's to write. */
function below(subject: unknown): Scenario {
  const taper = { purpose: 'p' };
  return {
    hops: [
      { header: MARKED, claims: { taper } },
      { header: MARKED, claims: { taper, taper_subject: subject } },
    ],
  };
}

const RULES: readonly (readonly [string, string, unknown, string, unknown])[] = [
  ['null', 'that is null', null, 'that is an object', chain()],
  ['text', 'that is a text', hash(1), 'of a user', user],
  [
    'kind',
    'of a kind that is not known',
    chain({ kind: 'agent' }),
    'of another domain',
    chain({ kind: 'foreign' }),
  ],
  [
    'user-more',
    'of a user, with tokens',
    { ...user, tokens: hashes(1) },
    'of a user, without',
    user,
  ],
  ['member', 'with a member more', chain({ aud: 'x' }), 'without it', chain()],
  ['iat-absent', 'without the time of its oldest token', without('iat'), 'with it', chain()],
  [
    'iat-negative',
    'with a time before all times',
    chain({ iat: -1 }),
    'with the first time',
    chain({ iat: 0 }),
  ],
  ['iss-empty', 'with an empty issuer', chain({ iss: '' }), 'with one', chain()],
  ['tokens-empty', 'without a token', chain({ tokens: [] }), 'with one', chain()],
  [
    'tokens-text',
    'whose tokens are a text',
    chain({ tokens: hash(0) }),
    'whose tokens are a list',
    chain(),
  ],
  [
    'hash-bits',
    'with a hash that has trailing bits',
    chain({ keys: [hash(1), `${'A'.repeat(42)}B`] }),
    'with strict ones',
    chain(),
  ],
  [
    'hash-other',
    'whose hash is not its last token’s',
    chain({ hash: hash(7) }),
    'whose hash is',
    chain({}, 3),
  ],
  [
    'keys-few',
    'with as many keys as tokens',
    chain({ keys: hashes(1) }),
    'with one more',
    chain({ keys: hashes(2) }),
  ],
  [
    'nested',
    'above one that is malformed',
    chain({ subject: {} }),
    'above a user',
    chain({ subject: user }),
  ],
  ['nested-null', 'above null', chain({ subject: null }), 'above another', stacked(2)],
  ['deep', 'above eight others', stacked(9), 'above seven others', stacked(8)],
  [
    'many',
    'of 193 tokens and keys (R01)',
    chain({ keys: hashes(103, 500) }, 90),
    'of 192',
    chain({ keys: hashes(102, 500) }, 90),
  ],
  [
    'many-nested',
    'of 193 with those above it (R01)',
    chain({ keys: hashes(107, 500), subject: stacked(3, 10) }, 23),
    'of 192',
    chain({ keys: hashes(106, 500), subject: stacked(3, 10) }, 23),
  ],
];

/** The time of its oldest token, written as said. */
function dated(text: string): Scenario {
  const time = 1_750_000_000;
  const claims = { taper: { purpose: 'p' }, taper_subject: chain({ iat: time }) };
  const payload = (canonical: string): string =>
    canonical.replace(`"iat":${time},"iss"`, `"iat":${text},"iss"`);
  return { hops: [{ header: MARKED, claims, payload }, {}] };
}

export const EXCHANGED: readonly Case[] = [
  ...RULES.map(([id, refuses, denied, accepts, permitted]) =>
    at('3b', 'caveats_malformed', 0)(
      `p3.7.subject-${id}`,
      `refuses a root with a subject ${refuses}`,
      root(denied),
      `accepts a root with a subject ${accepts}`,
      root(permitted),
      here,
    ),
  ),
  at('3b', 'caveats_malformed', 0)(
    'p3.7.subject-iat-form',
    'refuses a root whose subject has a time with a fraction',
    dated('1750000000.0'),
    'accepts a root whose subject has one without',
    dated('1750000000'),
    here,
  ),
];

export const EXCHANGED_VALID: readonly Permitted[] = [
  {
    id: 'p3.7.plain',
    accepts: 'accepts a plain root with whatever under that name, as AAT has it',
    permitted: root(null, false),
    ...here,
  },
  {
    id: 'p3.7.derived',
    accepts: 'accepts a derived token with whatever under that name, which says nothing there',
    permitted: below(null),
    ...here,
  },
];
