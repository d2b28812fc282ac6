import type { JsonObject } from '@taper/core';
import {
  CAST,
  type Hop,
  otherS,
  plusOrder,
  present,
  type Scenario,
  TEST_TIME,
  type TestKey,
  takeApart,
} from '@taper/testkit';
import { at, type Case } from '../case.ts';

const { anchors, mallory, es256 } = CAST;
const now = TEST_TIME;
const [first, other] = anchors as readonly [(typeof anchors)[0], (typeof anchors)[0]];
const [alice] = CAST.holders as readonly [TestKey];
const jwk = alice.publicKey.jwk;
const IDENTITY = Buffer.from(`01${'00'.repeat(31)}`, 'hex');

/** A chain of one token. */
function root(hop: Hop = {}): Scenario {
  return { hops: [hop] };
}

/** A root that the second trust anchor, with a P-256 key, has issued. */
function es256Root(hop: Hop = {}): Scenario {
  return root({ signer: other.key, ...hop, claims: { iss: other.issuer, ...hop.claims } });
}

function claims(changes: Record<string, unknown>): Scenario {
  return root({ claims: changes });
}

function payload(change: (canonical: string) => string | Uint8Array): Scenario {
  return root({ payload: change });
}

function header(text: string | JsonObject): Scenario {
  return root({ header: text });
}

/** The signature replaced by another of the same token. */
function signature(change: (bytes: Uint8Array) => Uint8Array): (compact: string) => string {
  return (compact) => {
    const bytes = Buffer.from(change(takeApart(compact).signature));
    return replaceSegment(compact, 2, bytes.toString('base64url'));
  };
}

function replaceSegment(compact: string, index: number, segment: string): string {
  return compact
    .split('.')
    .map((each, at) => (at === index ? segment : each))
    .join('.');
}

/** The only token of a scenario. */
function tokenOf(scenario: Scenario): string {
  return present(scenario).chain[0] as string;
}

/** The last character with one of the bits set that are no part of a byte. */
function trailingBits(compact: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return compact.slice(0, -1) + alphabet.charAt(alphabet.indexOf(compact.slice(-1)) + 1);
}

const step1 = at('1', 'chain_empty');
const malformed = at('2c', 'token_malformed', 0);
const unreadable = at('2c', 'token_id_unreadable', 0);
const repeated = at('2c', 'token_repeated', 1);

const SHAPE: readonly Case[] = [
  step1(
    'chain-empty',
    'refuses a chain of no token (D16)',
    { hops: [] },
    'accepts a chain of one token',
    root(),
  ),
  malformed(
    'two-segments',
    'refuses a token of two segments',
    root({ compact: (compact) => compact.slice(0, compact.lastIndexOf('.')) }),
    'accepts a token of three segments',
    root(),
  ),
  unreadable(
    'id-number',
    'refuses a token whose `jti` is a number',
    claims({ jti: 7 }),
    'accepts a token whose `jti` is that number as a string',
    claims({ jti: '7' }),
  ),
  unreadable(
    'id-missing',
    'refuses a token without `jti`',
    claims({ jti: undefined }),
    'accepts a token whose `jti` is spelled with escapes',
    payload((text) => text.replace('"jti"', '"\\u006at\\u0069"')),
  ),
  unreadable(
    'not-utf8',
    'refuses a payload that is not UTF-8 (C08)',
    payload((text) => Buffer.from(text.replace('{', '{"note":"\u00e9",'), 'latin1')),
    'accepts the same text in UTF-8',
    payload((text) => text.replace('{', '{"note":"\u00e9",')),
  ),
  repeated(
    'token-twice',
    'refuses a chain that holds the same token twice (D08)',
    { hops: [{}, { compact: () => tokenOf(root()) }] },
    'accepts a chain in which one holder stands twice, by two tokens',
    { hops: [{}, { holder: alice }] },
  ),
  repeated(
    'id-twice',
    'refuses a child with the `jti` of its parent (D11)',
    { hops: [{ claims: { jti: 'a' } }, { claims: { jti: 'a' } }] },
    'accepts a child with another `jti`',
    { hops: [{ claims: { jti: 'a' } }, { claims: { jti: 'b' } }] },
  ),
];

const algorithm = at('3a', 'algorithm_not_allowed', 0);
const type = at('3a', 'type_mismatch', 0);
const critical = at('3a', 'critical_header_unknown', 0);

const HEADER: readonly Case[] = [
  algorithm(
    'none',
    'refuses an unsecured root (B01)',
    root({ header: { alg: 'none', typ: 'aat+jwt' }, signature: new Uint8Array() }),
    'accepts the root with its signature',
    root(),
  ),
  algorithm(
    'eddsa',
    'refuses the deprecated name EdDSA',
    header({ alg: 'EdDSA', typ: 'aat+jwt' }),
    'accepts the name Ed25519',
    header({ alg: 'Ed25519', typ: 'aat+jwt' }),
  ),
  algorithm(
    'no-alg',
    'refuses a header without `alg`',
    header({ typ: 'aat+jwt' }),
    'accepts a header whose members stand in another order',
    header('{"typ":"aat+jwt","alg":"Ed25519"}'),
  ),
  type(
    'no-typ',
    'refuses a header without `typ`',
    header({ alg: 'Ed25519' }),
    'accepts a header with `typ` and a `kid` that means nothing here',
    header({ alg: 'Ed25519', kid: '../../keys/1', typ: 'aat+jwt' }),
  ),
  type(
    'proof',
    'refuses a root whose `typ` is that of a proof (B12)',
    header({ alg: 'Ed25519', typ: 'aat-pop+jwt' }),
    'accepts the `typ` of a token',
    header({ alg: 'Ed25519', typ: 'aat+jwt' }),
  ),
  critical(
    'crit',
    'refuses a `crit` that names something unknown (B08)',
    header({ alg: 'Ed25519', crit: ['exp'], exp: 1, typ: 'aat+jwt' }),
    'accepts the same parameter when `crit` does not name it',
    header({ alg: 'Ed25519', exp: 1, typ: 'aat+jwt' }),
  ),
  at('3a', 'token_malformed', 0)(
    'duplicate-member',
    'refuses a header that names a member twice (C04)',
    header('{"alg":"none","alg":"Ed25519","typ":"aat+jwt"}'),
    'accepts a header with white space and escapes',
    header('{ "\\u0061lg" : "Ed25519" ,\n"typ":"aat+jwt" }'),
  ),
];

const badForm = at('3b', 'signature_malformed', 0);
const invalid = at('3b', 'signature_invalid', 0);
const badClaims = at('3b', 'claims_malformed', 0);
const duplicate = at('3b', 'claims_duplicate_member', 0);
const times = at('3b', 'time_claim_invalid', 0);

const SIGNATURE: readonly Case[] = [
  invalid(
    'self-issued',
    'refuses a root that somebody else signed in the issuer’s name (D10)',
    root({ signer: mallory }),
    'accepts a root that the trust anchor signed',
    root(),
  ),
  invalid(
    'key-in-header',
    'refuses a root signed by the key that its own header carries (B04)',
    root({
      signer: mallory,
      header: { alg: 'Ed25519', jwk: { ...mallory.publicKey.jwk }, typ: 'aat+jwt' },
    }),
    'accepts a root with a stranger’s key in its header, signed by the trust anchor',
    root({ header: { alg: 'Ed25519', jwk: { ...mallory.publicKey.jwk }, typ: 'aat+jwt' } }),
  ),
  invalid(
    'other-payload',
    'refuses a signature over other claims',
    root({
      compact: (compact) =>
        replaceSegment(compact, 1, tokenOf(claims({ del_max_depth: 8 })).split('.')[1] as string),
    }),
    'accepts the signature over these claims',
    claims({ del_max_depth: 8 }),
  ),
  badForm(
    'plus-order',
    'refuses an Ed25519 signature with S + L (A01)',
    root({ compact: signature(plusOrder) }),
    'accepts the same signature with S',
    root(),
  ),
  badForm(
    'padding',
    'refuses padding behind the base64url of a signature (C02)',
    root({ compact: (compact) => `${compact}==` }),
    'accepts it without padding',
    root(),
  ),
  badForm(
    'trailing-bits',
    'refuses base64url whose last character has bits that no byte needs (C01)',
    root({ compact: trailingBits }),
    'accepts the one spelling of the same signature',
    root(),
    { note: 'A lenient decoder reads the same 64 bytes from both.' },
  ),
  badForm(
    'short',
    'refuses a signature of 63 bytes (A07)',
    root({ compact: signature((bytes) => bytes.subarray(0, 63)) }),
    'accepts a signature of 64 bytes',
    root(),
  ),
  badForm(
    'small-order-point',
    'refuses an Ed25519 signature whose R is of small order',
    root({ compact: signature((bytes) => Buffer.concat([IDENTITY, bytes.subarray(32)])) }),
    'accepts one whose R is not',
    root(),
    { stricter: true },
  ),
  badForm(
    'high-s',
    'refuses an ES256 signature with a high s (A08)',
    es256Root({ compact: signature(otherS) }),
    'accepts the same signature with the low s',
    es256Root(),
    { stricter: true },
  ),
  badClaims(
    'trailing-comma',
    'refuses claims that are no JSON (C09)',
    payload((text) => text.replace(/\}$/, ',}')),
    'accepts claims with white space between them',
    payload((text) => JSON.stringify(JSON.parse(text), null, 2)),
  ),
  badClaims(
    'proto',
    'refuses a member named __proto__ (X01)',
    payload((text) => text.replace('{', '{"__proto__":{},')),
    'accepts members named constructor and toString',
    payload((text) => text.replace('{', '{"constructor":{},"toString":1,')),
    { stricter: true },
  ),
  badClaims(
    'lone-surrogate',
    'refuses half of a surrogate pair (C07)',
    payload((text) => text.replace('{', '{"note":"\\ud83d",')),
    'accepts the whole pair',
    payload((text) => text.replace('{', '{"note":"\\ud83d\\ude00",')),
    { stricter: true },
  ),
  duplicate(
    'twice',
    'refuses claims that name a member twice (C04)',
    payload((text) => text.replace('{', '{"exp":9999999999,')),
    'accepts claims with a member that nobody knows',
    payload((text) => text.replace('{', '{"expires":9999999999,')),
  ),
  duplicate(
    'escaped',
    'refuses a member named a second time with an escape (C05)',
    payload((text) => text.replace('{', '{"\\u0065xp":9999999999,')),
    'accepts a member named once, with an escape',
    payload((text) => text.replace('"exp"', '"\\u0065xp"')),
  ),
  duplicate(
    'nested',
    'refuses a tool named twice',
    payload((text) => text.replace('"read_file":', '"read_file":{},"read_file":')),
    'accepts the same tool named once',
    root(),
  ),
  times(
    'expiry-missing',
    'refuses a root without `exp` (J01)',
    claims({ exp: undefined }),
    'accepts a root with `exp`',
    claims({ exp: now + 60 }),
  ),
  times(
    'expiry-text',
    'refuses `exp` as a string',
    claims({ exp: String(now + 60) }),
    'accepts it as a number',
    claims({ exp: now + 60 }),
  ),
  times(
    'issuance-fraction',
    'refuses `iat` with a fraction part, even of zero',
    payload((text) => text.replace(/"iat":(\d+)/, '"iat":$1.0')),
    'accepts the same number without one',
    root(),
  ),
  times(
    'expiry-exponent',
    'refuses `exp` with an exponent part',
    payload((text) => text.replace(/"exp":\d+/, `"exp":${(now + 60) / 10}e1`)),
    'accepts the same number without one',
    claims({ exp: now + 60 }),
  ),
];

const CLAIMS: readonly Case[] = [
  at('3c', 'depth_claim_invalid', 0)(
    'depth-false',
    'refuses `del_depth` false (G03)',
    claims({ del_depth: false }),
    'accepts `del_depth` 0',
    claims({ del_depth: 0 }),
  ),
  at('3c', 'root_depth_not_zero', 0)(
    'depth-one',
    'refuses a first token of depth 1 (D06)',
    claims({ del_depth: 1 }),
    'accepts a first token of depth 0',
    claims({ del_depth: 0 }),
  ),
  at('3d', 'root_has_parent', 0)(
    'parent-hash',
    'refuses a first token with `par_hash`, even null',
    claims({ par_hash: null }),
    'accepts a first token without it',
    root(),
  ),
  at('3e', 'token_expired', 0)(
    'expired',
    'refuses a root at the second of its expiry (J13)',
    claims({ exp: now }),
    'accepts a root in its last second',
    claims({ exp: now + 1 }),
  ),
  at('3f', 'token_issued_in_future', 0)(
    'future',
    'refuses a root issued 31 seconds from now (J05)',
    claims({ iat: now + 31 }),
    'accepts a root issued 30 seconds from now',
    claims({ iat: now + 30 }),
  ),
  at('3g', 'expiry_not_after_issuance', 0)(
    'no-life',
    'refuses a root that expires when it is issued',
    claims({ iat: now + 10, exp: now + 10 }),
    'accepts a root that lives for a second',
    claims({ iat: now + 10, exp: now + 11 }),
  ),
  at('3h', 'lifetime_too_long', 0)(
    'long-life',
    'refuses a root that lives a second longer than 90 days (J03)',
    claims({ exp: now - 300 + 7_776_001 }),
    'accepts a root that lives for 90 days',
    claims({ exp: now - 300 + 7_776_000 }),
  ),
  at('3i', 'max_depth_invalid', 0)(
    'too-deep',
    'refuses `del_max_depth` 9 where 8 is the limit (G01)',
    claims({ del_max_depth: 9 }),
    'accepts `del_max_depth` 8',
    claims({ del_max_depth: 8 }),
  ),
  at('3i', 'max_depth_invalid', 0)(
    'negative',
    'refuses `del_max_depth` -1 (G03)',
    claims({ del_max_depth: -1 }),
    'accepts `del_max_depth` 0',
    claims({ del_max_depth: 0 }),
  ),
  at('3j', 'token_id_invalid', 0)(
    'id-empty',
    'refuses an empty `jti`',
    claims({ jti: '' }),
    'accepts a `jti` of one character',
    claims({ jti: 'x' }),
  ),
  at('3k', 'issuer_mismatch', 0)(
    'other-anchor',
    'refuses a root that one trust anchor signed under the name of another (B07)',
    claims({ iss: other.issuer }),
    'accepts a root that each signed under its own',
    es256Root(),
  ),
  at('3k', 'issuer_mismatch', 0)(
    'issuer-normalized',
    'refuses an issuer that differs by a slash',
    claims({ iss: `${first.issuer}/` }),
    'accepts the very string',
    claims({ iss: first.issuer }),
  ),
];

const holder = at('3l', 'holder_key_invalid', 0);

const HOLDER: readonly Case[] = [
  holder(
    'missing',
    'refuses a root without `cnf`',
    claims({ cnf: undefined }),
    'accepts `cnf` with `jwk`',
    claims({ cnf: { jwk } }),
  ),
  holder(
    'kid-only',
    'refuses `cnf` that only names a key',
    claims({ cnf: { kid: 'key-1' } }),
    'accepts `cnf` that names it beside `jwk`',
    claims({ cnf: { jwk, kid: 'key-1' } }),
  ),
  holder(
    'x25519',
    'refuses an X25519 key (B18)',
    claims({ cnf: { jwk: { ...jwk, crv: 'X25519' } } }),
    'accepts a P-256 key',
    root({ holder: es256 }),
  ),
  at('3l', 'holder_key_private', 0)(
    'private',
    'refuses `cnf.jwk` with the private member `d`',
    claims({ cnf: { jwk: alice.privateJwk } }),
    'accepts the public members alone',
    claims({ cnf: { jwk } }),
  ),
  at('3l', 'holder_key_weak', 0)(
    'identity',
    'refuses the identity point as a key (A02)',
    claims({ cnf: { jwk: { ...jwk, x: IDENTITY.toString('base64url') } } }),
    'accepts a point of large order',
    claims({ cnf: { jwk } }),
    { note: 'Under this key a constant signature verifies every message.', stricter: true },
  ),
];

const details = at('3m', 'capabilities_malformed', 0);
const AAT = 'attenuating_agent_token';
const toolsMap = { read_file: {} };

const DETAILS: readonly Case[] = [
  details(
    'empty',
    'refuses a root without an AAT entry',
    claims({ authorization_details: [] }),
    'accepts a root whose AAT entry stands beside another type’s',
    claims({
      authorization_details: [
        { type: 'payment', tools: 7 },
        { type: AAT, tools: toolsMap },
      ],
    }),
  ),
  details(
    'two-entries',
    'refuses a root with two AAT entries',
    claims({
      authorization_details: [
        { type: AAT, tools: toolsMap },
        { type: AAT, tools: {} },
      ],
    }),
    'accepts a root with one',
    claims({ authorization_details: [{ type: AAT, tools: toolsMap }] }),
  ),
  details(
    'no-tools',
    'refuses an AAT entry without `tools`',
    claims({ authorization_details: [{ type: AAT }] }),
    'accepts one with `tools`',
    claims({ authorization_details: [{ type: AAT, tools: toolsMap }] }),
  ),
  details(
    'tool-null',
    'refuses a tool whose constraint map is null',
    claims({ authorization_details: [{ type: AAT, tools: { read_file: null } }] }),
    'accepts a tool whose constraint map is empty: any arguments',
    claims({ authorization_details: [{ type: AAT, tools: toolsMap }] }),
  ),
  details(
    'untyped-entry',
    'refuses an entry without a `type`',
    claims({ authorization_details: [{ type: AAT, tools: toolsMap }, { tools: {} }] }),
    'accepts an entry of an unknown type',
    claims({
      authorization_details: [
        { type: AAT, tools: toolsMap },
        { type: '', tools: {} },
      ],
    }),
    { stricter: true },
  ),
];

export const ROOT: readonly Case[] = [
  ...SHAPE,
  ...HEADER,
  ...SIGNATURE,
  ...CLAIMS,
  ...HOLDER,
  ...DETAILS,
];
