import {
  canonicalText,
  forge,
  forgeSegments,
  type IssuedToken,
  segment,
  tokenHeader,
} from '../src/index.ts';
import { type Attack, type Attempt, type Operator, operator } from './attack.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Changes the text of one honest token; nobody signs anything. */
function rewrite(
  change: (segments: string[], attack: Attack) => string | undefined,
): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const { chain } = attack.family;
    const at = attack.random.between(0, chain.length - 1);
    const { compact } = chain[at] as IssuedToken;
    const changed = change(compact.split('.'), attack);
    if (changed === undefined || changed === compact) return undefined;
    const presented = chain.map((each, hop) => (hop === at ? changed : each.compact));
    return { expect: 'deny', chain: presented };
  };
}

/** Changes one segment of an honest token. */
function rewriteSegment(
  which: number | undefined,
  change: (text: string, attack: Attack) => string,
): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const index = which ?? attack.random.between(0, 2);
    return rewrite((segments) =>
      segments.map((text, at) => (at === index ? change(text, attack) : text)).join('.'),
    )(attack);
  };
}

function flipBit(text: string, { random }: Attack): string {
  const at = random.between(0, text.length - 1);
  const flipped = ALPHABET.indexOf(text.charAt(at)) ^ (1 << random.between(0, 5));
  return text.slice(0, at) + ALPHABET.charAt(flipped) + text.slice(at + 1);
}

/** Sets bits behind the last byte, which a lenient decoder drops. */
function trailingBits(text: string): string {
  const last = ALPHABET.indexOf(text.at(-1) ?? 'A');
  return text.length % 4 === 0 ? `${text}A` : text.slice(0, -1) + ALPHABET.charAt(last | 1);
}

function noise(text: string, { random }: Attack): string {
  const at = random.between(0, text.length);
  const junk = random.pick(['=', '==', ' ', '\n', '\t', '+', '/', '%', '\u0000', '\u00a0', '"']);
  return text.slice(0, at) + junk + text.slice(at);
}

function structure(segments: string[], { random }: Attack): string {
  const [header = '', payload = '', signature = ''] = segments;
  return random.pick([
    `${header}.${payload}`,
    `${header}..${signature}`,
    `.${payload}.${signature}`,
    `${header}.${payload}.`,
    `${header}.${payload}.${signature}.`,
    `${header}.${payload}.${signature}.${signature}.${signature}`,
    `${header}.${payload}.${signature} `,
    ` ${header}.${payload}.${signature}`,
    JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
    JSON.stringify({ payload, protected: header, signature }),
    '',
    '..',
    'null',
  ]);
}

/** A payload text that the attacker properly signs. */
function text(
  expect: Attempt['expect'],
  change: (canonical: string, attack: Attack) => string | Uint8Array | undefined,
): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const changed = change(canonicalText(attack.claims()), attack);
    return changed === undefined ? undefined : attack.childText(expect, changed);
  };
}

/** The same member twice: first one value and then another, or spelled with an escape. */
function duplicate(canonical: string, { random, parent }: Attack): string {
  const later = (parent.payload['exp'] as number) + 3600;
  const wide = '[{"tools":{"delete_all":{}},"type":"attenuating_agent_token"}]';
  return random.pick([
    canonical.replace('{', `{"exp":${later},`),
    canonical.replace(/\}$/, `,"exp":${later}}`),
    canonical.replace('{', `{"\\u0065xp":${later},`),
    canonical.replace('{', `{"authorization_details":${wide},`),
    canonical.replace(/\}$/, `,"authorization_detail\\u0073":${wide}}`),
    canonical.replace('"tools":{', '"tools":{},"tools":{'),
    canonical.replace('"jwk":{', '"jwk":{"kty":"OKP",'),
    canonical.replace(/\}$/, ',"jti":"other"}'),
    canonical.replace('{', '{"other":{"a":1,"a":1},'),
  ]);
}

function duplicateInHeader(attack: Attack): Attempt | undefined {
  const { alg } = attack.key;
  const header = attack.random.pick([
    `{"alg":"none","alg":"${alg}","typ":"aat+jwt"}`,
    `{"alg":"${alg}","typ":"aat+jwt","typ":"aat+jwt"}`,
    `{"alg":"${alg}","typ":"JWT","\\u0074yp":"aat+jwt"}`,
  ]);
  return attack.childText('deny', attack.claims(), header);
}

/** What strict JSON refuses, and some parsers do not. */
function notJson(canonical: string, { random }: Attack): string | Uint8Array {
  return random.pick<string | Uint8Array>([
    `\ufeff${canonical}`,
    `${canonical}${canonical}`,
    `${canonical}x`,
    `[${canonical}]`,
    canonical.replace(/\}$/, ',}'),
    canonical.replace('{', '{/**/'),
    canonical.replace('{', "{'a':1,"),
    canonical.replace('{', '{"a":NaN,'),
    canonical.replace('{', '{"a":01,'),
    canonical.replace('{', '{"a":"\\ud800",'),
    canonical.replace('{', '{"a":"\u0001",'),
    canonical.replace('{', '{"__proto__":{"exp":1},'),
    canonical.replace('{', `{"a":${'['.repeat(200)}${']'.repeat(200)},`),
    Buffer.concat([Buffer.from(canonical.slice(0, -1)), Buffer.from(',"a":"\xff"}', 'latin1')]),
    'null',
    '""',
    '{}',
    '',
  ]);
}

/** The same meaning in other words: payloads need not be canonical. */
function otherSpelling(canonical: string, { random }: Attack): string {
  const claims = JSON.parse(canonical) as Record<string, unknown>;
  const shuffled = Object.fromEntries(random.shuffle(Object.entries(claims)));
  return random.pick([
    JSON.stringify(shuffled),
    JSON.stringify(claims, null, 2),
    ` \t\r\n${canonical}\n`,
    canonical.replace('"jti"', '"\\u006at\\u0069"'),
    canonical.replaceAll('/', '\\/'),
    canonical.replace('{', `{"a":${'['.repeat(90)}${']'.repeat(90)},`),
    canonical.replace('{', '{"nbf":99999999999,"sub":"ignored","a":1.50,"b":12345678901234567890,'),
  ]);
}

/** Numbers in a constraint that a double does not hold. */
function inadmissible(attack: Attack): Attempt | undefined {
  const number = attack.random.pick([
    '9007199254740993',
    '1.00000000000000001',
    '1e400',
    '-1e400',
    '1e-400',
    '0.1000000000000000055511151231257827',
  ]);
  const [tool] = Object.keys(attack.tools);
  const constraint = attack.random.pick([
    { constraint_type: 'range', max: '@' },
    { constraint_type: 'one_of', values: [1, { a: '@' }] },
    { constraint_type: 'any', constraints: [{ constraint_type: 'exact', value: '@' }] },
  ]);
  const tools = { [tool ?? 'x']: { ...attack.tools[tool ?? 'x'], amount: constraint } };
  const details = [{ type: 'attenuating_agent_token', tools }];
  const canonical = canonicalText(attack.claims({ authorization_details: details }));
  return attack.childText(
    'deny',
    canonical.replace('"@"', () => number),
  );
}

function hugeToken(attack: Attack): Attempt | undefined {
  const padding = 'x'.repeat(attack.random.pick([50_000, 200_000]));
  return attack.childText('deny', attack.claims({ padding }));
}

/** A header in other words, which is as good as the usual one. */
function headerSpelling(attack: Attack): Attempt | undefined {
  const { alg } = attack.key;
  const header = attack.random.pick([
    `{"typ":"aat+jwt","alg":"${alg}"}`,
    `{ "alg" : "${alg}", "typ" : "aat+jwt" }\n`,
    `{"\\u0061lg":"${alg}","typ":"aat\\u002bjwt"}`,
  ]);
  return attack.childText('accept', attack.claims(), header);
}

function badHeader(attack: Attack): Attempt | undefined {
  if (!attack.hasRoom) return undefined;
  const header = attack.random.pick([
    '',
    '{}',
    '[]',
    'null',
    '{"alg":"Ed25519"',
    '{"typ":"aat+jwt"}',
  ]);
  const compact = forge({ header, payload: attack.claims(), signature: attack.key });
  return attack.presented('deny', compact);
}

/** Signed over segments that are not strict base64url, so the signature is right. */
function looseSegments(attack: Attack): Attempt | undefined {
  if (!attack.hasRoom) return undefined;
  const [header, payload] = [segment(tokenHeader(attack.key)), segment(attack.claims())];
  const loose = attack.random.pick<[string, string]>([
    [`${header}=`, payload],
    [header, `${payload}=`],
    [header, `${payload} `],
    [header, trailingBits(payload)],
    [header.slice(0, 4) + header.slice(4), `\n${payload}`],
    [header, payload.replaceAll('-', '+').replaceAll('_', '/')],
  ]);
  if (loose[0] === header && loose[1] === payload) return undefined;
  return attack.presented('deny', forgeSegments(loose[0], loose[1], attack.key));
}

export const ENCODING: readonly Operator[] = [
  operator('flip_bit_in_header', rewriteSegment(0, flipBit)),
  operator('flip_bit_in_payload', rewriteSegment(1, flipBit)),
  operator('flip_bit_in_signature', rewriteSegment(2, flipBit)),
  operator('trailing_bits', rewriteSegment(undefined, trailingBits)),
  operator('noise_in_base64url', rewriteSegment(undefined, noise)),
  operator(
    'truncate',
    rewrite((segments, { random }) => {
      const compact = segments.join('.');
      return compact.slice(0, random.between(0, compact.length - 1));
    }),
  ),
  operator('other_serialization', rewrite(structure)),
  operator('loose_segments_signed', looseSegments),
  operator('duplicate_member', text('deny', duplicate)),
  operator('duplicate_member_in_header', duplicateInHeader),
  operator('not_strict_json', text('deny', notJson)),
  operator('other_spelling', text('accept', otherSpelling)),
  operator('header_other_spelling', headerSpelling),
  operator('header_malformed', badHeader),
  operator('number_inadmissible', inadmissible),
  operator('huge_token', hugeToken),
];
