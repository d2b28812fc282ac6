import { leafHash, verifyCheckpoint } from '@taper/core';
import { describe, expect, it } from 'vitest';
import { identifier, open, until } from './scene.ts';
import { newSigner, ORIGIN, ScriptedLog, START } from './scripted-log.ts';

describe('a server that lies', () => {
  it('[R14] by always having more, under a checkpoint that says nothing of it or that nobody signed, is asked once', async () => {
    const { server, follower, asOf } = await open({ options: { push: false } });
    const known = server.note;
    for (const checkpoint of [known, 'no note', known.replace(/\n1\n/, '\n100000\n')]) {
      server.requests.length = 0;
      server.tail = (from) => ({
        from,
        entries: server.requests.length > 50 ? [] : Array(10).fill('{"type":"nothing"}'),
        checkpoint,
        more: true,
      });
      await follower.poll();
      expect(server.requests).toHaveLength(1);
      expect(asOf()).toBe(START);
    }
  });

  it('[M04] by leaving an entry out is not believed: the root shows it, and the view grows old', async () => {
    const { log, server, follower, codes, verdict, asOf, tick } = await open();
    await log.revokeToken(identifier('leaf'));
    await tick();
    const honest = server.tail;
    server.tail = (from) => ({
      from,
      entries: log.entries.slice(from).filter((text) => !text.includes(identifier('leaf'))),
      checkpoint: server.note,
      more: false,
    });
    await follower.poll();
    expect(follower.status()).toMatchObject({ size: 1, asOf: START });
    // One entry less: the checkpoint covers more than has come.
    expect(verdict()).toBe('good');
    expect(asOf()).toBe(START);
    server.tail = (from) => ({
      from,
      entries: log.entries
        .slice(from)
        .map((text) => (text.includes(identifier('leaf')) ? '{"type":"nothing"}' : text)),
      checkpoint: server.note,
      more: false,
    });
    await follower.poll();
    expect(codes()).toContain('entries_mismatch');
    expect(asOf()).toBe(START);
    server.tail = honest;
    await follower.poll();
    expect(verdict()).toBe('revoked');
    expect(follower.status()).toMatchObject({ size: 3, epoch: 2, asOf: START + 1 });
  });

  it('by moving entries, or sending one twice, is not believed', async () => {
    const { log, server, follower, codes, asOf, tick } = await open();
    await log.revokeToken(identifier('other'));
    await tick();
    const [first = '', second = '', third = ''] = log.entries;
    for (const entries of [
      [third, second],
      [second, second],
      [first, second],
    ]) {
      server.tail = (from) => ({
        from,
        entries: from === 1 ? entries : entries.slice(from - 1),
        checkpoint: server.note,
        more: false,
      });
      await follower.poll();
      expect(asOf()).toBe(START);
    }
    expect(codes()).toContain('entries_mismatch');
    server.tail = undefined;
    await follower.poll();
    expect(asOf()).toBe(START + 1);
  });

  it('by pushing what is not in the log is found out, and what the log says is fetched', async () => {
    const { log, server, follower, codes, asOf, clock, verdict } = await open();
    log.time += 2;
    clock.time += 2;
    await log.revokeToken(identifier('leaf'));
    log.epoch();
    await server.publish();
    server.pushEntries(1, ['{"type":"nothing"}', '{"type":"nothing"}']);
    server.pushNote();
    await until(() => asOf() === START + 2 || verdict() === 'revoked');
    await until(() => follower.status().asOf === START + 2);
    expect(codes()).toEqual(['entries_mismatch']);
    expect(verdict()).toBe('revoked');
  });

  it('[M11] a revocation that the authority did not sign, or signed for another log (F13), revokes nothing', async () => {
    const { log, server, verdict, follower } = await open();
    const target = { kind: 'token', token: identifier('leaf'), root: identifier('root') } as const;
    const forged = [
      await log.revocation(target, { authority: newSigner() }),
      await log.revocation(target, { log: 'staging.example/revocation' }),
      (await log.revocation(target)).replace(/"signature":"..../, '"signature":"AAAA'),
      (await log.revocation({ ...target, token: identifier('x') })).replaceAll(
        identifier('x'),
        identifier('leaf'),
      ),
    ];
    server.pushEntries(1, forged);
    await log.revokeToken(identifier('marker'));
    server.pushEntries(5, [await log.revocation({ kind: 'key', key: identifier('marker') })]);
    await until(() => verdict({ keys: [identifier('marker')] }) === 'revoked');
    expect(verdict()).toBe('good');
    expect(follower.status().revoked).toBe(1);
  });

  it('[M06, N02] an older checkpoint changes nothing, and is told where it is none that was seen', async () => {
    const { log, server, follower, codes, asOf, tick, follow } = await open();
    const old = server.note;
    for (let each = 0; each < 3; each += 1) {
      await tick();
      await follower.poll();
    }
    server.pushNote(old);
    server.pushNote(await log.note({ size: 3 }));
    await tick(5);
    const never = await log.note({ size: 2, root: leafHash(new Uint8Array(1)) });
    server.tail = (from) => ({ from, entries: [], checkpoint: never, more: false });
    await follower.poll();
    expect(asOf()).toBe(START + 3);
    expect(codes()).toEqual(['checkpoint_rollback']);
    server.tail = undefined;
    // Whoever begins with the old one knows what it says, and no more.
    server.tail = (from) => ({
      from,
      entries: log.entries.slice(from, 1),
      checkpoint: old,
      more: false,
    });
    const fresh = await follow();
    await fresh.ready;
    expect(fresh.status()).toMatchObject({ size: 1, asOf: START });
  });

  it('[N01, F13] another root for the same size is refused and told with both checkpoints, which anybody can check', async () => {
    const { log, server, follower, problems, codes, asOf, tick } = await open();
    await tick();
    await follower.poll();
    const known = server.note;
    const other = await log.note({ size: 2, root: leafHash(new Uint8Array(2)) });
    server.tail = (from) => ({ from, entries: [], checkpoint: other, more: false });
    await follower.poll();
    expect(codes()).toEqual(['checkpoint_fork']);
    expect(problems[0]).toMatchObject({ log: ORIGIN, notes: [known, other] });
    for (const note of problems[0]?.notes ?? [])
      expect(verifyCheckpoint(note, log.trust()).ok).toBe(true);
    expect(asOf()).toBe(START + 1);
  });

  it('[M10, N03] that freezes makes the view old, and is told of', async () => {
    const { follower, codes, asOf, clock, server } = await open();
    server.tail = undefined;
    clock.time += 12;
    await follower.poll();
    expect(codes()).toEqual(['epoch_overdue']);
    expect(asOf()).toBe(START);
  });

  it.each<[string, (log: ScriptedLog) => Promise<string>, string]>([
    [
      'of another origin (N07)',
      (log) => log.note({ origin: 'other.example/log' }),
      'origin_mismatch',
    ],
    [
      'by another key',
      (log) => new ScriptedLog().note({ size: log.entries.length, root: log.frontier().root() }),
      'signature_missing',
    ],
    [
      'with a signature that does not fit',
      async (log) => (await log.note()).replace('\n2\n', '\n3\n'),
      'signature_invalid',
    ],
    ['that is no checkpoint', async () => 'hello', 'note_malformed'],
  ])('[M05] a checkpoint %s is not believed', async (_, lie, code) => {
    const { log, server, follower, codes, asOf, tick } = await open();
    await tick();
    const checkpoint = await lie(log);
    server.tail = (from) => ({ from, entries: log.entries.slice(from), checkpoint, more: false });
    await follower.poll();
    expect(codes()).toEqual([code]);
    expect(asOf()).toBe(START);
    server.tail = undefined;
    await follower.poll();
    expect(asOf()).toBe(START + 1);
  });

  it('[M05, N10] a checkpoint counts with the quorum of witnesses, and not with one less', async () => {
    const scene = await open({ log: new ScriptedLog({ witnesses: 3 }), quorum: 2 });
    const { log, server, follower, codes, asOf, tick } = scene;
    expect(asOf()).toBe(START);
    await tick();
    server.note = await log.note({ cosigners: 1 });
    await follower.poll();
    expect(codes()).toEqual(['quorum_unmet']);
    expect(asOf()).toBe(START);
    server.note = await log.note({ cosigners: 2 });
    await follower.poll();
    expect(asOf()).toBe(START + 1);
    await tick();
    server.note = await log.note({ cosigners: 2, time: START + 600 });
    await follower.poll();
    expect(codes()).toEqual(['quorum_unmet', 'cosignature_future']);
    expect(asOf()).toBe(START + 1);
  });

  it.each<[string, (log: ScriptedLog) => unknown, string]>([
    ['leaves out an epoch', (log) => log.epoch({ epoch: 3 }), 'epoch_not_consecutive'],
    ['repeats an epoch', (log) => log.epoch({ epoch: 1 }), 'epoch_not_consecutive'],
    ['goes back in time', (log) => log.epoch({ time: START - 1 }), 'epoch_time_falls'],
    [
      'covers other entries than those before it',
      (log) => log.epoch({ size: 0 }),
      'epoch_index_mismatch',
    ],
    [
      'has an epoch of another shape',
      (log) => log.entries.push('{"type":"epoch","version":2}'),
      'epoch_malformed',
    ],
    [
      'has a revocation of another version',
      (log) => log.entries.push('{"type":"revocation","version":2}'),
      'entry_malformed',
    ],
    [
      'has a revocation that is not canonical',
      async (log) =>
        log.entries.push(` ${await log.revocation({ kind: 'key', key: identifier('k') })}`),
      'entry_malformed',
    ],
    [
      'has a revocation that somebody else signed',
      async (log) =>
        log.entries.push(
          await log.revocation({ kind: 'key', key: identifier('k') }, { authority: newSigner() }),
        ),
      'entry_signature_invalid',
    ],
    [
      'has a revocation of another log',
      async (log) =>
        log.entries.push(
          await log.revocation({ kind: 'key', key: identifier('k') }, { log: 'x.example' }),
        ),
      'entry_log_mismatch',
    ],
    [
      'has a revocation from before',
      async (log) =>
        log.add(await log.revocation({ kind: 'key', key: identifier('k') }, { time: START - 5 })),
      'entry_time_falls',
    ],
  ])(
    'a log that %s is not fresh again, and what it revokes is revoked all the same',
    async (_, fault, code) => {
      const { log, server, follower, problems, codes, asOf, verdict, tick } = await open();
      await fault(log);
      await tick();
      await follower.poll();
      expect(codes()).toEqual([code]);
      expect(problems[0]).toMatchObject({ index: 1 });
      expect(follower.status().faulty).toBe(true);
      await log.revokeToken(identifier('leaf'));
      await tick();
      server.tail = undefined;
      await follower.poll();
      expect(verdict()).toBe('revoked');
      expect(verdict({ tokens: [] })).toBe('good');
      expect(follower.status()).toMatchObject({ epoch: 1, asOf: START });
      expect(asOf()).toBeNaN();
    },
  );

  it('an entry that breaks the rules and is in no checkpoint is a lie of who sent it, and does no harm', async () => {
    const { log, server, follower, codes, asOf, tick, clock } = await open();
    server.pushEntries(1, ['{"type":"epoch","version":9}']);
    log.time += 1;
    clock.time += 1;
    await tick(0);
    server.pushNote();
    await until(() => asOf() === START + 1);
    expect(codes()).toEqual(['entries_mismatch']);
    expect(follower.status().faulty).toBe(false);
  });

  it('an epoch from the future is no knowledge', async () => {
    const { log, server, follower, codes, asOf } = await open();
    log.time += 61;
    log.epoch();
    await server.publish();
    await follower.poll();
    expect(codes()).toEqual(['epoch_in_future']);
    expect(asOf()).toBe(START);
  });

  it('[M10] an epoch a little ahead of our clock is as old as our clock says', async () => {
    const { log, server, follower, codes, asOf, clock } = await open();
    log.time += 60;
    clock.time += 10;
    log.epoch();
    await server.publish();
    await follower.poll();
    expect(codes()).toEqual([]);
    expect(asOf()).toBe(START + 10);
  });
});
