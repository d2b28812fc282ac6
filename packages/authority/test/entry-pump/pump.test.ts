import { type AuthorityStore, createEntryPump, type EntryPumpOptions } from '@taper/authority';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import {
  type AuthorityEntryBody,
  readAuthorityLogEntry,
  type Signer,
  signAuthorityEntry,
  verifyAuthorityEntry,
  writeAuthorityEntryBody,
} from '@taper/core';
import { type TestKey, testKey } from '@taper/testkit';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type AppendFailure, createTestLog, type TestLog } from './entry-log.ts';

const LOG = 'log.example.com/authority';
const AUTHORITY: TestKey = testKey('authority');

function body(agent: string, details: AuthorityEntryBody['details'] = {}): string {
  return writeAuthorityEntryBody({
    time: 1_800_000_000,
    event: 'agent.suspended',
    by: { kind: 'operator', id: 'ada' },
    subject: { agent },
    details,
  });
}

function openStore(): AuthorityStore {
  const store = openSqliteAuthorityStore({ path: ':memory:' });
  onTestFinished(() => store.close());
  return store;
}

function hand(store: AuthorityStore, ...agents: readonly string[]): Promise<void> {
  return store.transaction(async (tx) => {
    for (const agent of agents) await tx.appendEntry(body(agent));
  });
}

function pumpOn(store: AuthorityStore, log: TestLog, more: Partial<EntryPumpOptions> = {}) {
  const pump = createEntryPump({ store, log, signer: AUTHORITY.signer, interval: 5, ...more });
  onTestFinished(() => pump.close());
  return pump;
}

function names(log: TestLog): unknown[] {
  return log.said().map(({ agent }) => agent);
}

describe('the pump', () => {
  test('brings what was handed over into the log, signed, numbered, in order, and marks it', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    log.texts.push('{"type":"epoch"}');
    await hand(store, 'a', 'b');
    await pumpOn(store, log).flush();
    log.texts.push('{"type":"revocation"}');
    await hand(store, 'c');
    await pumpOn(store, log).flush();
    expect(log.said()).toEqual([
      { sequence: 1, agent: 'a', index: 1 },
      { sequence: 2, agent: 'b', index: 2 },
      { sequence: 3, agent: 'c', index: 4 },
    ]);
    expect(await store.pendingEntries(10)).toEqual([]);
    expect(await store.lastMarked()).toMatchObject({ sequence: 3, index: 4 });
    for (const { index } of log.said()) {
      const read = readAuthorityLogEntry(log.texts[index] as string);
      if (read.type !== 'authority') throw new Error(read.type);
      const trust = { log: LOG, authority: [AUTHORITY.publicKey] };
      expect(verifyAuthorityEntry(read.entry, trust)).toMatchObject({ ok: true });
    }
  });

  test('brings also more than goes into the log at one time', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const many = Array.from({ length: 600 }, (_, place) => `agent ${place}`);
    await hand(store, ...many);
    const large = { filler: 'x'.repeat(60_000) };
    await store.transaction(async (tx) => {
      for (let place = 0; place < 40; place += 1) await tx.appendEntry(body('large', large));
    });
    const sizes: number[] = [];
    await pumpOn(store, {
      ...log,
      appendAll(texts) {
        sizes.push(texts.reduce((sum, { length }) => sum + length, 0));
        return log.appendAll(texts);
      },
    }).flush();
    expect(names(log)).toEqual([...many, ...Array.from({ length: 40 }, () => 'large')]);
    expect(Math.max(...sizes)).toBeLessThan(2_000_000);
  });

  test('goes on by itself once it has started, and at once when it is notified', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const pump = pumpOn(store, log);
    await pump.start();
    await pump.start();
    await hand(store, 'a');
    await vi.waitFor(() => expect(names(log)).toEqual(['a']));
    const patient = pumpOn(store, log, { interval: 60_000 });
    await pump.close();
    await patient.start();
    await hand(store, 'b');
    patient.notify();
    await vi.waitFor(() => expect(names(log)).toEqual(['a', 'b']));
  });

  test('has in the log what was handed over before a flush, however many flush at one time', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const pump = pumpOn(store, log);
    await Promise.all(
      Array.from({ length: 50 }, async (_, place) => {
        await hand(store, `agent ${place}`);
        await pump.flush();
        expect(names(log)).toContain(`agent ${place}`);
      }),
    );
    expect(log.said().map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 50 }, (_, place) => place + 1),
    );
  });

  test('takes a flush that is asked for while it looks for one that comes after what it sees', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const flushes: Promise<void>[] = [];
    const pump = pumpOn(
      {
        ...store,
        async pendingEntries(limit) {
          const seen = await store.pendingEntries(limit);
          if (seen.length > 0 || flushes.length === 4) return seen;
          await hand(store, `agent ${flushes.length}`);
          flushes.push(pump.flush());
          // It has asked by then for how much there is.
          await store.lastSequence();
          await new Promise(setImmediate);
          return seen;
        },
      },
      log,
    );
    await pump.flush();
    await vi.waitFor(() => expect(flushes.length).toBe(4));
    expect((await Promise.allSettled(flushes)).map(({ status }) => status)).toEqual(
      flushes.map(() => 'fulfilled'),
    );
    expect(names(log)).toEqual(flushes.map((_, place) => `agent ${place}`));
  });

  test('does not wait for what is handed over after it was asked to flush', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    let ends = false;
    await hand(store, 'first');
    const pump = pumpOn(store, {
      ...log,
      async appendAll(texts) {
        if (!ends) await hand(store, 'more');
        return log.appendAll(texts);
      },
    });
    await pump.start();
    await pump.flush();
    expect(names(log)).toContain('first');
    ends = true;
    await pump.flush();
    expect(await store.pendingEntries(1)).toEqual([]);
  });

  const failures: readonly AppendFailure[] = ['lost', 'kept', 'unknown, lost', 'unknown, kept'];
  test.each(failures)('Z06: brings each entry once when an append fails and is %s', async (how) => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const pump = pumpOn(store, log);
    await hand(store, 'a');
    await pump.flush();
    await hand(store, 'b', 'c');
    log.failNext(how);
    await expect(pump.flush()).rejects.toMatchObject({ code: 'log_unavailable' });
    await hand(store, 'd');
    if (how.startsWith('unknown'))
      await expect(pump.flush()).rejects.toMatchObject({ code: 'log_unavailable' });
    log.recover();
    await pump.flush();
    expect(names(log)).toEqual(['a', 'b', 'c', 'd']);
    expect(await store.lastMarked()).toMatchObject({ sequence: 4 });
    expect(pump.failure).toBeUndefined();
  });

  test.each(['lost', 'kept'])(
    'Z06: brings each entry once when a mark fails and is %s',
    async (how) => {
      const [store, log] = [openStore(), createTestLog(LOG)];
      await hand(store, 'a');
      let fails = true;
      const pump = pumpOn(
        {
          ...store,
          async markEntries(places) {
            if (!fails) return store.markEntries(places);
            fails = false;
            if (how === 'kept') await store.markEntries(places);
            throw new Error('the database is gone');
          },
        },
        log,
      );
      await expect(pump.flush()).rejects.toThrow();
      await hand(store, 'b');
      await pump.flush();
      expect(names(log)).toEqual(['a', 'b']);
      expect(await store.pendingEntries(10)).toEqual([]);
    },
  );

  test('Z06: a node that takes over finds what the one before it did not mark', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const dies = { ...store, markEntries: () => new Promise<never>(() => undefined) };
    await hand(store, 'a', 'b');
    const dead = createEntryPump({ store: dies, log, signer: AUTHORITY.signer });
    void dead.flush().catch(() => undefined);
    await vi.waitFor(() => expect(log.texts).toHaveLength(2));
    expect(await store.lastMarked()).toBeUndefined();
    await hand(store, 'c');
    await pumpOn(store, log).flush();
    expect(names(log)).toEqual(['a', 'b', 'c']);
  });

  test('notices that another node was at work, and goes on behind it', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const [one, other] = [pumpOn(store, log), pumpOn(store, log)];
    for (let turn = 0; turn < 6; turn += 1) {
      await hand(store, `agent ${turn}`);
      await (turn % 2 === 0 ? one : other).flush();
    }
    expect(names(log)).toEqual(Array.from({ length: 6 }, (_, turn) => `agent ${turn}`));
  });

  test('signs again what a signer could not, and tells of it', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    let broken: 'fails' | 'hangs' | undefined = 'fails';
    const signer: Signer = {
      publicKey: AUTHORITY.publicKey,
      sign(bytes) {
        if (broken === 'fails') throw new Error('the device is gone');
        return broken === 'hangs' ? new Promise(() => undefined) : AUTHORITY.signer.sign(bytes);
      },
    };
    const told: unknown[] = [];
    const onFailure = (cause: unknown): void => {
      told.push(cause);
      throw new Error('has no say');
    };
    const pump = pumpOn(store, log, { signer, patience: 20, onFailure });
    await pump.start();
    await hand(store, 'a');
    await vi.waitFor(() => expect(told[0]).toMatchObject({ code: 'signing_failed' }));
    broken = 'hangs';
    await expect(pump.flush()).rejects.toMatchObject({ code: 'signing_failed' });
    expect(log.texts).toEqual([]);
    broken = undefined;
    await vi.waitFor(() => expect(names(log)).toEqual(['a']));
  });

  test('knows entries that a former key of the authority signed', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const former = testKey('former');
    await hand(store, 'a');
    await pumpOn(store, log, { signer: former.signer }).flush();
    await hand(store, 'b');
    await expect(pumpOn(store, log).flush()).rejects.toMatchObject({ code: 'log_corrupt' });
    await pumpOn(store, log, { formerKeys: [former.publicKey] }).flush();
    expect(names(log)).toEqual(['a', 'b']);
  });

  test('does nothing more once it is closed', async () => {
    const [store, log] = [openStore(), createTestLog(LOG)];
    const pump = pumpOn(store, log);
    await pump.start();
    await pump.close();
    await hand(store, 'a');
    pump.notify();
    await expect(pump.flush()).rejects.toMatchObject({ code: 'log_closed' });
    expect(log.texts).toEqual([]);
  });

  test('refuses options that it does not know or cannot use', () => {
    const options = { store: openStore(), log: createTestLog(LOG), signer: AUTHORITY.signer };
    for (const more of [{ intervall: 1 }, { interval: 0 }, { patience: 0.5 }, { formerKeys: [{}] }])
      expect(() => createEntryPump({ ...options, ...(more as object) })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
  });
});

describe('store and log that do not belong together', () => {
  /** A store and a log with three entries, and what another pump makes of them when something was put back. */
  async function scene(): Promise<{ store: AuthorityStore; log: TestLog }> {
    const [store, log] = [openStore(), createTestLog(LOG)];
    await hand(store, 'a', 'b', 'c');
    await pumpOn(store, log).flush();
    return { store, log };
  }

  async function expectHalt(store: AuthorityStore, log: TestLog, code: string): Promise<void> {
    const before = [...log.texts];
    const pump = pumpOn(store, log);
    await expect(pump.start()).rejects.toMatchObject({ code });
    expect(pump.failure).toMatchObject({ code });
    await hand(store, 'more');
    await expect(pump.flush()).rejects.toMatchObject({ code });
    expect(log.texts).toEqual(before);
  }

  test('Z07: a store that was put back from before its last entries is refused', async () => {
    const { log } = await scene();
    const old = openStore();
    await hand(old, 'a', 'b');
    await old.markEntries([{ sequence: 1, index: 0 }]);
    await expectHalt(old, log, 'store_unusable');
  });

  test('Z07: a store that was put back and has gone on is refused', async () => {
    const { log } = await scene();
    const old = openStore();
    await hand(old, 'a', 'b', 'another');
    await expectHalt(old, log, 'store_unusable');
  });

  test('Z07: an empty store beside a log that is in use is refused', async () => {
    const { log } = await scene();
    await expectHalt(openStore(), log, 'store_unusable');
  });

  test('Z07: a store that was put back where all of its entries are marked is refused', async () => {
    const { log } = await scene();
    const old = openStore();
    await hand(old, 'a');
    await old.markEntries([{ sequence: 1, index: 0 }]);
    await expectHalt(old, log, 'store_unusable');
  });

  test('Z07: a log that was put back is refused', async () => {
    for (const left of [0, 2]) {
      const { store, log } = await scene();
      log.texts.length = left;
      await expectHalt(store, log, 'log_rolled_back');
    }
  });

  test('Z07: another log is refused, also where it has as many entries', async () => {
    const { store } = await scene();
    const { log } = await scene();
    const other = createTestLog(LOG);
    const another = openStore();
    await hand(another, 'x', 'y', 'z');
    await pumpOn(another, other).flush();
    await expectHalt(store, other, 'log_rolled_back');
    await pumpOn(store, log).start();
  });

  test('an entry that is malformed, another’s, twice there or left out is refused', async () => {
    const sign = (agent: string, sequence: number, log = LOG, key = AUTHORITY) =>
      signAuthorityEntry(body(agent), { log, sequence, signer: key.signer });
    const faults = [
      '{"type":"authority"}',
      'no JSON',
      await sign('d', 4, LOG, testKey('other')),
      await sign('d', 4, 'log.example.com/other'),
      await sign('c', 3),
      await sign('e', 5),
    ];
    for (const fault of faults) {
      const { store, log } = await scene();
      log.texts.push(fault);
      await hand(store, 'd');
      await expectHalt(store, log, 'log_corrupt');
    }
    const { store, log } = await scene();
    log.texts.push(await sign('d', 4));
    await hand(store, 'd');
    await pumpOn(store, log).flush();
    expect(names(log)).toEqual(['a', 'b', 'c', 'd']);
  });
});
