import { createHmac } from 'node:crypto';
import {
  forge,
  forgeSegments,
  headerFor,
  type IssuedToken,
  issueToken,
  otherS,
  plusOrder,
  segment,
  signingInput,
  type TestKey,
  takeApart,
  tokenHeader,
} from '../src/index.ts';
import { type Attack, type Attempt, asIssued, type Operator, operator } from './attack.ts';

/** Encodings of Ed25519 points of small order, and second encodings of them (RFC 8032 refuses the latter). */
const WEAK_KEYS: readonly string[] = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
].map((hex) => Buffer.from(hex, 'hex').toString('base64url'));

/** R the identity, S zero: verifies every message under the identity as a key, where nobody looks. */
const UNIVERSAL_SIGNATURE = Buffer.from(`01${'00'.repeat(63)}`, 'hex');

function holderKey(jwk: (attack: Attack) => unknown): (attack: Attack) => Attempt | undefined {
  return (attack) => attack.child('deny', { cnf: { jwk: jwk(attack) } });
}

/** A holder key under which anybody can sign, and now and then a child that somebody did. */
function weakHolder(attack: Attack): Attempt | undefined {
  if (!attack.hasRoom) return undefined;
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: attack.random.pick(WEAK_KEYS) };
  const claims = attack.claims({ cnf: { jwk } });
  const weak = issueToken(claims, attack.key, attack.own, attack.parent);
  const chain = [...attack.prefix.map(({ compact }) => compact), weak.compact];
  const below = forge({
    header: tokenHeader(attack.own),
    payload: { ...claims, jti: `${attack.id}-below`, par_hash: weak.hash },
    signature: UNIVERSAL_SIGNATURE,
  });
  return { expect: 'deny', chain: attack.random.chance(0.5) ? chain : [...chain, below] };
}

function signedBy(attack: Attack, key: TestKey, header = tokenHeader(key)): Attempt | undefined {
  if (!attack.hasRoom || key === attack.key) return undefined;
  return attack.presented('deny', forge({ header, payload: attack.claims(), signature: key }));
}

/** The key of a hop that is not the attacker's own: supposes that two holders conspire. */
function conspirator(attack: Attack): Attempt | undefined {
  const { holder } = attack.random.pick(attack.family.chain);
  if (!attack.hasRoom || holder.publicKey.thumbprint === attack.key.publicKey.thumbprint)
    return undefined;
  const compact = forge({
    header: tokenHeader(holder),
    payload: attack.claims(),
    signature: holder,
  });
  return { ...attack.presented('deny', compact), alsoHolds: [holder] };
}

function algorithm(attack: Attack): Attempt | undefined {
  const other = attack.key.alg === 'Ed25519' ? 'ES256' : 'Ed25519';
  const alg = attack.random.pick<unknown>([
    'none',
    'None',
    'EdDSA',
    'ed25519',
    'HS256',
    'RS256',
    other,
    '',
    null,
    ['Ed25519'],
    undefined,
  ]);
  const header = { ...(alg === undefined ? {} : { alg }), typ: 'aat+jwt' };
  return attack.childText('deny', attack.claims(), header as never);
}

/** Unsecured, or authenticated with the public key as a shared secret. */
function algorithmWithMac(attack: Attack): Attempt | undefined {
  if (!attack.hasRoom) return undefined;
  const { raw, jwk } = attack.key.publicKey;
  const secret = attack.random.pick([raw, Buffer.from(JSON.stringify(jwk)), Buffer.from(jwk.x)]);
  const none = attack.random.chance(0.3);
  const compact = forge({
    header: { alg: none ? 'none' : 'HS256', typ: 'aat+jwt' },
    payload: attack.claims(),
    signature: (input) =>
      none ? new Uint8Array() : createHmac('sha256', secret).update(input).digest(),
  });
  return attack.presented('deny', compact);
}

function critical(attack: Attack): Attempt | undefined {
  const crit = attack.random.pick<unknown>([
    ['exp'],
    ['b64'],
    ['taper'],
    [],
    'exp',
    null,
    [''],
    {},
  ]);
  const header = { ...tokenHeader(attack.key), crit, b64: false, exp: 1, taper: 1 };
  return attack.childText('deny', attack.claims(), header as never);
}

/** A key in the header that verifies the signature: it must be as if it were not there. */
function headerKey(attack: Attack): Attempt | undefined {
  const { own } = attack;
  const jwk = { ...own.publicKey.jwk };
  const header = attack.random.pick<object>([
    { jwk },
    { x5c: ['MIIB'] },
    { jku: 'https://evil.test/keys' },
    { kid: own.publicKey.thumbprint, jwk },
  ]);
  return signedBy(attack, own, { ...tokenHeader(attack.key), ...header } as never);
}

/** Parameters that no verifier needs, beside a proper signature. */
function headerExtras(attack: Attack): Attempt | undefined {
  const extra = attack.random.pick<object>([
    { kid: '../../etc/passwd' },
    { jku: 'http://169.254.169.254/' },
    { jwk: { ...attack.own.publicKey.jwk } },
    { cty: 'JWT', x: null },
    { b64: false },
    { zip: 'DEF' },
  ]);
  return attack.childText('accept', attack.claims(), {
    ...tokenHeader(attack.key),
    ...extra,
  } as never);
}

/** The same signature, or the same token, in another form; the attacker has no key for it. */
function otherSignature(
  change: (signature: Uint8Array, token: IssuedToken) => Uint8Array | undefined,
): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const { chain } = attack.family;
    const at = attack.random.between(0, chain.length - 1);
    const token = chain[at] as IssuedToken;
    const changed = change(takeApart(token.compact).signature, token);
    if (changed === undefined) return undefined;
    const compact = `${signingInput(token.compact)}.${segment(changed)}`;
    const presented = chain.map((each, hop) => (hop === at ? compact : each.compact));
    return { expect: 'deny', chain: presented };
  };
}

/** ES256 in ASN.1 form, as OpenSSL and most KMS return it. */
function derForm(signature: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array): number[] => {
    const digits = [...bytes];
    while (digits.length > 1 && digits[0] === 0 && (digits[1] as number) < 128) digits.shift();
    if ((digits[0] as number) >= 128) digits.unshift(0);
    return [2, digits.length, ...digits];
  };
  const body = [...integer(signature.subarray(0, 32)), ...integer(signature.subarray(32))];
  return Uint8Array.from([48, body.length, ...body]);
}

function resized(signature: Uint8Array, attack: Attack): Uint8Array {
  return attack.random.pick([
    new Uint8Array(),
    new Uint8Array(64),
    signature.subarray(0, 63),
    signature.subarray(0, 32),
    Buffer.concat([signature, Uint8Array.of(0)]),
    Buffer.concat([signature, signature]),
    Buffer.from(Buffer.from(signature).toString('hex')),
    new Uint8Array(64).fill(255),
    Buffer.from(signature).reverse(),
  ]);
}

/** A malleated token of the attacker's own: the parent's hash does not see the signature, so each child still fits. */
function ownMalleated(attack: Attack): Attempt | undefined {
  const { chain } = attack.family;
  const token = chain[attack.hop + 1];
  if (token === undefined) return undefined;
  const { signature } = takeApart(token.compact);
  const changed = token.signer.alg === 'ES256' ? otherS(signature) : plusOrder(signature);
  const compact = `${signingInput(token.compact)}.${segment(changed)}`;
  const presented = chain.map((each, hop) => (hop === attack.hop + 1 ? compact : each.compact));
  return { expect: 'deny', chain: presented };
}

/** The holder of a hop signs its child anew: the same claims, another header. Nothing is gained, and the rest no longer fits. */
function resigned(attack: Attack): Attempt | undefined {
  const { chain } = attack.family;
  const token = chain[attack.hop + 1];
  if (token === undefined) return undefined;
  const compact = forge({
    header: { ...headerFor(token.payload, attack.key), kid: 'again' },
    payload: token.payload,
    signature: attack.key,
  });
  const again = asIssued(compact, token.payload, attack.key, token.holder, attack.parent);
  const isLeaf = attack.hop + 2 === chain.length;
  return {
    expect: isLeaf ? 'accept' : 'deny',
    chain: chain.map((each) => (each === token ? again.compact : each.compact)),
  };
}

export const KEYS: readonly Operator[] = [
  operator('holder_key_weak', weakHolder),
  operator(
    'holder_key_private',
    holderKey((attack) => ({
      ...attack.own.publicKey.jwk,
      [attack.random.pick(['d', 'p', 'q', 'k', 'priv'])]: attack.own.privateJwk['d'],
    })),
  ),
  operator(
    'holder_key_malformed',
    holderKey((attack) => {
      const { jwk } = attack.own.publicKey;
      return attack.random.pick<unknown>([
        null,
        jwk.x,
        [jwk],
        {},
        { ...jwk, kty: 'RSA' },
        { ...jwk, crv: 'X25519' },
        { ...jwk, crv: 'P-256' },
        { ...jwk, kty: 'oct', k: jwk.x },
        { ...jwk, x: `${jwk.x}=` },
        { ...jwk, x: `${jwk.x}A` },
        { ...jwk, x: jwk.x.slice(1) },
        { ...jwk, use: 'enc' },
        { ...jwk, key_ops: ['sign'] },
        { ...jwk, alg: 'EdDSA' },
        { kty: 'EC', crv: 'P-256', x: jwk.x, y: jwk.x },
      ]);
    }),
  ),
  operator('confirmation_malformed', (attack) =>
    attack.child('deny', {
      cnf: attack.random.pick<unknown>([
        null,
        {},
        [],
        { kid: attack.own.publicKey.thumbprint },
        { jkt: attack.own.publicKey.thumbprint },
        attack.own.publicKey.jwk,
      ]),
    }),
  ),
  operator('signed_by_outsider', (attack) => signedBy(attack, attack.own)),
  operator('signed_by_outsider_p256', (attack) => signedBy(attack, attack.family.mallory.p256)),
  operator('signed_by_conspirator', conspirator),
  operator('algorithm', algorithm),
  operator('algorithm_mac_or_none', algorithmWithMac),
  operator('critical_header', critical),
  operator('key_in_header', headerKey),
  operator('harmless_header', headerExtras),
  operator(
    'malleate_ed25519',
    otherSignature((signature, { signer }) =>
      signer.alg === 'Ed25519' ? plusOrder(signature) : undefined,
    ),
  ),
  operator(
    'malleate_es256',
    otherSignature((signature, { signer }) =>
      signer.alg === 'ES256' ? otherS(signature) : undefined,
    ),
  ),
  operator(
    'es256_in_der',
    otherSignature((signature, { signer }) =>
      signer.alg === 'ES256' ? derForm(signature) : undefined,
    ),
  ),
  operator('signature_resized', (attack) =>
    otherSignature((signature) => resized(signature, attack))(attack),
  ),
  operator(
    'small_order_signature_point',
    otherSignature((signature) =>
      Buffer.concat([Buffer.from(WEAK_KEYS[0] as string, 'base64url'), signature.subarray(32)]),
    ),
  ),
  operator('malleate_own_token', ownMalleated),
  operator('resign_own_token', resigned),
  operator('signature_of_another_token', (attack) => {
    const { chain, twin } = attack.family;
    const at = attack.random.between(0, chain.length - 1);
    const [token, other] = [chain[at], twin[at]];
    if (token === undefined || other === undefined) return undefined;
    const [header = '', payload = ''] = token.compact.split('.');
    const compact = forgeSegments(header, payload, takeApart(other.compact).signature);
    return {
      expect: 'deny',
      chain: chain.map((each, hop) => (hop === at ? compact : each.compact)),
    };
  }),
];
