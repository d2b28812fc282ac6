import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalize, type JsonObject, platform, writeEpochRecord } from '@taper/core';
import {
  auditRevocations,
  createMemoryRevocationStateStore,
  type LogReader,
  openRevocationAuthority,
  type RevocationAuditReport,
  type RevocationStateStore,
} from '@taper/log';
import { createFileRevocationStateStore } from '@taper/log/file';
import { CAST, type TestKey } from '@taper/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ANCHORS,
  AUTHORITY,
  ask,
  BOB,
  CAROL,
  chainNumber,
  DAVE,
  type Desk,
  keyOf,
  leafOf,
  NOW,
  ORIGIN,
  openDesk,
} from './desk.ts';

const TRUST = { log: ORIGIN, authority: [AUTHORITY.publicKey], anchors: ANCHORS };

/** Tokens, keys and a tenant, with epochs in between and one entry after the last. */
async function busyDesk(state?: RevocationStateStore, uncovered = true): Promise<Desk> {
  const desk = await openDesk(state === undefined ? {} : { state });
  for (let number = 0; number < 5; number++) {
    await desk.authority.request(await ask(BOB, chainNumber(number)));
    desk.clock.advance(1);
    await desk.authority.publishEpoch();
  }
  await desk.authority.revoke(keyOf(DAVE));
  await desk.authority.revoke({ kind: 'tenant', tenant: 'acme', issued_before: NOW });
  await desk.authority.publishEpoch();
  if (uncovered) await desk.authority.request(await ask(CAROL));
  return desk;
}

async function audit(desk: Desk): Promise<RevocationAuditReport> {
  await desk.log.publish();
  return auditRevocations(desk.log.reader, TRUST);
}

/** What a state knows, whatever it was made from. */
function facts({ authority: { state } }: Desk): object {
  return {
    size: state.size,
    epoch: state.epoch,
    root: Buffer.from(state.set.root()).toString('hex'),
    tokens: [...state.tokens].sort(),
    keys: [...state.keys].sort(),
    tenants: [...state.tenants].sort(),
    accounts: [...state.accounts.all].sort(),
  };
}

describe('after a restart', () => {
  test('everything is found again in the log', async () => {
    const desk = await busyDesk();
    await desk.authority.publishEpoch();
    const before = facts(desk);
    await desk.reopen();
    expect(facts(desk)).toEqual(before);
    expect(await desk.authority.request(await ask(CAROL))).toMatchObject({
      ok: true,
      added: false,
    });
    expect(await desk.authority.publishEpoch()).toMatchObject({ epoch: 8 });
    expect(await audit(desk)).toMatchObject({ ok: true });
  });

  test('what is durable and in no checkpoint yet is found too', async () => {
    const desk = await busyDesk();
    const { size } = desk.log.reader.head();
    expect(desk.log.size).toBe(size + 1);
    await desk.reopen();
    expect(await desk.authority.request(await ask(CAROL))).toMatchObject({
      ok: true,
      added: false,
    });
  });

  test('M06: what was saved of an earlier epoch is only where the reading begins', async () => {
    const state = createMemoryRevocationStateStore();
    const desk = await busyDesk(state, false);
    await desk.authority.close();
    await desk.reopen();
    await desk.authority.request(await ask(CAROL));
    await desk.authority.publishEpoch();
    const before = facts(desk);
    await desk.reopen();
    expect(facts(desk)).toEqual(before);
    expect(desk.failures).toEqual([]);
  });
});

describe('a state that was saved', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'taper-revocation-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('is read in place of the log before its epoch', async () => {
    const path = join(folder, 'state');
    const state = createFileRevocationStateStore(path);
    const desk = await busyDesk(state, false);
    const before = facts(desk);
    await desk.authority.close();
    expect(await readdir(folder)).toEqual(['state']);
    await desk.reopen();
    const { log } = desk;
    const asked: (readonly [number | undefined, number | undefined])[] = [];
    const reader: LogReader = {
      ...log.reader,
      entries(from, to) {
        asked.push([from, to]);
        return log.reader.entries(from, to);
      },
    };
    const watched = new Proxy(log, {
      get(target, name) {
        if (name === 'reader') return reader;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await openRevocationAuthority({
      log: watched,
      signer: AUTHORITY.signer,
      anchors: ANCHORS,
      clock: desk.clock.now,
      state,
    });
    expect(asked).toEqual([
      [log.size - 1, log.size],
      [log.size, log.size],
    ]);
    expect(facts(desk)).toEqual(before);
    expect(desk.failures).toEqual([]);
  });

  test('is the one before where a new one could not be written', async () => {
    const path = join(folder, 'state');
    const store = createFileRevocationStateStore(path);
    await store.save(['one', 'two']);
    const failing = function* (): Generator<string> {
      yield 'three';
      throw new Error('gone');
    };
    await expect(store.save(failing())).rejects.toMatchObject({ code: 'store_unavailable' });
    const lines: string[] = [];
    for await (const line of (await store.load()) ?? []) lines.push(line);
    expect(lines).toEqual(['one', 'two']);
    await expect(
      createFileRevocationStateStore(join(folder, 'no', 'state')).save([]),
    ).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('is not there where nothing was saved', async () => {
    expect(await createFileRevocationStateStore(join(folder, 'none')).load()).toBeUndefined();
  });

  test('that was changed in any line, cut off or taken from another log is not believed', async () => {
    const path = join(folder, 'state');
    const state = createFileRevocationStateStore(path);
    const desk = await busyDesk(state, false);
    await desk.authority.close();
    const before = facts(desk);
    const saved = await readFile(path, 'utf8');
    const lines = saved.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(8);
    const other = await openDesk();
    await other.authority.publishEpoch();
    const damaged = [
      ...lines.map((line, at) =>
        lines.with(
          at,
          line.replace(/[0-9](?=[^0-9]*$)/, (digit) => `${(Number(digit) + 1) % 10}`),
        ),
      ),
      ...lines.map((_, at) => lines.toSpliced(at, 1)),
      ...lines.map((_, at) => lines.slice(0, at)),
      [...lines, lines[1] as string],
    ].map((changed) => (changed.length === 0 ? '' : `${changed.join('\n')}\n`));
    for (const text of damaged) {
      if (text === saved) continue;
      desk.failures.length = 0;
      await writeFile(path, text);
      await desk.reopen();
      expect(facts(desk)).toEqual(before);
      expect(desk.failures).toHaveLength(1);
    }
  });

  test('M12: that leaves out a revocation, with its sum made right, does not match the epoch’s root', async () => {
    const inner = createMemoryRevocationStateStore();
    const desk = await busyDesk(inner, false);
    await desk.authority.close();
    const before = facts(desk);
    const lines: string[] = [];
    for await (const line of (await inner.load()) ?? []) lines.push(line);
    const without = lines.slice(0, -1).filter((line) => !line.startsWith('["key"'));
    let sum = '';
    for (const line of without) sum = platform.sha256(Buffer.from(sum + line));
    await inner.save([...without, JSON.stringify(['sum', sum])]);
    await desk.reopen();
    expect(desk.failures).toHaveLength(1);
    expect(facts(desk)).toEqual(before);
  });
});

describe('an audit of the whole log', () => {
  test('passes what was kept by the rules, and says what is not committed to yet', async () => {
    const desk = await busyDesk();
    await desk.authority.append('{"type":"other"}');
    expect(await audit(desk)).toEqual({
      ok: true,
      entries: 15,
      revocations: 8,
      others: 1,
      epoch: desk.authority.state.epoch?.record,
      uncovered: 1,
      problems: [],
      problemCount: 0,
    });
  });

  test('needs anchors under which the requests were right', async () => {
    const desk = await busyDesk();
    await desk.log.publish();
    const anchors = ANCHORS.slice(1);
    const report = await auditRevocations(desk.log.reader, { ...TRUST, anchors });
    expect(report.problemCount).toBe(6);
    expect(report.problems[0]).toEqual({
      index: 0,
      code: 'entry_request_refused',
      refusal: 'request_chain_denied',
    });
  });

  /** An entry changed and signed by the authority, or by another. */
  const anew = (text: string, changes: object, key: TestKey = AUTHORITY): string => {
    const { signature: _, ...entry } = { ...JSON.parse(text), ...changes } as JsonObject;
    const input = Buffer.from(`taper-revocation-entry-v1:${canonicalize(entry)}`);
    return canonicalize({
      ...entry,
      signature: Buffer.from(key.sign(input)).toString('base64url'),
    });
  };

  const FAULTS: readonly [string, (honest: string, desk: Desk) => string, string][] = [
    [
      'M11: an entry that nobody had a right to',
      (text) => anew(text, { target: leafOf(chainNumber(77)) }),
      'entry_request_mismatch',
    ],
    [
      'M11: an entry signed by another key',
      (text) => anew(text, {}, CAST.mallory),
      'entry_signature_invalid',
    ],
    [
      'M11: an entry of another log',
      (text) => anew(text, { log: 'log.example.net' }),
      'entry_log_mismatch',
    ],
    [
      'an entry from before the last epoch',
      (text) => anew(text, { time: NOW }),
      'entry_time_falls',
    ],
    ['an entry that is not canonical', (text) => `${text} `, 'entry_malformed'],
    [
      'M06: an epoch record that was there before',
      (_, { authority }) => writeEpochRecord(record(authority)),
      'epoch_not_consecutive',
    ],
    [
      'an epoch record whose time falls',
      (_, { authority, log }) => writeEpochRecord({ ...next(authority, log.size), time: NOW }),
      'epoch_time_falls',
    ],
    [
      'an epoch record in another place',
      (_, { authority, log }) => writeEpochRecord(next(authority, log.size - 1)),
      'epoch_index_mismatch',
    ],
    [
      'M12: an epoch record that leaves out a revocation',
      (_, { authority, log }) =>
        writeEpochRecord({ ...next(authority, log.size), revokedRoot: 'A'.repeat(43) }),
      'epoch_root_mismatch',
    ],
    [
      'an epoch record that counts otherwise',
      (_, { authority, log }) => writeEpochRecord({ ...next(authority, log.size), revoked: 1 }),
      'epoch_count_mismatch',
    ],
    ['an epoch record that is none', () => '{"type":"epoch","version":1}', 'epoch_malformed'],
  ];

  test.each(FAULTS)('finds %s', async (_, make, code) => {
    const desk = await busyDesk(undefined, false);
    const answer = await (await openDesk()).authority.request(await ask(CAROL));
    if (!answer.ok) throw new Error(answer.code);
    const honest = anew(answer.entry, { time: NOW + 5 });
    const { size: index } = desk.log;
    await desk.log.append(Buffer.from(make(honest, desk)));
    const report = await audit(desk);
    expect(report.ok).toBe(false);
    expect(report.problems).toContainEqual({ index, code });
  });

  test('is not stopped by what is wrong, and the honest entry beside it passes', async () => {
    const desk = await busyDesk(undefined, false);
    await desk.log.append(Buffer.from('not even JSON'));
    const answer = await (await openDesk()).authority.request(await ask(CAROL));
    await desk.log.append(
      Buffer.from(anew((answer.ok && answer.entry) as string, { time: NOW + 5 })),
    );
    const report = await audit(desk);
    expect(report.problems).toEqual([{ index: desk.log.size - 2, code: 'entry_malformed' }]);
    expect(report.revocations).toBe(8);
  });

  test('an authority does not go on after a fault', async () => {
    const desk = await busyDesk(undefined, false);
    await desk.log.append(Buffer.from('{"type":"epoch"}'));
    await expect(desk.reopen()).rejects.toMatchObject({ code: 'log_corrupt' });
  });

  test.each([
    ['M12: leaves out a revocation', { revokedRoot: 'A'.repeat(43) }],
    ['counts otherwise', { revoked: 1 }],
  ])('nor after an epoch record that %s', async (_, change) => {
    const desk = await busyDesk(undefined, false);
    const wrong = { ...next(desk.authority, desk.log.size), ...change };
    await desk.log.append(Buffer.from(writeEpochRecord(wrong)));
    await expect(desk.reopen()).rejects.toMatchObject({ code: 'log_corrupt' });
  });

  function record({ state }: Desk['authority']) {
    if (state.epoch === undefined) throw new Error('no epoch');
    return state.epoch.record;
  }

  function next(authority: Desk['authority'], size: number) {
    const last = record(authority);
    return { ...last, epoch: last.epoch + 1, size };
  }
});
