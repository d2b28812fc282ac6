import { describe, expect, test } from 'vitest';
import {
  type ChainVerdict,
  createReceipt,
  createVerifier,
  type Decision,
  type Denial,
  type DeniedReceipt,
  denial,
  derive,
  issue,
  prove,
  type Receipt,
  renderReceiptHtml,
  renderReceiptText,
  type VerifiedReceipt,
} from '../../src/index.ts';
import {
  ARGS,
  AUDIENCE,
  authority,
  billing,
  call,
  chain,
  compacts,
  forge,
  ISSUER,
  NAMES,
  NOW,
  permit,
  planner,
  root,
  stranger,
  verify,
  widened,
  worker,
} from './story.ts';

function verified(
  verdict: Decision | ChainVerdict,
  options?: Parameters<typeof createReceipt>[1],
): VerifiedReceipt {
  const receipt = createReceipt(verdict, options);
  if (receipt.status !== 'verified') throw new Error(receipt.denial.code);
  return receipt;
}

function denied(
  verdict: Decision | ChainVerdict,
  options?: Parameters<typeof createReceipt>[1],
): DeniedReceipt {
  const receipt = createReceipt(verdict, options);
  if (receipt.status !== 'denied') throw new Error('not denied');
  return receipt;
}

const wildcard = { constraint_type: 'wildcard' };
const range = (max: number) => ({ constraint_type: 'range', max });
const required = (constraint: object) => ({ required: true, constraint });
const optional = (constraint: object) => ({ required: false, constraint });
const currencies = { constraint_type: 'one_of', values: ['EUR', 'USD'] };

describe('the hops of a chain', () => {
  const { hops } = verified(verify(compacts), { names: NAMES });

  test('say who delegated to whom: by the reader’s names where given, always by thumbprint', () => {
    const key = ({ publicKey: { thumbprint } }: typeof worker, name?: string) =>
      name === undefined ? { thumbprint } : { thumbprint, name };
    expect(hops.map(({ hop, from, to }) => [hop, from, to])).toEqual([
      [0, { issuer: ISSUER, ...key(authority, 'head office') }, key(planner, 'planner')],
      [1, key(planner, 'planner'), key(billing, 'billing')],
      [2, key(billing, 'billing'), key(worker)],
    ]);
  });

  test('carry the identifier and hash of each token', () => {
    expect(hops.map(({ token }) => token)).toEqual(
      chain.tokens.map(({ claims, hash }) => ({ id: claims.jti, hash })),
    );
  });

  test('list at the root what was granted', () => {
    expect(hops[0]?.tools).toEqual([
      {
        tool: 'ledger',
        change: 'granted',
        arguments: [{ argument: 'account', change: 'granted', after: required(wildcard) }],
        unnamed: 'refused',
      },
      { tool: 'mail', change: 'granted', arguments: [], unnamed: 'any' },
      {
        tool: 'refund',
        change: 'granted',
        arguments: [
          { argument: 'amount', change: 'granted', after: required(range(100)) },
          { argument: 'currency', change: 'granted', after: required(currencies) },
          { argument: 'note', change: 'granted', after: optional(wildcard) },
          { argument: 'reason', change: 'granted', after: optional(wildcard) },
        ],
        unnamed: 'refused',
      },
    ]);
  });

  test('tell dropped tools, a new constraint under `*`, a narrowed one, one made required and unchanged ones apart', () => {
    expect(hops[1]?.tools).toEqual([
      { tool: 'ledger', change: 'dropped' },
      {
        tool: 'mail',
        change: 'narrowed',
        arguments: [
          {
            argument: 'to',
            change: 'constrained',
            after: required({ constraint_type: 'one_of', values: ['a@x.example', 'b@x.example'] }),
          },
        ],
        unnamed: 'dropped',
      },
      {
        tool: 'refund',
        change: 'narrowed',
        arguments: [
          {
            argument: 'amount',
            change: 'narrowed',
            before: required(range(100)),
            after: required(range(20)),
          },
          { argument: 'currency', change: 'unchanged', after: required(currencies) },
          { argument: 'note', change: 'unchanged', after: optional(wildcard) },
          {
            argument: 'reason',
            change: 'narrowed',
            before: optional(wildcard),
            after: required(wildcard),
          },
        ],
        unnamed: 'refused',
      },
    ]);
  });

  test('tell an optional argument that may no longer be given', () => {
    const [, refund] = hops[2]?.tools ?? [];
    expect(refund?.change === 'narrowed' && refund.arguments[2]).toEqual({
      argument: 'note',
      change: 'dropped',
      before: optional(wildcard),
    });
  });

  test('call a tool unchanged when nothing about it narrowed, and not when only `*` was dropped', async () => {
    const open = await issue({
      issuer: ISSUER,
      signer: authority,
      holder: planner.publicKey,
      now: NOW,
      id: 'r',
      lifetime: 60,
      maxDepth: 2,
      tools: { a: { x: wildcard, '*': wildcard } },
    });
    const again = async (tools: object, id: string) => {
      const made = await derive(open, {
        signer: planner,
        holder: billing.publicKey,
        now: NOW,
        id,
        tools: tools as never,
      });
      const { hops: drawn } = verified({ verdict: 'verified', chain: made });
      return drawn[1]?.tools[0];
    };
    expect(await again({ a: { x: wildcard, '*': wildcard } }, 's')).toMatchObject({
      change: 'unchanged',
      unnamed: 'any',
    });
    expect(await again({ a: { x: wildcard } }, 't')).toMatchObject({
      change: 'narrowed',
      unnamed: 'dropped',
      arguments: [{ argument: 'x', change: 'unchanged' }],
    });
  });

  test('show how time shrank', () => {
    expect(hops.map(({ time }) => time)).toEqual([
      { issued_at: '2026-06-21T00:00:00Z', expires_at: '2026-06-21T01:00:00Z', lifetime: 3600 },
      {
        issued_at: '2026-06-21T00:00:10Z',
        expires_at: '2026-06-21T00:30:10Z',
        lifetime: 1800,
        shortened_by: 1790,
      },
      {
        issued_at: '2026-06-21T00:00:20Z',
        expires_at: '2026-06-21T00:30:10Z',
        lifetime: 1790,
        shortened_by: 0,
      },
    ]);
  });

  test('show how depth shrank, and how many hops may still follow', () => {
    expect(hops.map(({ depth }) => depth)).toEqual([
      { depth: 0, max_depth: 4, further_hops: 4 },
      { depth: 1, max_depth: 3, further_hops: 2, parent_max_depth: 4 },
      { depth: 2, max_depth: 2, further_hops: 0, parent_max_depth: 3 },
    ]);
  });

  test('show where an audience was added', () => {
    expect(hops.map(({ audience }) => audience)).toEqual([
      { after: 'anywhere' },
      { before: 'anywhere', after: 'anywhere' },
      { before: 'anywhere', after: [AUDIENCE] },
    ]);
  });

  test('count an audience as what every token above names too', async () => {
    const reach = async (...audiences: unknown[]) => {
      const first = await issue({
        issuer: ISSUER,
        signer: authority,
        holder: planner.publicKey,
        now: NOW,
        id: 'r',
        lifetime: 60,
        maxDepth: 2,
        tools: { a: {} },
        audience: audiences[0] as string,
      });
      const second = await derive(first, {
        signer: planner,
        holder: billing.publicKey,
        now: NOW,
        id: 's',
        tools: { a: {} },
        audience: audiences[1] as string,
      });
      return verified({ verdict: 'verified', chain: second }).authority.audience;
    };
    expect(await reach(['a', 'b', 'c'], ['c', 'b', 'x'])).toEqual(['b', 'c']);
    expect(await reach('a', 'b')).toEqual([]);
  });
});

describe('what is left', () => {
  test('is all that the leaf grants, and nothing that was dropped', () => {
    const { authority: left, ...receipt } = verified(verify(compacts));
    expect(left).toEqual({
      tools: [
        {
          tool: 'refund',
          arguments: [
            { argument: 'amount', ...required(range(20)) },
            { argument: 'currency', ...required({ constraint_type: 'exact', value: 'EUR' }) },
            { argument: 'reason', ...required(wildcard) },
          ],
          unnamed: 'refused',
        },
      ],
      expires_at: '2026-06-21T00:30:10Z',
      further_hops: 0,
      audience: [AUDIENCE],
    });
    expect(receipt).not.toHaveProperty('call');
    expect(receipt.presented).toBe(3);
  });

  test('counts the seconds left from `now`, never below 0, and only when `now` is given', () => {
    const at = (now?: number) => verified(verify(compacts), now === undefined ? {} : { now });
    expect(at()).not.toHaveProperty('as_of');
    expect(at().authority).not.toHaveProperty('seconds_left');
    expect(at(NOW + 30)).toMatchObject({
      as_of: '2026-06-21T00:00:30Z',
      authority: { seconds_left: 1780 },
    });
    expect(at(NOW + 30).hops.map(({ time }) => time.seconds_left)).toEqual([3570, 1780, 1780]);
    expect(at(NOW + 5000).authority.seconds_left).toBe(0);
  });
});

describe('a permitted call', () => {
  test('is drawn with its tool, its proof and each argument by name with the constraint it satisfied', () => {
    expect(verified(permit).call).toEqual({
      outcome: 'permitted',
      tool: 'refund',
      arguments: [
        { argument: 'amount', grant: required(range(20)) },
        { argument: 'currency', grant: required({ constraint_type: 'exact', value: 'EUR' }) },
        { argument: 'reason', grant: required(wildcard) },
      ],
      proof: { id: 'proof-1', issued_at: '2026-06-21T00:00:30Z' },
    });
  });

  test('shows no value of an argument, in any form', () => {
    const receipt = createReceipt(permit);
    const forms = [JSON.stringify(receipt), renderReceiptText(receipt), renderReceiptHtml(receipt)];
    for (const form of forms) expect(form).not.toContain(ARGS['reason']);
  });

  test('names no constraint for an argument that is allowed under `*`', async () => {
    const open = await issue({
      issuer: ISSUER,
      signer: authority,
      holder: worker.publicKey,
      now: NOW,
      id: 'r',
      lifetime: 60,
      maxDepth: 0,
      tools: { refund: {} },
    });
    expect(verified(await call(ARGS, { of: open })).call?.arguments[0]).toEqual({
      argument: 'amount',
    });
  });
});

describe('a chain that breaks', () => {
  const place = ({ denial: { code, hop, step } }: DeniedReceipt) => [code, hop, step];

  test('at the root, has no verified hop', async () => {
    const forged = await forge(compacts[0] as string, stranger, () => {});
    const receipt = denied(verify([forged, ...compacts.slice(1)]));
    expect(place(receipt)).toEqual(['signature_invalid', 0, '3b']);
    expect(receipt.hops).toEqual([]);
    expect(receipt.break).toEqual({ hop: 0, unverified_before: 0, not_examined: 2 });
    expect(receipt.presented).toBe(3);
  });

  test('in the middle, has the verified hops before it and what the parent allows', () => {
    const receipt = denied(widened, { names: NAMES });
    expect(place(receipt)).toEqual(['constraint_widened', 1, '4p4']);
    expect(receipt.denial.facts).toEqual({
      tool: 'refund',
      argument: 'amount',
      parent: 'range',
      constraint: 'wildcard',
    });
    expect(receipt.hops.map(({ hop }) => hop)).toEqual([0]);
    expect(receipt.break).toEqual({
      hop: 1,
      unverified_before: 0,
      not_examined: 1,
      expected_signer: { thumbprint: planner.publicKey.thumbprint, name: 'planner' },
      parent_grant: required(range(100)),
    });
  });

  test('does not claim to know which key of the issuer signed the root', () => {
    expect(denied(widened).hops[0]?.from).toEqual({ issuer: ISSUER });
  });

  test('at the leaf, leaves nothing unexamined', async () => {
    const leaf = await forge(compacts[2] as string, billing, (claims) => {
      Object.assign(claims, { exp: NOW + 4000 });
    });
    const receipt = denied(verify([...compacts.slice(0, 2), leaf]));
    expect(place(receipt)).toEqual(['expiry_extended', 2, '4h']);
    expect(receipt.hops).toHaveLength(2);
    expect(receipt.break).toMatchObject({ hop: 2, not_examined: 0 });
  });

  test('before any signature was checked, shows the tokens in front of the fault as not verified', () => {
    const receipt = denied(verify([...compacts, compacts[0] as string]));
    expect(place(receipt)).toEqual(['token_repeated', 3, '2c']);
    expect(receipt.hops).toEqual([]);
    expect(receipt.break).toEqual({ hop: 3, unverified_before: 3, not_examined: 0 });
  });

  test.each([
    ['chain_empty', [], NOW, 0],
    ['chain_too_long', Array(20).fill(compacts[0]), NOW, 20],
    ['clock_unavailable', compacts, Number.NaN, 3],
  ] as const)('as a whole (%s), names no hop', (code, tokens, now, presented) => {
    const receipt = denied(verify(tokens, now));
    expect(receipt).toMatchObject({ denial: { code }, presented, hops: [] });
    expect(receipt.break).toEqual({ unverified_before: 0, not_examined: presented });
  });

  test('leaves no authority and shows no call, also under a call', async () => {
    const decision = await call(ARGS, { now: NOW + 5000 });
    for (const receipt of [denied(widened), denied(decision)]) {
      expect(receipt).not.toHaveProperty('authority');
      expect(receipt).not.toHaveProperty('call');
      expect(receipt).toHaveProperty('break');
    }
  });

  test('because a token expired after it had verified, breaks at that token', () => {
    const late: Decision = {
      verdict: 'deny',
      denial: denial('token_expired', { hop: 1, step: '4i' }),
      chainVerdict: verify(compacts),
    };
    const receipt = denied(late, { names: NAMES });
    expect(receipt.hops.map(({ hop }) => hop)).toEqual([0]);
    expect(receipt.hops[0]?.from).toMatchObject({ name: 'head office' });
    expect(receipt.break).toMatchObject({ hop: 1, not_examined: 1 });
    expect(receipt).not.toHaveProperty('authority');
  });
});

describe('a refused call', () => {
  const refuse = (cause: Denial, chainVerdict?: ChainVerdict): Decision => ({
    verdict: 'deny',
    denial: cause,
    chainVerdict,
  });

  test('under a chain that holds, is drawn with the whole chain and what the leaf allows', async () => {
    const receipt = denied(await call({ ...ARGS, amount: 21 }));
    expect(receipt.denial).toEqual({
      code: 'argument_refused',
      hop: 2,
      step: '6b',
      facts: { tool: 'refund', argument: 'amount', constraint: 'range' },
    });
    expect(receipt.hops).toHaveLength(3);
    expect(receipt.authority?.tools).toHaveLength(1);
    expect(receipt.call).toEqual({
      outcome: 'refused',
      tool: 'refund',
      argument: 'amount',
      grant: required(range(20)),
    });
    expect(receipt).not.toHaveProperty('break');
  });

  test('for its proof, names no hop and no tool that the denial does not', async () => {
    const receipt = denied(await call(ARGS, { now: NOW + 100 }));
    expect(receipt.denial).toEqual({ code: 'proof_outside_window', step: '7g', facts: {} });
    expect(receipt.call).toEqual({ outcome: 'refused' });
    expect(receipt.hops).toHaveLength(3);
  });

  test('for a replayed proof, draws the chain that the verdict brings', () => {
    const replayed = denial('proof_replayed', { step: '7i' });
    expect(denied(refuse(replayed, verify(compacts)))).toMatchObject({
      presented: 3,
      hops: [{ hop: 0 }, { hop: 1 }, { hop: 2 }],
      call: { outcome: 'refused' },
    });
  });

  test('without a chain in the verdict, draws none', () => {
    const receipt = denied(refuse(denial('proof_replayed', { step: '7i' })));
    expect(receipt).toEqual({
      receipt: 1,
      status: 'denied',
      denial: { code: 'proof_replayed', step: '7i', facts: {} },
      hops: [],
      call: { outcome: 'refused' },
    });
  });

  test('for an audience, keeps the hop that named it', async () => {
    const elsewhere = createVerifier({
      anchors: [{ issuer: ISSUER, key: authority.publicKey }],
      audience: 'https://other.example',
    });
    const presentation = await prove(chain, {
      signer: worker,
      tool: 'refund',
      args: ARGS,
      now: NOW + 30,
      id: 'p',
    });
    const decision = elsewhere.authorize({
      presentation,
      tool: 'refund',
      args: ARGS,
      now: NOW + 30,
    });
    const receipt = denied(decision);
    expect(receipt.denial).toMatchObject({ code: 'audience_mismatch', hop: 2, step: '6c' });
    expect(receipt.hops).toHaveLength(3);
  });
});

describe('nothing unverified is drawn as fact', () => {
  const code = { code: 'not_verified' };
  const otherChain = { ...chain };

  test.each<[string, () => unknown]>([
    ['a chain that no verifier made', () => ({ verdict: 'verified', chain: otherChain })],
    ['a permit that no verifier gave', () => ({ ...permit, proof: { id: 'x', issuedAt: 0 } })],
    ['a permit over such a chain', () => ({ ...permit, chain: otherChain })],
    [
      'a refused call over such a chain',
      () => ({
        verdict: 'deny',
        denial: denial('proof_replayed'),
        chainVerdict: { verdict: 'verified', chain: otherChain },
      }),
    ],
    ['a permit for a tool that the leaf does not grant', () => ({ ...permit, tool: 'mail' })],
    [
      'a permit for arguments that the leaf does not grant',
      () => ({ ...permit, args: { ...ARGS, amount: 21 } }),
    ],
    ['a verdict of another kind', () => ({ verdict: 'maybe' })],
  ])('refuses %s', (_, verdict) => {
    expect(() => createReceipt(verdict() as Decision)).toThrow(expect.objectContaining(code));
  });

  test('refuses to render a receipt that was only claimed', () => {
    const claimed = JSON.parse(JSON.stringify(createReceipt(permit))) as Receipt;
    expect(() => renderReceiptText(claimed)).toThrow(expect.objectContaining(code));
    expect(() => renderReceiptHtml(claimed)).toThrow(expect.objectContaining(code));
  });

  test('cannot be changed once it is made', () => {
    const receipt = verified(permit);
    const [hop] = receipt.hops;
    expect(Object.isFrozen(receipt)).toBe(true);
    expect(() => Object.assign(hop?.to as object, { name: 'x' })).toThrow(TypeError);
    const [argument] = receipt.authority.tools[0]?.arguments ?? [];
    expect(() => Object.assign(argument?.constraint as object, { max: 1 })).toThrow(TypeError);
  });
});

describe('a receipt is deterministic', () => {
  test('gives the same JSON for the same verdict', () => {
    const options = { names: NAMES, now: NOW };
    expect(JSON.stringify(createReceipt(permit, options))).toBe(
      JSON.stringify(createReceipt(permit, options)),
    );
  });

  test.each([Number.NaN, 1.5, Number.POSITIVE_INFINITY])('refuses %d for `now`', (now) => {
    const thrown = expect.objectContaining({ code: 'option_invalid' });
    expect(() => createReceipt(permit, { now })).toThrow(thrown);
  });

  test('writes times that RFC 3339 cannot hold as seconds since the epoch', () => {
    const at = (now: number) => createReceipt({ verdict: 'verified', chain: root }, { now }).as_of;
    expect(at(253_402_300_799)).toBe('9999-12-31T23:59:59Z');
    expect(at(253_402_300_800)).toBe('@253402300800');
    expect(at(-62_167_219_200)).toBe('0000-01-01T00:00:00Z');
    expect(at(-62_167_219_201)).toBe('@-62167219201');
    expect(at(Number.MAX_SAFE_INTEGER)).toBe(`@${Number.MAX_SAFE_INTEGER}`);
  });
});
