import { describe, expect, test } from 'vitest';
import { createVerifier, type JsonValue } from '../../src/index.ts';
import {
  alice,
  anchors,
  bob,
  call,
  childToken,
  outcome,
  place,
  rootToken,
  type Token,
  verify,
} from './attacker.ts';

// Group G of the attack catalogue: depth and shape.

const tools = { read: {} };

/** A chain of so many tokens. */
function chainOf(length: number, maxDepth = 8): Token[] {
  const chain = [rootToken(tools, { claims: { del_max_depth: maxDepth } })];
  while (chain.length < length) {
    const holder = chain.length % 2 === 0 ? alice : bob;
    const above = chain.at(-1) as Token;
    chain.push(childToken(above, tools, { holder, claims: { del_max_depth: maxDepth } }));
  }
  return chain;
}

describe('depth', () => {
  test.each([0, 1, 2, 8])(
    'G01 G08 is allowed up to a maximum of %i, and not one more',
    (maxDepth) => {
      const chain = chainOf(maxDepth + 1, maxDepth);
      expect(outcome(call(chain, 'read', {}))).toBe('permit');
      const next = childToken(chain.at(-1) as Token, tools, {
        claims: { del_max_depth: maxDepth },
      });
      const verdict = verify([...chain, next]);
      expect(outcome(verdict)).toBe(maxDepth === 8 ? 'chain_too_long' : 'depth_exhausted');
    },
  );

  test('G01 is bounded by the enforcement point as well as by the issuer', () => {
    expect(place(verify([rootToken(tools, { claims: { del_max_depth: 9 } })]))).toBe(
      'max_depth_invalid 3i 0',
    );
    const deeper = createVerifier({ anchors, limits: { maxDelegationDepth: 9 } });
    expect(outcome(verify(chainOf(10, 9), deeper))).toBe('verified');
    expect(() => createVerifier({ anchors, limits: { maxDelegationDepth: 7 } })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });

  test('G02 cannot be raised by a child, and may be lowered', () => {
    const root = rootToken(tools, { claims: { del_max_depth: 2 } });
    const raised = childToken(root, tools, { claims: { del_max_depth: 3 } });
    expect(place(verify([root, raised]))).toBe('max_depth_raised 4g 1');
    const lowered = childToken(root, tools, { claims: { del_max_depth: 1 } });
    expect(outcome(verify([root, lowered]))).toBe('verified');
    const contradicted = childToken(root, tools, { claims: { del_max_depth: 0 } });
    expect(place(verify([root, contradicted]))).toBe('depth_exhausted 4m 1');
  });

  test.each<[JsonValue | undefined]>([
    [-1],
    [1.5],
    ['1'],
    [null],
    [true],
    [[1]],
    [{}],
    [2 ** 53],
    [1e300],
    [undefined],
  ])('G03 is counted by hops, not taken from a claim such as %j', (depth) => {
    const root = rootToken(tools);
    expect(verify([rootToken(tools, { claims: { del_depth: depth } })]).verdict).toBe('deny');
    expect(verify([rootToken(tools, { claims: { del_max_depth: depth } })]).verdict).toBe('deny');
    for (const claim of ['del_depth', 'del_max_depth']) {
      const child = childToken(root, tools, { claims: { [claim]: depth } });
      expect(['depth_claim_invalid', 'depth_not_incremented', 'max_depth_raised']).toContain(
        outcome(verify([root, child])),
      );
    }
  });

  test('G04 cannot be set back or skipped', () => {
    const [root, child] = chainOf(2) as [Token, Token];
    for (const depth of [0, 1, 3]) {
      const next = childToken(child, tools, { claims: { del_depth: depth } });
      expect(place(verify([root, child, next]))).toBe('depth_not_incremented 4d 2');
    }
    const disguised = childToken(root, tools, {
      claims: { del_depth: 0, par_hash: undefined, iss: 'https://auth.example.com' },
    });
    expect(place(verify([disguised]))).toBe('signature_invalid 3b 0');
  });
});

describe('shape', () => {
  test('G06 R01 R06 ten thousand hops are refused with no signature checked', () => {
    let checks = 0;
    const by = createVerifier({ anchors, verifySignature: () => ++checks > 0 });
    const [root] = chainOf(1) as [Token];
    expect(place(verify(Array<Token>(10_000).fill(root), by))).toBe('chain_too_long 4f');
    expect(checks).toBe(0);
  });

  test('R06 a chain costs one check for each token, and a foreign root one for each anchor of its algorithm', () => {
    let checks = 0;
    const by = createVerifier({ anchors, cacheCharacters: 0, verifySignature: () => ++checks > 0 });
    expect(outcome(verify(chainOf(9), by))).toBe('verified');
    expect(checks).toBe(9);
    const refusing = createVerifier({
      anchors: [...anchors, { issuer: 'https://other.example', key: bob.publicKey }],
      verifySignature: () => ++checks < 0,
    });
    checks = 0;
    expect(outcome(verify(chainOf(9), refusing))).toBe('signature_invalid');
    expect(checks).toBe(2);
  });

  test('G07 R02 nesting that would overflow a stack is refused', () => {
    const open = rootToken(tools);
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const proof = 'a.b.c';
    expect(verify([`${open.compact.split('.')[0]}.${text(deep)}.x`]).verdict).toBe('deny');
    expect(call([open], 'read', `{"a":${deep}}`, { proof }).verdict).toBe('deny');
    expect(call([open], 'read', `{"a":${deep}}`).verdict).toBe('deny');
    let nested: object = { constraint_type: 'wildcard' };
    for (let depth = 1; depth < 32; depth += 1)
      nested = { constraint_type: 'all', constraints: [nested] };
    expect(outcome(verify([rootToken({ read: { a: nested } })]))).toBe('verified');
    const deeper = { constraint_type: 'any', constraints: [nested] };
    expect(place(verify([rootToken({ read: { a: deeper } })]))).toBe('constraint_too_deep 3n 0');
  });

  test.each([' ', '"', '{', '[', '\\', ',', 'a', '\u0000', '}'])(
    'R01 R02 a megabyte of %j is refused as chain, proof and arguments',
    (unit) => {
      const junk = unit.repeat(1_000_000);
      const open = rootToken(tools);
      expect(verify([junk]).verdict).toBe('deny');
      expect(verify([open, junk]).verdict).toBe('deny');
      expect(call([open], 'read', {}, { proof: junk }).verdict).toBe('deny');
      expect(
        verify([`${open.compact.split('.')[0]}.${text(junk.slice(0, 40_000))}.x`]).verdict,
      ).toBe('deny');
      expect(call([open], 'read', junk, { proof: 'x' }).verdict).toBe('deny');
    },
  );

  test('R01 a token and a chain have a size, of which the last character counts', () => {
    const root = rootToken(tools);
    const exactly = createVerifier({ anchors, limits: { maxTokenSize: root.compact.length } });
    const less = createVerifier({ anchors, limits: { maxTokenSize: root.compact.length - 1 } });
    expect(outcome(verify([root], exactly))).toBe('verified');
    expect(place(verify([root], less))).toBe('token_too_large 2a 0');
    const child = childToken(root, tools);
    const total = root.compact.length + child.compact.length;
    const fits = createVerifier({ anchors, limits: { maxChainSize: total } });
    const tight = createVerifier({ anchors, limits: { maxChainSize: total - 1 } });
    expect(outcome(verify([root, child], fits))).toBe('verified');
    expect(place(verify([root, child], tight))).toBe('chain_too_large 2b');
  });
});

function text(payload: string): string {
  return Buffer.from(payload).toString('base64url');
}
