import type { JsonObject, JsonValue } from '@taper/core';
import {
  CAST,
  type Departures,
  type Hop,
  otherS,
  present,
  type Scenario,
  TEST_TIME,
  type TestKey,
  type ToolMaps,
  takeApart,
  testId,
  tokenHash,
} from '@taper/testkit';
import { at, type Case, type Permitted } from '../case.ts';

const now = TEST_TIME;
const { audience, mallory, es256 } = CAST;
const [alice] = CAST.holders as readonly [TestKey];

const WILDCARD: JsonObject = { constraint_type: 'wildcard' };
const RANGE: JsonObject = { constraint_type: 'range', min: 0, max: 10 };

/** A call of a tool `t` with this map, under a chain of one token. */
function call(map: Readonly<Record<string, JsonObject>>, args: JsonObject | string): Scenario {
  return { hops: [{ tools: { t: map } }], tool: 't', args };
}

/** A call under the usual root and child, with this proof. */
function proof(departures: Departures): Scenario {
  return { proof: departures };
}

function proofClaims(claims: Record<string, unknown>): Scenario {
  return proof({ claims });
}

function header(part: JsonObject): Scenario {
  return proof({ header: part });
}

const notGranted = at('6b', 'tool_not_granted', 1);
const badArguments = at('6b', 'arguments_malformed');
const unexpected = at('6b', 'argument_unexpected', 0);
const missing = at('6b', 'argument_missing', 0);
const refused = at('6b', 'argument_refused', 0);

const dropped: readonly Hop[] = [
  { tools: { read_file: {}, list: {} } },
  { tools: { read_file: {} } },
];

const INVOCATION: readonly Case[] = [
  notGranted(
    'dropped-tool',
    'refuses a tool that the leaf dropped, though the root grants it (D05, D20)',
    { hops: dropped, tool: 'list', args: {} },
    'accepts the tool that the leaf kept',
    { hops: dropped, tool: 'read_file', args: {} },
  ),
  notGranted(
    'prototype',
    'refuses a tool named as a member that every object inherits (X02)',
    { hops: dropped, tool: 'constructor', args: {} },
    'accepts a tool of that name that the leaf grants',
    {
      hops: [{ tools: { constructor: {} } as unknown as ToolMaps }],
      tool: 'constructor',
      args: {},
    },
  ),
  badArguments(
    'array',
    'refuses arguments that are no object',
    call({}, '[]'),
    'accepts an empty object',
    call({}, '{}'),
  ),
  badArguments(
    'duplicate',
    'refuses arguments that name one twice (K10)',
    call({}, '{"a":1,"a":1}'),
    'accepts arguments in any order, with white space',
    call({}, '{ "b": 1,\n "a": 1 }'),
  ),
  badArguments(
    'nested-duplicate',
    'refuses a duplicate deep in an argument',
    call({}, '{"a":[{"b":1,"b":1}]}'),
    'accepts the argument without it',
    call({}, '{"a":[{"b":1}]}'),
  ),
  at('6b', 'argument_number_inadmissible')(
    'inadmissible-number',
    'refuses an argument number that a double does not hold (C11)',
    call({}, '{"a":9007199254740993}'),
    'accepts one above 2^53 that a double does hold',
    call({}, '{"a":9007199254740994}'),
  ),
  at('6b', 'argument_number_inadmissible')(
    'inadmissible-fraction',
    'refuses a fraction with more digits than a double holds',
    call({}, '{"a":1.00000000000000001}'),
    'accepts 1.0, which is 1',
    call({ a: { constraint_type: 'exact', value: 1 } }, '{"a":1.0}'),
  ),
  unexpected(
    'unnamed',
    'refuses an argument that the map does not name (K07)',
    call({ a: WILDCARD }, { a: 1, b: 1 }),
    'accepts it when the map has "*"',
    call({ a: WILDCARD, '*': WILDCARD }, { a: 1, b: 1 }),
  ),
  unexpected(
    'star-argument',
    'refuses an argument named "*" where the map has none',
    call({ a: WILDCARD }, { a: 1, '*': 1 }),
    'accepts it, as unnamed, where the map has "*"',
    call({ a: WILDCARD, '*': WILDCARD }, { a: 1, '*': 1 }),
  ),
  unexpected(
    'inherited',
    'refuses an argument named as a member that every object inherits (X02)',
    call({ a: WILDCARD }, { a: 1, toString: 1 } as unknown as JsonObject),
    'accepts it when the map names it',
    call(
      { a: WILDCARD, toString: WILDCARD } as unknown as Record<string, JsonObject>,
      { a: 1, toString: 1 } as unknown as JsonObject,
    ),
  ),
  missing(
    'required',
    'refuses a call without a required argument (K06)',
    call({ a: WILDCARD, b: RANGE }, { a: 1 }),
    'accepts it when the argument is optional',
    call({ a: WILDCARD, b: { ...RANGE, optional: true } }, { a: 1 }),
  ),
  refused(
    'outside',
    'refuses a value outside its constraint',
    call({ a: RANGE }, { a: 10.5 }),
    'accepts a value at its edge',
    call({ a: RANGE }, { a: 10 }),
  ),
  refused(
    'number-as-text',
    'refuses the text of a number within the range (K09)',
    call({ a: RANGE }, { a: '5' }),
    'accepts the number',
    call({ a: RANGE }, { a: 5 }),
  ),
  refused(
    'optional-value',
    'refuses an optional argument whose value is outside',
    call({ a: { ...RANGE, optional: true } }, { a: 11 }),
    'accepts the call without it',
    call({ a: { ...RANGE, optional: true } }, {}),
  ),
  ...(
    [
      ['exact', { constraint_type: 'exact', value: 'pdf' }, 'PDF', 'pdf'],
      ['one-of', { constraint_type: 'one_of', values: [{ a: 1, b: 2 }] }, { a: 1 }, { b: 2, a: 1 }],
      ['not-one-of', { constraint_type: 'not_one_of', excluded: ['x'] }, 'x', null],
      ['contains', { constraint_type: 'contains', required: ['a', 'b'] }, ['a'], ['c', 'b', 'a']],
      ['contains-scalar', { constraint_type: 'contains', required: [] }, 'a', []],
      ['subset', { constraint_type: 'subset', allowed: ['a', 'b'] }, ['a', 'c'], ['a', 'a']],
      ['subset-scalar', { constraint_type: 'subset', allowed: ['a'] }, 'a', ['a']],
      ['range-exclusive', { constraint_type: 'range', min: 0, min_inclusive: false }, 0, 1e-9],
      [
        'all',
        {
          constraint_type: 'all',
          constraints: [RANGE, { constraint_type: 'not_one_of', excluded: [5] }],
        },
        5,
        6,
      ],
      [
        'any',
        {
          constraint_type: 'any',
          constraints: [RANGE, { constraint_type: 'exact', value: 'all' }],
        },
        'some',
        'all',
      ],
    ] as readonly (readonly [string, JsonObject, JsonValue, JsonValue])[]
  ).map(([word, constraint, outside, inside]) =>
    refused(
      word,
      `refuses ${JSON.stringify(outside)} under ${String(constraint['constraint_type'])}`,
      call({ a: constraint }, { a: outside }),
      `accepts ${JSON.stringify(inside)}`,
      call({ a: constraint }, { a: inside }),
    ),
  ),
];

const elsewhere = at('6c', 'audience_mismatch', 0);

function aud(root: unknown, child?: unknown): Scenario {
  return { hops: [{ claims: { aud: root } }, { claims: { aud: child } }] };
}

const AUDIENCE: readonly Case[] = [
  elsewhere(
    'other',
    'refuses a root for another enforcement point',
    aud('https://other.example'),
    'accepts a root for this one',
    aud(audience),
  ),
  elsewhere(
    'slash',
    'refuses an audience that differs by a slash',
    aud(`${audience}/`),
    'accepts the very string among others',
    aud(['https://other.example', audience]),
  ),
  elsewhere(
    'empty',
    'refuses an empty list of audiences',
    aud([]),
    'accepts a root without `aud`',
    aud(undefined),
  ),
  elsewhere(
    'number',
    'refuses an `aud` that is no string',
    aud(7),
    'accepts one that is',
    aud(audience),
  ),
  {
    ...elsewhere(
      'child',
      'refuses a child for another enforcement point below a root for this one (D02)',
      aud(audience, 'https://other.example'),
      'accepts a child that says nothing below a root for this one',
      aud(audience),
    ),
    hop: 1,
  },
  at('6c', 'audience_required')(
    'required',
    'refuses a chain that names no audience where one is required',
    aud(undefined),
    'accepts a chain of which one token names it',
    aud(undefined, audience),
    { policy: { require_chain_aud: true } },
  ),
];

const proofType = at('7a', 'type_mismatch');
const proofForm = at('7a', 'proof_malformed');
const proofAlgorithm = at('7a', 'algorithm_not_allowed');

const PROOF_SIGNATURE: readonly Case[] = [
  proofForm(
    'two-segments',
    'refuses a proof of two segments',
    proof({ compact: (compact) => compact.slice(0, compact.lastIndexOf('.')) }),
    'accepts a proof of three',
    proof({}),
  ),
  proofAlgorithm(
    'none',
    'refuses an unsecured proof (B01)',
    proof({ header: { alg: 'none', typ: 'aat-pop+jwt' }, signature: new Uint8Array() }),
    'accepts a signed one',
    proof({}),
  ),
  at('7a', 'algorithm_key_mismatch')(
    'other-algorithm',
    'refuses ES256 where the leaf’s key is Ed25519',
    header({ alg: 'ES256', typ: 'aat-pop+jwt' }),
    'accepts ES256 where the leaf’s key is P-256',
    { hops: [{}, { holder: es256 }] },
  ),
  proofType(
    'token',
    'refuses a token of the leaf’s holder in the place of a proof (A10, B12)',
    header({ alg: 'Ed25519', typ: 'aat+jwt' }),
    'accepts a proof',
    header({ alg: 'Ed25519', typ: 'aat-pop+jwt' }),
  ),
  proofType(
    'no-typ',
    'refuses a proof without `typ`',
    header({ alg: 'Ed25519' }),
    'accepts a proof with `typ` and a `kid`',
    header({ alg: 'Ed25519', kid: 'x', typ: 'aat-pop+jwt' }),
  ),
  at('7a', 'critical_header_unknown')(
    'crit',
    'refuses an unknown `crit` in a proof',
    header({ alg: 'Ed25519', b64: true, crit: ['b64'], typ: 'aat-pop+jwt' }),
    'accepts the same parameter when `crit` does not name it',
    header({ alg: 'Ed25519', b64: true, typ: 'aat-pop+jwt' }),
  ),
  at('7b', 'signature_invalid')(
    'thief',
    'refuses a chain with the proof of whoever found it (E-series: a token is no bearer token)',
    proof({ signer: mallory }),
    'accepts the proof of the leaf’s holder',
    proof({}),
  ),
  at('7b', 'signature_invalid')(
    'ancestor',
    'refuses the proof of the holder of the token above',
    proof({ signer: alice }),
    'accepts that holder’s proof for its own token',
    { hops: [{}], proof: { signer: alice } },
  ),
  at('7b', 'signature_malformed')(
    'padding',
    'refuses padding behind the signature of a proof (C02)',
    proof({ compact: (compact) => `${compact}=` }),
    'accepts it without',
    proof({}),
  ),
  at('7b', 'signature_malformed')(
    'high-s',
    'refuses an ES256 proof with a high s (A08)',
    {
      hops: [{}, { holder: es256 }],
      proof: {
        compact: (compact) =>
          compact.slice(0, compact.lastIndexOf('.') + 1) +
          Buffer.from(otherS(takeApart(compact).signature)).toString('base64url'),
      },
    },
    'accepts the same proof with the low s',
    { hops: [{}, { holder: es256 }] },
    { stricter: true },
  ),
  at('7b', 'claims_malformed')(
    'array',
    'refuses a proof whose payload is no object',
    proof({ payload: (text) => `[${text}]` }),
    'accepts one whose payload is an object, not canonically spelled',
    proof({ payload: (text) => JSON.stringify(JSON.parse(text), null, 1) }),
    { note: 'The canonical form of the payload binds producers only (draft section 8, notes).' },
  ),
  at('7b', 'claims_duplicate_member')(
    'duplicate',
    'refuses a proof that names an argument twice (C04)',
    proof({ payload: (text) => text.replace('"hta":{', '"hta":{"path":"/data/q4.pdf",') }),
    'accepts it when it names the argument once',
    proof({}),
  ),
];

const claim = at('7c', 'proof_claim_invalid');
const otherToken = at('7c', 'proof_token_mismatch');

/** The usual leaf. */
const leafText = present().chain[1] as string;
/** Another leaf, with the same `jti`, below the same root. */
const siblingText = present({ hops: [{}, { claims: { exp: now + 60 } }] }).chain[1] as string;

const PROOF_CLAIMS: readonly Case[] = [
  ...(['jti', 'iat', 'aat_id', 'aat_hash', 'aat_tool', 'hta'] as const).map((name) =>
    claim(
      `no-${name.replace('_', '-')}`,
      `refuses a proof without \`${name}\``,
      proofClaims({ [name]: undefined }),
      `accepts a proof with \`${name}\``,
      proof({}),
    ),
  ),
  claim(
    'id-empty',
    'refuses a proof whose `jti` is empty',
    proofClaims({ jti: '' }),
    'accepts a `jti` of one character',
    proofClaims({ jti: 'x' }),
  ),
  claim(
    'time-fraction',
    'refuses a proof whose `iat` has a fraction part',
    proof({ payload: (text) => text.replace(/"iat":(\d+)/, '"iat":$1.0') }),
    'accepts the same number without one',
    proof({}),
  ),
  claim(
    'arguments-array',
    'refuses `hta` that is no object',
    { hops: [{ tools: { t: {} } }], tool: 't', args: {}, proof: { claims: { hta: [] } } },
    'accepts an empty object',
    { hops: [{ tools: { t: {} } }], tool: 't', args: {}, proof: { claims: { hta: {} } } },
  ),
  otherToken(
    'parent',
    'refuses a proof for the token above',
    proofClaims({ aat_id: testId(0), aat_hash: tokenHash(present().chain[0] as string) }),
    'accepts a proof for the leaf',
    proofClaims({ aat_id: testId(1), aat_hash: tokenHash(leafText) }),
  ),
  otherToken(
    'sibling',
    'refuses a proof for a sibling with the same `jti` and holder (D11)',
    proofClaims({ aat_hash: tokenHash(siblingText) }),
    'accepts a proof for this token',
    proofClaims({ aat_hash: tokenHash(leafText) }),
  ),
  otherToken(
    'identifier',
    'refuses a proof with the hash of the leaf and the `jti` of another token',
    proofClaims({ aat_id: testId(0) }),
    'accepts a proof with the hash and the `jti` of the leaf',
    proofClaims({ aat_id: testId(1) }),
  ),
  at('7d', 'proof_audience_mismatch')(
    'other-audience',
    'refuses a proof for another enforcement point',
    proofClaims({ aat_aud: 'https://other.example' }),
    'accepts a proof for this one',
    proofClaims({ aat_aud: audience }),
  ),
  at('7d', 'proof_audience_mismatch')(
    'audience-array',
    'refuses a list of enforcement points in a proof, even with this one in it',
    proofClaims({ aat_aud: [audience] }),
    'accepts a proof that names none',
    proofClaims({ aat_aud: undefined }),
  ),
  at('7d', 'proof_audience_required')(
    'audience-required',
    'refuses a proof that names no enforcement point where one is required',
    proofClaims({ aat_aud: undefined }),
    'accepts a proof that names this one',
    proof({}),
    { policy: { require_pop_aud: true } },
  ),
  at('7e', 'proof_tool_mismatch')(
    'other-tool',
    'refuses a proof for another tool that the leaf grants too',
    {
      hops: [{ tools: { t: {}, u: {} } }],
      tool: 't',
      args: {},
      proof: { claims: { aat_tool: 'u' } },
    },
    'accepts a proof for this tool',
    { hops: [{ tools: { t: {}, u: {} } }], tool: 't', args: {} },
  ),
  at('7f', 'proof_arguments_mismatch')(
    'other-arguments',
    'refuses a proof for other arguments that the leaf allows too',
    proofClaims({ hta: { path: '/data/q4.pdf' } }),
    'accepts a proof for these',
    proofClaims({ hta: { path: '/data/q3.pdf' } }),
  ),
  at('7f', 'proof_arguments_mismatch')(
    'more-arguments',
    'refuses a proof for one argument more (K08)',
    { ...call({}, { a: 1 }), proof: { claims: { hta: { a: 1, b: null } } } },
    'accepts a proof for these arguments, spelled otherwise',
    { ...call({}, '{"b":null,"a":1e0}'), proof: { claims: { hta: { a: 1, b: null } } } },
  ),
  at('7f', 'proof_arguments_mismatch')(
    'inexact-arguments',
    'refuses a proof over a number that only rounds to the one that is sent',
    {
      ...call({}, { a: 9007199254740992 }),
      proof: { payload: (text) => text.replace('9007199254740992', '9007199254740993') },
    },
    'accepts a proof over that very number',
    call({}, { a: 9007199254740992 }),
    { stricter: true },
  ),
  at('7g', 'proof_outside_window')(
    'old',
    'refuses a proof of 31 seconds ago (E-series)',
    proofClaims({ iat: now - 31 }),
    'accepts a proof of 30 seconds ago',
    proofClaims({ iat: now - 30 }),
  ),
  at('7g', 'proof_outside_window')(
    'early',
    'refuses a proof of 31 seconds from now',
    proofClaims({ iat: now + 31 }),
    'accepts a proof of 30 seconds from now',
    proofClaims({ iat: now + 30 }),
  ),
  at('7h', 'proof_nonce_invalid')(
    'no-nonce',
    'refuses a proof without a nonce where one is required',
    proof({}),
    'accepts a proof with the nonce that was issued',
    proofClaims({ nonce: 'n-1' }),
    { policy: { nonce: 'n-1' } },
  ),
  at('7h', 'proof_nonce_invalid')(
    'other-nonce',
    'refuses a nonce that was not issued',
    proofClaims({ nonce: 'n-2' }),
    'accepts the one that was',
    proofClaims({ nonce: 'n-1' }),
    { policy: { nonce: 'n-1' } },
  ),
];

export const CALL: readonly Case[] = [
  ...INVOCATION,
  ...AUDIENCE,
  ...PROOF_SIGNATURE,
  ...PROOF_CLAIMS,
];

/** Valid chains that are worth trying without a denial beside them. */
export const VALID: readonly Permitted[] = [
  { id: 'valid.root', accepts: 'accepts a root that is the leaf', permitted: { hops: [{}] } },
  { id: 'valid.child', accepts: 'accepts a root and a child', permitted: {} },
  {
    id: 'valid.deep',
    accepts: 'accepts nine tokens, each narrower than the one above (G08)',
    permitted: {
      hops: Array.from({ length: 9 }, (_, depth) => ({
        claims: { del_max_depth: 8, exp: now + 3300 - depth },
        tools: { t: { a: { constraint_type: 'range', max: 100 - depth } } },
      })),
      tool: 't',
      args: { a: 92 },
    },
  },
  {
    id: 'valid.mixed-keys',
    accepts: 'accepts Ed25519 and P-256 holders in one chain',
    permitted: { hops: [{ holder: es256 }, {}, { holder: es256 }] },
  },
  {
    id: 'valid.non-canonical',
    accepts: 'accepts tokens that are not canonical JSON: the bytes that were signed count',
    permitted: {
      hops: [
        { payload: (text) => JSON.stringify(JSON.parse(text), null, 2) },
        { payload: (text) => ` ${text.replaceAll('/', '\\/')}` },
      ],
    },
  },
  {
    id: 'valid.unknown-claims',
    accepts: 'accepts claims that the draft does not define',
    permitted: { hops: [{ claims: { sub: 'x', nbf: now + 9999, scope: 'all' } }, {}] },
  },
];
