import { createVerifier, parseNote, readRevocationLogEntry } from '@taper/core';
import {
  createMemoryCheckpointStore,
  createMemoryTileStore,
  openLog,
  openRevocationAuthority,
  type RevocationAuthority,
  type TileStore,
} from '@taper/log';
import { CAST, takeApart, testKey, tokenHash } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import {
  ALICE,
  ANCHOR,
  ANCHORS,
  AUTHORITY,
  ask,
  BOB,
  CAROL,
  CHAIN,
  chainNumber,
  chainOf,
  DAVE,
  keyOf,
  LOG_KEY,
  leafOf,
  NOW,
  ORIGIN,
  openDesk,
} from './desk.ts';

describe('a request that checks', () => {
  test('is answered with its entry, which is durable in the log', async () => {
    const desk = await openDesk();
    const answer = await desk.authority.request(await ask(CAROL));
    expect(answer).toMatchObject({ ok: true, index: 0, added: true, direct: true });
    expect(desk.log.size).toBe(1);
    expect(await desk.entries()).toEqual([answer.ok && answer.entry]);
  });

  test('N17: a second one for the same target gives the first’s entry and adds nothing', async () => {
    const desk = await openDesk();
    const first = await desk.authority.request(await ask(CAROL));
    await desk.authority.publishEpoch();
    for (const by of [CAROL, BOB, ALICE, ANCHOR, AUTHORITY])
      expect(await desk.authority.request(await ask(by))).toEqual({ ...first, added: false });
    expect(desk.log.size).toBe(2);
  });

  test('N17: many at the same time for one target add one entry', async () => {
    const desk = await openDesk();
    const compacts = await Promise.all(
      Array.from({ length: 40 }, (_, at) => ask([CAROL, BOB, ALICE][at % 3] as typeof BOB)),
    );
    const answers = await Promise.all(compacts.map((compact) => desk.authority.request(compact)));
    expect(answers.every((answer) => answer.ok && answer.index === 0)).toBe(true);
    expect(answers.filter((answer) => answer.ok && answer.added)).toHaveLength(1);
    expect(desk.log.size).toBe(1);
  });

  test('M14: the answer tells what was revoked itself from what lies below it', async () => {
    const desk = await openDesk();
    await desk.authority.request(await ask(ALICE, CHAIN.slice(0, 2)));
    const below = await desk.authority.request(await ask(CAROL));
    expect(below).toMatchObject({ ok: true, index: 0, added: false, direct: false });
    const same = await desk.authority.request(await ask(BOB, CHAIN.slice(0, 2)));
    expect(same).toMatchObject({ ok: true, index: 0, added: false, direct: true });
  });

  test('M09: a child made after its parent was revoked is revoked with it, whatever time it bears', async () => {
    const desk = await openDesk();
    await desk.authority.request(await ask(ALICE, CHAIN.slice(0, 2)));
    const child = chainOf({}, {}, { claims: { jti: 'late', iat: NOW - 299 }, holder: DAVE });
    expect(leafOf(child).token).not.toBe(leafOf(CHAIN).token);
    expect(await desk.authority.request(await ask(DAVE, child))).toMatchObject({
      ok: true,
      index: 0,
      added: false,
      direct: false,
    });
  });

  test('M09: a child made while its parent is being revoked is covered too, entry or not', async () => {
    const desk = await openDesk();
    const [parent, child] = await Promise.all([
      desk.authority.request(await ask(ALICE, CHAIN.slice(0, 2))),
      desk.authority.request(await ask(CAROL)),
    ]);
    expect(parent).toMatchObject({ ok: true });
    expect(child).toMatchObject({ ok: true });
    const { state } = desk.authority;
    const verdict = createVerifier({ anchors: ANCHORS }).verifyChain(CHAIN, NOW);
    if (verdict.verdict !== 'verified') throw new Error('not verified');
    expect(state.findOnChain(verdict.chain, NOW)).toBeDefined();
  });

  test('M16: a key is revoked whole; what it signed with an earlier time is revoked too', async () => {
    const desk = await openDesk();
    await desk.authority.request(await ask(BOB, CHAIN.slice(0, 2), { target: keyOf(BOB) }));
    const early = chainOf({}, {}, { claims: { iat: NOW - 300 }, holder: DAVE });
    expect(await desk.authority.request(await ask(DAVE, early))).toMatchObject({
      ok: true,
      index: 0,
      direct: false,
    });
  });

  test('M13: all keys of an agent are revoked by one entry, or none is', async () => {
    const desk = await openDesk();
    const keys = [BOB, DAVE].map(({ publicKey }) => publicKey.thumbprint).sort();
    const target = { kind: 'agent', agent: 'researcher', keys } as const;
    const answer = await desk.authority.revoke(target, { reason: 'agent_compromised' });
    expect(answer).toMatchObject({ index: 0, added: true });
    for (const key of [BOB, DAVE])
      expect(await desk.authority.revoke(keyOf(key))).toMatchObject({
        index: 0,
        added: false,
        direct: false,
      });
    const { revoked } = await desk.authority.publishEpoch();
    expect(revoked).toBe(2);
  });

  test('a tenant is revoked further and never less far', async () => {
    const desk = await openDesk();
    const until = (issued_before: number) =>
      desk.authority.revoke({ kind: 'tenant', tenant: 'acme', issued_before });
    expect(await until(NOW - 10)).toMatchObject({ index: 0, added: true });
    expect(await until(NOW - 20)).toMatchObject({ index: 0, added: false });
    expect(await until(NOW)).toMatchObject({ index: 1, added: true });
  });

  test('M12: what the authority held revoked for too short a time is revoked again', async () => {
    const desk = await openDesk();
    const short = await desk.authority.revoke(leafOf(CHAIN), { expiresAt: NOW + 1 });
    const whole = await desk.authority.request(await ask(CAROL));
    expect([short.index, whole.ok && whole.index]).toEqual([0, 1]);
    const { revoked } = await desk.authority.publishEpoch();
    expect(revoked).toBe(1);
  });
});

describe('M12: nothing is un-revoked', () => {
  test('a token stays revoked until it has expired long ago, and cannot be asked about then', async () => {
    const desk = await openDesk();
    const { exp } = JSON.parse(takeApart(CHAIN[2] as string).payload);
    await desk.authority.request(await ask(CAROL));
    expect((await desk.authority.publishEpoch()).revoked).toBe(1);
    desk.clock.set(exp + 86_399);
    expect((await desk.authority.publishEpoch()).revoked).toBe(1);
    desk.clock.set(exp + 86_400);
    expect((await desk.authority.publishEpoch()).revoked).toBe(0);
    expect(await desk.authority.request(await ask(CAROL))).toMatchObject({
      ok: false,
      code: 'request_chain_denied',
    });
  });

  test('a key stays revoked for good, also when it is given a new root', async () => {
    const desk = await openDesk();
    await desk.authority.request(await ask(CAROL, CHAIN, { target: keyOf(CAROL) }));
    desk.clock.advance(400 * 86_400);
    expect((await desk.authority.publishEpoch()).revoked).toBe(1);
    desk.clock.set(NOW);
    const again = chainOf({ holder: CAROL, claims: { jti: 'again' } });
    expect(await desk.authority.request(await ask(CAROL, again))).toMatchObject({
      code: 'request_chain_denied',
    });
  });

  test('a clock that steps back takes no time back', async () => {
    const desk = await openDesk();
    const first = await desk.authority.publishEpoch();
    desk.clock.advance(-3600);
    const answer = await desk.authority.request(await ask(CAROL));
    const entry = answer.ok ? readRevocationLogEntry(answer.entry) : undefined;
    expect(entry?.type === 'revocation' && entry.entry.time).toBe(first.time);
    expect(await desk.authority.publishEpoch()).toMatchObject({ epoch: 2, time: first.time });
  });
});

describe('M11: a request that proves no right', () => {
  test('adds nothing and charges nobody', async () => {
    const desk = await openDesk();
    const { mallory } = CAST;
    const stranger = chainOf({ signer: mallory, holder: mallory });
    const cases: readonly [string, string][] = [
      [await ask(CAROL, CHAIN.slice(0, 2)), 'request_not_entitled'],
      [await ask(mallory), 'request_not_entitled'],
      [await ask(mallory, stranger), 'request_chain_denied'],
      [await ask(CAROL, CHAIN, { log: 'log.example.net' }), 'request_log_mismatch'],
      [await ask(mallory, [], { target: keyOf(mallory) }), 'request_not_entitled'],
      [
        await ask(ALICE, [], { target: { kind: 'tenant', tenant: 'acme', issued_before: 1 } }),
        'request_not_entitled',
      ],
      ['eyJ', 'request_malformed'],
      ['A'.repeat(49_153), 'request_too_large'],
    ];
    for (const [compact, code] of cases)
      expect(await desk.authority.request(compact)).toMatchObject({ ok: false, code });
    expect(desk.log.size).toBe(0);
    expect(desk.authority.state.accounts.size).toBe(0);
  });
});

describe('N17: quotas', () => {
  /** Sub-tokens of one holder, each bound to a key of its own. */
  const below = (parent: readonly string[], number: number) => {
    const hops = parent.map(() => ({}));
    const holder = testKey(`sybil ${number}`);
    return { holder, chain: chainOf(...hops, { holder, claims: { jti: `sybil-${number}` } }) };
  };

  test('a holder uses up its own account, and can still revoke its token and its key', async () => {
    const desk = await openDesk({ quota: 64 });
    const codes: string[] = [];
    for (let number = 0; number < 9; number++) {
      const { chain } = below(CHAIN.slice(0, 2), number);
      const answer = await desk.authority.request(await ask(BOB, chain));
      codes.push(answer.ok ? 'ok' : answer.code);
    }
    expect(codes).toEqual([...Array(8).fill('ok'), 'request_quota_exhausted']);
    const own = CHAIN.slice(0, 2);
    expect(await desk.authority.request(await ask(BOB, own))).toMatchObject({
      ok: true,
      added: true,
    });
  });

  test('tokens made to fill the log share what is below who made them; who made them, and others, are not shut out', async () => {
    const desk = await openDesk({ quota: 64 });
    let admitted = 0;
    for (let number = 0; number < 12; number++) {
      const { chain, holder } = below(CHAIN.slice(0, 2), number);
      const answer = await desk.authority.request(
        await ask(holder, chain, { target: keyOf(holder) }),
      );
      if (answer.ok) admitted += 1;
      else expect(answer.code).toBe('request_quota_exhausted');
    }
    expect(admitted).toBe(8);
    const { chain } = below(CHAIN.slice(0, 2), 100);
    for (const by of [BOB, ALICE, ANCHOR, AUTHORITY]) {
      const mine = below(CHAIN.slice(0, 2), 200 + by.name.length).chain;
      expect(await desk.authority.request(await ask(by, mine))).toMatchObject({ ok: true });
    }
    const sibling = chainOf({}, { holder: DAVE, claims: { jti: 'sibling' } });
    expect(await desk.authority.request(await ask(DAVE, sibling))).toMatchObject({ ok: true });
    expect(await desk.authority.request(await ask(ALICE, chain.slice(0, 2)))).toMatchObject({
      ok: true,
    });
    const stopped = below(CHAIN.slice(0, 2), 300);
    const size = desk.log.size;
    expect(await desk.authority.request(await ask(stopped.holder, stopped.chain))).toMatchObject({
      added: false,
    });
    expect(
      await desk.authority.request(
        await ask(stopped.holder, stopped.chain, { target: keyOf(stopped.holder) }),
      ),
    ).toMatchObject({ code: 'request_chain_revoked' });
    expect(desk.log.size).toBe(size);
  });

  test('a request that is refused for one account is charged to none', async () => {
    const desk = await openDesk({ quota: 64 });
    for (let number = 0; number < 9; number++)
      await desk.authority.request(await ask(BOB, below(CHAIN.slice(0, 2), number).chain));
    const before = [...desk.authority.state.accounts.all];
    expect(
      await desk.authority.request(await ask(BOB, below(CHAIN.slice(0, 2), 10).chain)),
    ).toMatchObject({ code: 'request_quota_exhausted' });
    expect([...desk.authority.state.accounts.all]).toEqual(before);
    expect(before.map(([, { own, below: others }]) => own + others)).toEqual([8, 8]);
  });

  test('a holder far down the chain can revoke four tokens that it made', async () => {
    const desk = await openDesk({ quota: 64 });
    const parent = chainNumber(1, 3);
    const codes: string[] = [];
    for (let number = 0; number < 5; number++) {
      const named = parent.map((_, hop) => ({ claims: { jti: `1-${hop}` } }));
      const holder = testKey(`far ${number}`);
      const chain = chainOf(...named, { holder, claims: { jti: `far-${number}` } });
      expect(chain.slice(0, 3)).toEqual(parent);
      const answer = await desk.authority.request(await ask(CAROL, chain));
      codes.push(answer.ok ? 'ok' : answer.code);
    }
    expect(codes).toEqual([...Array(4).fill('ok'), 'request_quota_exhausted']);
  });

  test('one branch uses up at most a quarter of what is above it: half by its holder, half by those below', async () => {
    const desk = await openDesk({ quota: 64 });
    const child = CHAIN.slice(0, 2);
    for (let number = 0; number < 10; number++) {
      await desk.authority.request(await ask(BOB, below(child, number).chain));
      const { chain, holder } = below(child, 100 + number);
      await desk.authority.request(await ask(holder, chain, { target: keyOf(holder) }));
    }
    const [root] = CHAIN.map((token) => tokenHash(token));
    const account = [...desk.authority.state.accounts.all].find(([token]) => token === root);
    expect(account?.[1]).toMatchObject({ own: 0, below: 16 });
  });

  test('the anchor and the authority are not limited', async () => {
    const desk = await openDesk({ quota: 4 });
    for (let number = 0; number < 6; number++) {
      const by = number % 2 === 0 ? ANCHOR : AUTHORITY;
      expect(await desk.authority.request(await ask(by, chainNumber(number)))).toMatchObject({
        ok: true,
      });
    }
    expect(desk.authority.state.accounts.size).toBe(0);
  });

  test('are the same after a restart, found again in the log', async () => {
    const desk = await openDesk({ quota: 64 });
    for (let number = 0; number < 8; number++)
      await desk.authority.request(await ask(BOB, below(CHAIN.slice(0, 2), number).chain));
    const before = [...desk.authority.state.accounts.all];
    await desk.reopen();
    expect([...desk.authority.state.accounts.all]).toEqual(before);
    expect(
      await desk.authority.request(await ask(BOB, below(CHAIN.slice(0, 2), 9).chain)),
    ).toMatchObject({ code: 'request_quota_exhausted' });
  });

  test('work on too many requests at a time is refused', async () => {
    const desk = await openDesk({ maxPending: 2 });
    const compacts = await Promise.all([1, 2, 3].map((number) => ask(CAROL, chainNumber(number))));
    const answers = await Promise.all(compacts.map((compact) => desk.authority.request(compact)));
    expect(answers.map((answer) => answer.ok || answer.code)).toEqual([true, true, 'request_busy']);
    expect(await desk.authority.request(compacts[2] as string)).toMatchObject({ ok: true });
  });
});

describe('epochs', () => {
  test('are numbered from 1, cover all before them, and are published with a checkpoint', async () => {
    const desk = await openDesk();
    const first = await desk.authority.publishEpoch();
    await desk.authority.request(await ask(CAROL));
    desk.clock.advance(1);
    const second = await desk.authority.publishEpoch();
    expect(first).toMatchObject({ epoch: 1, time: NOW, nextUpdate: NOW + 1, size: 0, revoked: 0 });
    expect(second).toMatchObject({ epoch: 2, time: NOW + 1, size: 2, revoked: 1 });
    expect(first.revokedRoot).not.toBe(second.revokedRoot);
    const { checkpoint } = desk.authority.feed;
    expect(checkpoint?.size).toBe(3);
    expect(parseNote(checkpoint?.note as string)?.text).toContain(`${ORIGIN}\n3\n`);
  });

  test('an entry never comes between a record and the root that it names', async () => {
    const desk = await openDesk();
    const work: Promise<unknown>[] = [];
    for (let number = 0; number < 60; number++) {
      work.push(ask(CAROL, chainNumber(number)).then((compact) => desk.authority.request(compact)));
      if (number % 7 === 0) work.push(desk.authority.publishEpoch());
      if (number % 5 === 0) await Promise.resolve();
    }
    await Promise.all(work);
    await desk.authority.publishEpoch();
    const texts = await desk.entries();
    let revocations = 0;
    texts.forEach((text, index) => {
      const read = readRevocationLogEntry(text);
      if (read.type === 'revocation') revocations += 1;
      if (read.type === 'epoch')
        expect(read.record).toMatchObject({ size: index, revoked: revocations });
    });
    expect(revocations).toBe(60);
  });

  test('come by themselves until they are stopped', async () => {
    const desk = await openDesk({ interval: 5 });
    desk.authority.start();
    await new Promise<void>((resolve) => {
      const unwatch = desk.authority.feed.watch(() => {
        if ((desk.authority.state.epoch?.record.epoch ?? 0) < 3) return;
        unwatch();
        resolve();
      });
    });
    await desk.authority.stop();
    const { size } = desk.log;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(desk.log.size).toBe(size);
  });
});

describe('an authority that is closed', () => {
  test('has committed to everything that it admitted, once', async () => {
    const desk = await openDesk();
    await desk.authority.publishEpoch();
    await desk.authority.request(await ask(CAROL));
    await desk.authority.close();
    expect(desk.authority.state.epoch?.record).toMatchObject({ epoch: 2, revoked: 1 });
    expect(desk.authority.feed.checkpoint?.size).toBe(3);
    await desk.authority.close();
    expect(desk.log.size).toBe(3);
  });
});

describe('a store that fails', () => {
  /** Fails one write, before it has happened or after. */
  function failing(): { tiles: TileStore; fail(how: 'before' | 'after'): void } {
    const inner = createMemoryTileStore();
    let how: 'before' | 'after' | undefined;
    const guarded = async (write: () => Promise<void>): Promise<void> => {
      const now = how;
      how = undefined;
      if (now === 'before') throw new Error('disk full');
      await write();
      if (now === 'after') throw new Error('no answer');
    };
    return {
      fail(next) {
        how = next;
      },
      tiles: {
        ...inner,
        stage: (record) => guarded(() => inner.stage(record)),
        restage: (record) => guarded(() => inner.restage(record)),
      },
    };
  }

  test.each(['before', 'after'] as const)(
    'R10: refuses, and goes on with what is in the log when it works again (failed %s it wrote)',
    async (how) => {
      const { tiles, fail } = failing();
      const desk = await openDesk({}, tiles);
      await desk.authority.publishEpoch();
      fail(how);
      expect(await desk.authority.request(await ask(CAROL))).toEqual({
        ok: false,
        code: 'log_unavailable',
      });
      expect(desk.failures).toHaveLength(1);
      await desk.authority.publishEpoch();
      const answer = await desk.authority.request(await ask(CAROL));
      expect(answer).toMatchObject({ ok: true });
      await desk.authority.publishEpoch();
      const texts = await desk.entries();
      expect(texts.filter((text) => text.includes('"type":"revocation"'))).toHaveLength(1);
      await desk.reopen();
      expect(desk.authority.state.epoch?.record.revoked).toBe(1);
    },
  );

  test.each(['before', 'after'] as const)(
    'an epoch whose record failed is followed by one that is right (failed %s it wrote)',
    async (how) => {
      const { tiles, fail } = failing();
      const desk = await openDesk({}, tiles);
      await desk.authority.request(await ask(CAROL));
      fail(how);
      await expect(desk.authority.publishEpoch()).rejects.toMatchObject({
        code: 'log_unavailable',
      });
      expect(desk.authority.isSettled).toBe(false);
      desk.clock.advance(1);
      const next = await desk.authority.publishEpoch();
      expect(next.revoked).toBe(1);
      expect(desk.authority.isSettled).toBe(true);
      await desk.reopen();
      expect(desk.authority.state.epoch?.record).toEqual(next);
    },
  );

  test('a signer that fails, or does not answer, refuses and charges nobody', async () => {
    let how: 'fail' | 'hang' | 'sign' = 'fail';
    const desk = await openDesk({
      patience: 20,
      signer: {
        publicKey: AUTHORITY.publicKey,
        sign: (input) =>
          how === 'fail'
            ? Promise.reject(new Error('token device gone'))
            : how === 'hang'
              ? new Promise(() => {})
              : AUTHORITY.sign(input),
      },
    });
    const compact = await ask(CAROL);
    const refused = { ok: false, code: 'log_unavailable' };
    expect(await desk.authority.request(compact)).toEqual(refused);
    how = 'hang';
    expect(await desk.authority.request(compact)).toEqual(refused);
    expect(desk.authority.state.accounts.size).toBe(0);
    expect((await desk.authority.publishEpoch()).revoked).toBe(0);
    how = 'sign';
    expect(await desk.authority.request(compact)).toMatchObject({ ok: true, added: true });
  });

  test('a clock that gives no time refuses', async () => {
    const desk = await openDesk();
    desk.clock.set(Number.NaN);
    expect(await desk.authority.request(await ask(CAROL))).toMatchObject({
      code: 'log_unavailable',
    });
    await expect(desk.authority.publishEpoch()).rejects.toMatchObject({ code: 'log_unavailable' });
  });
});

describe('an authority', () => {
  test('does not sign with the log’s key, nor with an anchor’s', async () => {
    const { log } = await openDesk();
    const open = (signer: typeof ALICE.signer) =>
      openRevocationAuthority({ log, signer, anchors: ANCHORS, clock: () => NOW });
    await expect(open(LOG_KEY.signer)).rejects.toMatchObject({ code: 'option_invalid' });
    await expect(open(ANCHOR.signer)).rejects.toMatchObject({ code: 'option_invalid' });
    await expect(open(AUTHORITY.signer)).resolves.toBeDefined();
  });

  test('takes chains of a root key that is added while it runs, and goes on when that is refused', async () => {
    const desk = await openDesk({ anchors: ANCHORS.slice(1) });
    const request = await ask(CAROL);
    expect(await desk.authority.request(request)).toMatchObject({ ok: false });
    const own = { issuer: 'https://issuer.example', key: AUTHORITY.publicKey };
    expect(() => desk.authority.useAnchors([...ANCHORS, own])).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    );
    expect(await desk.authority.request(request)).toMatchObject({ ok: false });
    desk.authority.useAnchors(ANCHORS);
    expect(await desk.authority.request(request)).toMatchObject({ ok: true });
  });

  test('of whose log somebody else writes to publishes nothing more', async () => {
    const desk = await openDesk();
    await desk.authority.publishEpoch();
    const foreign = desk.log.append(Buffer.from('{"type":"other"}'));
    await expect(desk.authority.publishEpoch()).rejects.toMatchObject({ code: 'log_forked' });
    await foreign;
  });

  test('takes entries of other types, and none that only it may make', async () => {
    const desk = await openDesk();
    const { index } = await desk.authority.append('{"type":"agent_enrolled"}');
    expect(index).toBe(0);
    for (const text of ['{"type":"epoch"}', '{"type":"revocation"}', '{"type": "other"}', '{}'])
      await expect(desk.authority.append(text)).rejects.toMatchObject({ code: 'option_invalid' });
    expect(await desk.authority.publishEpoch()).toMatchObject({ size: 1, revoked: 0 });
  });

  test('appends entries of other types one after the other, all of them or none', async () => {
    const desk = await openDesk();
    const texts = ['{"at":0,"type":"other"}', '{"at":1,"type":"other"}'];
    const answers = await Promise.all([
      desk.authority.appendAll(texts),
      desk.authority.append('{"at":2,"type":"other"}'),
    ]);
    expect(answers.map(({ index }) => index)).toEqual([0, 2]);
    for (const wrong of [[], [texts[0] as string, '{"type":"epoch"}']])
      await expect(desk.authority.appendAll(wrong)).rejects.toMatchObject({
        code: 'option_invalid',
      });
    expect(await scanned(desk.authority, 1)).toEqual([
      [1, texts[1]],
      [2, '{"at":2,"type":"other"}'],
    ]);
    expect(await scanned(desk.authority, 3)).toEqual([]);
  });

  test('knows of an entry whose append failed whether it came through, or does not say', async () => {
    for (const persists of [false, true]) {
      const checkpoints = createMemoryCheckpointStore();
      let isDown = false;
      const log = await openLog({
        origin: ORIGIN,
        signer: LOG_KEY.signer,
        tiles: createMemoryTileStore(),
        checkpoints: {
          async read() {
            if (isDown) throw new Error('the disk is gone');
            return checkpoints.read();
          },
          async replace(...step) {
            if (!isDown) return checkpoints.replace(...step);
            if (persists) await checkpoints.replace(...step);
            throw new Error('the disk is gone');
          },
        },
        create: true,
      });
      const { signer } = AUTHORITY;
      const authority = await openRevocationAuthority({
        log,
        signer,
        anchors: ANCHORS,
        clock: () => NOW,
      });
      await authority.append('{"at":0,"type":"other"}');
      isDown = true;
      const unavailable = { code: 'log_unavailable' };
      await expect(authority.append('{"at":1,"type":"other"}')).rejects.toMatchObject(unavailable);
      await expect(scanned(authority, 0)).rejects.toMatchObject(unavailable);
      isDown = false;
      await expect(authority.append('{"at":2,"type":"other"}')).rejects.toMatchObject(unavailable);
      const found = await scanned(authority, 0);
      expect(found).toHaveLength(persists ? 2 : 1);
      const { index } = await authority.append('{"at":3,"type":"other"}');
      expect(index).toBe(found.length);
      expect(await scanned(authority, found.length)).toHaveLength(1);
    }
  });

  test('takes in what somebody else wrote before', async () => {
    const desk = await openDesk();
    await desk.log.append(Buffer.from('{"type":"other"}'));
    expect(await desk.authority.publishEpoch()).toMatchObject({ size: 1 });
    expect(desk.authority.feed.end).toBe(2);
  });

  test('revokes by its own right, and says why it could not', async () => {
    const desk = await openDesk();
    const expired = chainOf({ claims: { iat: NOW - 100, exp: NOW - 1 } });
    await expect(desk.authority.revoke(leafOf(expired), { chain: expired })).rejects.toMatchObject({
      code: 'revocation_refused',
    });
    expect(await desk.authority.revoke(leafOf(CHAIN), { chain: CHAIN })).toMatchObject({
      index: 0,
    });
  });
});

async function scanned(authority: RevocationAuthority, from: number): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { index, text } of authority.scan(from)) found.push([index, text]);
  return found;
}
