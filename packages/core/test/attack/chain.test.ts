import { hash } from 'node:crypto';
import { forge, takeApart } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { createVerifier } from '../../src/index.ts';
import {
  AUDIENCE,
  alice,
  anchors,
  bob,
  call,
  carol,
  childToken,
  exact,
  issuer,
  mallory,
  outcome,
  place,
  proofOf,
  rootToken,
  type Token,
  verify,
} from './attacker.ts';

// Group D of the attack catalogue: the structure of a chain.

const tools = { read: { path: exact('/a') } };
const ARGS = { path: '/a' };

describe('links between tokens', () => {
  const narrow = rootToken(tools, { claims: { aud: AUDIENCE } });
  const wide = rootToken({ read: {}, write: {} });
  const child = childToken(narrow, tools);
  const grandchild = childToken(child, tools, { holder: alice });

  test('D01 D02 a hop that was derived under one root is refused under another with the same holder', () => {
    expect(outcome(verify([narrow, child]))).toBe('verified');
    expect(place(verify([wide, child]))).toBe('parent_hash_mismatch 4q 1');
  });

  test('D03 D04 hops are refused in another order and with one left out, though one key holds two places', () => {
    expect(outcome(verify([narrow, child, grandchild]))).toBe('verified');
    expect(verify([narrow, grandchild, child]).verdict).toBe('deny');
    expect(place(verify([narrow, grandchild]))).toBe('signature_invalid 4b 1');
    expect(place(verify([child, grandchild]))).toBe('signature_invalid 3b 0');
    const own = childToken(narrow, tools, { holder: alice });
    const next = childToken(own, tools);
    expect(outcome(verify([narrow, own, next]))).toBe('verified');
    expect(place(verify([narrow, next]))).toBe('depth_not_incremented 4d 1');
  });

  test('D05 a holder cannot strip the hop that narrowed its token', () => {
    const proof = proofOf(narrow, 'read', ARGS, { signer: bob });
    expect(place(call([narrow], 'read', ARGS, { proof }))).toBe('signature_invalid 7b');
  });

  test('D06 a false ancestor is found below an honest leaf', () => {
    const { header, payload, signature } = takeApart(narrow.compact);
    const forged = { ...narrow, compact: forge({ header, payload: `${payload} `, signature }) };
    expect(place(verify([forged, child]))).toBe('signature_invalid 3b 0');
  });

  test.each<[string, unknown, string]>([
    ['any text', 'trust me', 'parent_hash_mismatch 4q 1'],
    ['the parent itself', narrow.compact, 'parent_hash_mismatch 4q 1'],
    ['its id', 'token-1', 'parent_hash_mismatch 4q 1'],
    ['nothing', '', 'parent_link_invalid 4b5 1'],
    ['null', null, 'parent_link_invalid 4b5 1'],
    ['absent', undefined, 'parent_link_invalid 4b5 1'],
    ['a list with the right hash', [], 'parent_link_invalid 4b5 1'],
    [
      'the hash with the signature',
      hash('sha256', narrow.compact, 'base64url'),
      'parent_hash_mismatch 4q 1',
    ],
    [
      'the hash of the payload alone',
      hash('sha256', takeApart(narrow.compact).payload, 'base64url'),
      'parent_hash_mismatch 4q 1',
    ],
    [
      'the hash in hexadecimal',
      hash('sha256', narrow.compact.slice(0, narrow.compact.lastIndexOf('.')), 'hex'),
      'parent_hash_mismatch 4q 1',
    ],
  ])('D07 D12 a parent hash that is %s is refused', (_what, par_hash, refusal) => {
    expect(place(verify([narrow, childToken(narrow, tools, { claims: { par_hash } })]))).toBe(
      refusal,
    );
  });

  test('D08 a token that stands twice is refused before any signature is looked at', () => {
    let checks = 0;
    const by = createVerifier({ anchors, verifySignature: () => ++checks > 0 });
    expect(place(verify([narrow, child, narrow], by))).toBe('token_repeated 2c 2');
    expect(place(verify([narrow, narrow], by))).toBe('token_repeated 2c 1');
    expect(checks).toBe(0);
  });

  test.each<[string, unknown, string]>([
    ['somebody else', mallory.publicKey.thumbprintUri, 'issuer_mismatch'],
    ['the root issuer', 'https://auth.example.com', 'issuer_mismatch'],
    ['the bare thumbprint', alice.publicKey.thumbprint, 'issuer_mismatch'],
    [
      'the thumbprint in upper case',
      alice.publicKey.thumbprintUri.toUpperCase(),
      'issuer_mismatch',
    ],
    ['the thumbprint and more', `${alice.publicKey.thumbprintUri}#x`, 'issuer_mismatch'],
    ['a list', [alice.publicKey.thumbprintUri], 'parent_link_invalid'],
    ['absent', undefined, 'parent_link_invalid'],
  ])('D09 F07 F08 a child is refused whose iss is %s', (_what, iss, refusal) => {
    expect(outcome(verify([narrow, childToken(narrow, tools, { claims: { iss } })]))).toBe(refusal);
  });

  test('D09 a child is refused that another holder signed, whatever its iss', () => {
    const stolen = childToken(narrow, tools, { signer: mallory });
    expect(place(verify([narrow, stolen]))).toBe('signature_invalid 4b 1');
    const iss = mallory.publicKey.thumbprintUri;
    const open = childToken(narrow, tools, { signer: mallory, claims: { iss } });
    expect(place(verify([narrow, open]))).toBe('signature_invalid 4b 1');
  });

  test('D11 a parent with the id of another is not taken for it', () => {
    const { jti } = JSON.parse(takeApart(narrow.compact).payload) as { jti: string };
    const twin = rootToken({ read: {}, write: {} }, { claims: { jti } });
    expect(place(verify([twin, child]))).toBe('parent_hash_mismatch 4q 1');
  });
});

describe('where a chain begins and ends', () => {
  test.each<[string, Partial<Parameters<typeof rootToken>[1]>, string]>([
    ['its own key', { signer: alice }, 'signature_invalid 3b 0'],
    ['a key that nobody trusts', { signer: mallory }, 'signature_invalid 3b 0'],
    [
      'a thumbprint as issuer',
      { signer: alice, claims: { iss: alice.publicKey.thumbprintUri } },
      'signature_invalid 3b 0',
    ],
    ['no issuer', { claims: { iss: undefined } }, 'issuer_mismatch 3k 0'],
    [
      'a list of issuers',
      { claims: { iss: ['https://auth.example.com'] } },
      'issuer_mismatch 3k 0',
    ],
    ['a trailing slash', { claims: { iss: 'https://auth.example.com/' } }, 'issuer_mismatch 3k 0'],
    ['a port', { claims: { iss: 'https://auth.example.com:443' } }, 'issuer_mismatch 3k 0'],
    ['another case', { claims: { iss: 'https://AUTH.example.com' } }, 'issuer_mismatch 3k 0'],
    [
      'more behind it',
      { claims: { iss: 'https://auth.example.com.evil' } },
      'issuer_mismatch 3k 0',
    ],
    ['a parent', { claims: { par_hash: 'x' } }, 'root_has_parent 3d 0'],
    ['a parent that is null', { claims: { par_hash: null } }, 'root_has_parent 3d 0'],
  ])('D10 B15 F07 F08 a root is refused with %s', (_what, options, refusal) => {
    expect(place(verify([rootToken(tools, options)]))).toBe(refusal);
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a string', rootToken(tools).compact],
    ['a hole', Array(1)],
    ['numbers', [1, 2]],
    ['nested', [[rootToken(tools).compact]]],
  ])('D16 what is no list of tokens is refused: %s', (_what, chain) => {
    expect(createVerifier({ anchors }).verifyChain(chain as never, 1).verdict).toBe('deny');
  });

  test('D16 an empty chain is refused', () => {
    expect(place(verify([]))).toBe('chain_empty 1');
    expect(place(verify(['']))).toBe('token_malformed 2c 0');
  });

  test('D17 a terminal token has no children', () => {
    const terminal = rootToken(tools, { claims: { del_max_depth: 0 } });
    expect(outcome(verify([terminal]))).toBe('verified');
    expect(place(verify([terminal, childToken(terminal, tools)]))).toBe('depth_exhausted 4e 1');
  });

  test('D18 K05 two chains do not make one: authority is never united', () => {
    const reader = rootToken({ read: {} });
    const writer = rootToken({ write: {} });
    expect(place(verify([reader, writer]))).toBe('signature_invalid 4b 1');
    const both = childToken(reader, { read: {}, write: {} }, { holder: alice });
    expect(place(verify([reader, both]))).toBe('tool_added 4p1 1');
    const twice = [
      { type: 'attenuating_agent_token', tools: { read: {} } },
      { type: 'attenuating_agent_token', tools: { write: {} } },
    ];
    const united = rootToken({}, { claims: { authorization_details: twice } });
    expect(place(verify([united]))).toBe('capabilities_malformed 3m 0');
  });
});

describe('what a child may not do', () => {
  const root = rootToken({ ...tools, list: {} });

  test.each<[string, unknown, string]>([
    ['an unnamed argument instead of the constrained one', {}, 'argument_keys_widened 4p2 1'],
    [
      'no constraint on it',
      { '*': { constraint_type: 'wildcard' } },
      'argument_keys_widened 4p2 1',
    ],
    ['another argument in its place', { other: exact(1) }, 'argument_keys_widened 4p2 1'],
    ['a constraint that is null', { path: null }, 'constraint_malformed 4o 1'],
    ['a constraint without a type', { path: {} }, 'constraint_malformed 4o 1'],
    ['a wildcard', { path: { constraint_type: 'wildcard' } }, 'constraint_widened 4p4 1'],
    [
      'an unknown type',
      { path: { constraint_type: 'regex', value: '.*' } },
      'constraint_unknown 4o 1',
    ],
    [
      'an inherited name as type',
      { path: { constraint_type: 'constructor' } },
      'constraint_unknown 4o 1',
    ],
    [
      'an optional argument',
      { path: { ...exact('/a'), optional: true } },
      'argument_made_optional 4p3 1',
    ],
  ])('D13 D14 is to put in place of a constraint: %s', (_what, map, refusal) => {
    expect(place(verify([root, childToken(root, { read: map })]))).toBe(refusal);
  });

  test('D14 an unknown type is refused however deep it lies', () => {
    const hidden = { constraint_type: 'any', constraints: [exact('/a'), { constraint_type: 'x' }] };
    expect(place(verify([rootToken({ read: { path: hidden } })]))).toBe('constraint_unknown 3n 0');
    const beside = rootToken({ read: {}, unused: { a: { constraint_type: 'x' } } });
    expect(place(verify([beside]))).toBe('constraint_unknown 3n 0');
  });

  test('D19 is to be a fresh grant: without its parent it is no root', () => {
    const fresh = childToken(
      root,
      { read: {}, write: {} },
      {
        claims: { par_hash: undefined, del_depth: 0 },
      },
    );
    expect(place(verify([fresh]))).toBe('signature_invalid 3b 0');
    expect(verify([root, fresh]).verdict).toBe('deny');
  });

  test('D20 is to use a tool that its parent has and it has not', () => {
    const child = childToken(root, tools);
    expect(outcome(call([root, child], 'read', ARGS))).toBe('permit');
    expect(place(call([root, child], 'list', {}))).toBe('tool_not_granted 6b 1');
  });

  test('D24 F05 is to gain anything by claims that carry no authority', () => {
    const claims = {
      act: { sub: 'admin', act: { sub: 'root' } },
      may_act: { sub: 'anybody' },
      sub: 'admin',
      scope: 'write *',
      tools: { write: {} },
      capabilities: { write: {} },
      authorization_details: [
        { type: 'attenuating_agent_token', tools },
        { type: 'other', tools: { write: {} }, actions: ['*'] },
      ],
    };
    const child = childToken(root, {}, { claims });
    expect(outcome(call([root, child], 'read', ARGS))).toBe('permit');
    expect(outcome(call([root, child], 'write', {}))).toBe('tool_not_granted');
  });

  test('D27 is to shake limits off by going back to a holder that had more', () => {
    const there = childToken(root, tools, {
      holder: bob,
      claims: { exp: issuedFor(60), del_max_depth: 2 },
    });
    const back = childToken(there, tools, {
      holder: alice,
      claims: { exp: issuedFor(60), del_max_depth: 2 },
    });
    expect(outcome(call([root, there, back], 'read', ARGS))).toBe('permit');
    expect(outcome(call([root, there, back], 'list', {}))).toBe('tool_not_granted');
    for (const [claims, refusal] of [
      [{ exp: issuedFor(61), del_max_depth: 2 }, 'expiry_extended 4h 2'],
      [{ exp: issuedFor(60), del_max_depth: 3 }, 'max_depth_raised 4g 2'],
    ] as const) {
      const more = childToken(there, tools, { holder: alice, claims });
      expect(place(verify([root, there, more]))).toBe(refusal);
    }
  });

  test('D28 is to be signed by anybody but the one holder of its parent', () => {
    for (const signer of [issuer, bob, carol, mallory]) {
      const child = childToken(root, tools, { signer });
      expect(verify([root, child]).verdict).toBe('deny');
    }
  });
});

function issuedFor(seconds: number): number {
  const { iat } = JSON.parse(takeApart(rootToken({}).compact).payload) as { iat: number };
  return iat + seconds;
}

describe('a child that names no argument of an empty map', () => {
  test('H11 an empty map, an empty list, null and no tools mean nothing but what the draft says', () => {
    const open: Token = rootToken({ read: {} });
    expect(outcome(call([open], 'read', { any: 1 }))).toBe('permit');
    const details = (entry: unknown) => rootToken({}, { claims: { authorization_details: entry } });
    for (const entry of [
      undefined,
      null,
      {},
      [],
      '*',
      [null],
      ['*'],
      [{ type: 'attenuating_agent_token' }],
      [{ type: 'attenuating_agent_token', tools: null }],
      [{ type: 'attenuating_agent_token', tools: [] }],
      [{ type: 'attenuating_agent_token', tools: '*' }],
      [{ type: 'attenuating_agent_token', tools: { read: null } }],
      [{ type: 'attenuating_agent_token', tools: { read: [] } }],
      [{ type: 'attenuating_agent_token', tools: { read: true } }],
      [{ type: 'ATTENUATING_AGENT_TOKEN', tools: { read: {} } }],
      [{ tools: { read: {} } }],
    ]) {
      expect(outcome(verify([details(entry)]))).toBe('capabilities_malformed');
    }
    expect(outcome(call([rootToken({})], 'read', {}))).toBe('tool_not_granted');
    const star = rootToken({ '*': {} });
    expect(outcome(call([star], 'read', {}))).toBe('tool_not_granted');
  });
});
