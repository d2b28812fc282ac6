import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeHome } from '@taper/cli/authority';
import { startPostgres } from '@taper/testkit/postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Desk } from './desk.ts';
import { World } from './world.ts';

let postgres: Awaited<ReturnType<typeof startPostgres>>;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres.stop());

/** Two nodes of one authority, each with a folder of its own. */
async function startNodes(): Promise<[World, World]> {
  const [first, second] = [new World(), new World()];
  const issuer = 'https://authority.example';
  await makeHome(first.folder, { port: 0, issuer, database: await postgres.createDatabase() });
  cpSync(first.folder, second.folder, { recursive: true });
  const ports = await makeHome(join(second.folder, 'ports'), { port: 0 });
  const config = JSON.parse(second.read('taper.json'));
  config.listen = ports.listen;
  config.management_listen = ports.managementListen;
  writeFileSync(join(second.folder, 'taper.json'), JSON.stringify(config));
  await first.start();
  await second.start();
  return [first, second];
}

it('Z10: several nodes on one database take a new root key up one after the other, and none forks the trust anchors', async () => {
  const [first, second] = await startNodes();
  const desk = new Desk(first);
  const { result } = await desk.rotate('announce');
  await Promise.all([first.node.refresh(), second.node.refresh()]);

  // Before the second node has the key, it serves on, and signs with the one that is current.
  expect(second.node.root.thumbprint).not.toBe(result.key);
  cpSync(join(first.folder, 'keys'), join(second.folder, 'keys'), { recursive: true });
  const { keys } = JSON.parse(first.read('taper.json'));
  const path = join(second.folder, 'taper.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), keys }));
  await second.node.refresh();

  await desk.rotate('promote', '--early');
  await Promise.all([first.node.refresh(), second.node.refresh()]);
  expect([first, second].map(({ node }) => node.root.thumbprint)).toEqual([result.key, result.key]);
  const served = await Promise.all(
    [first, second].map(async ({ node }) => (await fetch(`${node.url}/anchors`)).text()),
  );
  expect(served[0]).toBe(served[1]);
  const { documents } = JSON.parse(served[0] as string);
  expect(documents.map(({ sequence }: { sequence: number }) => sequence)).toEqual([1, 2, 3]);
  for (const { node } of [first, second])
    expect((await fetch(`${node.managementUrl}/ready`)).status).toBe(200);
}, 60_000);
