import type { JsonObject } from '@taper/core';
import { createHttpTileSource, createLogReader } from '@taper/log';
import { expect, it } from 'vitest';
import { World } from './world.ts';

/** The entries of the authority's log that say who revoked, once there are as many. */
async function authors(world: World, count: number): Promise<readonly JsonObject[]> {
  const source = createHttpTileSource({ url: `${world.url}/log` });
  for (const deadline = Date.now() + 20_000; ; ) {
    const note = new TextDecoder().decode((await source.read('checkpoint')) as Uint8Array);
    const [, size = '', root = ''] = note.split('\n');
    const head = { size: Number(size), root: new Uint8Array(Buffer.from(root, 'base64')) };
    const found: JsonObject[] = [];
    for await (const { entry } of createLogReader({ source, head: () => head }).entries(0)) {
      const value = JSON.parse(new TextDecoder().decode(entry));
      if (value.event === 'revocation.added') found.push(value);
    }
    if (found.length >= count || Date.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

it('names in the log which administrator revoked what, and why (S13)', async () => {
  const world = await new World().start();
  const ada = world.client(await world.administrator('ada', 'acme'));
  const before = world.clock();
  const { data: tenant } = await ada.POST('/admin/tenants/{tenant}/revocations', {
    params: { path: { tenant: 'acme' } },
    body: { issued_before: before, reason: 'superseded' },
  });
  const key = 'A'.repeat(43);
  const { data: direct, error } = await world.client().POST('/admin/revocations', {
    body: { target: { kind: 'key', key } },
  });
  expect(error).toBeUndefined();
  const [first, second, ...more] = await authors(world, 2);
  expect(more).toEqual([]);
  expect(first).toMatchObject({
    tenant: 'acme',
    by: { kind: 'administrator', id: 'ada' },
    subject: { kind: 'tenant', tenant: 'acme', issued_before: before },
    details: { index: tenant?.index, reason: 'superseded' },
  });
  expect(second).toMatchObject({
    by: { kind: 'administrator' },
    subject: { kind: 'key', key },
    details: { index: direct?.index, reason: 'unspecified' },
  });
  expect(second?.['tenant']).toBeUndefined();
  expect(second).not.toMatchObject({ by: { id: 'ada' } });
});
