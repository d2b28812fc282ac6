import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  createReceipt,
  createVerifier,
  parsePresentation,
  readPresentation,
} from '../../src/index.ts';
import {
  AUDIENCE,
  alice,
  anchors,
  bob,
  call,
  childToken,
  exact,
  mallory,
  NOW,
  outcome,
  place,
  proofOf,
  rootToken,
  verify,
} from './attacker.ts';

// Group E of the attack catalogue: proofs of possession, and where they are presented.

const tools = { read: { path: exact('/a') }, list: {} };
const ARGS = { path: '/a' };
const root = rootToken(tools);
const leaf = childToken(root, tools);

describe('a chain without the proof of its holder', () => {
  test('E01 E07 is no presentation', () => {
    const aat_chain = [root.compact, leaf.compact];
    expect(readPresentation({ aat_chain })).toMatchObject({ code: 'proof_missing' });
    expect(readPresentation({ aat_chain, aat_pop: null })).toMatchObject({ code: 'proof_missing' });
    for (const aat_pop of [[], {}, 5, true, ['x']]) {
      expect(readPresentation({ aat_chain, aat_pop })).toMatchObject({
        code: 'presentation_malformed',
      });
    }
    expect(parsePresentation(`Bearer ${leaf.compact}`)).toMatchObject({
      code: 'presentation_malformed',
    });
    expect(place(call([root, leaf], 'read', ARGS, { proof: '' }))).toBe('proof_malformed 7a');
  });

  test('E15 is refused under the key of anybody else in the chain, and of a thief', () => {
    for (const signer of [alice, mallory]) {
      const proof = proofOf(leaf, 'read', ARGS, { signer });
      expect(place(call([root, leaf], 'read', ARGS, { proof }))).toBe('signature_invalid 7b');
    }
  });

  test('E19 is not what a receipt is', () => {
    const receipt = createReceipt(verify([root, leaf]), { now: NOW });
    expect(readPresentation(receipt)).toMatchObject({ code: 'presentation_malformed' });
    expect(parsePresentation(JSON.stringify(receipt))).toMatchObject({
      code: 'presentation_malformed',
    });
  });
});

describe('a proof for something else', () => {
  test.each<[string, unknown, string]>([
    ['absent', undefined, 'proof_claim_invalid 7c'],
    ['empty', '', 'proof_claim_invalid 7c'],
    ['null', null, 'proof_claim_invalid 7c'],
    ['of the parent', root.compact, 'proof_token_mismatch 7c'],
    ['with the signature', leaf.compact, 'proof_token_mismatch 7c'],
  ])('E06 is refused: its aat_hash is %s', (_what, of, refusal) => {
    const aat_hash = typeof of === 'string' && of !== '' ? hash('sha256', of, 'base64url') : of;
    const proof = proofOf(leaf, 'read', ARGS, { claims: { aat_hash } });
    expect(place(call([root, leaf], 'read', ARGS, { proof }))).toBe(refusal);
  });

  test('E06 D11 is refused for another leaf of the same holder with the same id', () => {
    const proof = proofOf(leaf, 'read', ARGS);
    const { jti } = JSON.parse(
      Buffer.from(leaf.compact.split('.')[1] as string, 'base64url').toString(),
    );
    const other = childToken(root, tools, { claims: { jti, exp: NOW + 60 } });
    expect(place(call([root, other], 'read', ARGS, { proof }))).toBe('proof_token_mismatch 7c');
  });

  test.each<[string, string, object]>([
    ['other arguments', 'read', { path: '/b' }],
    ['fewer arguments', 'read', {}],
    ['more arguments', 'read', { path: '/a', more: 1 }],
    ['the text of a number', 'read', { path: ['/a'] }],
    ['another tool', 'list', ARGS],
  ])('E14 is refused: %s', (_what, tool, args) => {
    const proof = proofOf(leaf, tool, args);
    expect(['proof_arguments_mismatch', 'proof_tool_mismatch']).toContain(
      outcome(call([root, leaf], 'read', ARGS, { proof })),
    );
  });

  test.each([undefined, null, [], '{}', 'path=/a', 5])(
    'E14 E10 is refused: it covers %j instead of the arguments',
    (hta) => {
      const proof = proofOf(leaf, 'read', ARGS, { claims: { hta } });
      expect(place(call([root, leaf], 'read', ARGS, { proof }))).toBe('proof_claim_invalid 7c');
    },
  );

  test.each<[string, unknown]>([
    ['another server', 'https://other.example'],
    ['a prefix', 'https://tools.example.co'],
    ['more behind it', `${AUDIENCE}/`],
    ['another case', AUDIENCE.toUpperCase()],
    ['a port', `${AUDIENCE}:443`],
    ['a list with the right one', [AUDIENCE]],
    ['null', null],
    ['nothing', ''],
    ['everybody', '*'],
  ])('E05 F05 is refused: its audience is %s', (_what, aat_aud) => {
    const proof = proofOf(leaf, 'read', ARGS, { claims: { aat_aud } });
    expect(place(call([root, leaf], 'read', ARGS, { proof }))).toBe('proof_audience_mismatch 7d');
  });

  test('E05 X05 a verifier without an audience takes no proof that names one', () => {
    const by = createVerifier({ anchors });
    for (const aat_aud of [AUDIENCE, '', null, 'undefined']) {
      const proof = proofOf(leaf, 'read', ARGS, { claims: { aat_aud } });
      expect(outcome(call([root, leaf], 'read', ARGS, { proof, by }))).toBe(
        'proof_audience_mismatch',
      );
    }
    const proof = proofOf(leaf, 'read', ARGS, { claims: { aat_aud: undefined } });
    expect(outcome(call([root, leaf], 'read', ARGS, { proof, by }))).toBe('permit');
  });
});

describe('the audience of tokens', () => {
  test.each<[string, unknown, string]>([
    ['this enforcement point', AUDIENCE, 'permit'],
    ['a list with it', ['https://other.example', AUDIENCE], 'permit'],
    ['another', 'https://other.example', 'audience_mismatch 6c 0'],
    ['a prefix', 'https://tools.example', 'audience_mismatch 6c 0'],
    ['nobody', [], 'audience_mismatch 6c 0'],
    ['nothing', '', 'audience_mismatch 6c 0'],
    ['null', null, 'audience_mismatch 6c 0'],
    ['a list with something else', [AUDIENCE, 5], 'audience_mismatch 6c 0'],
    ['a list in a list', [[AUDIENCE]], 'audience_mismatch 6c 0'],
    ['everybody', '*', 'audience_mismatch 6c 0'],
  ])('F05 D02 of every hop counts: %s', (_what, aud, expected) => {
    const bound = rootToken(tools, { claims: { aud } });
    expect(place(call([bound], 'read', ARGS))).toBe(expected);
    const child = childToken(bound, tools, { claims: { aud: AUDIENCE } });
    expect(place(call([bound, child], 'read', ARGS))).toBe(expected);
  });

  test('F03 is demanded where the enforcement point says so', () => {
    const by = createVerifier({ anchors, audience: AUDIENCE, requireChainAudience: true });
    expect(place(call([root, leaf], 'read', ARGS, { by }))).toBe('audience_required 6c');
    const bound = childToken(root, tools, { claims: { aud: [AUDIENCE] } });
    expect(outcome(call([root, bound], 'read', ARGS, { by }))).toBe('permit');
  });
});

describe('the age of a proof', () => {
  test.each([
    [-31, 'proof_outside_window 7g'],
    [-30, 'permit'],
    [30, 'permit'],
    [31, 'proof_outside_window 7g'],
  ])('E08 E18 J06 %i seconds from now: %s', (seconds, expected) => {
    const proof = proofOf(leaf, 'read', ARGS, { claims: { iat: NOW + seconds } });
    expect(place(call([root, leaf], 'read', ARGS, { proof }))).toBe(expected);
  });

  test.each([undefined, null, '1', NOW + 0.5, -1, 1e300, true, NOW * 1000])(
    'E08 J03 is refused when iat is %j',
    (iat) => {
      const proof = proofOf(leaf, 'read', ARGS, { claims: { iat } });
      expect(['proof_claim_invalid', 'proof_outside_window']).toContain(
        outcome(call([root, leaf], 'read', ARGS, { proof })),
      );
    },
  );

  test('J06 cannot be widened beyond what the draft calls finite', () => {
    for (const proofWindow of [61, Number.POSITIVE_INFINITY, Number.NaN, -1, '30' as never]) {
      expect(() => createVerifier({ anchors, limits: { proofWindow } })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
    }
  });
});

describe('a nonce that the enforcement point demands', () => {
  const code = (nonce: unknown, acceptsNonce: (nonce: string) => unknown) =>
    outcome(
      call([root, leaf], 'read', ARGS, {
        proof: proofOf(leaf, 'read', ARGS, { claims: { nonce } }),
        by: createVerifier({
          anchors,
          audience: AUDIENCE,
          acceptsNonce: acceptsNonce as (nonce: string) => boolean,
        }),
      }),
    );

  test.each([undefined, null, '', 5, ['n'], {}])('E09 is refused when it is %j', (nonce) => {
    expect(code(nonce, () => true)).toBe('proof_nonce_invalid');
  });

  test('E09 is refused when it is not accepted, and passes when it is', () => {
    expect(code('n', (nonce) => nonce === 'n')).toBe('permit');
    expect(code('other', (nonce) => nonce === 'n')).toBe('proof_nonce_invalid');
  });

  test.each<[string, (nonce: string) => unknown]>([
    ['gives a promise of true', async () => true],
    ['gives 1', () => 1],
    ['gives the nonce', (nonce) => nonce],
    ['gives nothing', () => undefined],
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
  ])('E09 X04 A15 is refused when the check %s', (_what, check) => {
    expect(['proof_nonce_invalid', 'internal_error']).toContain(code('n', check));
  });

  test('E09 is not asked for until the proof itself has been found good', () => {
    let asked = 0;
    const by = createVerifier({ anchors, audience: AUDIENCE, acceptsNonce: () => ++asked > 0 });
    const claims = { nonce: 'n' };
    for (const [signer, args] of [
      [mallory, ARGS],
      [bob, { path: '/b' }],
    ] as const) {
      const proof = proofOf(leaf, 'read', args, { signer, claims });
      expect(call([root, leaf], 'read', ARGS, { proof, by }).verdict).toBe('deny');
    }
    expect(asked).toBe(0);
  });
});
