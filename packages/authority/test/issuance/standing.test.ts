import { expect, it } from 'vitest';
import { createGrantReader, isSameStanding, readStanding } from '../../src/issuance/standing.ts';
import { openDesk } from './desk.ts';

it('grants of one number and another time are others, kept or read: a database that was set back gives a number again', async () => {
  const { store, request, clock } = await openDesk();
  const { grants } = await store.read((tx) => readStanding(tx, request(), clock.now()));
  if (grants === undefined) throw new Error('there are no grants');
  const read = createGrantReader(store);
  const other = { ...grants, appliedAt: grants.appliedAt + 1 };
  await expect(read(other)).rejects.toMatchObject({ refusal: 'unavailable' });
  expect((await read(grants)).grants).toHaveLength(1);
  await expect(read(other)).rejects.toMatchObject({ refusal: 'unavailable' });
});

it('a root is recorded under the grants, the agent and the end of the key that it rests on, and no others', async () => {
  const { store, request, clock } = await openDesk();
  const before = await store.read((tx) => readStanding(tx, request(), clock.now()));
  const { agent, key, grants } = before;
  if (grants === undefined) throw new Error('there are no grants');
  const same = { agent: { ...agent }, key: { ...key }, grants: { ...grants } };
  expect(isSameStanding(before, same)).toBe(true);
  for (const other of [
    { ...same, agent: { ...agent, id: 'another' } },
    { ...same, key: { ...key, endsAt: clock.now() + 60 } },
    { ...same, grants: { ...grants, version: 2 } },
    { ...same, grants: { ...grants, appliedAt: grants.appliedAt + 1 } },
    { ...same, grants: undefined },
  ])
    expect(isSameStanding(before, other)).toBe(false);
});
