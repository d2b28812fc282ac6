import { forge, issueToken, tokenHash, tokenHeader } from '../src/index.ts';
import { type Attack, type Attempt, type Operator, operator } from './attack.ts';
import { NO_TOOLS } from './family.ts';

/** A claim of the parent that is a number. */
function above(attack: Attack, claim: string): number {
  return attack.parent.payload[claim] as number;
}

/** JSON texts that are no integer claims, although many parsers make one of them. */
function notIntegers(value: number): string[] {
  return [
    `${value}.0`,
    `${value}e0`,
    `"${value}"`,
    `[${value}]`,
    `${value}.5`,
    `-${value + 1}`,
    'null',
    'true',
    'false',
    '{}',
    '-0',
    '1E400',
    '9007199254740993',
    `${value}.00000000000000000001`,
  ];
}

function integerForm(claim: string): (attack: Attack) => Attempt | undefined {
  return (attack) => {
    const value = attack.claims()[claim] as number;
    const text = attack.random.pick(notIntegers(value));
    return attack.childText('deny', attack.claimsText(claim, text));
  };
}

/** Present, and yet not what the claim must be. */
function malformed(
  claim: string,
  values: readonly unknown[],
): (attack: Attack) => Attempt | undefined {
  return (attack) => attack.child('deny', { [claim]: attack.random.pick(values) });
}

function wrongParentHash(attack: Attack): Attempt | undefined {
  const { hash, compact, payload } = attack.parent;
  const [, payloadSegment = ''] = compact.split('.');
  const wrong = attack.random.pick([
    attack.family.twin[attack.hop]?.hash,
    attack.parent.parent?.hash,
    tokenHash(`${payloadSegment}.`),
    tokenHash(`${compact}.`),
    tokenHash(`${JSON.stringify(payload)}.`),
    Buffer.from(hash, 'base64url').toString('hex'),
    `${hash}=`,
    hash.replaceAll('-', '+').replaceAll('_', '/').padEnd(44, '='),
    ` ${hash}`,
    hash.toLowerCase(),
    '',
    payload['jti'],
    [hash],
    null,
  ]);
  return wrong === hash ? undefined : attack.child('deny', { par_hash: wrong });
}

function wrongIssuer(attack: Attack): Attempt | undefined {
  const { thumbprint, thumbprintUri } = attack.key.publicKey;
  const wrong = attack.random.pick([
    thumbprint,
    thumbprintUri.toUpperCase(),
    `${thumbprintUri}=`,
    `${thumbprintUri} `,
    thumbprintUri.replace('sha-256', 'sha-512'),
    attack.own.publicKey.thumbprintUri,
    attack.parent.payload['iss'],
    attack.family.anchors[0]?.issuer,
    '',
    null,
    [thumbprintUri],
    undefined,
  ]);
  // The holder may have signed the parent as well: then the parent's issuer is the right one.
  return wrong === thumbprintUri ? undefined : attack.child('deny', { iss: wrong });
}

/** A child without tools, and below it one that takes them back. */
function regainTools(attack: Attack): Attempt | undefined {
  if (
    !attack.hasRoom ||
    above(attack, 'del_depth') + 2 > Math.min(8, above(attack, 'del_max_depth'))
  )
    return undefined;
  if (Object.keys(attack.tools).length === 0) return undefined;
  const details = attack.random.pick([[], NO_TOOLS, [{ type: 'payment', tools: attack.tools }]]);
  const empty = issueToken(
    attack.claims({ authorization_details: details }),
    attack.key,
    attack.own,
    attack.parent,
  );
  const regained = issueToken(
    {
      ...attack.claims(),
      jti: `${attack.id}-regained`,
      iss: attack.own.publicKey.thumbprintUri,
      par_hash: empty.hash,
      del_depth: above(attack, 'del_depth') + 2,
    },
    attack.own,
    attack.own,
    empty,
  );
  return {
    expect: 'deny',
    chain: [...attack.prefix.map(({ compact }) => compact), empty.compact, regained.compact],
  };
}

/** One hop too many in a number, one too few in the next: the length of the chain comes out right. */
function skipThenRepeat(attack: Attack): Attempt | undefined {
  const depth = above(attack, 'del_depth');
  if (!attack.hasRoom || depth + 2 > Math.min(8, above(attack, 'del_max_depth'))) return undefined;
  const skipping = issueToken(
    attack.claims({ del_depth: depth + 2 }),
    attack.key,
    attack.own,
    attack.parent,
  );
  const repeating = issueToken(
    {
      ...attack.claims({ del_depth: depth + 2, par_hash: skipping.hash }),
      jti: `${attack.id}-again`,
      iss: attack.own.publicKey.thumbprintUri,
    },
    attack.own,
    attack.own,
    skipping,
  );
  return {
    expect: 'deny',
    chain: [...attack.prefix.map(({ compact }) => compact), skipping.compact, repeating.compact],
  };
}

function secondEntry(attack: Attack): Attempt | undefined {
  const [own] = attack.claims()['authorization_details'] as unknown as readonly unknown[];
  const added = { type: 'attenuating_agent_token', tools: { delete_all: {} } };
  return attack.child('deny', {
    authorization_details: attack.random.shuffle([own ?? added, added, added]),
  });
}

function presentLater(attack: Attack): Attempt {
  const leaf = attack.family.chain.at(-1)?.payload['exp'] as number;
  const late = attack.random.pick([leaf, leaf + 1, leaf + 10_000_000]);
  return { expect: 'deny', chain: attack.compacts, now: late };
}

function presentAtLastSecond(attack: Attack): Attempt {
  const leaf = attack.family.chain.at(-1)?.payload['exp'] as number;
  return { expect: 'accept', chain: attack.compacts, now: leaf - 1 };
}

function presentEarly(attack: Attack): Attempt {
  const issued = attack.family.chain.map(({ payload }) => payload['iat'] as number);
  return { expect: 'deny', chain: attack.compacts, now: Math.max(...issued) - 31 };
}

/** An identifier that stands twice in the chain. */
function repeatedId(attack: Attack): Attempt | undefined {
  const { payload } = attack.random.pick(attack.prefix);
  return attack.child('deny', { jti: payload['jti'] });
}

/** Signed over other claims than those that are presented. */
function swappedPayload(attack: Attack): Attempt | undefined {
  if (!attack.hasRoom) return undefined;
  const options = { header: tokenHeader(attack.key), signature: attack.key };
  const narrow = forge({ ...options, payload: attack.claims({ authorization_details: NO_TOOLS }) });
  const wide = forge({ ...options, payload: attack.claims() });
  const signature = narrow.slice(narrow.lastIndexOf('.'));
  return attack.presented('deny', wide.slice(0, wide.lastIndexOf('.')) + signature);
}

export const CLAIMS: readonly Operator[] = [
  operator('extend_expiry', (attack) =>
    attack.child('deny', { exp: above(attack, 'exp') + attack.random.pick([1, 3600, 1e9]) }),
  ),
  operator('expiry_in_milliseconds', (attack) =>
    attack.child('deny', { exp: above(attack, 'exp') * 1000 }),
  ),
  operator('expiry_not_after_issuance', (attack) => {
    const iat = attack.family.now + attack.random.pick([10, 30]);
    const exp = attack.random.pick([iat, iat - 1]);
    return exp > above(attack, 'exp') ? undefined : attack.child('deny', { iat, exp });
  }),
  operator('expired_already', (attack) =>
    attack.child('deny', { exp: attack.random.pick([attack.family.now, 0, -1]) }),
  ),
  operator('backdate_issuance', (attack) =>
    attack.child('deny', { iat: above(attack, 'iat') - attack.random.pick([1, 3600, 1e9]) }),
  ),
  operator('issued_in_future', (attack) =>
    attack.child('deny', { iat: attack.family.now + attack.random.pick([31, 3600]) }),
  ),
  operator('raise_max_depth', (attack) =>
    attack.child('deny', {
      del_max_depth: above(attack, 'del_max_depth') + attack.random.pick([1, 8, 2 ** 40]),
    }),
  ),
  operator('skip_or_repeat_depth', (attack) =>
    attack.child('deny', {
      del_depth: above(attack, 'del_depth') + attack.random.pick([0, 2, 3, -1, 2 ** 40]),
    }),
  ),
  operator('skip_then_repeat_depth', skipThenRepeat),
  operator('deeper_than_own_maximum', (attack) =>
    attack.child('deny', { del_max_depth: above(attack, 'del_depth') }),
  ),
  operator('depth_not_integer', integerForm('del_depth')),
  operator('max_depth_not_integer', integerForm('del_max_depth')),
  operator('expiry_not_integer', integerForm('exp')),
  operator('issuance_not_integer', integerForm('iat')),
  operator('wrong_parent_hash', wrongParentHash),
  operator('wrong_issuer', wrongIssuer),
  operator('claim_missing', (attack) => {
    const claims = Object.keys(attack.claims());
    return attack.child('deny', { [attack.random.pick(claims)]: undefined });
  }),
  operator('id_malformed', malformed('jti', ['', 7, null, ['x'], { jti: 'x' }, true])),
  operator('id_repeated', repeatedId),
  operator(
    'details_malformed',
    malformed('authorization_details', [
      null,
      {},
      'tools',
      [{ type: 'attenuating_agent_token' }],
      [{ type: 'attenuating_agent_token', tools: [] }],
      [{ type: 'attenuating_agent_token', tools: { read_file: null } }],
      [{ type: 'attenuating_agent_token', tools: { read_file: [] } }],
      [null],
      [['attenuating_agent_token', {}]],
      [{ tools: {} }],
    ]),
  ),
  operator('second_aat_entry', secondEntry),
  operator('regain_tools', regainTools),
  operator('present_after_expiry', presentLater),
  operator('present_at_last_second', presentAtLastSecond),
  operator('present_before_issuance', presentEarly),
  operator('swapped_payload', swappedPayload),
];
