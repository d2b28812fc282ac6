import {
  createRevocationVerifier,
  createVerifier,
  derive,
  type JsonObject,
  MAX_REVOCATION_REQUEST_SIZE,
  type RevocationTarget,
} from '@taper/core';
import { CAST, forge, present, statementOf, takeApart, testKey, tokenHash } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  ALICE,
  ANCHOR,
  ANCHORS,
  AUTHORITY,
  BOB,
  CAROL,
  CHAIN,
  chainOf,
  LOG,
  leafOf,
  NOW,
  OTHER_ANCHOR,
  request,
  VERIFIER,
} from './scene.ts';

const MALLORY = CAST.mallory;
const keyOf = (key: typeof ALICE): RevocationTarget => ({
  kind: 'key',
  key: key.publicKey.thumbprint,
});

/** What a request says, changed, and signed again. */
async function forged(
  by: typeof ALICE,
  claims: JsonObject,
  header: JsonObject = {},
  from?: string,
): Promise<string> {
  const parts = takeApart(from ?? (await request(by)));
  return forge({
    header: { ...JSON.parse(parts.header), ...header },
    payload: { ...JSON.parse(parts.payload), ...claims },
    signature: by,
  });
}

describe('who may revoke a token', () => {
  test.each([
    ['the holder of the token', CAROL, 'holder', 2],
    ['its issuer, who holds the token above', BOB, 'issuer', 1],
    ['the holder of a token further up', ALICE, 'ancestor', 0],
    ['the anchor of the chain', ANCHOR, 'ancestor', undefined],
    ['the authority', AUTHORITY, 'authority', undefined],
  ] as const)('%s', async (_, by, role, hop) => {
    const verdict = VERIFIER.verifyRequest(await request(by), NOW);
    expect(verdict).toMatchObject({
      ok: true,
      request: { role, hop, target: leafOf(CHAIN), requester: by.publicKey.thumbprint },
    });
  });

  test('the anchor is the issuer of a root', async () => {
    const compact = await request(ANCHOR, { chain: chainOf([{}]) });
    expect(VERIFIER.verifyRequest(compact, NOW)).toMatchObject({
      ok: true,
      request: { role: 'issuer', hop: undefined },
    });
  });

  test('a key that holds several hops counts as the one nearest to the root', async () => {
    const chain = chainOf([{}, {}, { holder: ALICE }]);
    const verdict = VERIFIER.verifyRequest(await request(ALICE, { chain }), NOW);
    expect(verdict).toMatchObject({ ok: true, request: { role: 'ancestor', hop: 0 } });
  });

  test('M11: a child does not revoke its parent', async () => {
    const compact = await request(CAROL, { chain: CHAIN.slice(0, 2) });
    expect(VERIFIER.verifyRequest(compact, NOW)).toEqual({
      ok: false,
      problem: 'request_not_entitled',
    });
  });

  test('M11: neither do a sibling, a stranger and the anchor of other chains', async () => {
    for (const by of [testKey('sibling'), MALLORY, OTHER_ANCHOR])
      expect(VERIFIER.verifyRequest(await request(by), NOW)).toEqual({
        ok: false,
        problem: 'request_not_entitled',
      });
  });

  test('M11: a chain under an anchor that is not trusted proves nothing', async () => {
    const chain = chainOf([{ signer: MALLORY }, {}]);
    const verdict = VERIFIER.verifyRequest(await request(ALICE, { chain }), NOW);
    expect(verdict).toEqual({
      ok: false,
      problem: 'request_chain_denied',
      denial: 'signature_invalid',
      hop: 0,
    });
  });

  test('M11: the chain of another token does not give the right to this one', async () => {
    const own = chainOf([{ claims: { jti: 'other' } }, {}]);
    const compact = await request(ALICE, { chain: own, target: leafOf(CHAIN) });
    expect(VERIFIER.verifyRequest(compact, NOW)).toEqual({
      ok: false,
      problem: 'request_target_mismatch',
    });
  });

  test('M11: a target that names another root than its chain has is refused', async () => {
    const target = { ...leafOf(CHAIN), root: leafOf(CHAIN).token };
    expect(VERIFIER.verifyRequest(await request(ALICE, { target }), NOW)).toEqual({
      ok: false,
      problem: 'request_target_mismatch',
    });
  });

  test('a token that has expired is not revoked any more; until then it is', async () => {
    const { exp } = JSON.parse(takeApart(CHAIN[2] as string).payload);
    const compact = await request(CAROL);
    expect(VERIFIER.verifyRequest(compact, exp - 1)).toMatchObject({ ok: true });
    expect(VERIFIER.verifyRequest(compact, exp)).toMatchObject({
      problem: 'request_chain_denied',
      denial: 'token_expired',
    });
  });

  test('the authority revokes a token without its chain, by hash, until a time in the future', async () => {
    const options = { chain: [], target: leafOf(CHAIN) };
    const compact = await request(AUTHORITY, { ...options, expiresAt: NOW + 1 });
    expect(VERIFIER.verifyRequest(compact, NOW)).toMatchObject({
      ok: true,
      request: { expiresAt: NOW + 1 },
    });
    expect(VERIFIER.verifyRequest(compact, NOW + 1)).toMatchObject({ ok: false });
    const holder = await request(CAROL, { ...options, expiresAt: NOW + 1 });
    expect(VERIFIER.verifyRequest(holder, NOW)).toEqual({
      ok: false,
      problem: 'request_not_entitled',
    });
  });

  test('the end of a token comes from its chain and from nowhere else', async () => {
    const verdict = VERIFIER.verifyRequest(await request(CAROL), NOW);
    const { exp } = JSON.parse(takeApart(CHAIN[2] as string).payload);
    expect(verdict).toMatchObject({ ok: true, request: { expiresAt: exp } });
    const said = await forged(CAROL, { expires_at: NOW + 1 });
    expect(VERIFIER.verifyRequest(said, NOW)).toEqual({ ok: false, problem: 'request_malformed' });
  });

  test('a chain with caveats is a chain', async () => {
    const caveats = { tenant: 'acme', revocation: { log: LOG, epoch: 1, max_staleness: 60 } };
    const header = { alg: 'Ed25519', crit: ['taper'], taper: 1, typ: 'aat+jwt' };
    const chain = chainOf([{ header, claims: { taper: caveats } }]);
    expect(VERIFIER.verifyRequest(await request(ALICE, { chain }), NOW)).toMatchObject({
      ok: true,
    });
  });
});

describe('who may revoke a token that a rotated key handed on', () => {
  const NEXT = testKey('bob, next');
  const LATER = testKey('bob, later');
  const verifier = createVerifier({ anchors: ANCHORS });
  const statements = [
    statementOf({ from: BOB, to: NEXT }),
    statementOf({ from: NEXT, to: LATER, at: NOW - 30 }),
  ];

  /** A token that `by` derives from the last one of the chain. */
  async function handedOn(
    tokens: readonly string[],
    by: typeof ALICE,
    holder: typeof ALICE,
    rotation: readonly string[] = [],
  ): Promise<readonly string[]> {
    const parent = verifier.verifyChain(tokens, NOW);
    if (parent.verdict !== 'verified') throw new Error(parent.denial.code);
    const maxDepth = 3;
    const child = await derive(parent.chain, {
      signer: by.signer,
      holder: holder.publicKey,
      tools: { read_file: { path: { constraint_type: 'exact', value: '/data/q3.pdf' } } },
      maxDepth,
      now: NOW,
      id: `derived by ${by.name}`,
      ...(rotation.length === 0 ? {} : { rotation }),
    });
    return child.tokens.map(({ compact }) => compact);
  }

  const bobs = chainOf([{}, {}]);

  test('the key that handed it on, as its issuer, under the hop of the key whose place it took', async () => {
    const chain = await handedOn(bobs, LATER, CAROL, statements);
    expect(VERIFIER.verifyRequest(await request(LATER, { chain }), NOW)).toMatchObject({
      ok: true,
      request: { role: 'issuer', hop: 1, requester: LATER.publicKey.thumbprint },
    });
  });

  test('and what its holder handed on further, as an ancestor', async () => {
    const parent = await handedOn(bobs, LATER, CAROL, statements);
    const chain = await handedOn(parent, CAROL, MALLORY);
    expect(VERIFIER.verifyRequest(await request(LATER, { chain }), NOW)).toMatchObject({
      ok: true,
      request: { role: 'ancestor', hop: 1 },
    });
  });

  test('M11: not what the key whose place it took handed on: the chain does not show the place', async () => {
    const chain = await handedOn(bobs, BOB, CAROL);
    expect(VERIFIER.verifyRequest(await request(LATER, { chain }), NOW)).toEqual({
      ok: false,
      problem: 'request_not_entitled',
    });
  });

  test('M11: not a key that it passed through and that did not sign, nor the token above', async () => {
    const chain = await handedOn(bobs, LATER, CAROL, statements);
    for (const [by, shown] of [
      [NEXT, chain],
      [LATER, bobs],
      [MALLORY, chain],
    ] as const)
      expect(VERIFIER.verifyRequest(await request(by, { chain: shown }), NOW)).toEqual({
        ok: false,
        problem: 'request_not_entitled',
      });
  });

  test('M11: not a key in its name: the request is signed by the key that took the place', async () => {
    const chain = await handedOn(bobs, LATER, CAROL, statements);
    const stolen = await forged(
      MALLORY,
      {},
      { kid: LATER.publicKey.thumbprint },
      await request(LATER, { chain }),
    );
    expect(VERIFIER.verifyRequest(stolen, NOW)).toMatchObject({
      problem: 'request_signature_invalid',
    });
  });

  test('the key whose place it took still may', async () => {
    const chain = await handedOn(bobs, LATER, CAROL, statements);
    expect(VERIFIER.verifyRequest(await request(BOB, { chain }), NOW)).toMatchObject({
      ok: true,
      request: { role: 'issuer', hop: 1 },
    });
  });
});

describe('who may revoke a key', () => {
  test('the key itself, with a chain that ends in it', async () => {
    const compact = await request(CAROL, { target: keyOf(CAROL) });
    expect(VERIFIER.verifyRequest(compact, NOW)).toMatchObject({
      ok: true,
      request: { role: 'holder', hop: 2, expiresAt: undefined },
    });
  });

  test('M11: not the key that signed its token, nor another under it', async () => {
    for (const by of [BOB, ALICE, ANCHOR, MALLORY])
      expect(VERIFIER.verifyRequest(await request(by, { target: keyOf(CAROL) }), NOW)).toEqual({
        ok: false,
        problem: 'request_not_entitled',
      });
  });

  test('M11: not with a chain on which the key is not the last', async () => {
    const compact = await request(BOB, { target: keyOf(BOB) });
    expect(VERIFIER.verifyRequest(compact, NOW)).toEqual({
      ok: false,
      problem: 'request_target_mismatch',
    });
  });

  test('N17: a key that was made up has no chain, and so no entry', async () => {
    const compact = await request(MALLORY, { target: keyOf(MALLORY), chain: [] });
    expect(VERIFIER.verifyRequest(compact, NOW)).toEqual({
      ok: false,
      problem: 'request_not_entitled',
    });
  });

  test('an anchor its own, without a chain; not another anchor’s', async () => {
    const own = await request(ANCHOR, { target: keyOf(ANCHOR), chain: [] });
    expect(VERIFIER.verifyRequest(own, NOW)).toMatchObject({
      ok: true,
      request: { role: 'holder' },
    });
    const other = await request(ANCHOR, { target: keyOf(OTHER_ANCHOR), chain: [] });
    expect(VERIFIER.verifyRequest(other, NOW)).toEqual({
      ok: false,
      problem: 'request_not_entitled',
    });
  });
});

describe('agents and tenants', () => {
  const targets: readonly RevocationTarget[] = [
    { kind: 'agent', agent: 'researcher', keys: [BOB.publicKey.thumbprint] },
    { kind: 'tenant', tenant: 'acme', issued_before: NOW },
  ];

  test.each(targets)('M11: only the authority revokes an $kind', async (target) => {
    const compact = await request(AUTHORITY, { target, chain: [] });
    expect(VERIFIER.verifyRequest(compact, NOW)).toMatchObject({
      ok: true,
      request: { role: 'authority' },
    });
    for (const by of [ANCHOR, ALICE])
      expect(VERIFIER.verifyRequest(await request(by, { target, chain: [] }), NOW)).toEqual({
        ok: false,
        problem: 'request_not_entitled',
      });
  });

  test('a tenant’s tokens are not revoked before they could be made', async () => {
    const target = { kind: 'tenant', tenant: 'acme', issued_before: NOW + 60 } as const;
    const compact = await request(AUTHORITY, { target, chain: [] });
    expect(VERIFIER.verifyRequest(compact, NOW)).toMatchObject({ ok: true });
    expect(VERIFIER.verifyRequest(compact, NOW - 1)).toEqual({
      ok: false,
      problem: 'request_in_future',
    });
  });
});

describe('a request', () => {
  test('is for one log', async () => {
    const compact = await request(CAROL, { log: 'log.example.net/revocations' });
    expect(VERIFIER.verifyRequest(compact, NOW)).toEqual({
      ok: false,
      problem: 'request_log_mismatch',
    });
  });

  test('may have been signed long ago, and not in the future', async () => {
    const old = await request(CAROL, { now: 0 });
    expect(VERIFIER.verifyRequest(old, NOW)).toMatchObject({ ok: true });
    const soon = await request(CAROL, { now: NOW + 30 });
    expect(VERIFIER.verifyRequest(soon, NOW)).toMatchObject({ ok: true });
    expect(VERIFIER.verifyRequest(soon, NOW - 1)).toEqual({
      ok: false,
      problem: 'request_in_future',
    });
  });

  test('M11: counts only under a key of the chain, whatever its header says', async () => {
    const honest = await request(CAROL);
    const parts = takeApart(honest);
    const stolen = forge({
      header: JSON.parse(parts.header),
      payload: parts.payload,
      signature: MALLORY,
    });
    expect(VERIFIER.verifyRequest(stolen, NOW)).toEqual({
      ok: false,
      problem: 'request_signature_invalid',
    });
    const jwk = MALLORY.publicKey.jwk as unknown as JsonObject;
    expect(VERIFIER.verifyRequest(await forged(MALLORY, {}, { jwk }, honest), NOW)).toEqual({
      ok: false,
      problem: 'request_malformed',
    });
  });

  test('M11: every bit of it is signed', async () => {
    const honest = await request(CAROL);
    for (let at = 0; at < honest.length; at += 41) {
      const other = honest[at] === 'A' ? 'B' : 'A';
      const changed = honest.slice(0, at) + other + honest.slice(at + 1);
      expect(VERIFIER.verifyRequest(changed, NOW).ok, `character ${at}`).toBe(false);
    }
  });

  test('of a type that is not its own is none', async () => {
    for (const typ of ['aat+jwt', 'aat-pop+jwt', 'taper-approval+jwt', 'JWT'])
      expect(VERIFIER.verifyRequest(await forged(CAROL, {}, { typ }), NOW)).toEqual({
        ok: false,
        problem: 'request_malformed',
      });
  });

  test('M16: cannot say since when a key is revoked', async () => {
    const target = { ...keyOf(CAROL), since: NOW - 60 } as unknown as JsonObject;
    expect(VERIFIER.verifyRequest(await forged(CAROL, { target }), NOW)).toEqual({
      ok: false,
      problem: 'request_malformed',
    });
  });

  test('M07: has one spelling for what it revokes', async () => {
    const { token, root } = leafOf(CHAIN);
    const spellings = [
      `${token}=`,
      token.replaceAll('-', '+').replaceAll('_', '/') === token
        ? `${token} `
        : token.replaceAll('-', '+').replaceAll('_', '/'),
      ` ${token}`,
      `${token.slice(0, 42)}${nextCharacter(token.at(-1) as string)}`,
      token.slice(0, 42),
    ];
    for (const spelling of spellings) {
      const target = { kind: 'token', root, token: spelling };
      expect(VERIFIER.verifyRequest(await forged(CAROL, { target }), NOW)).toMatchObject({
        ok: false,
      });
    }
  });

  test.each([
    ['an unknown member', { extra: 1 }],
    ['an unknown reason', { reason: 'because' }],
    ['an unknown kind', { target: { kind: 'everything' } }],
    ['a token that is no text', { chain: [1] }],
    ['a time that is no integer', { iat: 1.5 }],
    ['no identifier', { jti: '' }],
    ['keys of an agent that are not in order', agent([`${'B'.repeat(42)}A`, `${'A'.repeat(43)}`])],
    ['a key of an agent that stands twice', agent([`${'A'.repeat(43)}`, `${'A'.repeat(43)}`])],
    ['an agent without keys', agent([])],
    [
      'a control character in a name',
      { chain: [], target: { kind: 'tenant', tenant: 'a\nb', issued_before: 1 } },
    ],
  ] as const)('with %s is none', async (_, claims) => {
    const compact = await forged(AUTHORITY, claims as unknown as JsonObject);
    expect(VERIFIER.verifyRequest(compact, NOW)).toEqual({
      ok: false,
      problem: 'request_malformed',
    });
  });

  test('with a member twice is none', async () => {
    const { header, payload } = takeApart(await request(CAROL));
    const twice = payload.replace('{', '{"reason":"superseded",');
    const compact = forge({ header, payload: twice, signature: CAROL });
    expect(VERIFIER.verifyRequest(compact, NOW)).toEqual({
      ok: false,
      problem: 'request_malformed',
    });
  });

  test('R01: of more than its greatest size is refused before it is read', () => {
    const size = MAX_REVOCATION_REQUEST_SIZE;
    const long = 'A'.repeat(size + 1);
    expect(VERIFIER.verifyRequest(long, NOW)).toEqual({ ok: false, problem: 'request_too_large' });
    expect(VERIFIER.verifyRequest(long.slice(1), NOW)).toEqual({
      ok: false,
      problem: 'request_malformed',
    });
  });

  test('is not made where no authority would read it', async () => {
    await expect(request(CAROL, { chain: [] })).rejects.toMatchObject({ code: 'option_invalid' });
    const tall = present({
      hops: [{ claims: { note: 'x'.repeat(40_000) } }],
    }).chain;
    await expect(request(ALICE, { chain: tall })).rejects.toMatchObject({
      code: 'entry_too_large',
    });
  });
});

describe('a verifier of requests', () => {
  test('wants keys for the authority that are no anchor’s', () => {
    const make = (authority: readonly (typeof AUTHORITY)['publicKey'][]) => () =>
      createRevocationVerifier({ log: LOG, authority, anchors: ANCHORS });
    expect(make([])).toThrow(expect.objectContaining({ code: 'option_invalid' }));
    expect(make([ANCHOR.publicKey])).toThrow(expect.objectContaining({ code: 'option_invalid' }));
    expect(make([AUTHORITY.publicKey])).not.toThrow();
  });

  test('hashes of the scene are those of the tokens', () => {
    expect(leafOf(CHAIN).token).toBe(tokenHash(CHAIN[2] as string));
  });
});

function agent(keys: readonly string[]): object {
  return { chain: [], target: { kind: 'agent', agent: 'researcher', keys } };
}

/** The last character with one of its unused bits set. */
function nextCharacter(last: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return alphabet[alphabet.indexOf(last) + 1] as string;
}
