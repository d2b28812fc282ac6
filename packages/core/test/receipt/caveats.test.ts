import { readFileSync } from 'node:fs';
import { schemaProblem } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  createReceipt,
  createVerifier,
  derive,
  issue,
  type JsonObject,
  prove,
  renderReceiptHtml,
  renderReceiptText,
  type VerifiedChain,
} from '../../src/index.ts';
import { authority, billing, forge, ISSUER, NOW, planner, worker } from './story.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../../spec/receipt.schema.json', import.meta.url), 'utf8'),
) as JsonObject;

const [pin, other] = ['A'.repeat(43), `${'B'.repeat(42)}A`] as const;
const tools = { refund: {} };

const root: VerifiedChain = await issue({
  issuer: ISSUER,
  signer: authority,
  holder: planner.publicKey,
  tools,
  now: NOW,
  id: 'token-0',
  lifetime: 3600,
  maxDepth: 2,
  caveats: {
    tenant: 'acme',
    purpose: 'q3-close',
    budget: { calls: '10', EUR: '250.00' },
    revocation: { log: 'log.example/taper', epoch: 7, max_staleness: 3600 },
    definitions: { refund: pin },
  },
});
const plain: VerifiedChain = await derive(root, {
  signer: planner,
  holder: billing.publicKey,
  tools,
  now: NOW,
  id: 'token-1',
  maxDepth: 2,
});
const chain: VerifiedChain = await derive(plain, {
  signer: billing,
  holder: worker.publicKey,
  tools,
  now: NOW,
  id: 'token-2',
  caveats: {
    purpose: 'refund-4711',
    budget: { calls: '1' },
    approvals: { refund: { finance: 2, legal: 1 } },
    revocation: { log: 'log.example/taper', epoch: 9, max_staleness: 90 },
    definitions: { refund: other },
  },
});

const verifier = createVerifier({ anchors: [root.anchor], profile: { tenant: 'acme' } });
const verdict = verifier.verifyChain(
  chain.tokens.map(({ compact }) => compact),
  NOW,
);
const receipt = createReceipt(verdict);

describe('the receipt of a chain with caveats', () => {
  test('has for each hop what its token says, and nothing for a plain one', () => {
    expect(receipt.hops.map(({ caveats }) => caveats)).toEqual([
      {
        tenant: 'acme',
        purpose: 'q3-close',
        budget: { calls: '10', EUR: '250.00' },
        revocation: { log: 'log.example/taper', epoch: 7, max_staleness: 3600 },
        definitions: { refund: pin },
      },
      undefined,
      {
        purpose: 'refund-4711',
        budget: { calls: '1' },
        approvals: { refund: { finance: 2, legal: 1 } },
        revocation: { log: 'log.example/taper', epoch: 9, max_staleness: 90 },
        definitions: { refund: other },
      },
    ]);
  });

  test('has under what is left all that every call has to satisfy (K04)', () => {
    expect(receipt.status === 'verified' && receipt.authority.caveats).toEqual({
      tenant: 'acme',
      purposes: ['q3-close', 'refund-4711'],
      budget: [
        { hop: 0, meter: 'EUR', limit: '250.00' },
        { hop: 0, meter: 'calls', limit: '10' },
        { hop: 2, meter: 'calls', limit: '1' },
      ],
      approvals: { refund: { finance: 2, legal: 1 } },
      revocation: { epochs: { 'log.example/taper': 9 }, max_staleness: 90 },
      definitions: { refund: [pin, other] },
    });
  });

  test('fits the schema', () => {
    expect(schemaProblem(JSON.parse(JSON.stringify(receipt)), schema, schema)).toBe(undefined);
  });

  test.each<[string, (caveats: Record<string, unknown>) => void]>([
    ['an empty budget', (caveats) => Object.assign(caveats, { budget: {} })],
    ['a limit that is a number', (caveats) => Object.assign(caveats, { budget: { calls: 1 } })],
    ['a caveat that is not known', (caveats) => Object.assign(caveats, { rate: 1 })],
    ['a tool without groups', (caveats) => Object.assign(caveats, { approvals: { refund: {} } })],
  ])('does not fit it with %s', (_what, change) => {
    const copy = JSON.parse(JSON.stringify(receipt));
    change(copy.hops[0].caveats);
    expect(schemaProblem(copy, schema, schema)).toEqual(expect.any(String));
  });

  test('shows each of them in text, at its hop and under what is left', () => {
    const text = renderReceiptText(receipt, { width: 120 });
    const [chainPart, left = ''] = text.split('What is left');
    const parts = (chainPart ?? '').split(/hop \d /);
    expect(parts).toHaveLength(4);
    const [, first = '', second = '', third = ''] = parts;
    for (const words of [
      /tenant +acme/,
      /purpose +q3-close/,
      /budget +EUR ≤ 250\.00, calls ≤ 10/,
      /revocation +log\.example\/taper from epoch 7, known of the last 1 h/,
      /pinned +refund is A+…A+/,
    ])
      expect(first).toMatch(words);
    expect(second).not.toMatch(/tenant|purpose|budget|revocation +|pinned|approval/);
    expect(third).toMatch(/approval +refund needs 2 of finance, 1 of legal/);
    for (const words of [
      /tenant +acme/,
      /purpose +q3-close, refund-4711/,
      /budget +EUR ≤ 250\.00 by hop 0, calls ≤ 10 by hop 0, calls ≤ 1 by hop 2/,
      /approval +refund needs 2 of finance, 1 of legal/,
      /revocation +log\.example\/taper from epoch 9, known of the last 1 min 30 s/,
      /pinned +refund is A+…A+ and B+…B*A/,
    ])
      expect(left).toMatch(words);
  });

  test('shows them in HTML, hashes whole', () => {
    const html = renderReceiptHtml(receipt);
    for (const text of [
      'acme',
      'q3-close',
      'refund-4711',
      '250.00',
      'finance',
      'log.example/taper',
      pin,
      other,
    ])
      expect(html).toContain(text);
  });

  test('is of a plain chain as it was: no caveats anywhere', async () => {
    const bare = await issue({
      issuer: ISSUER,
      signer: authority,
      holder: planner.publicKey,
      tools,
      now: NOW,
      id: 'bare',
      lifetime: 3600,
      maxDepth: 0,
    });
    const drawn = createReceipt({ verdict: 'verified', chain: bare });
    expect(JSON.stringify(drawn)).not.toContain('caveats');
    expect(renderReceiptText(drawn)).not.toMatch(
      /tenant|purpose|budget|revocation +|pinned|approval/,
    );
  });
});

test('a purpose cannot dress up as a line of the receipt', async () => {
  const purpose = 'VERIFIED \u202e everything';
  const hostile = await issue({
    issuer: ISSUER,
    signer: authority,
    holder: planner.publicKey,
    tools: { 'a\nDENIED': {} },
    now: NOW,
    id: 'hostile',
    lifetime: 3600,
    maxDepth: 0,
    caveats: { purpose, approvals: { 'a\nDENIED': { finance: 1 } } },
  });
  const drawn = createReceipt({ verdict: 'verified', chain: hostile });
  const text = renderReceiptText(drawn);
  expect(text.split('\n').filter((line) => /^(?:VERIFIED|DENIED)/.test(line))).toEqual([
    'VERIFIED',
  ]);
  expect(text).toContain('\\u202e');
  expect(drawn.hops[0]?.caveats?.purpose).toBe(purpose);
});

describe('the receipt of a call', () => {
  const args = {};

  test('that a caveat refuses has the chain and the code, and no break', async () => {
    const presentation = await prove(chain, {
      signer: worker,
      tool: 'refund',
      args,
      now: NOW,
      id: 'p',
    });
    const denied = createReceipt(
      verifier.authorize({ presentation, tool: 'refund', args, now: NOW, definition: pin }),
    );
    expect(denied).toMatchObject({
      status: 'denied',
      denial: { code: 'definition_changed', hop: 2, facts: { tool: 'refund' } },
      call: { outcome: 'refused', tool: 'refund' },
    });
    expect(denied.hops).toHaveLength(3);
    expect('break' in denied).toBe(false);
    expect(schemaProblem(JSON.parse(JSON.stringify(denied)), schema, schema)).toBe(undefined);
  });

  test('in a session says that there was no proof', () => {
    const verified = verifier.verifyChain([root.leaf.compact], NOW);
    if (verified.verdict === 'deny') throw new Error(verified.denial.code);
    const session = { chain: verified.chain, tool: 'refund', args, now: NOW, definition: pin };
    const drawn = createReceipt(verifier.authorizeInSession(session));
    expect(drawn).toMatchObject({ status: 'verified', call: { outcome: 'permitted' } });
    expect(drawn.call).not.toHaveProperty('proof');
    expect(schemaProblem(JSON.parse(JSON.stringify(drawn)), schema, schema)).toBe(undefined);
    expect(renderReceiptText(drawn)).toMatch(/proof +none: made in a session/);
  });

  test('in a session that a later expiry refuses breaks at the token that expired', () => {
    const verified = verifier.verifyChain([root.leaf.compact], NOW);
    if (verified.verdict === 'deny') throw new Error(verified.denial.code);
    const session = { chain: verified.chain, tool: 'refund', args, now: NOW + 3600 };
    const drawn = createReceipt(verifier.authorizeInSession(session));
    expect(drawn).toMatchObject({ denial: { code: 'token_expired', hop: 0 }, break: { hop: 0 } });
  });
});

test('a chain of two tenants breaks where the second one is named', async () => {
  const { compact } = root.leaf;
  const two = await forge(chain.leaf.compact, billing, (claims: Record<string, unknown>) =>
    Object.assign(claims, { taper: { tenant: 'other' } }),
  );
  const [, middle] = chain.tokens;
  const drawn = createReceipt(verifier.verifyChain([compact, middle?.compact as string, two], NOW));
  expect(drawn).toMatchObject({ denial: { code: 'tenant_mismatch', hop: 2 }, break: { hop: 2 } });
  expect(drawn.hops).toHaveLength(2);
});
