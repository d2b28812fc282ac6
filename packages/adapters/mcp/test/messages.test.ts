import type { JsonObject, Presentation } from '@taper/core';
import { DENIAL_KEY, deniedCall, PRESENTATION_KEY } from '@taper/mcp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { agent, createChain, newId, now, present, signByHand } from './agents.ts';
import { AUDIENCE } from './desk.ts';
import { type HttpDesk, serveHttp } from './links.ts';

// What an ordinary client cannot send: messages written by hand, over a real socket.

const REFUND = { order: 'A-1', amount: '25.00' };

interface Reply {
  readonly id: number;
  readonly result?: { readonly isError?: boolean; readonly _meta?: unknown };
  readonly error?: { readonly code: number };
}

let desk: HttpDesk;
beforeAll(async () => {
  desk = await serveHttp();
});
afterAll(() => desk.close());
beforeEach(() => {
  desk.executions.length = 0;
});

/** Posts a body as it is, as a client of revision 2025-11-25; what comes back, in order of arrival. */
async function post(
  body: string,
  headers: { readonly [name: string]: string } = {},
  url = desk.url,
): Promise<{ status: number; replies: readonly Reply[] }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body,
  });
  const text = await response.text();
  const replies = text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)) as Reply);
  return { status: response.status, replies };
}

const message = (id: number, method: string, params: JsonObject): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

const callText = (name: string, args: string, meta: string, more = ''): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":${JSON.stringify(name)},"arguments":${args},"_meta":${meta}${more}}}`;

const metaText = (presentation: Presentation): string =>
  JSON.stringify({ [PRESENTATION_KEY]: presentation });

async function one(body: string, headers?: { readonly [name: string]: string }): Promise<Reply> {
  const { replies } = await post(body, headers);
  expect(replies).toHaveLength(1);
  return replies[0] as Reply;
}

const codeOf = (reply: Reply): string | undefined => deniedCall(reply.result ?? {})?.code;

describe('batches', () => {
  test('L06 judges each call of a batch by itself', async () => {
    const chain = await createChain();
    const call = (id: number, presentation?: Presentation) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: {
        name: 'refund',
        arguments: REFUND,
        _meta: presentation === undefined ? {} : { [PRESENTATION_KEY]: presentation },
      },
    });
    const once = await present(chain, 'refund', REFUND);
    const { replies } = await post(
      JSON.stringify([
        call(1, once),
        call(2),
        call(3, once),
        call(4, await present(chain, 'refund', REFUND)),
      ]),
    );
    const codes = new Map(replies.map((reply) => [reply.id, codeOf(reply)]));
    expect(codes).toEqual(
      new Map([
        [1, undefined],
        [2, 'presentation_missing'],
        [3, 'proof_replayed'],
        [4, undefined],
      ]),
    );
    expect(desk.executions).toHaveLength(2);
  });

  test('L06 V09 a call that reuses the id of another is judged by its own presentation', async () => {
    const chain = await createChain({ tools: { late: {} } });
    const presentation = await present(chain, 'late', { order: 'A-1' });
    const other = await present(chain, 'late', { order: 'A-1' });
    const params = { name: 'late', _meta: { [PRESENTATION_KEY]: presentation } };
    const again = { name: 'late', _meta: { [PRESENTATION_KEY]: other } };
    const bodies = [
      { ...params, arguments: { order: 'A-1' } },
      { ...again, arguments: { order: 'A-2' } },
      { ...params, arguments: { order: 'A-1' } },
    ].map((each) => ({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: each }));
    await post(JSON.stringify(bodies));
    const ran = desk.executions.map((execution) => execution.args);
    // the transport ends the exchange with the first answer to an id, so that a permitted call may not run any more
    expect([[], [{ order: 'A-1' }]]).toContainEqual(ran);
  });
});

describe('where the presentation stands', () => {
  test('V12 a header with the presentation counts for nothing', async () => {
    const presentation = await present(await createChain(), 'refund', REFUND);
    const header = { 'dev.taper-presentation': JSON.stringify(presentation) };
    const bearer = { authorization: `Bearer ${presentation.aat_chain.join('~')}` };
    const bare = callText('refund', JSON.stringify(REFUND), '{}');
    expect(codeOf(await one(bare, { ...header, ...bearer }))).toBe('presentation_missing');
    expect(desk.executions).toEqual([]);
    const whole = callText('refund', JSON.stringify(REFUND), metaText(presentation));
    expect(codeOf(await one(whole, { 'dev.taper-presentation': 'other' }))).toBeUndefined();
    expect(desk.executions).toHaveLength(1);
  });

  test('V12 of two presentations the one that JSON.parse keeps is judged, and no other is used', async () => {
    const good = JSON.stringify(await present(await createChain(), 'refund', REFUND));
    const key = JSON.stringify(PRESENTATION_KEY);
    const args = JSON.stringify(REFUND);
    const goodFirst = `{${key}:${good},${key}:{"aat_chain":[],"aat_pop":"x"}}`;
    expect(codeOf(await one(callText('refund', args, goodFirst)))).toBe('chain_empty');
    const escaped = `{${key}:${good},${key.replace('/', '\\u002f')}:null}`;
    expect(codeOf(await one(callText('refund', args, escaped)))).toBe('presentation_missing');
    expect(desk.executions).toEqual([]);
    const goodLast = `{${key}:null,${key}:${good}}`;
    expect(codeOf(await one(callText('refund', args, goodLast)))).toBeUndefined();
    expect(desk.executions).toHaveLength(1);
  });

  test('V12 a presentation beside name and arguments is refused', async () => {
    const presentation = metaText(await present(await createChain(), 'refund', REFUND));
    const beside = `,${presentation.slice(1, -1)}`;
    const reply = await one(callText('refund', JSON.stringify(REFUND), '{}', beside));
    expect(codeOf(reply)).toBe('argument_unexpected');
  });

  test('V12 a presentation that only a prototype has is not seen', async () => {
    const presentation = metaText(await present(await createChain(), 'refund', REFUND));
    const reply = await one(
      callText('refund', JSON.stringify(REFUND), `{"__proto__":${presentation}}`),
    );
    expect(codeOf(reply)).toBe('presentation_missing');
    expect(desk.executions).toEqual([]);
  });
});

describe('what the tool is given', () => {
  test('K10 of two arguments with one name the tool gets the one that was judged', async () => {
    const chain = await createChain();
    const meta = metaText(await present(chain, 'refund', REFUND));
    const smuggled = '{"order":"A-1","amount":"25.00","amount":"999.00"}';
    expect(codeOf(await one(callText('refund', smuggled, meta)))).toBe('argument_refused');
    expect(desk.executions).toEqual([]);
    const hidden = '{"order":"A-1","amount":"999.00","amount":"25.00"}';
    expect(codeOf(await one(callText('refund', hidden, meta)))).toBeUndefined();
    expect(desk.executions.map((execution) => execution.args)).toEqual([REFUND]);
  });

  test('K10 of two argument objects the tool gets the one that was judged', async () => {
    const meta = metaText(await present(await createChain(), 'refund', REFUND));
    const twice = `${JSON.stringify(REFUND)},"arguments":{"order":"A-1","amount":"999.00"}`;
    expect(codeOf(await one(callText('refund', twice, meta)))).toBe('argument_refused');
    expect(desk.executions).toEqual([]);
  });

  test('a number with more digits than a double holds is not run under a proof for those digits', async () => {
    const chain = await createChain();
    const proofFor = (count: string): Presentation => ({
      aat_chain: chain.tokens.map((token) => token.compact),
      aat_pop: signByHand(
        agent.privateKey,
        'aat-pop+jwt',
        `{"aat_aud":"${AUDIENCE}","aat_hash":"${chain.leaf.hash}","aat_id":"${chain.leaf.claims.jti}","aat_tool":"loose","hta":{"count":${count}},"iat":${now()},"jti":"${newId()}"}`,
      ),
    });
    const sent = '{"count":9007199254740993}';
    const exact = callText('loose', sent, metaText(proofFor('9007199254740993')));
    expect(codeOf(await one(exact))).toBe('proof_arguments_mismatch');
    expect(desk.executions).toEqual([]);
    const rounded = callText('loose', sent, metaText(proofFor('9007199254740992')));
    expect(codeOf(await one(rounded))).toBeUndefined();
    expect(desk.executions.map((execution) => execution.args)).toEqual([
      { count: 9007199254740992 },
    ]);
  });

  test('a member named __proto__ among the arguments is refused', async () => {
    const presentation = metaText(await present(await createChain(), 'loose', {}));
    const reply = await one(callText('loose', '{"__proto__":{"order":"A-2"}}', presentation));
    expect(codeOf(reply)).toBe('arguments_malformed');
    expect(desk.executions).toEqual([]);
  });

  test.each(['[]', '"text"', 'null', '5'])(
    'arguments that are %s do not reach a tool',
    async (args) => {
      const presentation = metaText(await present(await createChain(), 'loose', {}));
      await post(callText('loose', args, presentation));
      expect(desk.executions).toEqual([]);
    },
  );

  test('absent arguments are no arguments', async () => {
    const presentation = await present(await createChain(), 'bare', {});
    const params = { name: 'bare', _meta: { [PRESENTATION_KEY]: { ...presentation } } };
    expect(codeOf(await one(message(1, 'tools/call', params as JsonObject)))).toBeUndefined();
    expect(desk.executions).toHaveLength(1);
  });
});

describe('other ways in', () => {
  test('L07 a tools/call without an id, a notification, runs nothing and is not answered', async () => {
    const presentation = await present(await createChain(), 'refund', REFUND);
    const params = {
      name: 'refund',
      arguments: REFUND,
      _meta: { [PRESENTATION_KEY]: presentation },
    };
    const notification = { jsonrpc: '2.0', method: 'tools/call', params };
    expect(await post(JSON.stringify(notification))).toEqual({ status: 202, replies: [] });
    expect(desk.executions).toEqual([]);
  });

  test.each([
    'resources/read',
    'resources/list',
    'resources/subscribe',
    'prompts/get',
    'prompts/list',
    'completion/complete',
    'sampling/createMessage',
    'elicitation/create',
    'tasks/list',
    'tasks/get',
    'tasks/result',
    'tasks/cancel',
    'tools/Call',
    'vendor/anything',
  ])('L07 refuses %s as an unknown method', async (method) => {
    const reply = await one(message(1, method, { uri: 'desk://secret', name: 'greet' }));
    expect(reply.error).toMatchObject({ code: -32601 });
    expect(desk.executions).toEqual([]);
  });

  test.each([
    ['task', { ttl: 1000 }],
    ['inputResponses', { answer: { action: 'accept' } }],
    ['requestState', 'state'],
    ['anything', null],
  ])(
    'L07 refuses a call with %s, which no proof covers, and keeps the proof',
    async (member, value) => {
      const presentation = metaText(await present(await createChain(), 'refund', REFUND));
      const args = JSON.stringify(REFUND);
      const more = `,${JSON.stringify(member)}:${JSON.stringify(value)}`;
      const reply = await one(callText('refund', args, presentation, more));
      expect(deniedCall(reply.result ?? {})).toMatchObject({
        code: 'argument_unexpected',
        argument: member,
      });
      expect(desk.executions).toEqual([]);
      expect(codeOf(await one(callText('refund', args, presentation)))).toBeUndefined();
    },
  );

  test('a method that the owner opens is answered without a presentation, and no other', async () => {
    const open = await serveHttp({ open: ['resources/read'] });
    try {
      const read = message(1, 'resources/read', { uri: 'desk://secret' });
      const { replies } = await post(read, {}, open.url);
      expect(replies).toMatchObject([{ result: { contents: [{ text: 'secret' }] } }]);
      const list = await post(message(1, 'resources/list', {}), {}, open.url);
      expect(list.replies).toMatchObject([{ error: { code: -32601 } }]);
      const call = await post(callText('refund', JSON.stringify(REFUND), '{}'), {}, open.url);
      expect(call.replies.map(codeOf)).toEqual(['presentation_missing']);
    } finally {
      await open.close();
    }
  });

  test.each([['__proto__'], ['constructor'], ['toString']])(
    'a tool named %s is refused like any that the token does not grant',
    async (tool) => {
      const presentation = metaText(await present(await createChain(), 'loose', {}));
      expect(codeOf(await one(callText(tool, '{}', presentation)))).toBe('tool_not_granted');
    },
  );
});

test('a refusal sends back neither long names nor anything but names and places', async () => {
  const chain = await createChain({
    tools: { refund: { order: { constraint_type: 'wildcard' } } },
  });
  const name = 'x'.repeat(100_000);
  const args = { order: 'A-1', [name]: 'private' };
  const aat_pop = signByHand(agent.privateKey, 'aat-pop+jwt', {
    jti: newId(),
    iat: now(),
    aat_id: chain.leaf.claims.jti,
    aat_hash: chain.leaf.hash,
    aat_aud: AUDIENCE,
    aat_tool: 'refund',
    hta: args,
  });
  const presentation = { aat_chain: chain.tokens.map((token) => token.compact), aat_pop };
  const reply = await one(callText('refund', JSON.stringify(args), metaText(presentation)));
  const text = JSON.stringify(reply);
  expect(codeOf(reply)).toBe('argument_unexpected');
  expect(text.length).toBeLessThan(2000);
  expect(text).not.toContain('private');
  const { _meta } = reply.result as { _meta: { [DENIAL_KEY]: object } };
  expect(Object.keys(_meta[DENIAL_KEY]).sort()).toEqual(['code', 'hint', 'hop', 'step', 'tool']);
});
