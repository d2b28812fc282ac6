import type { JsonObject } from '@taper/core';
import {
  CAST,
  consentOf,
  type Scenario,
  type StatementOptions,
  statementOf,
  TEST_TIME,
  type TestKey,
  testKey,
} from '@taper/testkit';
import type { Case, Permitted } from '../case.ts';

// Rotation statements, spec/rotation.md, whose sections the identifiers name.

const now = TEST_TIME;
const [alice, bob] = CAST.holders as readonly [TestKey, TestKey];
const [root, other] = CAST.anchors as unknown as readonly { issuer: string; key: TestKey }[];
const second = testKey('alice, second key');
const third = testKey('alice, third key', 'ES256');
/** A second key of the first root issuer; it is a trust anchor of this suite. */
export const NEXT_ROOT: TestKey = testKey('next root');
const SUBJECT = 'spiffe://example.com/acme/agent/alice';

const statement = (more: Partial<StatementOptions> = {}): string =>
  statementOf({ from: alice, to: second, ...more });
const GOOD = statement();

interface Carried {
  readonly signer?: TestKey;
  readonly claims?: Readonly<Record<string, unknown>>;
}

function headerOf(typ: string, signer: TestKey, carried: unknown): JsonObject {
  const parameter = carried === undefined ? {} : { taper_rotation: carried };
  return { alg: signer.alg, ...parameter, typ } as JsonObject;
}

/** A child under alice's root, signed by another key, with the statements that it carries. */
function child(carried: unknown, { signer = second, claims = {} }: Carried = {}): Scenario {
  const iss = signer.publicKey.thumbprintUri;
  const header = headerOf('aat+jwt', signer, carried);
  return { hops: [{}, { signer, header, claims: { iss, iat: now - 30, ...claims } }] };
}

/** A call under alice's root, proved by another key. */
function proof(carried: unknown, { signer = second, claims = {} }: Carried = {}): Scenario {
  return {
    hops: [{}],
    proof: { signer, header: headerOf('aat-pop+jwt', signer, carried), claims },
  };
}

/** A statement that does not count, in a child and in a proof, each beside the one that does. */
function both(
  word: string,
  what: string,
  carried: unknown,
  more: Carried = {},
  code: Case['code'] = 'rotation_invalid',
  step: readonly [string | null, string | null] = [null, null],
): readonly Case[] {
  return [
    {
      id: `r4.${word}.child`,
      step: step[0],
      code,
      hop: 1,
      refuses: `refuses a child by a rotated key ${what}`,
      denied: child(carried, more),
      accepts: 'accepts a child by a rotated key with its statement',
      permitted: child([GOOD]),
    },
    {
      id: `r4.${word}.proof`,
      step: step[1],
      code,
      refuses: `refuses a proof by a rotated key ${what}`,
      denied: proof(carried, more),
      accepts: 'accepts a proof by a rotated key with its statement',
      permitted: proof([GOOD]),
    },
  ];
}

const consent = { from: alice, to: second, subject: SUBJECT, issuer: root?.issuer as string };
const keys = Array.from({ length: 9 }, (_, index) => testKey(`alice, key ${index}`));
const long = keys.map((to, index) =>
  statementOf({ from: keys[index - 1] ?? alice, to, at: now - 100 + index }),
);
const stripped: readonly [string, string] = ['4b', '7b'];

export const ROTATION: readonly Case[] = [
  ...both('stripped', 'without a statement (D05)', undefined, {}, 'signature_invalid', stripped),
  ...both(
    'in-payload',
    'with its statement in the payload',
    undefined,
    { claims: { taper_rotation: [GOOD] } },
    'signature_invalid',
    stripped,
  ),
  ...both(
    'old-key-signs',
    'that the old key has signed',
    [GOOD],
    { signer: alice },
    'signature_invalid',
    stripped,
  ),
  ...both('empty', 'with no statement in the list', []),
  ...both('no-list', 'with a statement that is in no list', GOOD),
  ...both('number', 'with a number among its statements', [1]),
  ...both('nine', 'with nine statements', long, { signer: keys[8] as TestKey }),
  ...both('new-key-alone', 'whose statement the new key has signed (Q02)', [
    statement({ signer: second }),
  ]),
  ...both('forged', 'whose statement the new key has signed in the name of the root (Q02)', [
    statement({
      signer: second,
      header: {
        alg: 'Ed25519',
        kid: root?.key.publicKey.thumbprint as string,
        typ: 'taper-rotation+jwt',
      },
    }),
  ]),
  ...both('other-anchor', 'whose statement the anchor of another issuer has signed', [
    statement({ signer: other?.key as TestKey }),
  ]),
  ...both('other-issuer', 'whose statement is of another issuer (D10)', [
    statement({ signer: other?.key as TestKey, issuer: other?.issuer as string }),
  ]),
  ...both('other-key', 'whose statement is for another old key (D01)', [statement({ from: bob })]),
  ...both('no-consent', 'whose statement says nothing of who asked for it', [
    statement({ claims: { consent: undefined } }),
  ]),
  ...both('both-ways', 'whose statement names operator and consent', [
    statement({ claims: { by: 'operator' } }),
  ]),
  ...both('false-consent', 'to which another key has consented', [
    statement({
      claims: { consent: consentOf({ ...consent, at: now - 60, signer: bob, named: alice }) },
    }),
  ]),
  ...both('false-acceptance', 'which another key has accepted', [
    statement({
      claims: { acceptance: consentOf({ ...consent, at: now - 60, signer: bob, named: second }) },
    }),
  ]),
  ...both('no-acceptance', 'which it has not accepted', [
    statement({ claims: { acceptance: undefined } }),
  ]),
  ...both('old-consent', 'with a consent of 301 seconds before', [
    statement({ claims: { consent: consentOf({ ...consent, at: now - 361, signer: alice }) } }),
  ]),
  ...both('other-subject-consent', 'with a consent of another agent', [
    statement({
      claims: {
        consent: consentOf({ ...consent, subject: `${SUBJECT}2`, at: now - 60, signer: alice }),
      },
    }),
  ]),
  ...both('unknown-member', 'whose statement has a member that nobody knows', [
    statement({ claims: { tools: {} } }),
  ]),
  ...both('ends-before', 'whose statement ends before it begins', [
    statement({ claims: { old_until: now - 61 } }),
  ]),
  ...both('no-spiffe-id', 'whose statement names no agent of a tenant', [
    statement({ claims: { sub: 'spiffe://example.com' } }),
  ]),
  ...both('key-in-header', 'whose statement brings a key along', [
    statement({
      header: {
        alg: 'Ed25519',
        jwk: root?.key.publicKey.jwk as unknown as JsonObject,
        kid: root?.key.publicKey.thumbprint as string,
        typ: 'taper-rotation+jwt',
      },
    }),
  ]),
  ...both('anchors-key', 'that is a root’s', [statement({ to: NEXT_ROOT })], { signer: NEXT_ROOT }),
  ...both(
    'loop',
    'with statements that lead in a loop (D08)',
    [statement({ at: now - 120 }), statement({ from: second, to: alice })],
    { signer: alice },
  ),
  ...both(
    'order',
    'whose second statement is older than the first',
    [statement(), statement({ from: second, to: third, at: now - 61 })],
    { signer: third },
  ),
  ...both(
    'swapped',
    'with its statements in the wrong order',
    [statement({ from: second, to: third }), statement({ at: now - 120 })],
    { signer: third },
  ),
  ...both(
    'other-agent',
    'whose second statement is of another agent',
    [statement({ at: now - 120 }), statement({ from: second, to: third, subject: `${SUBJECT}2` })],
    { signer: third },
  ),
  ...both(
    'early',
    'that was signed a second before its statement (Q01)',
    [statement({ at: now - 10 })],
    { claims: { iat: now - 11 } },
  ),
  {
    id: 'r4.old-issuer',
    step: '4c',
    code: 'issuer_mismatch',
    hop: 1,
    refuses: 'refuses a child by a rotated key that names the old one as its issuer',
    denied: child([GOOD], { claims: { iss: alice.publicKey.thumbprintUri } }),
    accepts: 'accepts it with its own name',
    permitted: child([GOOD]),
  },
  {
    id: 'r4.root',
    step: null,
    code: 'rotation_invalid',
    hop: 0,
    refuses: 'refuses a root with a statement, which nobody can have for a root issuer',
    denied: { hops: [{ header: headerOf('aat+jwt', root?.key as TestKey, [GOOD]) }] },
    accepts: 'accepts it without',
    permitted: { hops: [{}] },
  },
  tenantCase(),
];

/** Q04: a statement in a chain of another tenant. */
function tenantCase(): Case {
  const header = { alg: 'Ed25519', crit: ['taper'], taper: 1, typ: 'aat+jwt' };
  const scenario = (subject: string): Scenario => ({
    ...proof([statement({ subject })]),
    hops: [{ header, claims: { taper: { tenant: 'globex' } } }],
  });
  return {
    id: 'r4.other-tenant',
    step: null,
    code: 'rotation_invalid',
    policy: { profile: { tenant: 'globex' } },
    refuses: 'refuses a statement about an agent of another tenant (Q04)',
    denied: scenario(SUBJECT),
    accepts: 'accepts one about an agent of the chain’s tenant',
    permitted: scenario('spiffe://example.com/globex/agent/alice'),
  };
}

export const ROTATION_VALID: readonly Permitted[] = [
  {
    id: 'r4.two',
    accepts:
      'accepts a child by a key that has replaced another that replaced one, across algorithms and root keys',
    permitted: child(
      [statement({ at: now - 120 }), statement({ from: second, to: third, signer: NEXT_ROOT })],
      { signer: third },
    ),
  },
  {
    id: 'r4.eight',
    accepts: 'accepts a proof with eight statements',
    permitted: proof(long.slice(0, 8), { signer: keys[7] as TestKey }),
  },
  {
    id: 'r4.operator',
    accepts: 'accepts a statement by which the operator rotated without the old key',
    permitted: proof([statement({ claims: { consent: undefined, by: 'operator' } })]),
  },
  {
    id: 'r4.same-second',
    accepts: 'accepts a proof of the very second of its statement',
    permitted: proof([statement({ at: now })]),
  },
];
