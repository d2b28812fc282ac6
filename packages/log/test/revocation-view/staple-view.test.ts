import { platform, type RevokedEntry } from '@taper/core';
import { describe, expect, it } from 'vitest';
import { createStaple, createStapleView, type ViewQuery } from '../../src/index.ts';
import { identifier, open, query } from './scene.ts';
import { ORIGIN, ScriptedLog, START } from './scripted-log.ts';

const log = new ScriptedLog({ witnesses: 2 });
const trust = log.trust(1);
// Of an empty set, every staple is good for every chain.
for (let at = 0; at < 300; at += 1) {
  const name = `somebody else's ${at}`;
  log.set.add({ kind: 'key', key: identifier(name) });
  log.set.add({ kind: 'tenant', tenant: name, issuedBefore: START });
  log.set.add({
    kind: 'token',
    root: identifier(name),
    token: identifier(name),
    expiresAt: START + 9_000,
  });
}

/** An epoch of the log as it is now, and a staple for a query under it. */
async function stapleFor(
  subject: ViewQuery,
  { cosigners = 2, of = log, seconds = 1, revoked = [] as readonly RevokedEntry[] } = {},
): Promise<string> {
  of.time += seconds;
  for (const entry of revoked) of.set.add(entry);
  const record = of.epoch();
  const size = of.entries.length;
  const checkpoint = await of.note({ cosigners });
  const inclusion = of.inclusion(record.size, size);
  const { chains, tenant } = subject;
  const bytes = createStaple({ chains, tenant }, of.set, { record, checkpoint, inclusion });
  return platform.encodeBase64url(bytes);
}

const token = (name: string): RevokedEntry => ({
  kind: 'token',
  root: identifier('root'),
  token: identifier(name),
  expiresAt: START + 9_000,
});

describe('a view that learns from staples', () => {
  it('knows as of the epoch of the staple that nothing was revoked', async () => {
    const view = createStapleView({ trust });
    const asked = query({ tenant: 'acme' });
    const evidence = await stapleFor(asked);
    const asOf = log.time;
    expect(view.check({ ...asked, evidence }, asOf)).toEqual({ verdict: 'good', asOf });
    expect(view.check({ ...asked, evidence }, asOf + 500)).toEqual({ verdict: 'good', asOf });
  });

  it('knows what the staple shows to be revoked, token, key or tenant', async () => {
    const other = new ScriptedLog();
    const cases = [
      ['token', token('leaf'), 1],
      ['key', { kind: 'key', key: identifier('anchor') }, 0],
      ['tenant', { kind: 'tenant', tenant: 'acme', issuedBefore: START }, 0],
    ] as const;
    for (const [what, entry, index] of cases) {
      const of = new ScriptedLog({ origin: other.origin });
      const asked = query({ tenant: 'acme' });
      const evidence = await stapleFor(asked, { of, revoked: [entry] });
      const view = createStapleView({ trust: of.trust() });
      expect(view.check({ ...asked, evidence }, of.time)).toEqual({
        verdict: 'revoked',
        what,
        index,
      });
    }
  });

  it('M18 is not misled by what is revoked of others', async () => {
    const of = new ScriptedLog();
    const revoked = Array.from({ length: 200 }, (_, at): RevokedEntry => token(`other ${at}`));
    const asked = query();
    const evidence = await stapleFor(asked, { of, revoked });
    const view = createStapleView({ trust: of.trust() });
    expect(view.check({ ...asked, evidence }, of.time).verdict).toBe('good');
  });

  it.each<[string, (asked: ViewQuery) => Promise<string | undefined>]>([
    ['no staple', async () => undefined],
    ['an empty text', async () => ''],
    ['a text that is none', async () => 'no staple at all'],
    [
      'one for another chain',
      () => stapleFor(query({ tokens: [identifier('else')], keys: ['a', 'b'].map(identifier) })),
    ],
    ['one without the tenant', (asked) => stapleFor({ ...asked, tenant: undefined })],
    ['one with too few witnesses (M05)', (asked) => stapleFor(asked, { cosigners: 0 })],
    [
      'one of another log with the same name (F13)',
      (asked) => stapleFor(asked, { of: new ScriptedLog() }),
    ],
    [
      'one of a staging log (F13)',
      (asked) => stapleFor(asked, { of: new ScriptedLog({ origin: 'staging.example' }) }),
    ],
    ['half of one', async (asked) => (await stapleFor(asked)).slice(0, 200)],
    [
      'one with a bit turned',
      async (asked) => {
        const text = await stapleFor(asked);
        const at = text.length - 20;
        return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
      },
    ],
  ])('M04 knows nothing from %s', async (_, make) => {
    const view = createStapleView({ trust });
    const asked = query({ tenant: 'acme' });
    const evidence = await make(asked);
    expect(view.check({ ...asked, evidence }, log.time)).toEqual({ verdict: 'unproved' });
  });

  it('M06 is behind when the chain has seen a later epoch, and knows no other log', async () => {
    const view = createStapleView({ trust });
    const asked = query({ logs: [ORIGIN] });
    const evidence = await stapleFor(asked);
    const seen = (epoch: number): string =>
      view.check({ ...asked, evidence, epochs: new Map([[ORIGIN, epoch]]) }, log.time).verdict;
    expect(seen(log.epochs)).toBe('good');
    expect(seen(log.epochs + 1)).toBe('behind');
    const foreign = { ...asked, evidence, logs: [ORIGIN, 'other.example'] };
    expect(view.check(foreign, log.time).verdict).toBe('unknown_log');
  });

  it('does not take a verified staple of one chain for another chain, though it remembers it', async () => {
    const view = createStapleView({ trust, remembered: 2 });
    const asked = query();
    const evidence = await stapleFor(asked);
    for (let each = 0; each < 3; each += 1)
      expect(view.check({ ...asked, evidence }, log.time).verdict).toBe('good');
    const other = query({ tokens: ['another root', 'leaf'].map(identifier) });
    expect(view.check({ ...other, evidence }, log.time).verdict).toBe('unproved');
    expect(view.check({ ...asked, tenant: 'acme', evidence }, log.time).verdict).toBe('unproved');
    for (let each = 0; each < 3; each += 1) await stapleFor(asked);
    expect(view.check({ ...asked, evidence }, log.time).verdict).toBe('good');
  });

  it('M06 keeps revoked what one staple has shown, whatever older one comes after it', async () => {
    const of = new ScriptedLog();
    const asked = query();
    const before = await stapleFor(asked, { of });
    const after = await stapleFor(asked, { of, revoked: [token('leaf')] });
    const view = createStapleView({ trust: of.trust() });
    expect(view.check({ ...asked, evidence: before }, of.time).verdict).toBe('good');
    expect(view.check({ ...asked, evidence: after }, of.time).verdict).toBe('revoked');
    expect(view.check({ ...asked, evidence: before }, of.time).verdict).toBe('revoked');
    expect(view.check(asked, of.time).verdict).toBe('revoked');
  });

  it('is not made for another log than the view that it helps', async () => {
    const { follower } = await open({ log: new ScriptedLog({ origin: 'other.example' }) });
    for (const options of [{ trust, online: follower }, { trust, remembered: 0 }, { trust: {} }])
      expect(() => createStapleView(options as never)).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
  });
});

describe('a staple beside a view that is followed', () => {
  it('M03 never counts for more than what that view has seen revoked', async () => {
    const scene = await open({ options: { push: false } });
    const asked = query();
    const evidence = await stapleFor(asked, { of: scene.log, seconds: 0 });
    await scene.log.revokeToken(identifier('leaf'));
    await scene.tick();
    await scene.follower.poll();
    const view = createStapleView({ trust: scene.log.trust(), online: scene.follower });
    expect(view.check({ ...asked, evidence }, scene.clock.time).verdict).toBe('revoked');
  });

  it('N02 makes nothing fresh of a log that this view has found at fault, and shows what is revoked all the same', async () => {
    const scene = await open({ options: { push: false } });
    const view = createStapleView({ trust: scene.log.trust(), online: scene.follower });
    const asked = query();
    const before = await stapleFor(asked, { of: scene.log });
    const asOf = scene.log.time;
    expect(view.check({ ...asked, evidence: before }, asOf)).toEqual({ verdict: 'good', asOf });
    scene.log.entries.push('{"type":"epoch","version":2}');
    await scene.tick();
    await scene.follower.poll();
    expect(scene.follower.status().faulty).toBe(true);
    const known = scene.follower.status().asOf;
    const after = await stapleFor(asked, { of: scene.log });
    for (const evidence of [before, after])
      expect(view.check({ ...asked, evidence }, scene.log.time)).toEqual({
        verdict: 'good',
        asOf: known,
      });
    expect(known).toBeLessThan(asOf);
    const shows = await stapleFor(asked, { of: scene.log, revoked: [token('leaf')] });
    expect(view.check({ ...asked, evidence: shows }, scene.log.time).verdict).toBe('revoked');
  });

  it('counts where it is fresher, and is not asked for where it is not', async () => {
    const scene = await open({ options: { push: false } });
    const view = createStapleView({ trust: scene.log.trust(), online: scene.follower });
    const asked = query();
    expect(view.check(asked, START)).toEqual({ verdict: 'good', asOf: START });
    expect(view.check({ ...asked, evidence: 'nonsense' }, START)).toEqual({
      verdict: 'good',
      asOf: START,
    });
    const evidence = await stapleFor(asked, { of: scene.log, seconds: 30 });
    expect(view.check({ ...asked, evidence }, START + 30)).toEqual({
      verdict: 'good',
      asOf: START + 30,
    });
    await scene.tick(1);
    scene.clock.time = START + 31;
    await scene.follower.poll();
    expect(view.check({ ...asked, evidence }, START + 31)).toEqual({
      verdict: 'good',
      asOf: START + 31,
    });
  });
});
