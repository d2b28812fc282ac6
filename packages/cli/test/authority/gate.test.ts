import { ENDPOINTS } from '@taper/authority/http';
import { createHolderClient } from '@taper/cli/holder-client';
import { createSigner, derive, generateKeyPair, issue, uuidV7 } from '@taper/core';
import {
  createTaperFetch,
  decodePresentation,
  encodePresentation,
  PRESENTATION_HEADER,
} from '@taper/http';
import { beforeEach, describe, expect, it } from 'vitest';
import { World } from './world.ts';

const ADMINISTRATIVE = ENDPOINTS.filter(({ access }) => access.kind === 'administrator');

/** A path with something in the place of each parameter. */
function pathOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, 'x');
}

let world: World;

beforeEach(async () => {
  world = await new World().start();
});

/** The headers of a call of the first administrator, signed for exactly these arguments. */
async function headersFor(
  tool: string,
  args: Record<string, string>,
  credential = world.first,
): Promise<Record<string, string>> {
  const taper = createTaperFetch({
    ...credential,
    origin: world.url,
    audience: `${world.url}/admin`,
    clock: { now: world.clock },
  });
  return { ...(await taper.headersFor(tool, args)) };
}

// biome-ignore lint/suspicious/noExplicitAny: what is forged has any shape
function presentationIn(headers: Record<string, string>): any {
  return structuredClone(decodePresentation(headers[PRESENTATION_HEADER] as string));
}

async function codeOf(response: Response): Promise<[number, string]> {
  const { code } = (await response.json()) as { code: string };
  return [response.status, code];
}

const LIST = '/admin/administrators';
const LIST_TOOL = 'taper:admin/administrator.list';

describe('the gate of the administration', () => {
  it('admits whoever presents a chain for the tool with a proof for this very call', async () => {
    const headers = await headersFor(LIST_TOOL, {});
    const response = await fetch(world.url + LIST, { headers });
    expect(response.status).toBe(200);
    expect(((await response.json()) as { administrators: unknown[] }).administrators).toHaveLength(
      1,
    );
  });

  it('asks every administrative endpoint for a presentation, and has a tool of its own for each', async () => {
    expect(ADMINISTRATIVE.length).toBeGreaterThan(15);
    const tools = ADMINISTRATIVE.map(({ access }) => 'tool' in access && access.tool);
    expect(new Set(tools).size).toBe(tools.length);
    for (const { method, path, access } of ADMINISTRATIVE) {
      expect('tool' in access && access.tool).toMatch(/^taper:admin\/[a-z]+\.[a-z]+$/);
      expect(path).toMatch(/^\/admin\//);
      const response = await fetch(world.url + pathOf(path), {
        method,
        ...(method === 'GET' || method === 'DELETE'
          ? {}
          : { body: '{}', headers: { 'content-type': 'application/json' } }),
      });
      expect([path, ...(await codeOf(response))]).toEqual([path, 401, 'presentation_missing']);
    }
  });

  it('knows no administrative path that is not in the table', async () => {
    for (const path of ['/admin', '/admin/', '/admin/secrets', '/admin//administrators'])
      expect((await fetch(world.url + path)).status).toBeGreaterThanOrEqual(400);
  });

  it('refuses a proof that was used', async () => {
    const headers = await headersFor(LIST_TOOL, {});
    expect((await fetch(world.url + LIST, { headers })).status).toBe(200);
    expect(await codeOf(await fetch(world.url + LIST, { headers }))).toEqual([
      401,
      'proof_replayed',
    ]);
  });

  it('remembers used proofs over a restart', async () => {
    const headers = await headersFor(LIST_TOOL, {});
    expect((await fetch(world.url + LIST, { headers })).status).toBe(200);
    await world.stop();
    await world.start();
    expect(await codeOf(await fetch(world.url + LIST, { headers }))).toEqual([
      401,
      'proof_replayed',
    ]);
  });

  it('refuses a proof for another call', async () => {
    const headers = await headersFor('taper:admin/agent.list', { tenant: 'acme' });
    expect(await codeOf(await fetch(world.url + LIST, { headers }))).toEqual([
      401,
      'proof_tool_mismatch',
    ]);
  });

  it('refuses a proof whose arguments are others than those of the request', async () => {
    const headers = await headersFor('taper:admin/agent.list', { tenant: 'acme' });
    const response = await fetch(`${world.url}/admin/tenants/other/agents`, { headers });
    expect((await codeOf(response))[0]).toBeGreaterThanOrEqual(400);
  });

  it('refuses a chain that is signed by nobody', async () => {
    const headers = await headersFor(LIST_TOOL, {});
    const presentation = presentationIn(headers);
    const none = Buffer.from('{"alg":"none","typ":"aat+jwt"}').toString('base64url');
    for (const member of ['aat_chain', 'aat_pop'] as const) {
      const forged = structuredClone(presentation);
      const unsign = (token: string): string => `${none}.${token.split('.')[1]}.`;
      forged[member] =
        member === 'aat_chain' ? forged.aat_chain.map(unsign) : unsign(forged.aat_pop);
      const header = encodePresentation(forged);
      const response = await fetch(world.url + LIST, {
        headers: { [PRESENTATION_HEADER]: header },
      });
      expect((await codeOf(response))[0]).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
    }
  });

  it('refuses a chain of another issuer, and one under another key', async () => {
    const { privateJwk, publicKey } = generateKeyPair();
    const signer = createSigner(privateJwk);
    const now = world.clock();
    for (const issuer of [world.url, 'https://elsewhere.example']) {
      const chain = await issue({
        issuer,
        signer,
        holder: publicKey,
        tools: { [LIST_TOOL]: {} },
        audience: `${world.url}/admin`,
        now,
        id: uuidV7(now * 1000, crypto.getRandomValues(new Uint8Array(10))),
        lifetime: 60,
        maxDepth: 0,
      });
      const headers = await headersFor(LIST_TOOL, {}, { signer, chain });
      expect((await codeOf(await fetch(world.url + LIST, { headers })))[0]).toBe(401);
    }
  });

  it('gives an administrator of one tenant nothing of another, and nothing that is for all', async () => {
    const ada = await world.administrator('ada', 'acme');
    const client = world.client(ada);
    const own = await client.GET('/admin/tenants/{tenant}/agents', {
      params: { path: { tenant: 'acme' } },
    });
    expect(own.response.status).toBe(200);
    // Signed by hand: the client would not make it.
    const tools = [...ada.chain.leaf.claims.capabilities.keys()];
    expect(tools).not.toContain('taper:admin/grant.apply');
    expect(tools).not.toContain('taper:admin/revocation.add');
    expect(tools).not.toContain(LIST_TOOL);
    await expect(
      client.GET('/admin/tenants/{tenant}/agents', { params: { path: { tenant: 'other' } } }),
    ).rejects.toMatchObject({ code: 'refused' });
    // The client makes no such proof, so it is made by hand.
    const headers = await headersFor('taper:admin/agent.list', { tenant: 'acme' }, ada);
    const presentation = presentationIn(headers);
    const [head, payload] = presentation.aat_pop.split('.');
    const text = Buffer.from(payload, 'base64url').toString().replace('"acme"', '"other"');
    const input = `${head}.${Buffer.from(text).toString('base64url')}`;
    const signature = await ada.signer.sign(Buffer.from(input));
    presentation.aat_pop = `${input}.${Buffer.from(signature).toString('base64url')}`;
    const response = await fetch(`${world.url}/admin/tenants/other/agents`, {
      headers: { [PRESENTATION_HEADER]: encodePresentation(presentation) },
    });
    expect(await codeOf(response)).toEqual([403, 'argument_refused']);
  });

  it('does not admit who was removed, with the old chain or a new proof', async () => {
    const ada = await world.administrator('ada');
    expect((await world.client(ada).GET('/admin/administrators')).response.status).toBe(200);
    const removed = await world.client().DELETE('/admin/administrators/{name}', {
      params: { path: { name: 'ada' } },
    });
    expect(removed.response.status).toBe(200);
    const { response, error } = await world.client(ada).GET('/admin/administrators');
    expect([response.status, error?.code]).toEqual([401, 'revoked']);
    // Nor is anything of a document read for them: what is wrong with the query is not seen.
    const document = { document: 'x'.repeat(43), expected: '0' };
    const put = await fetch(`${world.url}/admin/grants?more=1`, {
      method: 'PUT',
      headers: {
        ...(await headersFor('taper:admin/grant.apply', document, ada)),
        'content-type': 'application/json',
      },
      body: '{}',
    });
    expect(await codeOf(put)).toEqual([401, 'proof_arguments_mismatch']);
    await world.stop();
    await world.start();
    expect((await world.client(ada).GET('/admin/administrators')).error?.code).toBe('revoked');
  });

  it('does not admit who was removed, nor whom they handed on to, before the revocation is in the log', async () => {
    const ada = await world.administrator('ada');
    const { privateJwk, publicKey } = generateKeyPair();
    const chain = await derive(ada.chain, {
      signer: ada.signer,
      holder: publicKey,
      tools: { [LIST_TOOL]: {} },
      now: world.clock(),
      id: 'handed-on',
    });
    const helper = { signer: createSigner(privateJwk), chain };
    const codes = async (): Promise<unknown[]> => {
      const answers = [ada, helper].map((who) => world.client(who).GET('/admin/administrators'));
      return (await Promise.all(answers)).map(({ error }) => error?.code);
    };
    expect(await codes()).toEqual([undefined, undefined]);
    const { administrators } = world.node.authority;
    await administrators.remove('ada', { kind: 'administrator', id: 'first' });
    expect(await codes()).toEqual(['administrator_unknown', 'administrator_unknown']);
  });

  it('keeps the last administrator of all tenants', async () => {
    await world.administrator('ada', 'acme');
    const { response, error } = await world.client().DELETE('/admin/administrators/{name}', {
      params: { path: { name: 'first' } },
    });
    expect([response.status, error?.code]).toEqual([409, 'administrator_last']);
  });

  it('gives an agent nothing, whatever its root says', async () => {
    const client = world.client();
    const { data } = await client.POST('/admin/tenants/{tenant}/enrolments', {
      params: { path: { tenant: 'acme' } },
      body: { agent: 'desk' },
    });
    const { privateJwk } = generateKeyPair();
    const signer = createSigner(privateJwk);
    const holder = createHolderClient(world.url, signer, world.clock, (length) =>
      crypto.getRandomValues(new Uint8Array(length)),
    );
    await holder.send({ path: '/agents', body: { enrolment: data?.token as string } });
    const document = JSON.stringify({
      type: 'taper-grants',
      version: 1,
      grants: [
        {
          name: 'all',
          tenant: 'acme',
          agents: ['desk'],
          tools: { [LIST_TOOL]: {} },
          audience: 'any',
          max_depth: 0,
          max_depth_reason: 'none',
          lifetime: 600,
          ends: '2099-01-01T00:00:00Z',
        },
      ],
    });
    const applied = await client.PUT('/admin/grants', {
      params: { query: { expected: '0' } },
      body: JSON.parse(document) as never,
    });
    expect([applied.response.status, applied.error?.code]).toEqual([400, 'grant_malformed']);
  });

  it('asks no browser to send anything along: no origin may read, a simple form changes nothing', async () => {
    for (const path of [LIST, '/oauth/token', '/agents']) {
      const preflight = await fetch(world.url + path, {
        method: 'OPTIONS',
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      });
      expect(preflight.status).toBeGreaterThanOrEqual(400);
      expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
      const form = await fetch(world.url + path, {
        method: 'POST',
        headers: { origin: 'https://evil.example', 'content-type': 'text/plain' },
        body: '{}',
      });
      expect(form.status).toBeGreaterThanOrEqual(400);
      expect(form.headers.get('access-control-allow-origin')).toBeNull();
      expect(form.headers.get('set-cookie')).toBeNull();
    }
  });

  it('reads a body once and whole: no member twice, none too many, none too long', async () => {
    const args = { name: 'ada' };
    const key = JSON.stringify(generateKeyPair().publicKey.jwk);
    const tool = 'taper:admin/administrator.add';
    const send = async (body: string): Promise<[number, string]> =>
      codeOf(
        await fetch(world.url + LIST, {
          method: 'POST',
          headers: { ...(await headersFor(tool, args)), 'content-type': 'application/json' },
          body,
        }),
      );
    expect((await send(`{"name":"ada","name":"eve","key":${key}}`))[1]).toBe('request_malformed');
    expect((await send(`{"name":"ada","key":${key},"root":true}`))[1]).toBe(
      'request_input_undeclared',
    );
    expect((await send(`{"name":"ada","key":"${'x'.repeat(70_000)}"}`))[1]).toBe(
      'request_too_large',
    );
  });

  it('takes a document only under a proof that names its hash', async () => {
    const client = world.client();
    const grants = { type: 'taper-grants', version: 1, grants: [] };
    const put = (
      headers: Record<string, string>,
      body: string,
      query = 'expected=0',
    ): Promise<Response> =>
      fetch(`${world.url}/admin/grants?${query}`, {
        method: 'PUT',
        headers: { ...headers, 'content-type': 'application/json' },
        body,
      });
    const other = await headersFor('taper:admin/grant.apply', {
      document: 'x'.repeat(43),
      expected: '0',
    });
    expect((await codeOf(await put(other, JSON.stringify(grants))))[1]).toBe(
      'proof_arguments_mismatch',
    );
    expect((await codeOf(await put({}, '{}')))[1]).toBe('presentation_missing');
    for (const query of ['expected=0&expected=0', 'expected=0&document=x', 'expected=0&more=1'])
      expect((await codeOf(await put(other, JSON.stringify(grants), query)))[1]).toBe(
        'request_malformed',
      );
    const { response } = await client.GET('/admin/grants');
    expect(response.status).toBe(200);
  });
});

describe('the listeners of the authority', () => {
  it('count requests by the address of the peer, whatever a header says', async () => {
    await world.stop();
    await world.start((config) => ({ ...config, requestsPerSecond: 1 }));
    const codes: number[] = [];
    for (let index = 0; index < 12; index++) {
      const response = await fetch(`${world.url}/jwks`, {
        headers: { 'x-forwarded-for': `192.0.2.${index}` },
      });
      codes.push(response.status);
      await response.body?.cancel();
    }
    expect(codes.filter((code) => code === 200)).toHaveLength(10);
    expect(codes.slice(10)).toEqual([429, 429]);
  });

  it('shows health, readiness and metrics to the operator alone', async () => {
    const { managementUrl } = world.node;
    for (const path of ['/health', '/ready', '/metrics'])
      expect((await fetch(managementUrl + path)).status).toBe(200);
    for (const path of ['/health', '/ready', '/metrics'])
      expect((await fetch(world.url + path)).status).toBe(404);
    expect(await (await fetch(`${managementUrl}/metrics`)).text()).toContain(
      'taper_authority_requests_total',
    );
  });

  it('writes no secret to the log of the node', async () => {
    await world.stop();
    await world.start((config) => ({ ...config, logLevel: 'debug' }));
    const { data } = await world.client().POST('/admin/tenants/{tenant}/enrolments', {
      params: { path: { tenant: 'acme' } },
      body: { agent: 'desk' },
    });
    const token = data?.token as string;
    await fetch(`${world.url}/agents`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', dpop: `e30.e30.${token}` },
      body: JSON.stringify({ enrolment: token }),
    });
    const text = world.lines.join('');
    expect(text).toContain('"endpoint":"enrolAgent"');
    expect(text).not.toContain(token);
    expect(text).not.toContain(world.read('passphrase').trim());
    expect(text).not.toContain('aat_chain');
  });
});
