import { describe, expect, test } from 'vitest';
import {
  type CaveatsInit,
  createVerifier,
  type Decision,
  type ProfileContext,
  TaperError,
  type VerifiedChain,
} from '../../src/index.ts';
import { AUDIENCE, anchors, call, NOW, outcome, proofOf, type Token } from '../attack/attacker.ts';
import { chainOf, HASHES, understanding, verified } from './caveated.ts';

const [granted = '', changed = ''] = HASHES;

/** What a verdict says that must hold for a signed call, for a call in a session and, where the tool does not matter, for the place. */
function judge(
  hops: readonly (CaveatsInit | undefined)[],
  profile: ProfileContext,
  definition?: string,
): string {
  const by = understanding(profile);
  const tokens = chainOf(...hops);
  const pinned = definition === undefined ? {} : { definition };
  const signed = by.authorize({ ...signedCall(tokens), ...pinned });
  const verdict = by.verifyChain(
    tokens.map(({ compact }) => compact),
    NOW,
  );
  const said = wordsOf(signed);
  if (verdict.verdict === 'verified') {
    const { chain } = verdict;
    const inSession = by.authorizeInSession({
      chain,
      tool: 'refund',
      args: {},
      now: NOW,
      ...pinned,
    });
    expect(wordsOf(inSession)).toBe(said);
    const misplaced = by.checkPlace(chain);
    if (!said.startsWith('definition')) expect(misplaced?.code ?? 'permit').toBe(outcome(signed));
    else expect(misplaced).toBeUndefined();
  }
  return said;
}

function signedCall(tokens: readonly Token[]) {
  return {
    presentation: {
      aat_chain: tokens.map(({ compact }) => compact),
      aat_pop: proofOf(tokens.at(-1) as Token, 'refund', {}),
    },
    tool: 'refund',
    args: {},
    now: NOW,
  };
}

function wordsOf(decision: Decision): string {
  if (decision.verdict === 'permit') return 'permit';
  const { code, hop, step, facts } = decision.denial;
  expect(step).toBeUndefined();
  return [code, hop, facts.reason].filter((part) => part !== undefined).join(' ');
}

describe('tenant', () => {
  test('F01 is permitted where it is that of the enforcement point, and nowhere else', () => {
    expect(judge([{ tenant: 't' }], { tenant: 't' })).toBe('permit');
    expect(judge([{ tenant: 't' }], { tenant: 'u' })).toBe('tenant_mismatch 0 different');
    expect(judge([{ tenant: 't' }], { tenant: 'T' })).toBe('tenant_mismatch 0 different');
    expect(judge([{ tenant: 't' }], { tenant: 'tt' })).toBe('tenant_mismatch 0 different');
    expect(judge([undefined, { tenant: 't' }], { tenant: 'u' })).toBe(
      'tenant_mismatch 1 different',
    );
    expect(judge([{ tenant: 't' }, undefined, { tenant: 't' }], { tenant: 't' })).toBe('permit');
  });

  test('F03 is missed where the enforcement point has one and the chain names none', () => {
    expect(judge([undefined], { tenant: 't' })).toBe('tenant_mismatch absent');
    expect(judge([{ purpose: 'p' }, undefined], { tenant: 't' })).toBe('tenant_mismatch absent');
  });

  test('F03 is missed where a holder names it and the root does not: whoever was issued no tenant would choose one', () => {
    expect(judge([undefined, { tenant: 't' }, undefined], { tenant: 't' })).toBe(
      'tenant_mismatch 1 absent',
    );
    expect(judge([{ purpose: 'p' }, { tenant: 't' }], { tenant: 't' })).toBe(
      'tenant_mismatch 1 absent',
    );
  });

  test('F03 is not wanted where the enforcement point has none', () => {
    expect(judge([{ tenant: 't' }], {})).toBe('tenant_mismatch 0 unexpected');
    expect(judge([undefined, { tenant: 't' }], {})).toBe('tenant_mismatch 1 unexpected');
  });

  test('X05 may be absent on both sides, and only then absence is agreement', () => {
    expect(judge([undefined], {})).toBe('permit');
    expect(judge([{ purpose: 'p' }], {})).toBe('permit');
    const undefinedTenant = { tenant: undefined } as unknown as ProfileContext;
    expect(judge([{ tenant: 'undefined' }], undefinedTenant)).toBe('tenant_mismatch 0 unexpected');
    expect(judge([undefined], { tenant: 'undefined' })).toBe('tenant_mismatch absent');
  });

  test('F02 is taken from the chain and the configuration only: arguments that name one change nothing', () => {
    const by = understanding({ tenant: 't' });
    const [other, own] = [chainOf({ tenant: 'u' }), chainOf({ tenant: 't' })];
    expect(outcome(call(other, 'read', { tenant: 't' }, { by }))).toBe('tenant_mismatch');
    expect(outcome(call(own, 'read', { tenant: 'u' }, { by }))).toBe('permit');
  });

  test('F04 is judged anew by each verifier: a chain that one permits, another does not', () => {
    const tokens = chainOf({ tenant: 't' });
    const [t, u] = [understanding({ tenant: 't' }), understanding({ tenant: 'u' })];
    for (let round = 0; round < 2; round += 1) {
      expect(outcome(call(tokens, 'read', {}, { by: t }))).toBe('permit');
      expect(outcome(call(tokens, 'read', {}, { by: u }))).toBe('tenant_mismatch');
    }
  });
});

describe('purpose', () => {
  test('is that of the enforcement point, on every hop that names one', () => {
    expect(judge([{ purpose: 'p' }], { purpose: 'p' })).toBe('permit');
    expect(judge([{ purpose: 'p' }, { purpose: 'p' }], { purpose: 'p' })).toBe('permit');
    expect(judge([undefined, { purpose: 'p' }], { purpose: 'p' })).toBe('permit');
    expect(judge([{ purpose: 'p' }], { purpose: 'q' })).toBe('purpose_mismatch 0 different');
    expect(judge([{ purpose: 'p' }, { purpose: 'q' }], { purpose: 'p' })).toBe(
      'purpose_mismatch 1 different',
    );
    expect(judge([{ purpose: 'p' }, { purpose: 'q' }], { purpose: 'q' })).toBe(
      'purpose_mismatch 0 different',
    );
    expect(judge([{ purpose: 'P' }], { purpose: 'p' })).toBe('purpose_mismatch 0 different');
  });

  test('H11 has to be named where the enforcement point was given one', () => {
    expect(judge([undefined], { purpose: 'p' })).toBe('purpose_mismatch absent');
    expect(judge([{ budget: { calls: '1' } }], { purpose: 'p' })).toBe('purpose_mismatch absent');
  });

  test('is recorded and not compared where the enforcement point was given none', () => {
    expect(judge([{ purpose: 'p' }, { purpose: 'q' }], {})).toBe('permit');
  });
});

describe('definitions', () => {
  test('permit the tool as it was granted, and no other', () => {
    expect(judge([{ definitions: { refund: granted } }], {}, granted)).toBe('permit');
    expect(judge([{ definitions: { refund: granted } }], {}, changed)).toBe('definition_changed 0');
    expect(judge([{ definitions: { refund: granted } }], {}, '')).toBe('definition_changed 0');
    expect(judge([undefined, { definitions: { refund: granted } }], {}, changed)).toBe(
      'definition_changed 1',
    );
  });

  test('refuse a tool of which the enforcement point does not know what it is now', () => {
    expect(judge([{ definitions: { refund: granted } }], {})).toBe('definition_unknown 0');
  });

  test('D13 hold for every hop: two pins that differ permit nothing', () => {
    const hops = [{ definitions: { refund: granted } }, { definitions: { refund: changed } }];
    expect(judge(hops, {}, granted)).toBe('definition_changed 1');
    expect(judge(hops, {}, changed)).toBe('definition_changed 0');
    const [first] = hops;
    expect(judge([first, first], {}, granted)).toBe('permit');
    expect(judge([first, undefined], {}, changed)).toBe('definition_changed 0');
  });

  test('say nothing of tools that they do not name', () => {
    expect(judge([{ definitions: { read: granted } }], {})).toBe('permit');
    expect(judge([{ definitions: { read: granted } }], {}, changed)).toBe('permit');
    expect(judge([{ definitions: { Refund: granted } }], {}, changed)).toBe('permit');
    expect(judge([undefined], {}, changed)).toBe('permit');
  });

  test('X06 are compared with a text: what only looks like the hash is another', () => {
    for (const definition of [null, [granted], new String(granted), { toString: () => granted }])
      expect(judge([{ definitions: { refund: granted } }], {}, definition as string)).toBe(
        'definition_changed 0',
      );
  });
});

test('budget, approvals and revocation are not the core\u2019s to check: they are handed out', () => {
  const hops = [
    {
      budget: { calls: '0' },
      approvals: { refund: { finance: 1 } },
      revocation: { log: 'l', epoch: 0, max_staleness: 1 },
    },
  ];
  expect(judge(hops, {})).toBe('permit');
});

test('the caveats of a call that the chain does not grant are not looked at: the cheapest refusal is first', () => {
  const by = understanding({ tenant: 'u' });
  expect(outcome(call(chainOf({ tenant: 't' }), 'write', {}, { by }))).toBe('tool_not_granted');
});

describe('the option profile', () => {
  const make = (profile: unknown) =>
    createVerifier({ anchors, audience: AUDIENCE, profile: profile as ProfileContext });

  test.each<[string, unknown]>([
    ['null', null],
    ['true', true],
    ['a text', 't'],
    ['an empty tenant (F03, Z03)', { tenant: '' }],
    ['a tenant that is null (F03)', { tenant: null }],
    ['a list of tenants', { tenant: ['t'] }],
    ['a tenant of 257 characters', { tenant: 't'.repeat(257) }],
    ['an empty purpose', { purpose: '' }],
    ['a purpose that is null', { purpose: null }],
    ['a member that is misspelt (Z03)', { tennant: 't' }],
  ])('is refused when the verifier is made: %s', (_what, profile) => {
    expect(() => make(profile)).toThrow(TaperError);
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['a tenant', { tenant: 't' }],
    ['a purpose', { purpose: 'p' }],
    ['both', { tenant: 't', purpose: 'p' }],
  ])('is taken with %s', (_what, profile) => {
    expect(() => make(profile)).not.toThrow();
  });

  test('is read once: changing it later changes nothing', () => {
    const profile = { tenant: 't' };
    const by = understanding(profile);
    profile.tenant = 'u';
    expect(outcome(call(chainOf({ tenant: 'u' }), 'read', {}, { by }))).toBe('tenant_mismatch');
    expect(outcome(call(chainOf({ tenant: 't' }), 'read', {}, { by }))).toBe('permit');
  });
});

test('checkPlace speaks for chains that this verifier has verified, and for no others', () => {
  const [here, there] = [understanding(), understanding()];
  const chain = verified(chainOf({ purpose: 'p' }), here);
  expect(here.checkPlace(chain)).toBeUndefined();
  for (const other of [chain, { ...chain }, undefined, null])
    expect(there.checkPlace(other as VerifiedChain)?.code).toBe('internal_error');
});
