import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HOME_FILES } from '@taper/cli/authority';
import { createHolderClient } from '@taper/cli/holder-client';
import { createSigner, generateKeyPair } from '@taper/core';
import { expect, it } from 'vitest';
import { World } from './world.ts';

it('a stranger’s proof is refused without a trace in the store, and an agent’s is used up (R09)', async () => {
  const world = await new World().start();
  const { data } = await world.client().POST('/admin/tenants/{tenant}/enrolments', {
    params: { path: { tenant: 'acme' } },
    body: { agent: 'desk' },
  });
  const clientOf = () =>
    createHolderClient(
      world.url,
      createSigner(generateKeyPair().privateJwk),
      world.clock,
      (length) => crypto.getRandomValues(new Uint8Array(length)),
    );
  const desk = clientOf();
  await desk.send({ path: '/agents', body: { enrolment: data?.token ?? '' } });
  const database = new DatabaseSync(join(world.folder, HOME_FILES.store), { readOnly: true });
  const used = () => database.prepare('SELECT count(*) AS count FROM used').get()?.['count'];
  const before = used();
  const body = { old_key: 'A'.repeat(43), consent: 'a.b.c', acceptance: 'a.b.c' };
  for (const request of [
    { path: '/identity', body: {} },
    { path: '/key', body },
  ])
    await expect(clientOf().send(request)).rejects.toMatchObject({
      options: { field: 'agent_unknown' },
    });
  expect(used()).toBe(before);
  await desk.send({ path: '/identity', body: {} });
  expect(used()).toBe((before as number) + 1);
  database.close();
});
