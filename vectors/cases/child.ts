import type { JsonObject } from '@taper/core';
import {
  CAST,
  type Hop,
  plusOrder,
  present,
  type Scenario,
  TEST_TIME,
  type TestKey,
  takeApart,
  testId,
  tokenHash,
} from '@taper/testkit';
import { at, type Case } from '../case.ts';

const { mallory, es256 } = CAST;
const now = TEST_TIME;
const [alice, bob] = CAST.holders as readonly [TestKey, TestKey];
const AAT = 'attenuating_agent_token';

/** A root and a child of it. */
function child(hop: Hop, root: Hop = {}): Scenario {
  return { hops: [root, hop] };
}

function claims(changes: Record<string, unknown>, root: Record<string, unknown> = {}): Scenario {
  return child({ claims: changes }, { claims: root });
}

function header(text: string | JsonObject): Scenario {
  return child({ header: text });
}

/** The root that stands in every scenario here. */
const rootText = present({ hops: [{}] }).chain[0] as string;
/** Another root, of the same claims under another `jti`. */
const twinText = present({ hops: [{ claims: { jti: testId(99) } }] }).chain[0] as string;

const algorithm = at('4a', 'algorithm_not_allowed', 1);
const type = at('4a', 'type_mismatch', 1);

const HEADER: readonly Case[] = [
  algorithm(
    'none',
    'refuses an unsecured child (B01)',
    child({ header: { alg: 'none', typ: 'aat+jwt' }, signature: new Uint8Array() }),
    'accepts the child with its signature',
    child({}),
  ),
  algorithm(
    'mac',
    'refuses a child authenticated with the holder’s public key as a secret (B02)',
    header({ alg: 'HS256', typ: 'aat+jwt' }),
    'accepts a child signed with the holder’s private key',
    header({ alg: 'Ed25519', typ: 'aat+jwt' }),
  ),
  at('4a', 'algorithm_key_mismatch', 1)(
    'other-algorithm',
    'refuses ES256 below a holder whose key is Ed25519 (B21)',
    header({ alg: 'ES256', typ: 'aat+jwt' }),
    'accepts ES256 below a holder whose key is P-256',
    child({}, { holder: es256 }),
  ),
  type(
    'no-typ',
    'refuses a child without `typ`',
    header({ alg: 'Ed25519' }),
    'accepts it with `typ`',
    header({ alg: 'Ed25519', typ: 'aat+jwt' }),
  ),
  type(
    'case',
    'refuses a `typ` in another case',
    header({ alg: 'Ed25519', typ: 'AAT+JWT' }),
    'accepts it as the draft writes it',
    header({ alg: 'Ed25519', typ: 'aat+jwt' }),
  ),
  at('4a', 'critical_header_unknown', 1)(
    'empty-crit',
    'refuses a `crit` that is empty (B08)',
    header({ alg: 'Ed25519', crit: [], typ: 'aat+jwt' }),
    'accepts a header without `crit`',
    header({ alg: 'Ed25519', typ: 'aat+jwt' }),
  ),
  at('4a', 'token_malformed', 1)(
    'header-array',
    'refuses a header that is no object',
    header('["Ed25519","aat+jwt"]'),
    'accepts a header that is one',
    header('{"alg":"Ed25519","typ":"aat+jwt"}'),
  ),
];

const invalid = at('4b', 'signature_invalid', 1);

const SIGNATURE: readonly Case[] = [
  invalid(
    'outsider',
    'refuses a child that a stranger signed under its own name (D09)',
    child({ signer: mallory, claims: { iss: mallory.publicKey.thumbprintUri } }),
    'accepts a child that the holder of its parent signed',
    child({}),
  ),
  invalid(
    'false-issuer',
    'refuses a child that names the holder and is signed by a stranger (D09)',
    child({ signer: mallory }),
    'accepts a child that the holder signed',
    child({}),
  ),
  invalid(
    'own-holder',
    'refuses a child signed with the key that it binds itself to',
    child({ signer: bob }),
    'accepts a child that the holder of its parent signed',
    child({}),
  ),
  at('4b', 'signature_malformed', 1)(
    'plus-order',
    'refuses a signature with S + L (A01)',
    child({
      compact: (compact) =>
        compact.slice(0, compact.lastIndexOf('.') + 1) +
        Buffer.from(plusOrder(takeApart(compact).signature)).toString('base64url'),
    }),
    'accepts the same signature with S',
    child({}),
  ),
  at('4b', 'claims_malformed', 1)(
    'concatenated',
    'refuses two JSON texts behind one another (C09)',
    child({ payload: (text) => `${text}{}` }),
    'accepts one, with white space behind it',
    child({ payload: (text) => `${text}\n` }),
  ),
  at('4b', 'claims_duplicate_member', 1)(
    'nested',
    'refuses a duplicate member in an object that nobody reads',
    child({ payload: (text) => text.replace('{', '{"note":{"a":1,"a":1},') }),
    'accepts that object without the duplicate',
    child({ payload: (text) => text.replace('{', '{"note":{"a":1},') }),
  ),
];

const depth = at('4b4', 'depth_claim_invalid', 1);
const link = at('4b5', 'parent_link_invalid', 1);
const times = at('4b5', 'time_claim_invalid', 1);

const PRESENCE: readonly Case[] = [
  at('4b1', 'token_id_invalid', 1)(
    'id-empty',
    'refuses an empty `jti`',
    claims({ jti: '' }),
    'accepts a `jti` of one character',
    claims({ jti: 'x' }),
  ),
  at('4b2', 'holder_key_invalid', 1)(
    'missing',
    'refuses a child without `cnf`',
    claims({ cnf: undefined }),
    'accepts a child with `cnf.jwk`',
    claims({ cnf: { jwk: bob.publicKey.jwk } }),
  ),
  at('4b2', 'holder_key_private', 1)(
    'private',
    'refuses a private key in `cnf.jwk`',
    claims({ cnf: { jwk: bob.privateJwk } }),
    'accepts the public one',
    claims({ cnf: { jwk: bob.publicKey.jwk } }),
  ),
  at('4b2', 'holder_key_weak', 1)(
    'not-canonical',
    'refuses the second encoding of a point (A04)',
    claims({
      cnf: {
        jwk: {
          ...bob.publicKey.jwk,
          x: Buffer.from(`ee${'ff'.repeat(30)}7f`, 'hex').toString('base64url'),
        },
      },
    }),
    'accepts the only encoding of another',
    claims({ cnf: { jwk: bob.publicKey.jwk } }),
    { note: 'y is p + 1 here: the identity once more.' },
  ),
  at('4b3', 'capabilities_malformed', 1)(
    'details-object',
    'refuses `authorization_details` that are no array',
    claims({ authorization_details: { type: AAT, tools: {} } }),
    'accepts an array',
    claims({
      authorization_details: [{ type: AAT, tools: { read_file: pathOf('/data/q3.pdf') } }],
    }),
  ),
  depth(
    'depth-fraction',
    'refuses `del_depth` 1.0 (G03)',
    child({ payload: (text) => text.replace('"del_depth":1', '"del_depth":1.0') }),
    'accepts `del_depth` 1',
    child({}),
  ),
  depth(
    'max-depth-missing',
    'refuses a child without `del_max_depth`',
    claims({ del_max_depth: undefined }),
    'accepts a child with it',
    claims({ del_max_depth: 1 }),
  ),
  depth(
    'max-depth-text',
    'refuses `del_max_depth` as a string (G03)',
    claims({ del_max_depth: '3' }),
    'accepts it as a number',
    claims({ del_max_depth: 3 }),
  ),
  link(
    'issuer-missing',
    'refuses a child without `iss`',
    claims({ iss: undefined }),
    'accepts a child that names the holder of its parent',
    claims({ iss: alice.publicKey.thumbprintUri }),
  ),
  link(
    'hash-missing',
    'refuses a child without `par_hash`',
    claims({ par_hash: undefined }),
    'accepts a child with the hash of its parent',
    claims({ par_hash: tokenHash(rootText) }),
  ),
  times(
    'expiry-null',
    'refuses `exp` null (J01)',
    claims({ exp: null }),
    'accepts `exp` as a number',
    claims({ exp: now + 60 }),
  ),
  times(
    'issuance-huge',
    'refuses an `iat` that no double holds',
    child({ payload: (text) => text.replace(/"iat":\d+/, '"iat":9007199254740993') }),
    'accepts an `iat` of ten digits',
    child({}),
  ),
];

const issuer = at('4c', 'issuer_mismatch', 1);
const step = at('4d', 'depth_not_incremented', 1);
const exhausted = at('4e', 'depth_exhausted', 1);
const parentHash = at('4q', 'parent_hash_mismatch', 1);

const LINKS: readonly Case[] = [
  issuer(
    'other-holder',
    'refuses a child that names another than the holder of its parent (D09)',
    claims({ iss: bob.publicKey.thumbprintUri }),
    'accepts a child that names the holder of its parent',
    claims({ iss: alice.publicKey.thumbprintUri }),
  ),
  issuer(
    'bare-thumbprint',
    'refuses the thumbprint without its URI',
    claims({ iss: alice.publicKey.thumbprint }),
    'accepts the thumbprint URI',
    claims({ iss: alice.publicKey.thumbprintUri }),
  ),
  step(
    'skipped',
    'refuses a depth that skips a hop (D04)',
    claims({ del_depth: 2 }),
    'accepts the depth after the parent’s',
    claims({ del_depth: 1 }),
  ),
  step(
    'repeated',
    'refuses a depth that stands still (G03)',
    claims({ del_depth: 0 }),
    'accepts the depth after the parent’s',
    claims({ del_depth: 1 }),
  ),
  exhausted(
    'terminal',
    'refuses a child of a token that may not be delegated (D17)',
    claims({ del_max_depth: 1 }, { del_max_depth: 0 }),
    'accepts a child of a token that may be delegated once',
    claims({ del_max_depth: 1 }, { del_max_depth: 1 }),
  ),
  at('4f', 'chain_too_long')(
    'ten-tokens',
    'refuses a chain of ten tokens (G01, G06)',
    { hops: [{ claims: { del_max_depth: 8 } }, ...Array<Hop>(9).fill({})] },
    'accepts a chain of nine tokens',
    { hops: [{ claims: { del_max_depth: 8 } }, ...Array<Hop>(8).fill({})] },
    { note: 'Nine is what MAX_DELEGATION_DEPTH 8 allows; the draft asks for at least that (G08).' },
  ),
  at('4g', 'max_depth_raised', 1)(
    'raised',
    'refuses a child that raises `del_max_depth` (G02)',
    claims({ del_max_depth: 4 }),
    'accepts a child that keeps it',
    claims({ del_max_depth: 3 }),
  ),
  at('4h', 'expiry_extended', 1)(
    'longer',
    'refuses a child that outlives its parent by a second (J04)',
    claims({ exp: now + 3301 }),
    'accepts a child that expires with its parent',
    claims({ exp: now + 3300 }),
  ),
  at('4i', 'token_expired', 1)(
    'expired',
    'refuses a child at the second of its expiry (J13)',
    claims({ exp: now }),
    'accepts a child in its last second',
    claims({ exp: now + 1 }),
  ),
  at('4j', 'issued_before_parent', 1)(
    'backdated',
    'refuses a child issued a second before its parent (J11)',
    claims({ iat: now - 301 }),
    'accepts a child issued in the same second',
    claims({ iat: now - 300 }),
  ),
  at('4k', 'token_issued_in_future', 1)(
    'future',
    'refuses a child issued 31 seconds from now (J05)',
    claims({ iat: now + 31 }),
    'accepts a child issued 30 seconds from now',
    claims({ iat: now + 30 }),
  ),
  at('4l', 'expiry_not_after_issuance', 1)(
    'no-life',
    'refuses a child that expires when it is issued',
    claims({ iat: now + 10, exp: now + 10 }),
    'accepts a child that lives for a second',
    claims({ iat: now + 10, exp: now + 11 }),
  ),
  at('4m', 'depth_exhausted', 1)(
    'own-maximum',
    'refuses a child deeper than it says it may be',
    claims({ del_max_depth: 0 }),
    'accepts a child as deep as it says it may be',
    claims({ del_max_depth: 1 }),
  ),
  parentHash(
    'twin',
    'refuses a child of another root with the same claims, holder and issuer (D01)',
    claims({ par_hash: tokenHash(twinText) }),
    'accepts a child of this root',
    claims({ par_hash: tokenHash(rootText) }),
  ),
  parentHash(
    'payload-only',
    'refuses a hash over the parent’s payload alone (D12)',
    claims({ par_hash: tokenHash(`${rootText.split('.')[1]}.`) }),
    'accepts a hash over header and payload',
    claims({ par_hash: tokenHash(rootText) }),
  ),
  parentHash(
    'with-signature',
    'refuses a hash over the parent with its signature (D12)',
    claims({ par_hash: tokenHash(`${rootText}.`) }),
    'accepts a hash over the signing input',
    claims({ par_hash: tokenHash(rootText) }),
  ),
  parentHash(
    'identifier',
    'refuses the parent’s `jti` in the place of its hash (D07, D11)',
    claims({ par_hash: testId(0) }),
    'accepts the hash',
    claims({ par_hash: tokenHash(rootText) }),
  ),
];

const details = at('4n', 'capabilities_malformed', 1);
const read = { read_file: pathOf('/data/q3.pdf') };

const DETAILS: readonly Case[] = [
  details(
    'two-entries',
    'refuses a child with two AAT entries',
    claims({
      authorization_details: [
        { type: AAT, tools: read },
        { type: AAT, tools: read },
      ],
    }),
    'accepts a child with one, beside an entry of another type that grants much',
    claims({
      authorization_details: [
        { type: AAT, tools: read },
        { type: 'attenuating_agent_token ', tools: { delete_all: {} } },
      ],
    }),
  ),
  details(
    'tools-array',
    'refuses `tools` that are an array',
    claims({ authorization_details: [{ type: AAT, tools: [read] }] }),
    'accepts `tools` that are an object',
    claims({ authorization_details: [{ type: AAT, tools: read }] }),
  ),
  at('6a', 'leaf_without_capabilities', 1)(
    'no-entry',
    'refuses a leaf without an AAT entry',
    claims({ authorization_details: [] }),
    'accepts a leaf with one',
    claims({ authorization_details: [{ type: AAT, tools: read }] }),
  ),
  at('4p1', 'tool_added', 2)(
    'regained',
    'refuses tools below a token that has none (D19)',
    {
      hops: [
        {},
        { claims: { authorization_details: [] } },
        { claims: { authorization_details: [{ type: AAT, tools: read }] } },
      ],
    },
    'accepts those tools below a token that has them',
    { hops: [{}, {}, { claims: { authorization_details: [{ type: AAT, tools: read }] } }] },
  ),
];

function pathOf(value: string): JsonObject {
  return { path: { constraint_type: 'exact', value } };
}

export const CHILD: readonly Case[] = [...HEADER, ...SIGNATURE, ...PRESENCE, ...LINKS, ...DETAILS];
