import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  createAsyncVerifier,
  createVerifier,
  derive,
  importPublicKey,
  isPublicKey,
  isVerifiedChain,
  type JsonObject,
  prove,
  type VerifiedChain,
} from '../../src/index.ts';
import {
  AUDIENCE,
  alice,
  anchors,
  bob,
  call,
  childToken,
  exact,
  NOW,
  outcome,
  proofOf,
  rootToken,
  thenable,
  verify,
} from './attacker.ts';

// Groups T and X of the attack catalogue: secrets, and what JavaScript does behind one's back.

const tools = { read: { path: exact('/a') } };
const ARGS = { path: '/a' };
const root = rootToken(tools);

/** Runs while Object.prototype has more members than it should. */
function polluted<Result>(members: object, run: () => Result): Result {
  Object.assign(Object.prototype, members);
  try {
    return run();
  } finally {
    for (const name of Object.keys(members)) Reflect.deleteProperty(Object.prototype, name);
  }
}

describe('X03 a polluted Object.prototype', () => {
  const required = rootToken({ read: { path: exact('/a'), limit: exact(1) } });
  const url = { constraint_type: 'url', schemes: ['https'], host_suffix: 'example.com' };
  const fetcher = rootToken({
    read: { url: { ...url, path: { root: '/', reach: 'subtree' } } },
  });
  const typeless = proofOf(root, 'read', ARGS, { header: '{"alg":"Ed25519"}' });

  test.each<[object, () => ReturnType<typeof call>]>([
    [{ optional: true }, () => call([required], 'read', ARGS, { by })],
    [{ host: 'evil.com' }, () => call([fetcher], 'read', { url: 'https://evil.com/' }, { by })],
    [{ query: 'any' }, () => call([fetcher], 'read', { url: 'https://a.example.com/?q' }, { by })],
    [{ port: 8443 }, () => call([fetcher], 'read', { url: 'https://a.example.com:8443/' }, { by })],
    [{ typ: 'aat-pop+jwt' }, () => call([root], 'read', ARGS, { by, proof: typeless })],
    [{ verdict: 'permit', ...thenable(1) }, () => call([root], 'write', {}, { by })],
    [{ get: 1, value: '/a' }, () => call([root], 'read', { path: '/b' }, { by })],
  ])('does not widen what is known already: %j', (members, attempt) => {
    for (const honest of [
      call([required], 'read', { path: '/a', limit: 1 }, { by }),
      call([fetcher], 'read', { url: 'https://a.example.com/' }, { by }),
      call([root], 'read', ARGS, { by }),
    ]) {
      expect(outcome(honest)).toBe('permit');
    }
    expect(attempt().verdict).toBe('deny');
    expect(polluted(members, attempt).verdict).toBe('deny');
  });
  const by = createVerifier({ anchors, audience: AUDIENCE });

  test.each<[object, string, unknown]>([
    [{ type: 'attenuating_agent_token' }, 'entry', [{ tools: { read: {} } }]],
    [{ tools: { read: {} } }, 'entry', [{ type: 'attenuating_agent_token' }]],
    [{ constraint_type: 'wildcard' }, 'map', { path: {} }],
    [{ value: '/b' }, 'map', { path: { constraint_type: 'exact' } }],
    [{ max: 9 }, 'map', { path: { constraint_type: 'range' } }],
  ])('does not complete what is new: %j', (members, where, part) => {
    const token =
      where === 'map'
        ? rootToken({ read: part })
        : rootToken({}, { claims: { authorization_details: part } });
    expect(polluted(members, () => call([token], 'read', { path: '/b' })).verdict).toBe('deny');
  });

  test.each([
    { kty: 'OKP', crv: 'Ed25519' },
    { x: alice.publicKey.jwk.x },
    { use: 'sig' },
    { exp: 9e9, iat: NOW },
    { del_depth: 0, del_max_depth: 8 },
    { iss: 'https://auth.example.com', jti: 'x' },
    { cnf: { jwk: alice.publicKey.jwk } },
    { hta: ARGS, aat_aud: AUDIENCE },
  ])('does not fill in for absent claims: %j', (members) => {
    const absent = Object.fromEntries(Object.keys(members).map((name) => [name, undefined]));
    const token = rootToken(tools, { claims: absent });
    const proof = proofOf(root, 'read', ARGS, { claims: absent });
    polluted(members, () => {
      expect(verify([token]).verdict).toBe('deny');
      expect(call([root], 'read', ARGS, { proof }).verdict).toBe('deny');
    });
  });
});

describe('what was verified', () => {
  test('X07 X08 is a copy of what was handed in, also while signatures are checked', async () => {
    const by = createAsyncVerifier({ anchors, audience: AUDIENCE });
    const invocation = {
      presentation: { aat_chain: [root.compact], aat_pop: proofOf(root, 'read', ARGS) },
      tool: 'read',
      args: { ...ARGS } as JsonObject,
      now: NOW,
    };
    const judging = by.authorize(invocation);
    invocation.presentation.aat_chain[0] = 'x';
    invocation.presentation.aat_pop = 'y';
    invocation.tool = 'write';
    invocation.now = NOW + 10_000;
    Object.assign(invocation.args, { more: 1 });
    const decision = await judging;
    expect(['permit', 'argument_unexpected', 'proof_arguments_mismatch']).toContain(
      outcome(decision),
    );
    if (decision.verdict !== 'permit') return;
    expect(decision).toMatchObject({ tool: 'read', args: ARGS });
    expect(Object.keys(decision.args)).toEqual(['path']);
  });

  test('X08 is the same when many are verified at once and the cache has no room', async () => {
    const child = childToken(root, tools);
    const other = rootToken(tools);
    const by = createAsyncVerifier({ anchors, cacheCharacters: root.compact.length + 1 });
    const chains = [[root], [root, child], [other], [other, child], [child]];
    const rounds = Array.from({ length: 20 }, () =>
      Promise.all(
        chains.map((chain) =>
          by.verifyChain(
            chain.map(({ compact }) => compact),
            NOW,
          ),
        ),
      ),
    );
    for (const verdicts of await Promise.all(rounds)) {
      expect(verdicts.map(outcome)).toEqual([
        'verified',
        'verified',
        'verified',
        'parent_hash_mismatch',
        'signature_invalid',
      ]);
    }
  });

  const lookAlikes: readonly [string, (chain: VerifiedChain) => unknown][] = [
    ['a copy', (chain) => ({ ...chain })],
    ['its JSON', (chain) => JSON.parse(JSON.stringify(chain))],
    ['what inherits from it', (chain) => Object.create(chain)],
    ['a Proxy of it', (chain) => new Proxy(chain, {})],
    [
      'one of its class, made anew',
      (chain) =>
        Reflect.construct(chain.constructor as never, [chain.anchor, chain.tokens], Object),
    ],
    ['nothing', () => undefined],
  ];
  test.each(lookAlikes)('X16 is told from its look-alikes: %s', async (_what, imitate) => {
    const verdict = verify([root]);
    if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
    expect(isVerifiedChain(verdict.chain)).toBe(true);
    const fake = imitate(verdict.chain) as VerifiedChain;
    expect(isVerifiedChain(fake)).toBe(false);
    const common = { signer: alice.signer, now: NOW, id: 'x' };
    const wanted = { read: {} };
    const misuse = { code: 'not_verified' };
    await expect(
      derive(fake, { ...common, holder: bob.publicKey, tools: wanted }),
    ).rejects.toMatchObject(misuse);
    await expect(prove(fake, { ...common, tool: 'read', args: ARGS })).rejects.toMatchObject(
      misuse,
    );
  });

  test('X16 keys of look-alikes and bytes of another realm are refused, not mistaken', () => {
    for (const fake of [{ ...alice.publicKey }, Object.create(alice.publicKey)]) {
      expect(isPublicKey(fake)).toBe(false);
    }
    expect(isPublicKey(importPublicKey(alice.publicKey.jwk))).toBe(true);
    const foreign = runInNewContext('({ path: "/a", list: [1, { a: null }] })') as JsonObject;
    const open = rootToken({ read: {} });
    expect(outcome(call([open], 'read', foreign))).toBe('permit');
    const odd = runInNewContext('new (class { path = "/a" })()') as JsonObject;
    expect(call([open], 'read', odd, { proof: proofOf(open, 'read', {}) }).verdict).toBe('deny');
  });

  test('X11 has a length in characters, none of which is more than a byte', () => {
    const wide = root.compact.replace(/^./, (first) =>
      String.fromCharCode(0x4e00 + first.charCodeAt(0)),
    );
    expect(wide).toHaveLength(root.compact.length);
    expect(verify([wide]).verdict).toBe('deny');
  });
});

describe('T what leaks', () => {
  test('T01 T03 a refusal to make names places, never values, keys or tokens', async () => {
    const verdict = verify([root]);
    if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
    const error = await prove(verdict.chain, {
      signer: alice.signer,
      tool: 'read',
      args: { path: '/secret-value' },
      now: NOW,
      id: 'x',
    }).catch((cause: unknown) => cause as Error & { denial: unknown });
    const text = `${String(error)} ${(error as Error).stack} ${JSON.stringify(error)}`;
    expect(text).toContain('read');
    for (const secret of ['secret-value', root.compact, root.compact.slice(0, 40), '"d"']) {
      expect(text).not.toContain(secret);
    }
  });

  test('T03 Q15 a signer shows nothing of its key', async () => {
    const { createSigner, generateKeyPair } = await import('../../src/index.ts');
    const { inspect } = await import('node:util');
    const { privateJwk } = generateKeyPair();
    const signer = createSigner(privateJwk);
    const shown = inspect(signer, { depth: 10, showHidden: true }) + JSON.stringify(signer);
    expect(shown).not.toContain(privateJwk.d);
    expect(String(signer.sign)).not.toContain(privateJwk.d);
  });
});
