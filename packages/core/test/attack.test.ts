import { describe, expect, test } from 'vitest';
import {
  type Constraint,
  constraint as c,
  createVerifier,
  derive,
  importPublicKey,
  issue,
  isWellKnownTestKey,
  type JsonObject,
  prove,
  type VerifiedChain,
  validateConstraint,
} from '../src/index.ts';
import {
  AUDIENCE,
  alice,
  anchors,
  bob,
  call,
  childToken,
  ISSUER,
  issuer,
  NOW,
  outcome,
  proofOf,
  rootToken,
  verify,
} from './attack/attacker.ts';

// What the attack found, and what must not come back.

const many = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('R01 R07 a holder cannot make checks cost the product of two sizes', () => {
  const open = rootToken({ tool: { arg: c.wildcard() } });
  const attempt = (constraint: JsonObject, arg: unknown): string => {
    const leaf = childToken(open, { tool: { arg: constraint } });
    return outcome(call([open, leaf], 'tool', { arg }));
  };
  const handedOn = (above: JsonObject, below: JsonObject): string => {
    const parent = childToken(open, { tool: { arg: above } });
    return outcome(verify([open, parent, childToken(parent, { tool: { arg: below } })]));
  };
  const numbers = many(9000, (index) => index);

  test.each<[string, JsonObject, unknown]>([
    ['not_one_of', c.notOneOf([]), numbers],
    ['one_of', c.oneOf([1, 2]), numbers],
    ['contains', c.contains('x'), numbers],
    ['subset', c.subset(...numbers.slice(0, 20)), numbers],
    ['not_one_of over one long name', c.notOneOf([]), { ['k'.repeat(500_000)]: 0 }],
    ['not_one_of over one long text inside', c.notOneOf([]), ['x'.repeat(500_000)]],
  ])('with clauses of %s over a large argument', (_what, clause, arg) => {
    for (const composite of [c.all, c.any]) {
      expect(attempt(composite(...many(255, () => clause as never)), arg)).toBe(
        'constraint_too_costly',
      );
    }
    expect(['permit', 'argument_refused']).toContain(attempt(clause, arg));
  });

  const address = (index: number) => `10.0.${index >> 8}.${index & 255}`;
  test.each<[string, JsonObject, JsonObject]>([
    ['cidr', c.cidr('0.0.0.0/0'), c.oneOf(...many(2000, address))],
    ['decimal', c.decimal({ min: '0', max: '9', scale: 0 }), c.oneOf(...many(9000, () => '5'))],
    [
      'instant',
      c.instant('2000-01-01T00:00:00Z', '2030-01-01T00:00:00Z'),
      c.oneOf(...many(1500, () => '2010-01-01T00:00:00Z')),
    ],
    ['path', c.path('/', 'subtree'), c.oneOf(...many(10, () => '/a'.repeat(2000)))],
    [
      'url',
      c.url({ schemes: ['http'], host: 'a', path: { root: '/', reach: 'subtree' } }),
      c.oneOf(...many(10, () => `http://a${'/a'.repeat(2000)}`)),
    ],
    ['one_of', c.oneOf([], {}), c.oneOf(...many(4000, () => []))],
  ])('with clauses of %s over a long list', (_what, parent, child) => {
    const clauses = c.all(...many(200, () => parent as never));
    expect(handedOn(clauses, c.all(child as never))).toBe('constraint_too_costly');
    expect(handedOn(parent, child)).toBe('verified');
  });

  test('with a long list over clauses of contains', () => {
    const long = c.contains(...many(4000, () => []));
    const clauses = c.all(...many(200, () => c.contains([])));
    expect(handedOn(c.all(long), clauses)).toBe('constraint_too_costly');
    expect(handedOn(long, c.contains([]))).toBe('verified');
  });
});

describe('R01 sizes are judged before anything is read', () => {
  const open = rootToken({ tool: {} });
  test('arguments that no proof could cover are refused unread', () => {
    const proof = proofOf(open, 'tool', {});
    for (const text of [`{}${' '.repeat(2_000_000)}`, `{"a":"${'x'.repeat(2_000_000)}"}`]) {
      const decision = call([open], 'tool', text, { proof });
      expect(decision).toMatchObject({
        denial: { code: 'arguments_malformed', facts: { reason: 'too_long' } },
      });
    }
  });

  test('a proof that is too long, or none, is refused with no signature checked', () => {
    let checks = 0;
    const by = createVerifier({ anchors, verifySignature: () => ++checks > 0 });
    for (const proof of ['x'.repeat(2_000_000), 5 as never, undefined as never, null as never]) {
      const decision = by.authorize({
        presentation: { aat_chain: [open.compact], aat_pop: proof },
        tool: 'tool',
        args: {},
        now: NOW,
      });
      expect(outcome(decision)).toBe('proof_malformed');
    }
    expect(checks).toBe(0);
  });

  test('R06 more trust anchors than can be tried are not taken', () => {
    const anchor = { issuer: ISSUER, key: issuer.publicKey };
    expect(() => createVerifier({ anchors: many(100, () => anchor) })).not.toThrow();
    expect(() => createVerifier({ anchors: many(101, () => anchor) })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
  });
});

describe('what is made is what verification takes', () => {
  const made = {
    signer: issuer.signer,
    issuer: ISSUER,
    holder: alice.publicKey,
    tools: { tool: {} },
    now: NOW,
    id: 'made',
    lifetime: 60,
    maxDepth: 1,
  };
  const verified = (): VerifiedChain => {
    const verdict = verify([rootToken({ tool: {} })]);
    if (verdict.verdict !== 'verified') throw new Error(verdict.denial.code);
    return verdict.chain;
  };

  test.each<[string, object]>([
    ['an audience of nobody', { audience: [] }],
    ['an empty audience', { audience: '' }],
    ['an audience that is null', { audience: null }],
    ['an audience that is a number', { audience: [1] }],
    ['a limit of NaN', { limits: { maxTokenSize: Number.NaN } }],
    ['a limit without end', { limits: { maxConstraintsPerTool: Number.POSITIVE_INFINITY } }],
    ['a limit that does not exist', { limits: { maxTokensize: 1 } }],
    ['a holder that is a JWK', { holder: alice.publicKey.jwk }],
    ['a time that is no integer', { now: NOW + 0.5 }],
  ])('H11 I15 %s is misuse', async (_what, options) => {
    const misuse = { code: 'option_invalid' };
    await expect(issue({ ...made, ...options })).rejects.toMatchObject(misuse);
    const child = { ...made, signer: alice.signer, holder: bob.publicKey, ...options };
    await expect(derive(verified(), child)).rejects.toMatchObject(misuse);
  });

  test.each<[string, JsonObject]>([
    ['long', { a: 'x'.repeat(900_000) }],
    ['of too many values', { a: many(12_000, () => 0) }],
    ['of too many empty values', { a: many(6000, () => []) }],
  ])('R01 a proof is not made over arguments that are %s', async (_what, args) => {
    const options = { signer: alice.signer, tool: 'tool', args, now: NOW, id: 'p' };
    await expect(prove(verified(), { ...options, audience: AUDIENCE })).rejects.toMatchObject({
      code: 'refused',
    });
  });
});

test.each([
  [
    'jwt.io',
    'EVs_o5-uQbTjL3chynL4wXgUg2R9q9UU8I5mEovUf84',
    'kGe5DgSIycKp8w9aJmoHhB1sB3QTugfnRWm5nU_TzsY',
  ],
  [
    'RFC 7518, Alice',
    'gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0',
    'SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps',
  ],
  [
    'RFC 7518, Bob',
    'weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ',
    'e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck',
  ],
])('A16 the P-256 key of %s is well known', (_where, x, y) => {
  expect(isWellKnownTestKey(importPublicKey({ kty: 'EC', crv: 'P-256', x, y }))).toBe(true);
});

test('X07 what is computed about a constraint that may still change is not kept', async () => {
  const { checkConstraint } = await import('../src/index.ts');
  const loose = { ...c.decimal({ min: '0', max: '5', scale: 0 }) } as unknown as Constraint;
  expect(validateConstraint(loose as unknown as JsonObject)).toBeUndefined();
  expect(checkConstraint(loose, '9')).toBe(false);
  Object.assign(loose, { max: '9' });
  expect(checkConstraint(loose, '9')).toBe(true);
  Object.assign(loose, { max: '5' });
  expect(checkConstraint(loose, '9')).toBe(false);
});
