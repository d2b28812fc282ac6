import type { AuthorityConfig } from '@taper/cli/authority';
import { generateKeyPair } from '@taper/core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonResult } from '../workspace.ts';
import { Desk } from './desk.ts';
import { World } from './world.ts';

const GRANT = `type: taper-grants
version: 1
grants:
  - name: refunds
    tenant: acme
    agents: [desk, thief]
    tools: {refund: {amount: {constraint_type: range, max: 100}}}
    audience: any
    max_depth: 0
    max_depth_reason: the desk refunds by itself
    lifetime: 3600
    ends: 2100-01-01T00:00:00Z
    approvals: [{group: finance, count: 2}]
`;

let world: World;
let desk: Desk;
let finance: { readonly name: string; readonly jwk: Record<string, string> }[];

const known = (config: AuthorityConfig): AuthorityConfig => ({ ...config, approvers: { finance } });

/** Ada and Bob are of finance; Eve is nobody. Each has NAME.jwk. */
beforeEach(async () => {
  world = new World();
  desk = new Desk(world);
  finance = ['ada', 'bob', 'eve']
    .map((name) => {
      const { privateJwk, publicKey } = generateKeyPair();
      desk.workspace.write(`${name}.jwk`, JSON.stringify(privateJwk), 0o600);
      return { name, jwk: { ...publicKey.jwk } };
    })
    .slice(0, 2);
  await world.start(known);
  await desk.enrol();
  desk.workspace.write('grants.yaml', GRANT);
  await desk.done('grant', 'apply', 'grants.yaml', '--dir', world.folder);
  desk.workspace.write('anchors.json', world.read('anchors.json'));
});

/** Asks for refunds of at most so much. */
function request(max: number, ...more: readonly string[]): Promise<JsonResult> {
  const tools = JSON.stringify({ refund: { amount: { constraint_type: 'range', max } } });
  const key = more.includes('--key') ? [] : ['--key', 'desk.jwk'];
  const asked = ['--tools', tools, '--authority', world.url, ...key];
  return desk.json('token', 'request', ...asked, ...more);
}

/** The id of what waits, as a person and a program find it in the refusal. */
async function ask(max: number): Promise<string> {
  const { error, result } = await request(max);
  expect(result).toBeUndefined();
  expect(error).toMatchObject(WAITS);
  const { pending, missing } = error.facts;
  expect(missing).toEqual([{ group: 'finance', count: 2 }]);
  expect(error.command).toContain(`${world.url}/approvals/${pending}`);
  return pending;
}

function approve(id: string, name: string, ...more: readonly string[]): Promise<JsonResult> {
  const url = `${world.url}/approvals/${id}`;
  const by = ['--key', `${name}.jwk`, '--anchors', 'anchors.json', '--yes'];
  return desk.json('approve', '--url', url, ...by, ...more);
}

async function post(id: string, approval: string): Promise<{ status: number; code?: string }> {
  const response = await fetch(`${world.url}/approvals/${id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/jose' },
    body: approval,
  });
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, ...(code === undefined ? {} : { code }) };
}

const WAITS = { code: 'server_refused', field: 'approval_required' };
const GONE = { code: 'server_refused', field: 'pending_unknown' };

describe('a root that needs approvals, with the commands alone', () => {
  it('is issued to who asks again once as many have approved as the grant says, and no earlier', async () => {
    const id = await ask(50);
    expect((await request(50, '--pending', id)).error).toMatchObject(WAITS);
    expect((await approve(id, 'ada')).result).toMatchObject({
      sent: true,
      tool: 'taper:root/issue',
    });
    expect((await request(50, '--pending', id)).error).toMatchObject(WAITS);
    expect((await approve(id, 'bob')).error).toBeUndefined();
    const { result, error } = await request(50, '--pending', id, '--out', 'chain.json');
    expect(error).toBeUndefined();
    expect(result).toEqual({ out: 'chain.json' });
    const args = ['--tool', 'refund', '--args', '{"amount":50}'];
    const own = ['--anchors', 'anchors.json', ...args];
    await desk.done('prove', 'chain.json', '--key', 'desk.jwk', '--out', 'call.json', ...own);
    const verdict = await desk.json('verify', 'call.json', '--tenant', 'acme', ...own);
    expect(verdict.result.verdict).toBe('permit');
  });

  it('is issued once for one question', async () => {
    const id = await ask(50);
    for (const name of ['ada', 'bob']) await approve(id, name);
    expect((await request(50, '--pending', id)).error).toBeUndefined();
    expect((await request(50, '--pending', id)).error).toMatchObject(GONE);
    expect((await approve(id, 'ada')).error?.code).toBe('server_refused');
    expect(await ask(50)).not.toBe(id);
  });

  it('is not issued for more than was approved', async () => {
    const id = await ask(50);
    for (const name of ['ada', 'bob']) await approve(id, name);
    const more = await request(60, '--pending', id);
    expect(more.error).toMatchObject({ code: 'server_refused', field: 'approval_refused' });
    expect((await request(50, '--pending', id)).error).toBeUndefined();
  });

  it('counts each approver once, however often they approve', async () => {
    const id = await ask(50);
    const { result } = await approve(id, 'ada', '--out', 'approval.jws');
    expect(result).toMatchObject({ sent: true });
    await post(id, desk.workspace.read('approval.jws').trim());
    await approve(id, 'ada');
    expect((await request(50, '--pending', id)).error).toMatchObject(WAITS);
  });

  it('takes no approval of who is no approver, nor of the agent itself', async () => {
    const id = await ask(50);
    expect((await approve(id, 'ada')).error).toBeUndefined();
    expect((await approve(id, 'eve')).error).toMatchObject({ code: 'server_refused' });
    expect((await approve(id, 'desk')).error).toMatchObject({ code: 'refused' });
    expect((await request(50, '--pending', id)).error).toMatchObject(WAITS);
    expect((await approve(id, 'bob')).error).toBeUndefined();
    expect((await request(50, '--pending', id)).error).toBeUndefined();
  });

  it('takes no approval of one question for another', async () => {
    const [small, large] = [await ask(10), await ask(100)];
    await approve(small, 'ada', '--out', 'approval.jws');
    expect(await post(large, desk.workspace.read('approval.jws').trim())).toEqual({
      status: 403,
      code: 'approval_refused',
    });
    expect((await approve(large, 'bob')).error).toBeUndefined();
    expect((await request(100, '--pending', large)).error).toMatchObject(WAITS);
  });

  it('waits through a restart, with the approvals that are there', async () => {
    const id = await ask(50);
    await approve(id, 'ada');
    await world.stop();
    await world.start(known);
    await approve(id, 'bob');
    expect((await request(50, '--pending', id)).error).toBeUndefined();
  });

  it('is not issued to another agent that has the id', async () => {
    const id = await ask(50);
    for (const name of ['ada', 'bob']) await approve(id, name);
    const dir = ['--dir', world.folder];
    await desk.done('agent', 'enrol', 'thief', '--tenant', 'acme', '--key', 'thief.jwk', ...dir);
    const stolen = await request(50, '--pending', id, '--key', 'thief.jwk');
    expect(stolen.error).toMatchObject(GONE);
    expect((await request(50, '--pending', id)).error).toBeUndefined();
  });

  it('has an address for every id that there can be: the desk itself answers', async () => {
    for (const each of ['A', 'z', '0', '9', '-', '_']) {
      const response = await fetch(`${world.url}/approvals/${each.repeat(22)}`);
      const { code } = (await response.json()) as { code: string };
      expect([each, code]).toEqual([each, 'pending_unknown']);
    }
    const response = await fetch(`${world.url}/approvals/${'.'.repeat(22)}`);
    expect(((await response.json()) as { code: string }).code).toBe('not_found');
  });
});
