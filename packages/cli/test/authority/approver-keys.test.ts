import { createHolderClient } from '@taper/cli/holder-client';
import { createSigner, generateKeyPair } from '@taper/core';
import { expect, it } from 'vitest';
import { World } from './world.ts';

/** `enrolled`, or why it was not. */
async function enrol(
  world: World,
  agent: string,
  pair: ReturnType<typeof generateKeyPair>,
): Promise<string> {
  const { data } = await world.client().POST('/admin/tenants/{tenant}/enrolments', {
    params: { path: { tenant: 'acme' } },
    body: { agent },
  });
  const holder = createHolderClient(
    world.url,
    createSigner(pair.privateJwk),
    world.clock,
    (length) => crypto.getRandomValues(new Uint8Array(length)),
  );
  return holder.send({ path: '/agents', body: { enrolment: data?.token ?? '' } }).then(
    () => 'enrolled',
    (cause) => cause.options.field,
  );
}

it('the key of an approver is nobody else’s: no agent and no administrator gets it (P03, Q04)', async () => {
  const pair = generateKeyPair();
  const approvers = { finance: [{ name: 'ada', jwk: { ...pair.publicKey.jwk } }] };
  const world = await new World().start((config) => ({ ...config, approvers }));
  expect(await enrol(world, 'desk', pair)).toBe('key_in_use');
  expect(await enrol(world, 'desk', generateKeyPair())).toBe('enrolled');
  const added = await world.client().POST('/admin/administrators', {
    body: { name: 'bob', key: { ...pair.publicKey.jwk } },
  });
  expect(added.error?.code).toBe('key_in_use');
});

it('does not start with an approver whose key is an agent’s (P03)', async () => {
  const world = await new World().start();
  const [agents, other] = [generateKeyPair(), generateKeyPair()];
  expect(await enrol(world, 'desk', agents)).toBe('enrolled');
  await world.stop();
  const start = (pair: typeof agents) =>
    world.start((config) => ({
      ...config,
      approvers: { finance: [{ name: 'ada', jwk: { ...pair.publicKey.jwk } }] },
    }));
  await expect(start(agents)).rejects.toMatchObject({
    code: 'config_malformed',
    options: { field: 'approvers' },
  });
  await start(other);
  expect(world.node.url).toMatch(/^http/);
});
