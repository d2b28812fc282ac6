import { takeApart } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  type CaveatsInit,
  createVerifier,
  type Denial,
  type DeriveOptions,
  derive,
  type IssueOptions,
  issue,
  prove,
  RefusedError,
  type VerifiedChain,
} from '../../src/index.ts';
import {
  AUDIENCE,
  alice,
  anchors,
  bob,
  carol,
  ISSUER,
  issuer,
  NOW,
  outcome,
} from '../attack/attacker.ts';
import { HASHES, MARKED, understanding } from './caveated.ts';

const tools = { read: {}, refund: {} };

const rootWith = (caveats?: CaveatsInit, more: Partial<IssueOptions> = {}) =>
  issue({
    issuer: ISSUER,
    signer: issuer.signer,
    holder: alice.publicKey,
    tools,
    now: NOW,
    id: 'root',
    lifetime: 600,
    maxDepth: 3,
    ...(caveats === undefined ? {} : { caveats }),
    ...more,
  });

const childWith = (
  parent: VerifiedChain,
  caveats?: CaveatsInit,
  more: Partial<DeriveOptions> = {},
) =>
  derive(parent, {
    signer: alice.signer,
    holder: bob.publicKey,
    tools,
    now: NOW,
    id: 'child',
    ...(caveats === undefined ? {} : { caveats }),
    ...more,
  });

async function refusal(making: Promise<unknown>): Promise<Denial | undefined> {
  try {
    await making;
    return undefined;
  } catch (error) {
    if (error instanceof RefusedError) return error.denial;
    throw error;
  }
}

const compactsOf = (chain: VerifiedChain) => chain.tokens.map(({ compact }) => compact);

describe('a token that is made with caveats', () => {
  const caveats: CaveatsInit = {
    tenant: 't',
    purpose: 'p',
    budget: { calls: '3' },
    approvals: { refund: { finance: 1 } },
    revocation: { log: 'log.example', epoch: 1, max_staleness: 60 },
    definitions: { refund: HASHES[0] as string },
  };

  test('names the profile in its header, in canonical order, and carries them as they were given', async () => {
    const root = await rootWith(caveats);
    const { header, payload } = takeApart(root.leaf.compact);
    expect(header).toBe(MARKED);
    expect(JSON.parse(payload).taper).toEqual(caveats);
    const leaf = await childWith(root, { budget: { calls: '1' } });
    expect(takeApart(leaf.leaf.compact).header).toBe(MARKED);
  });

  test('has the header of its algorithm', async () => {
    const root = await rootWith(caveats, { holder: carol.publicKey });
    const leaf = await childWith(root, caveats, { signer: carol.signer });
    expect(takeApart(leaf.leaf.compact).header).toBe(MARKED.replace('Ed25519', 'ES256'));
  });

  test('verifies where the profile is understood, with the caveats that its maker saw', async () => {
    const made = await childWith(await rootWith(caveats), { purpose: 'q' });
    const verdict = understanding({ tenant: 't' }).verifyChain(compactsOf(made), NOW);
    if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
    expect(verdict.chain.leaf.claims.caveats).toEqual(made.leaf.claims.caveats);
    expect(verdict.chain.tokens[0]?.claims.caveats).toEqual(made.tokens[0]?.claims.caveats);
  });

  test('Z05 is refused where it is not', async () => {
    const off = createVerifier({ anchors, audience: AUDIENCE });
    const root = await rootWith(caveats);
    expect(outcome(off.verifyChain(compactsOf(root), NOW))).toBe('critical_header_unknown');
  });

  test('is not changed by what becomes of the object it was made from', async () => {
    const budget = { calls: '3' };
    const root = await rootWith({ budget });
    budget.calls = '1000';
    expect(root.leaf.claims.caveats?.budget?.get('calls')).toBe('3');
  });

  test('can be presented and proved as any other', async () => {
    const root = await rootWith({ purpose: 'p' });
    const presentation = await prove(root, {
      signer: alice.signer,
      tool: 'read',
      args: {},
      now: NOW,
      id: 'x',
      audience: AUDIENCE,
    });
    const invocation = { presentation, tool: 'read', args: {}, now: NOW };
    expect(outcome(understanding().authorize(invocation))).toBe('permit');
    expect(outcome(understanding({ purpose: 'q' }).authorize(invocation))).toBe('purpose_mismatch');
  });
});

describe('a maker refuses what verification would refuse', () => {
  const bad: readonly [string, unknown, string, string][] = [
    ['nothing in it (H11)', {}, 'caveats_malformed', 'taper'],
    ['null (H11)', null, 'caveats_malformed', 'taper'],
    ['a list', [], 'caveats_malformed', 'taper'],
    ['an empty tenant (F03)', { tenant: '' }, 'caveats_malformed', 'tenant'],
    ['an empty budget (H11)', { budget: {} }, 'caveats_malformed', 'budget'],
    ['a limit that is a number', { budget: { EUR: 5 } }, 'caveats_malformed', 'budget'],
    [
      'a tool without groups (H11)',
      { approvals: { refund: {} } },
      'caveats_malformed',
      'approvals',
    ],
    ['an empty purpose', { purpose: '' }, 'caveats_malformed', 'purpose'],
    ['a member that is misspelt (D14)', { budgets: { calls: '1' } }, 'caveat_unknown', 'budgets'],
  ];

  test.each(bad)('in a root: %s', async (_what, caveats, code, claim) => {
    expect(await refusal(rootWith(caveats as CaveatsInit))).toMatchObject({
      code,
      hop: 0,
      step: '3b',
      facts: { claim },
    });
  });

  test.each(bad)('in a child: %s', async (_what, caveats, code, claim) => {
    const root = await rootWith();
    expect(await refusal(childWith(root, caveats as CaveatsInit))).toMatchObject({
      code,
      hop: 1,
      step: '4b',
      facts: { claim },
    });
  });

  test('F01 a child of another tenant than any hop above', async () => {
    const root = await rootWith({ tenant: 't' });
    expect(await refusal(childWith(root, { tenant: 'u' }))).toMatchObject({
      code: 'tenant_mismatch',
      hop: 1,
    });
    expect(await refusal(childWith(root, { tenant: 't' }))).toBeUndefined();
    const plain = await childWith(root);
    const grandchild = (tenant: string) =>
      childWith(
        plain,
        { tenant },
        { signer: bob.signer, holder: carol.publicKey, id: 'grandchild', maxDepth: 2 },
      );
    const roomy = await rootWith({ tenant: 't' });
    const between = await childWith(roomy, undefined, { maxDepth: 3 });
    const below = (tenant: string) =>
      childWith(between, { tenant }, { signer: bob.signer, holder: carol.publicKey, id: 'below' });
    expect(await refusal(below('u'))).toMatchObject({ code: 'tenant_mismatch', hop: 2 });
    expect(await refusal(below('t'))).toBeUndefined();
    expect(await refusal(grandchild('t'))).toMatchObject({ code: 'depth_exhausted' });
  });

  test('I13 and not a budget that is greater than the one above: that one is still charged', async () => {
    const root = await rootWith({ budget: { calls: '1' } });
    expect(await refusal(childWith(root, { budget: { calls: '1000' } }))).toBeUndefined();
  });

  test('what JSON cannot hold is misuse', async () => {
    for (const caveats of [{ purpose: undefined }, { purpose: () => 'p' }, { budget: new Map() }])
      await expect(rootWith(caveats as unknown as CaveatsInit)).rejects.toMatchObject({
        code: 'json_invalid',
      });
  });
});

describe('a token without caveats is plain AAT, byte for byte', () => {
  test('whoever makes it', async () => {
    const root = await rootWith();
    const leaf = await childWith(root);
    for (const { compact } of leaf.tokens) {
      expect(takeApart(compact).header).toBe('{"alg":"Ed25519","typ":"aat+jwt"}');
      expect(takeApart(compact).payload).not.toContain('taper');
    }
    expect(root.leaf.claims.caveats).toBeUndefined();
  });

  test('whether its parent was verified with the profile on or off', async () => {
    const compacts = compactsOf(await rootWith());
    const verifiers = [understanding(), createVerifier({ anchors, audience: AUDIENCE })];
    const children = await Promise.all(
      verifiers.map(async (by) => {
        const verdict = by.verifyChain(compacts, NOW);
        if (verdict.verdict === 'deny') throw new Error(verdict.denial.code);
        return (await childWith(verdict.chain)).leaf.compact;
      }),
    );
    expect(children[0]).toBe(children[1]);
  });

  test('below a parent with caveats, too: nothing of them is copied down', async () => {
    const root = await rootWith({ purpose: 'p' });
    const leaf = await childWith(root);
    expect(takeApart(leaf.leaf.compact).header).toBe('{"alg":"Ed25519","typ":"aat+jwt"}');
    expect(takeApart(leaf.leaf.compact).payload).not.toContain('taper');
  });
});
