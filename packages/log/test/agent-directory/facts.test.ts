import {
  canonicalize,
  createSigner,
  generateKeyPair,
  signDirectoryStatement,
  verifyDirectoryStatement,
} from '@taper/core';
import { expect, test } from 'vitest';
import { createAgentRegister, type RegisterFact } from '../../src/agent-directory/register.ts';

import { readSavedRegister, saveRegister } from '../../src/agent-directory/saved-register.ts';
import { createMemoryRevocationStateStore } from '../../src/index.ts';

const key = (name: string): string => name.padEnd(43, 'A');
const id = (name: string): string => `spiffe://example.org/acme/agent/${name}`;

/** Both orders, as entries before and after a snapshot may come. */
function bothWays(one: RegisterFact, other: RegisterFact) {
  return [
    [one, other],
    [other, one],
  ].map((facts) => {
    const register = createAgentRegister();
    for (const fact of facts) expect(register.restore([...fact])).toBe(true);
    return register;
  });
}

test('N02 of two facts about one key the later entry counts, whichever comes first', () => {
  for (const register of bothWays(['key', key('k'), id('a'), 3], ['key', key('k'), id('b'), 7])) {
    register.restore(['agent', id('a'), 'acme', 'active', 1]);
    register.restore(['agent', id('b'), 'acme', 'suspended', 2]);
    expect(register.agentOfKey(key('k'))?.id).toBe(id('b'));
  }
});

test('M12 of two facts about one agent or peer the later entry counts, whichever comes first', () => {
  for (const register of bothWays(
    ['agent', id('a'), 'acme', 'suspended', 9],
    ['agent', id('a'), 'acme', 'active', 8],
  ))
    expect(register.agent(id('a'))?.state).toBe('suspended');
  for (const register of bothWays(
    ['peer', 'acme', id('a'), 'block', 9],
    ['peer', 'acme', id('a'), 'none', 8],
  ))
    expect(register.rule('acme', id('a'))).toBe('block');
});

test('Q01 of two facts about one replaced key the earlier end counts, whichever comes first or was said last', () => {
  for (const [first, second] of [
    [5, 6],
    [6, 5],
  ] as const)
    for (const register of bothWays(
      ['replaced', key('k'), 100, first],
      ['replaced', key('k'), 200, second],
    ))
      expect(register.replacedFrom(key('k'))).toBe(100);
});

test('Z05 a statement of a directory counts in the version and for the log that it names', async () => {
  const signer = createSigner(generateKeyPair().privateJwk);
  const said = { log: 'a.example/log', size: 9, members: 2, hash: key('h') };
  const text = await signDirectoryStatement(said, signer);
  const trust = { log: said.log, authority: [signer.publicKey] };
  expect(verifyDirectoryStatement(text, trust)).toEqual(said);
  expect(verifyDirectoryStatement(text, { ...trust, log: 'b.example/log' })).toBeUndefined();
  const resigned = async (changes: object): Promise<string> => {
    const { signature: _, ...signed } = { ...JSON.parse(text), ...changes };
    const input = Buffer.from(`taper-agent-directory-v1:${canonicalize(signed)}`);
    const signature = Buffer.from(await signer.sign(input)).toString('base64url');
    return canonicalize({ ...signed, signature });
  };
  expect(verifyDirectoryStatement(await resigned({}), trust)).toEqual(said);
  for (const changes of [
    { version: 2 },
    { version: '1' },
    { type: 'agents' },
    { size: -1 },
    { more: 1 },
  ])
    expect(verifyDirectoryStatement(await resigned(changes), trust)).toBeUndefined();
});

test('N02 N13 a saved register serves the log that it is of, as far as that has come, and only whole', async () => {
  const register = createAgentRegister();
  register.restore(['agent', id('a'), 'acme', 'suspended', 9]);
  const store = createMemoryRevocationStateStore();
  await saveRegister(store, 'a.example/log', 12, register);
  const read = async (log: string, end: number, from = store) => {
    const found = await readSavedRegister(from, log, end, () => undefined);
    return [found?.size, found?.register.agents ?? 0];
  };
  expect(await read('a.example/log', 12)).toEqual([12, 1]);
  expect(await read('a.example/log', 11)).toEqual([undefined, 0]);
  expect(await read('b.example/log', 12)).toEqual([undefined, 0]);
  const lines: string[] = [];
  for await (const line of (await store.load()) ?? []) lines.push(line);
  for (const part of [lines.slice(0, -1), lines.slice(0, -2), [...lines, lines[1] as string]]) {
    const damaged = createMemoryRevocationStateStore();
    await damaged.save(part);
    expect(await read('a.example/log', 12, damaged)).toEqual([undefined, 0]);
  }
});
