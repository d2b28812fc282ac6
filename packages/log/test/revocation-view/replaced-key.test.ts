import { join } from 'node:path';
import { type Signer, signAuthorityEntry, writeAuthorityEntryBody } from '@taper/core';
import { describe, expect, it } from 'vitest';
import {
  combineRevocationViews,
  createMemoryViewStore,
  createStapleView,
} from '../../src/index.ts';
import { openSqliteViewStore } from '../../src/sqlite/index.ts';
import { newFolder } from '../file/folder.ts';
import { identifier, open, query, type Scene } from './scene.ts';
import { newSigner, ORIGIN, type ScriptedLog, START } from './scripted-log.ts';

const OLD = identifier('old key');
let sequence = 0;

/** The text of an entry by which the authority says that a key was replaced. */
async function replaced(
  log: ScriptedLog,
  details: Record<string, string | number> = { old: OLD, old_until: START + 10 },
  { signer = log.authority, origin = ORIGIN }: { signer?: Signer; origin?: string } = {},
): Promise<string> {
  sequence += 1;
  const body = writeAuthorityEntryBody({
    time: log.time,
    event: 'agent.key_rotated',
    tenant: 'acme',
    by: { kind: 'agent', id: 'a' },
    subject: { spiffe_id: 'spiffe://example.org/acme/agent/a' },
    details: { key: identifier('new key'), ...details },
  });
  return signAuthorityEntry(body, { log: origin, sequence, signer });
}

/** What the view answers where the key calls at a time, and where it signed a token at a time. */
function answers({ follower }: Pick<Scene, 'follower'>, key = OLD) {
  const verdict = (acting: { key: string; at: number | undefined }[], now: number): string =>
    follower.check(query({ tokens: [], acting }), now).verdict;
  return {
    calling: (now: number) => verdict([{ key, at: undefined }], now),
    signedAt: (at: number, now = START + 500) => verdict([{ key, at }], now),
  };
}

describe('a key that the authority’s log says was replaced', () => {
  it('Q01 may call, and sign, until its time is over', async () => {
    const scene = await open({ options: { push: false } });
    const { calling, signedAt } = answers(scene);
    expect(calling(START + 500)).toBe('good');
    scene.log.add(await replaced(scene.log));
    await scene.tick();
    await scene.follower.poll();
    expect(scene.codes()).toEqual([]);
    expect(calling(START + 9)).toBe('good');
    expect(calling(START + 10)).toBe('rotated');
    expect(signedAt(START + 9)).toBe('good');
    expect(signedAt(START + 10)).toBe('rotated');
    expect(answers(scene, identifier('new key')).calling(START + 500)).toBe('good');
    expect(scene.follower.status().revoked).toBe(0);
  });

  it('is named by its place among those that act; what is revoked goes first', async () => {
    const scene = await open({ options: { push: false } });
    scene.log.add(await replaced(scene.log));
    await scene.log.revokeToken(identifier('leaf'));
    await scene.tick();
    await scene.follower.poll();
    const acting = [
      { key: identifier('other'), at: START },
      { key: OLD, at: undefined },
    ];
    const asked = query({ tokens: [], acting });
    expect(scene.follower.check(asked, START + 10)).toEqual({ verdict: 'rotated', index: 1 });
    expect(scene.follower.check(query({ acting }), START + 10).verdict).toBe('revoked');
  });

  it('applies as soon as it is pushed, and tells who watches', async () => {
    const scene = await open();
    const { calling } = answers(scene);
    let told = 0;
    scene.follower.onRevoked?.(() => {
      told += 1;
    });
    scene.log.add(await replaced(scene.log, { old: OLD, old_until: START }));
    scene.server.pushEntries(1);
    await scene.until(() => calling(START) === 'rotated');
    expect(told).toBe(1);
  });

  it.each(['memory', 'sqlite'] as const)('is remembered over a restart (%s)', async (kind) => {
    const path = join(newFolder(), 'view.db');
    const memory = createMemoryViewStore();
    const store = kind === 'memory' ? memory : openSqliteViewStore(path);
    const scene = await open({ options: { store, push: false } });
    scene.log.add(await replaced(scene.log));
    await scene.tick();
    await scene.follower.poll();
    await scene.follower.close();
    if ('close' in store) (store as { close(): void }).close();
    scene.server.tail = () => (response) => response.destroy();
    const again = kind === 'memory' ? memory : openSqliteViewStore(path);
    const follower = await scene.follow({ store: again });
    expect(answers({ follower }).calling(START + 10)).toBe('rotated');
    expect(answers({ follower }).calling(START + 9)).toBe('good');
    await follower.close();
    if ('close' in again) (again as { close(): void }).close();
  });

  it('keeps the earlier end where two entries name one', async () => {
    const scene = await open({ options: { push: false } });
    for (const old_until of [START + 10, START + 5, START + 20])
      scene.log.add(await replaced(scene.log, { old: OLD, old_until }));
    await scene.tick();
    await scene.follower.poll();
    expect(answers(scene).calling(START + 5)).toBe('rotated');
    expect(answers(scene).calling(START + 4)).toBe('good');
  });

  it.each<[string, (log: ScriptedLog) => Promise<string>, string]>([
    [
      'by another key than the authority’s',
      (log) => replaced(log, undefined, { signer: newSigner() }),
      'entry_signature_invalid',
    ],
    [
      'for another log',
      (log) => replaced(log, undefined, { origin: 'other.example/log' }),
      'entry_log_mismatch',
    ],
    ['with no old key', (log) => replaced(log, { old_until: START }), 'authority_entry_malformed'],
    [
      'with an old key that is no thumbprint',
      (log) => replaced(log, { old: 'old key', old_until: START }),
      'authority_entry_malformed',
    ],
    ['with no end', (log) => replaced(log, { old: OLD }), 'authority_entry_malformed'],
    [
      'with half an end',
      (log) => replaced(log, { old: OLD, old_until: START + 0.5 }),
      'authority_entry_malformed',
    ],
  ])('is none in an entry %s, and somebody is told', async (_, make, code) => {
    const scene = await open({ options: { push: false } });
    scene.log.add(await make(scene.log));
    await scene.tick();
    await scene.follower.poll();
    expect(scene.codes()).toContain(code);
    expect(answers(scene).calling(START + 500)).not.toBe('rotated');
  });

  it('may stand in an entry of the authority that nobody can read: the log is not fresh any more', async () => {
    const scene = await open({ options: { push: false } });
    scene.log.add('{"type":"authority","version":2}');
    await scene.tick();
    await scene.follower.poll();
    expect(scene.codes()).toContain('authority_entry_malformed');
    expect(scene.follower.status().faulty).toBe(true);
  });

  it('is one in every view that is made of this one', async () => {
    const scene = await open({ options: { push: false } });
    scene.log.add(await replaced(scene.log));
    await scene.tick();
    await scene.follower.poll();
    const asked = query({ tokens: [], acting: [{ key: OLD, at: undefined }] });
    const combined = combineRevocationViews([scene.follower]);
    expect(await combined.check(asked, START + 10)).toEqual({ verdict: 'rotated', index: 0 });
    const stapled = createStapleView({ trust: scene.log.trust(), online: scene.follower });
    expect(stapled.check(asked, START + 10)).toEqual({ verdict: 'rotated', index: 0 });
  });
});
