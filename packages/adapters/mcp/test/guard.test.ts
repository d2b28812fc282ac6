import type { CallToolResult } from '@modelcontextprotocol/client';
import type { JsonObject, Presentation } from '@taper/core';
import { DENIAL_KEY, type DeniedCall, deniedCall, PRESENTATION_KEY } from '@taper/mcp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  agent,
  createChain,
  createParty,
  newId,
  now,
  present,
  proofByHand,
  signByHand,
  thief,
} from './agents.ts';
import { AUDIENCE } from './desk.ts';
import { type Link, openHttp, openStdio } from './links.ts';

const REFUND = { order: 'A-1', amount: '25.00' };

const links: readonly [string, () => Promise<Link>][] = [
  ['Streamable HTTP, revision 2026-07-28', () => openHttp('2026-07-28')],
  ['Streamable HTTP, revision 2025-11-25', () => openHttp('2025-11-25')],
  ['stdio, revision 2026-07-28', () => openStdio('2026-07-28')],
  ['stdio, revision 2025-11-25', () => openStdio('2025-11-25')],
];

describe.each(links)('over %s', (_, open) => {
  let link: Link;
  beforeAll(async () => {
    link = await open();
  });
  afterAll(() => link.close());

  /** Calls, and says what was refused and which tools ran meanwhile. */
  async function call(
    tool: string,
    args: JsonObject,
    presentation?: unknown,
  ): Promise<{ denied: DeniedCall | undefined; ran: readonly unknown[]; result: CallToolResult }> {
    const before = link.executions().length;
    const result = await link.client.callTool({
      name: tool,
      arguments: args,
      ...(presentation === undefined ? {} : { _meta: { [PRESENTATION_KEY]: presentation } }),
    });
    const ran = link.executions().slice(before);
    return { denied: deniedCall(result), ran, result };
  }

  /** The code with which a call is refused; no tool may have run. */
  async function refusal(tool: string, args: JsonObject, presentation?: unknown) {
    const { denied, ran, result } = await call(tool, args, presentation);
    expect(ran).toEqual([]);
    expect(result.isError).toBe(true);
    return denied;
  }

  test('runs a tool that the chain allows, once, with the arguments that were judged, frozen', async () => {
    const chain = await createChain();
    const { denied, ran, result } = await call(
      'refund',
      REFUND,
      await present(chain, 'refund', REFUND),
    );
    expect(denied).toBeUndefined();
    expect(result.isError).not.toBe(true);
    const holder = agent.publicKey.thumbprint;
    expect(ran).toEqual([{ tool: 'refund', args: REFUND, frozen: true, holder }]);
  });

  test.each(['late', 'updated'])('guards a tool that was %s the guard', async (tool) => {
    const chain = await createChain();
    const args = { order: 'A-1' };
    expect(await refusal(tool, args)).toMatchObject({ code: 'presentation_missing' });
    const { ran } = await call(tool, args, await present(chain, tool, args));
    expect(ran).toMatchObject([{ tool, args }]);
  });

  test('lists no tool to whom presents nothing, and says why', async () => {
    const { tools, _meta } = await link.client.listTools();
    expect(tools).toEqual([]);
    expect(deniedCall({ _meta })?.code).toBe('presentation_missing');
  });

  test('lists to an agent the tools that its chain grants, and no others', async () => {
    const chain = await createChain({ tools: { refund: {}, search: {} } });
    const aat_chain = chain.tokens.map(({ compact }) => compact);
    const { tools } = await link.client.listTools(
      { _meta: { [PRESENTATION_KEY]: { aat_chain } } },
      { cacheMode: 'refresh' },
    );
    expect(tools.map(({ name }) => name).sort()).toEqual(['refund', 'search']);
  });

  test('refuses a call without a presentation, and says so uniformly for tools that exist and that do not', async () => {
    const known = await call('refund', REFUND);
    const unknown = await call('no-such-tool', REFUND);
    expect(known.denied).toMatchObject({ code: 'presentation_missing', step: '1' });
    expect(unknown.denied).toEqual(known.denied);
    expect(unknown.result.content).toEqual(known.result.content);
  });

  test.each([
    ['text', 'chain'],
    ['a list', []],
    ['empty', {}],
    ['a chain that is no list', { aat_chain: 'x', aat_pop: 'y' }],
    ['a chain with a number in it', { aat_chain: [1], aat_pop: 'y' }],
  ])('refuses a presentation that is %s', async (_case, presentation) => {
    expect(await refusal('refund', REFUND, presentation)).toMatchObject({
      code: 'presentation_malformed',
    });
  });

  test('E01 refuses a chain without a proof', async () => {
    const { aat_chain } = await present(await createChain(), 'refund', REFUND);
    expect(await refusal('refund', REFUND, { aat_chain })).toMatchObject({
      code: 'proof_missing',
      step: '7',
    });
  });

  test('E02 refuses a proof that was used before', async () => {
    const presentation = await present(await createChain(), 'refund', REFUND);
    expect((await call('refund', REFUND, presentation)).ran).toHaveLength(1);
    expect(await refusal('refund', REFUND, presentation)).toMatchObject({
      code: 'proof_replayed',
      step: '7i',
    });
  });

  test('E16 of two concurrent calls with one proof exactly one runs', async () => {
    const presentation = await present(await createChain(), 'refund', REFUND);
    const before = link.executions().length;
    const params = {
      name: 'refund',
      arguments: REFUND,
      _meta: { [PRESENTATION_KEY]: presentation },
    };
    const results = await Promise.all([link.client.callTool(params), link.client.callTool(params)]);
    expect(link.executions()).toHaveLength(before + 1);
    expect(results.map((result) => deniedCall(result)?.code).sort()).toEqual([
      'proof_replayed',
      undefined,
    ]);
  });

  test('a refused call does not use its proof up', async () => {
    const presentation = await present(await createChain(), 'refund', REFUND);
    const more = { ...REFUND, amount: '26.00' };
    expect(await refusal('refund', more, presentation)).toBeDefined();
    expect((await call('refund', REFUND, presentation)).ran).toHaveLength(1);
  });

  test('E14 refuses arguments other than those that the proof covers', async () => {
    const chain = await createChain({ tools: { loose: {} } });
    const presentation = await present(chain, 'loose', { order: 'A-1' });
    expect(await refusal('loose', { order: 'A-2' }, presentation)).toMatchObject({
      code: 'proof_arguments_mismatch',
      step: '7f',
      tool: 'loose',
    });
  });

  test('refuses another tool than the one that the proof covers', async () => {
    const chain = await createChain({ tools: { loose: {}, search: {} } });
    const args = { query: 'x' };
    const presentation = await present(chain, 'loose', args);
    expect(await refusal('search', args, presentation)).toMatchObject({
      code: 'proof_tool_mismatch',
      step: '7e',
    });
  });

  test('E15 refuses a stolen chain with a proof under another key', async () => {
    const presentation = proofByHand(await createChain(), thief.privateKey, 'refund', REFUND);
    expect(await refusal('refund', REFUND, presentation)).toMatchObject({
      code: 'signature_invalid',
      step: '7b',
    });
    const own = proofByHand(await createChain(), agent.privateKey, 'refund', REFUND);
    expect((await call('refund', REFUND, own)).ran).toHaveLength(1);
  });

  test('F14 refuses a chain and a proof that were meant for another server', async () => {
    const elsewhere = 'https://elsewhere.example/mcp';
    const chain = await createChain({ audience: elsewhere });
    expect(await refusal('refund', REFUND, await present(chain, 'refund', REFUND))).toMatchObject({
      code: 'audience_mismatch',
      step: '6c',
      hop: 1,
    });
    const proof = await present(await createChain(), 'refund', REFUND, { audience: elsewhere });
    expect(await refusal('refund', REFUND, proof)).toMatchObject({
      code: 'proof_audience_mismatch',
      step: '7d',
    });
    const meant = await createChain({ audience: AUDIENCE });
    const { ran } = await call('refund', REFUND, await present(meant, 'refund', REFUND));
    expect(ran).toHaveLength(1);
  });

  test('F14 refuses a proof that names no server', async () => {
    const chain = await createChain();
    const presentation = await present(chain, 'refund', REFUND);
    const aat_pop = signByHand(agent.privateKey, 'aat-pop+jwt', {
      jti: newId(),
      iat: now(),
      aat_id: chain.leaf.claims.jti,
      aat_hash: chain.leaf.hash,
      aat_tool: 'refund',
      hta: REFUND,
    });
    expect(await refusal('refund', REFUND, { ...presentation, aat_pop })).toMatchObject({
      code: 'proof_audience_required',
    });
  });

  test('refuses a root from an issuer that is not trusted', async () => {
    const chain = await createChain({ root: createParty() });
    const presentation = await present(chain, 'refund', REFUND);
    expect(await refusal('refund', REFUND, presentation)).toMatchObject({
      code: 'signature_invalid',
      step: '3b',
      hop: 0,
    });
  });

  test('refuses a chain that has expired', async () => {
    const at = now() - 100;
    const chain = await createChain({ at, lifetime: 90 });
    const presentation = await present(chain, 'refund', REFUND, { at });
    expect(await refusal('refund', REFUND, presentation)).toMatchObject({
      code: 'token_expired',
      hop: 0,
    });
  });

  test('refuses a proof that is older than the window', async () => {
    const at = now() - 100;
    const chain = await createChain({ at });
    const presentation = await present(chain, 'refund', REFUND, { at });
    expect(await refusal('refund', REFUND, presentation)).toMatchObject({
      code: 'proof_outside_window',
    });
  });

  test('refuses a leaf that is put onto another chain', async () => {
    const [one, other] = [await createChain(), await createChain()];
    const presentation = await present(one, 'refund', REFUND);
    const spliced: Presentation = {
      ...presentation,
      aat_chain: [other.tokens[0]?.compact as string, one.leaf.compact],
    };
    expect(await refusal('refund', REFUND, spliced)).toMatchObject({
      code: 'parent_hash_mismatch',
      hop: 1,
    });
  });

  test('refuses a leaf that its holder widened by hand', async () => {
    const chain = await createChain();
    const [root] = chain.tokens;
    const payload = {
      jti: newId(),
      iss: agent.publicKey.thumbprintUri,
      iat: now(),
      exp: chain.leaf.claims.exp,
      del_depth: 2,
      del_max_depth: 2,
      par_hash: chain.leaf.hash,
      cnf: { jwk: { ...agent.publicKey.jwk } },
      authorization_details: [{ type: 'attenuating_agent_token', tools: { refund: {} } }],
    };
    const widened = signByHand(agent.privateKey, 'aat+jwt', payload);
    const presentation = await present(chain, 'refund', REFUND);
    const longer = {
      ...presentation,
      aat_chain: [root?.compact as string, chain.leaf.compact, widened],
    };
    // the leaf may not be delegated at all; nor would its map have been a subset
    expect(await refusal('refund', REFUND, longer)).toMatchObject({
      code: 'depth_exhausted',
      hop: 2,
    });
  });

  test('refuses a tool that the leaf does not grant, although its parent does', async () => {
    const chain = await createChain({ tools: { search: {} } });
    const presentation = proofByHand(chain, agent.privateKey, 'refund', REFUND);
    expect(await refusal('refund', REFUND, presentation)).toMatchObject({
      code: 'tool_not_granted',
      step: '6b',
      hop: 1,
      tool: 'refund',
    });
  });

  test('refuses an argument beyond its constraint and names it without its value', async () => {
    const chain = await createChain();
    const args = { order: 'A-1', amount: '9876543.21' };
    const presentation = proofByHand(chain, agent.privateKey, 'refund', args);
    const { denied, ran, result } = await call('refund', args, presentation);
    expect(ran).toEqual([]);
    expect(denied).toEqual({
      code: 'argument_refused',
      step: '6b',
      hop: 1,
      tool: 'refund',
      argument: 'amount',
      hint: expect.any(String),
    });
    expect(JSON.stringify(result)).not.toContain('9876543.21');
    for (const token of presentation.aat_chain) expect(JSON.stringify(result)).not.toContain(token);
  });

  test('refuses a call that lacks a required argument', async () => {
    const args = { order: 'A-1' };
    const presentation = proofByHand(await createChain(), agent.privateKey, 'refund', args);
    expect(await refusal('refund', args, presentation)).toMatchObject({
      code: 'argument_missing',
      argument: 'amount',
    });
  });

  test('K07 refuses an argument that the token does not name', async () => {
    const args = { ...REFUND, note: 'x' };
    const presentation = proofByHand(await createChain(), agent.privateKey, 'refund', args);
    expect(await refusal('refund', args, presentation)).toMatchObject({
      code: 'argument_unexpected',
      argument: 'note',
    });
  });

  test('K07 refuses an argument that the schema of the tool would drop, also when the token allows any', async () => {
    const chain = await createChain({ tools: { refund: {} } });
    const args = { ...REFUND, dry_run: true };
    expect(await refusal('refund', args, await present(chain, 'refund', args))).toMatchObject({
      code: 'argument_unexpected',
      argument: 'dry_run',
    });
  });

  test('K07 refuses arguments for a tool that takes none', async () => {
    const chain = await createChain();
    const args = { customer: 'C-1' };
    expect(await refusal('bare', args, await present(chain, 'bare', args))).toMatchObject({
      code: 'argument_unexpected',
      argument: 'customer',
    });
    expect((await call('bare', {}, await present(chain, 'bare', {}))).ran).toHaveLength(1);
  });

  test('K08 gives a tool the default of its schema where the token would allow that value', async () => {
    const chain = await createChain();
    const args = { query: 'x' };
    const { ran } = await call('search', args, await present(chain, 'search', args));
    expect(ran).toMatchObject([{ args: { query: 'x', limit: 100 }, frozen: true }]);
  });

  test('K08 refuses a call whose default the token would have refused as an argument', async () => {
    const tools = {
      search: {
        query: { constraint_type: 'wildcard' },
        limit: { constraint_type: 'range', max: 99, optional: true },
      },
    };
    const chain = await createChain({ tools });
    const args = { query: 'x' };
    expect(await refusal('search', args, await present(chain, 'search', args))).toMatchObject({
      code: 'argument_refused',
      argument: 'limit',
    });
    const within = { query: 'x', limit: 99 };
    const { ran } = await call('search', within, await present(chain, 'search', within));
    expect(ran).toMatchObject([{ args: within }]);
  });

  test('K08 refuses a default inside of an argument', async () => {
    const chain = await createChain();
    const args = { query: 'x', filter: {} };
    expect(await refusal('search', args, await present(chain, 'search', args))).toMatchObject({
      code: 'argument_refused',
      argument: 'filter',
    });
    const whole = { query: 'x', limit: 1, filter: { open: true } };
    const { ran } = await call('search', whole, await present(chain, 'search', whole));
    expect(ran).toMatchObject([{ args: whole, frozen: true }]);
  });

  test('K09 refuses a value that the schema turns into another', async () => {
    const chain = await createChain();
    const text = { count: '5' };
    expect(await refusal('coerced', text, await present(chain, 'coerced', text))).toMatchObject({
      code: 'argument_refused',
      argument: 'count',
    });
    const number = { count: 5 };
    const { ran } = await call('coerced', number, await present(chain, 'coerced', number));
    expect(ran).toMatchObject([{ args: number }]);

    const padded = { order: ' A-1' };
    expect(await refusal('trimmed', padded, await present(chain, 'trimmed', padded))).toMatchObject(
      { code: 'argument_refused', argument: 'order' },
    );
    const plain = { order: 'A-1' };
    expect(
      (await call('trimmed', plain, await present(chain, 'trimmed', plain))).ran,
    ).toMatchObject([{ args: plain }]);
  });

  test('K09 takes no number for its text, neither in a constraint nor in a proof', async () => {
    const chain = await createChain({
      tools: { loose: { count: { constraint_type: 'exact', value: 5 } } },
    });
    const text = proofByHand(chain, agent.privateKey, 'loose', { count: '5' });
    expect(await refusal('loose', { count: '5' }, text)).toMatchObject({
      code: 'argument_refused',
    });
    const number = proofByHand(chain, agent.privateKey, 'loose', { count: 5 });
    expect(await refusal('loose', { count: '5' }, number)).toMatchObject({
      code: 'argument_refused',
    });
  });

  test('V12 looks for the presentation in _meta alone', async () => {
    const presentation = await present(await createChain(), 'refund', REFUND);
    const inArguments = { ...REFUND, [PRESENTATION_KEY]: { ...presentation } as JsonObject };
    expect(await refusal('refund', inArguments)).toMatchObject({ code: 'presentation_missing' });
    const result = await link.client.callTool({
      name: 'refund',
      arguments: REFUND,
      _meta: { ...presentation },
    });
    expect(deniedCall(result)).toMatchObject({ code: 'presentation_missing' });
  });

  test('V12 refuses a call from which _meta was stripped', async () => {
    expect(await refusal('refund', REFUND)).toMatchObject({ code: 'presentation_missing' });
  });

  test('L07 refuses resources, prompts, completion and methods of vendors', async () => {
    const before = link.executions().length;
    const { client } = link;
    const attempts: (() => Promise<unknown>)[] = [
      () => client.readResource({ uri: 'desk://secret' }),
      () => client.getPrompt({ name: 'greet', arguments: { name: 'x' } }),
      () => client.listResources(),
      () =>
        client.complete({
          ref: { type: 'ref/resource', uri: 'desk://notes/{id}' },
          argument: { name: 'id', value: '' },
        }),
      () => client.request({ method: 'vendor/anything', params: {} }, z.looseObject({})),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toThrow(/Method not found/);
    expect(link.executions()).toHaveLength(before);
  });

  test('a refusal is a valid result of a tool that has an output schema', async () => {
    const aat_chain = (await createChain()).tokens.map(({ compact }) => compact);
    const shown = { _meta: { [PRESENTATION_KEY]: { aat_chain } } };
    const { tools } = await link.client.listTools(shown, { cacheMode: 'refresh' });
    expect(tools.find(({ name }) => name === 'failing')?.outputSchema).toBeDefined();
    expect(await refusal('failing', {})).toMatchObject({ code: 'presentation_missing' });
    const chain = await createChain();
    const { result } = await call('failing', {}, await present(chain, 'failing', {}));
    expect(result.structuredContent).toEqual({ done: true });
  });
});

test('the metadata keys have a reverse-DNS prefix that is not reserved', () => {
  for (const key of [PRESENTATION_KEY, DENIAL_KEY]) {
    expect(key).toMatch(/^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+\/[a-z0-9]+$/);
    expect(key.split('.')[1]).not.toMatch(/^(mcp|modelcontextprotocol)\b/);
  }
});
