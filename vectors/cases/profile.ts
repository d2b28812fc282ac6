import type { JsonObject } from '@taper/core';
import { type Hop, present, type Scenario } from '@taper/testkit';
import { at, type Case, type Permitted } from '../case.ts';
import type { PresentationCase } from './presentation.ts';

// The profile of spec/profile.md, whose sections the identifiers name.

const MARKED = '{"alg":"Ed25519","crit":["taper"],"taper":1,"typ":"aat+jwt"}';
const PLAIN = '{"alg":"Ed25519","typ":"aat+jwt"}';
const GRANTED = 'A'.repeat(43);
const CHANGED = `${'B'.repeat(42)}A`;

/** How the enforcement point of a vector is set up: it understands the profile. */
const here = (profile: JsonObject = {}, definition?: string): Pick<Case, 'policy'> => ({
  policy: { profile, ...(definition === undefined ? {} : { definition }) },
});
const off = { policy: {} } as const;

/** A token with caveats. */
function marked(taper: unknown, header = MARKED): Hop {
  return { header, claims: { taper } };
}

/** A root with caveats, and a plain child. */
function root(taper: unknown, header?: string): Scenario {
  return { hops: [marked(taper, header), {}] };
}

/** A plain root, and a child with caveats. */
function child(taper: unknown, header?: string): Scenario {
  return { hops: [{}, marked(taper, header)] };
}

function hops(...tapers: readonly unknown[]): Scenario {
  return { hops: tapers.map((taper) => (taper === undefined ? {} : marked(taper))) };
}

const purpose = { purpose: 'q3-close' };
const crit = (value: string): string =>
  `{"alg":"Ed25519","crit":${value},"taper":1,"typ":"aat+jwt"}`;
const version = (value: string): string =>
  `{"alg":"Ed25519","crit":["taper"],"taper":${value},"typ":"aat+jwt"}`;

/** A rule of the profile that is met at a step of the draft, at the root and at a child. */
function both(
  section: string,
  [rootStep, childStep]: readonly [string, string],
  code: Case['code'],
  word: string,
  what: string,
  denied: (make: typeof root) => Scenario,
  kept: string,
  permitted: (make: typeof root) => Scenario,
  more: Pick<Case, 'policy' | 'note'> = here(),
): readonly Case[] {
  return [
    at(rootStep, code, 0)(
      `${section}.${word}`,
      `refuses a root ${what}`,
      denied(root),
      `accepts a root ${kept}`,
      permitted(root),
      more,
    ),
    at(childStep, code, 1)(
      `${section}.${word}`,
      `refuses a derived token ${what}`,
      denied(child),
      `accepts a derived token ${kept}`,
      permitted(child),
      more,
    ),
  ];
}

const HEADER = ['3a', '4a'] as const;
const CLAIM = ['3b', '4b'] as const;

const MARKS: readonly Case[] = [
  ...both(
    'mark',
    HEADER,
    'caveats_unmarked',
    'claim',
    'with caveats that its header does not name (Z05)',
    (make) => make(purpose, PLAIN),
    'whose header names them',
    (make) => make(purpose),
  ),
  ...both(
    'mark',
    HEADER,
    'caveats_unmarked',
    'claim-null',
    'with an unmarked claim that is null',
    (make) => make(null, PLAIN),
    'without the claim',
    (make) => make(undefined, PLAIN),
  ),
  ...both(
    'mark',
    HEADER,
    'caveats_unmarked',
    'header',
    'with a version and no crit',
    (make) => make(purpose, '{"alg":"Ed25519","taper":1,"typ":"aat+jwt"}'),
    'with both',
    (make) => make(purpose),
  ),
  ...both(
    'mark',
    HEADER,
    'caveats_unmarked',
    'off',
    'with an unmarked claim where the profile is not in use (Z05)',
    (make) => make(purpose, PLAIN),
    'without the claim',
    (make) => make(undefined, PLAIN),
    off,
  ),
  ...both(
    'mark',
    HEADER,
    'critical_header_unknown',
    'unknown',
    'with caveats where the profile is not in use (Z05)',
    (make) => make(purpose),
    'of plain AAT',
    (make) => make(undefined, PLAIN),
    off,
  ),
  ...both(
    'mark',
    HEADER,
    'critical_header_unknown',
    'more',
    'whose crit names something beside the profile (B08)',
    (make) => make(purpose, crit('["taper","b64"]')),
    'whose crit names the profile',
    (make) => make(purpose),
  ),
  ...both(
    'mark',
    HEADER,
    'critical_header_unknown',
    'twice',
    'whose crit names the profile twice',
    (make) => make(purpose, crit('["taper","taper"]')),
    'whose crit names it once',
    (make) => make(purpose, crit('[ "taper" ]')),
  ),
  ...both(
    'mark',
    HEADER,
    'critical_header_unknown',
    'text',
    'whose crit is a text',
    (make) => make(purpose, crit('"taper"')),
    'whose crit is an array',
    (make) => make(purpose),
  ),
  ...both(
    'mark',
    HEADER,
    'profile_version_unknown',
    'version',
    'of version 2 (D15)',
    (make) => make(purpose, version('2')),
    'of version 1',
    (make) => make(purpose),
  ),
  ...both(
    'mark',
    HEADER,
    'profile_version_unknown',
    'form',
    'whose version is written with a fraction',
    (make) => make(purpose, version('1.0')),
    'whose version is written as an integer',
    (make) => make(purpose, version('1')),
  ),
  ...both(
    'mark',
    HEADER,
    'profile_version_unknown',
    'none',
    'without a version',
    (make) => make(purpose, '{"alg":"Ed25519","crit":["taper"],"typ":"aat+jwt"}'),
    'with one',
    (make) => make(purpose),
  ),
  at('7a', 'critical_header_unknown')(
    'mark.proof',
    'refuses a proof that names the profile',
    { ...root(purpose), proof: { header: MARKED.replace('aat+jwt', 'aat-pop+jwt') } },
    'accepts the proof without it',
    root(purpose),
    here(),
  ),
];

/** Malformed caveats and the nearest that are well-formed. */
const SHAPES: readonly (readonly [string, string, unknown, string, unknown])[] = [
  ['claim-absent', 'with a mark and no caveats', undefined, 'with a caveat', purpose],
  ['claim-empty', 'with an empty claim (H11)', {}, 'with a caveat in it', purpose],
  ['claim-array', 'with a list of caveats', [purpose], 'with an object of caveats', purpose],
  [
    'tenant-number',
    'with a tenant that is a number',
    { tenant: 7 },
    'with a purpose that is a text',
    purpose,
  ],
  [
    'purpose-empty',
    'with an empty purpose (H11)',
    { purpose: '' },
    'with a purpose of one character',
    { purpose: 'x' },
  ],
  [
    'purpose-long',
    'with a purpose of 257 characters',
    { purpose: 'x'.repeat(257) },
    'with a purpose of 256 characters',
    { purpose: 'x'.repeat(256) },
  ],
  [
    'purpose-control',
    'with a control character in its purpose',
    { purpose: 'a\u0007b' },
    'without it',
    { purpose: 'ab' },
  ],
  [
    'budget-empty',
    'with an empty budget (H11)',
    { budget: {} },
    'with a budget of nothing',
    { budget: { calls: '0' } },
  ],
  [
    'budget-number',
    'with a limit that is a JSON number',
    { budget: { EUR: 5 } },
    'with a limit that is a text',
    { budget: { EUR: '5' } },
  ],
  [
    'budget-negative',
    'with a negative limit',
    { budget: { EUR: '-1' } },
    'with a limit of zero',
    { budget: { EUR: '0.00' } },
  ],
  [
    'budget-form',
    'with a limit that has a leading zero',
    { budget: { EUR: '05' } },
    'with a limit in its one form',
    { budget: { EUR: '5' } },
  ],
  [
    'budget-scale',
    'with a limit of 19 digits behind the point',
    { budget: { EUR: `0.${'1'.repeat(19)}` } },
    'with one of 18',
    { budget: { EUR: `0.${'1'.repeat(18)}` } },
  ],
  [
    'budget-calls',
    'with half a call',
    { budget: { calls: '0.5' } },
    'with half a euro',
    { budget: { EUR: '0.5' } },
  ],
  [
    'budget-meter',
    'with a meter of 65 characters',
    { budget: { ['m'.repeat(65)]: '1' } },
    'with a meter of 64',
    { budget: { ['m'.repeat(64)]: '1' } },
  ],
  [
    'budget-meters',
    'with 17 meters',
    { budget: numbered(17, '1') },
    'with 16',
    { budget: numbered(16, '1') },
  ],
  [
    'approvals-empty',
    'with empty approvals (H11)',
    { approvals: {} },
    'with a tool in them',
    { approvals: { read_file: { ops: 1 } } },
  ],
  [
    'approvals-no-group',
    'with a tool that no group approves (H11)',
    { approvals: { read_file: {} } },
    'with a group',
    { approvals: { read_file: { ops: 1 } } },
  ],
  [
    'approvals-zero',
    'with a count of zero',
    { approvals: { read_file: { ops: 0 } } },
    'with a count of one',
    { approvals: { read_file: { ops: 1 } } },
  ],
  [
    'approvals-many',
    'with a count of 17',
    { approvals: { read_file: { ops: 17 } } },
    'with a count of 16',
    { approvals: { read_file: { ops: 16 } } },
  ],
  [
    'approvals-tools',
    'with 65 tools',
    { approvals: numbered(65, { ops: 1 }) },
    'with 64',
    { approvals: numbered(64, { ops: 1 }) },
  ],
  [
    'revocation-member',
    'with a member more in its revocation',
    { revocation: { ...revocation(), grace: 5 } },
    'without it',
    { revocation: revocation() },
  ],
  [
    'revocation-absent',
    'without a greatest staleness (H11)',
    { revocation: { log: 'log.example', epoch: 0 } },
    'with one',
    { revocation: revocation() },
  ],
  [
    'revocation-zero',
    'with a staleness of zero',
    { revocation: revocation(0) },
    'with one second',
    { revocation: revocation(1) },
  ],
  [
    'revocation-long',
    'with a staleness beyond 90 days',
    { revocation: revocation(7_776_001) },
    'with 90 days',
    { revocation: revocation(7_776_000) },
  ],
  [
    'definitions-empty',
    'with empty definitions (H11)',
    { definitions: {} },
    'with a tool in them',
    { definitions: { other: GRANTED } },
  ],
  [
    'definitions-bits',
    'with a hash that has trailing bits',
    { definitions: { other: `${'A'.repeat(42)}B` } },
    'with a strict one',
    { definitions: { other: CHANGED } },
  ],
];

function numbered(count: number, value: unknown): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, value]));
}

function revocation(max_staleness = 60): JsonObject {
  return { log: 'log.example', epoch: 0, max_staleness };
}

/** A rule without a step in the draft. */
function beyond(section: string, code: Case['code'], hop?: number): ReturnType<typeof at> {
  const make = at(section, code, hop);
  return (...given) => ({ ...make(...given), step: null });
}

const tenant = { tenant: 'acme' };
const elsewhere = { tenant: 'other' };

const CHECKS: readonly Case[] = [
  beyond('p4', 'tenant_mismatch', 1)(
    'tenant-changed',
    'refuses a derived token of another tenant than its parent (F01)',
    hops(tenant, elsewhere),
    'accepts one of the same tenant',
    hops(tenant, tenant),
    here(tenant),
  ),
  beyond('p4', 'tenant_mismatch', 2)(
    'tenant-changed-later',
    'refuses another tenant two hops below (F01)',
    hops(tenant, undefined, elsewhere),
    'accepts the same tenant two hops below',
    hops(tenant, undefined, tenant),
    here(tenant),
  ),
  beyond('p5', 'tenant_mismatch', 0)(
    'tenant-different',
    'refuses a chain of another tenant (F01)',
    hops(elsewhere, undefined),
    'accepts a chain of its own',
    hops(tenant, undefined),
    here(tenant),
  ),
  beyond('p5', 'tenant_mismatch', 0)(
    'tenant-case',
    'refuses a tenant that differs in case',
    hops({ tenant: 'Acme' }),
    'accepts the exact tenant',
    hops(tenant),
    here(tenant),
  ),
  beyond('p5', 'tenant_mismatch')(
    'tenant-absent',
    'refuses a chain without a tenant where there is one (F03)',
    hops(purpose, undefined),
    'accepts a chain whose root names it',
    hops(tenant, purpose),
    here(tenant),
  ),
  beyond('p5', 'tenant_mismatch', 1)(
    'tenant-by-holder',
    'refuses a chain whose tenant a holder has put in: its root names none (F03)',
    hops(purpose, tenant),
    'accepts a chain whose root names it, too',
    hops(tenant, tenant),
    here(tenant),
  ),
  beyond('p5', 'tenant_mismatch', 1)(
    'tenant-unexpected',
    'refuses a chain with a tenant where there is none (X05)',
    hops(undefined, tenant),
    'accepts a chain without one',
    hops(undefined, purpose),
    here(),
  ),
  beyond('p5', 'purpose_mismatch', 1)(
    'purpose-different',
    'refuses a chain of which a hop serves another purpose',
    hops(purpose, { purpose: 'other' }),
    'accepts one of which each serves this one',
    hops(purpose, purpose),
    here(purpose),
  ),
  beyond('p5', 'purpose_mismatch')(
    'purpose-absent',
    'refuses a chain without a purpose where there is one (H11)',
    hops(tenant, undefined),
    'accepts a chain that names it',
    hops(tenant, purpose),
    here({ ...tenant, ...purpose }),
  ),
  beyond('p5', 'definition_unknown', 0)(
    'definition-unknown',
    'refuses a pinned tool whose definition is not known',
    hops({ definitions: { read_file: GRANTED } }, undefined),
    'accepts a tool that is not pinned',
    hops({ definitions: { other: GRANTED } }, undefined),
    here(),
  ),
  beyond('p5', 'definition_changed', 1)(
    'definition-changed',
    'refuses a tool that is not what was granted',
    hops(undefined, { definitions: { read_file: GRANTED } }),
    'accepts a tool that is',
    hops(undefined, { definitions: { read_file: CHANGED } }),
    here({}, CHANGED),
  ),
  beyond('p5', 'definition_changed', 0)(
    'definition-inherited',
    'refuses a change that only the root pins (D13)',
    hops({ definitions: { read_file: GRANTED } }, purpose),
    'accepts what the root pins',
    hops({ definitions: { read_file: CHANGED } }, purpose),
    here({}, CHANGED),
  ),
  beyond('p5', 'definition_changed', 1)(
    'definition-two',
    'refuses two pins of one tool that differ',
    hops({ definitions: { read_file: GRANTED } }, { definitions: { read_file: CHANGED } }),
    'accepts two that agree',
    hops({ definitions: { read_file: GRANTED } }, { definitions: { read_file: GRANTED } }),
    here({}, GRANTED),
  ),
];

const UNKNOWN: readonly Case[] = ['rate', 'Tenant', 'constructor'].flatMap((member, index) =>
  both(
    'shape',
    CLAIM,
    'caveat_unknown',
    `unknown-${index + 1}`,
    `with a caveat that nobody knows, ${JSON.stringify(member)} (D14, Z05)`,
    (make) => make({ ...purpose, [member]: 'x' }),
    'without it',
    (make) => make(purpose),
  ),
);

export const PROFILE: readonly Case[] = [
  ...MARKS,
  ...SHAPES.flatMap(([word, what, denied, kept, permitted]) =>
    both(
      'shape',
      CLAIM,
      'caveats_malformed',
      word,
      what,
      (make) => make(denied),
      kept,
      (make) => make(permitted),
    ),
  ),
  ...UNKNOWN,
  ...CHECKS,
];

/** Permitted, and next to no denial: caveats accumulate and lift nothing, and the core leaves these to the enforcement point. */
export const PROFILE_VALID: readonly Permitted[] = [
  {
    id: 'p4.budget-raised',
    accepts: 'accepts a budget that is greater than the one above it, which stays in force (I13)',
    permitted: hops({ budget: { calls: '1' } }, { budget: { calls: '1000' } }),
    note: 'Both accounts are charged: whether they can bear it is the enforcement point\u2019s to know.',
    ...here(),
  },
  {
    id: 'p4.approvals-lowered',
    accepts: 'accepts a count that is smaller than the one above it, which stays in force (K04)',
    permitted: hops({ approvals: { other: { ops: 2 } } }, { approvals: { other: { ops: 1 } } }),
    ...here(),
  },
];

const presented = present({ hops: [marked(purpose), {}] });
const other = present({ hops: [marked({ ...purpose, budget: { calls: '1' } }), {}] });
const one = { aat_chain: presented.chain, aat_pop: presented.pop };
const two = { aat_chain: other.chain, aat_pop: other.pop };
const joined = JSON.stringify({ taper_chains: [one, two] });
const join = {
  step: null,
  code: 'join_malformed',
  accepts: 'accepts two chains, each with its proof',
  permitted: joined,
  policy: { profile: {} },
} as const;

export const PROFILE_PRESENTATION: readonly PresentationCase[] = [
  {
    ...join,
    id: 'p6.join-one',
    refuses: 'refuses a join of one chain',
    denied: JSON.stringify({ taper_chains: [one] }),
  },
  {
    ...join,
    id: 'p6.join-same',
    refuses: 'refuses a join of a chain with itself',
    denied: JSON.stringify({ taper_chains: [one, one] }),
  },
  {
    ...join,
    id: 'p6.join-beside',
    refuses: 'refuses a chain beside a join',
    denied: JSON.stringify({ ...one, taper_chains: [one, two] }),
  },
  {
    ...join,
    id: 'p6.join-proof',
    refuses: 'refuses a join without a proof under each leaf',
    denied: JSON.stringify({ taper_chains: [one, { aat_chain: two.aat_chain }] }),
  },
  {
    ...join,
    id: 'p6.join-nested',
    refuses: 'refuses a join in a join',
    denied: JSON.stringify({ taper_chains: [one, { ...two, taper_chains: [one, two] }] }),
  },
  {
    id: 'p6.join-intersection',
    step: '7c',
    code: 'proof_token_mismatch',
    refuses: 'refuses a join of which one chain has the proof of the other',
    denied: JSON.stringify({ taper_chains: [one, { ...two, aat_pop: one.aat_pop }] }),
    accepts: join.accepts,
    permitted: joined,
    policy: join.policy,
  },
  {
    id: 'p6.approvals-text',
    step: null,
    code: 'approval_malformed',
    refuses: 'refuses approvals that are no list',
    denied: JSON.stringify({ ...one, taper_approvals: 'a.b.c' }),
    accepts: 'accepts a list of approvals, which nobody needs here',
    permitted: JSON.stringify({ ...one, taper_approvals: ['a.b.c'] }),
    policy: join.policy,
  },
];
