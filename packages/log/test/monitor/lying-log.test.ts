import {
  type LogTrust,
  leafHash,
  signCheckpoint,
  TaperError,
  verifyCheckpoint,
  verifyConsistency,
  verifyInclusion,
  writeCheckpoint,
  writeNote,
} from '@taper/core';
import { createTestClock, TEST_TIME, type TestClock, testKey } from '@taper/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttpTileSource } from '../../src/client/tile-source.ts';
import { compareCheckpoints } from '../../src/monitor/compare.ts';
import { verifyLogEvidence } from '../../src/monitor/evidence.ts';
import {
  createMonitor,
  type MonitorOptions,
  type MonitorReport,
} from '../../src/monitor/monitor.ts';
import { createMemoryMonitorStore, type MonitorStore } from '../../src/monitor/state.ts';
import type { TileSource } from '../../src/port/tile-store.ts';
import { createLogReader, type LogReader } from '../../src/reader/log-reader.ts';
import { localWitness } from '../local-witness.ts';
import { type LyingServer, lyingServer } from '../lying-server.ts';
import { ORIGIN, plainLog, witnessKey } from '../plain-log.ts';
import { type TileLog, tileLog } from '../tile-log.ts';

// Everything goes over a socket to a server that lies by script.

let clock: TestClock;
let log: TileLog;
let server: LyingServer;
let source: TileSource;
let store: MonitorStore;

beforeEach(async () => {
  clock = createTestClock();
  log = await tileLog();
  await log.append(300);
  await log.publish();
  server = await lyingServer(log.files);
  source = createHttpTileSource({ url: server.url, timeout: 2_000 });
  store = createMemoryMonitorStore();
});

afterEach(() => server.close());

/** A look by a monitor that was started anew, with the same state. */
function look(options: Partial<MonitorOptions> = {}): Promise<MonitorReport> {
  return createMonitor({ trust: log.trust, source, store, clock, ...options }).look();
}

function codesOf({ findings }: MonitorReport): readonly string[] {
  return findings.map(({ code }) => code);
}

/** Another history of the same log, under the same key, from some entry on. */
async function fork(sizes: readonly number[], same = 0): Promise<TileLog> {
  const other = await tileLog({ history: same === 0 ? 'forked' : 'entry' });
  if (same > 0) await other.append(same);
  for (const size of sizes) {
    const from = other.log.size;
    await other.log.appendAll(
      Array.from({ length: size - from }, (_, index) => Buffer.from(`forked ${from + index}`)),
    );
    await other.publish();
  }
  return other;
}

function readerUnder(note: string, trust: LogTrust = log.trust): LogReader {
  const verdict = verifyCheckpoint(note, trust);
  if (!verdict.ok) throw new Error(verdict.problem);
  return createLogReader({ source, head: () => verdict.checkpoint });
}

async function codeOf(act: Promise<unknown>): Promise<string> {
  try {
    await act;
    return 'nothing';
  } catch (error) {
    return error instanceof TaperError ? error.code : 'another error';
  }
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('a log that tells the truth', () => {
  test('is good at every look, over a restart of the monitor, and every entry is read once', async () => {
    const seen: number[] = [];
    const onEntry = ({ index }: { index: number }) => void seen.push(index);
    expect(await look({ onEntry })).toMatchObject({ verdict: 'good', grown: undefined });
    for (const size of [301, 512, 513, 900]) {
      const before = log.log.size;
      await log.append(size - before);
      await log.publish();
      expect(await look({ onEntry })).toMatchObject({
        verdict: 'good',
        grown: size - before,
        checkpoint: { size },
        findings: [],
      });
    }
    expect(seen).toEqual(Array.from({ length: 900 }, (_, index) => index));
  });

  test('any two checkpoints of it are consistent, and the proof says so to anybody', async () => {
    const notes = [await log.publish()];
    for (const size of [301, 512, 700]) {
      await log.append(size - log.log.size);
      notes.push(await log.publish());
    }
    const checkpoints = notes.map((note) => {
      const verdict = verifyCheckpoint(note, log.trust);
      if (!verdict.ok) throw new Error(verdict.problem);
      return verdict.checkpoint;
    });
    for (const one of checkpoints)
      for (const other of checkpoints) {
        const compared = await compareCheckpoints(one, other, source);
        const [older, newer] = one.size < other.size ? [one, other] : [other, one];
        expect(compared.verdict).toBe('consistent');
        if (compared.verdict !== 'consistent') continue;
        const { size: oldSize, root: oldRoot } = older;
        const { size, root } = newer;
        expect(verifyConsistency({ oldSize, oldRoot, size, root, proof: compared.proof })).toBe(
          true,
        );
      }
  });
});

describe('N01 a split view', () => {
  test('of the same size is found, and proved by the two checkpoints alone', async () => {
    await look();
    server.files = (await fork([300])).files;
    const report = await look();
    expect(report.verdict).toBe('bad');
    expect(report.findings).toMatchObject([{ code: 'split_view', view: 'log', sizes: [300, 300] }]);
    const evidence = report.findings[0]?.evidence;
    expect(await verifyLogEvidence(JSON.stringify(evidence), log.trust)).toMatchObject({
      proved: true,
      older: { size: 300 },
      newer: { size: 300 },
    });
  });

  test.each([0, 1, 255, 256, 299])(
    'of another size is proved by what the newer tree has in the place of the older: same up to %i',
    async (same) => {
      await look();
      server.files = (await fork([800], same)).files;
      const report = await look();
      expect(codesOf(report)).toEqual(['split_view']);
      const evidence = report.findings[0]?.evidence;
      expect(await verifyLogEvidence(evidence, log.trust)).toMatchObject({
        proved: true,
        older: { size: 300 },
        newer: { size: 800 },
      });
      expect(report.checkpoint?.size).toBe(300);
    },
  );

  test('of a smaller size is proved, too', async () => {
    await look();
    // What was seen is still served; the checkpoint is of another history.
    const smaller = (await fork([200])).files.get('checkpoint');
    server.swap('checkpoint', smaller);
    const report = await look();
    expect(codesOf(report)).toEqual(['split_view']);
    expect(await verifyLogEvidence(report.findings[0]?.evidence, log.trust)).toMatchObject({
      proved: true,
      older: { size: 200 },
      newer: { size: 300 },
    });
  });

  test('is not forgotten when the log shows the first history again', async () => {
    await look();
    server.files = (await fork([300])).files;
    await look();
    server.files = log.files;
    const report = await look();
    expect(report.verdict).toBe('bad');
    expect(report.findings).toMatchObject([{ code: 'split_view', view: 'state' }]);
    expect((await verifyLogEvidence(report.findings[0]?.evidence, log.trust)).proved).toBe(true);
  });

  test('between what the log shows and what a witness has cosigned is found', async () => {
    const other = await fork([300]);
    const cosigned = (await fork([301], 300)).files.get('checkpoint');
    const views = (note: Uint8Array | undefined) => [
      { name: 'witness.example/w1', read: async () => note && Buffer.from(note).toString() },
    ];
    expect((await look({ views: views(log.files.get('checkpoint')) })).verdict).toBe('good');
    const report = await look({ views: views(other.files.get('checkpoint')) });
    expect(report.findings).toMatchObject([{ code: 'split_view', view: 'witness.example/w1' }]);
    // One entry more than the log shows, whose tiles the log does not serve: nothing is proved, and it is said.
    store = createMemoryMonitorStore();
    const ahead = await look({ views: views(cosigned) });
    expect(ahead.findings).toMatchObject([{ code: 'inconsistent', view: 'witness.example/w1' }]);
  });

  test('is not made out of honest checkpoints by whoever accuses', async () => {
    const one = await log.publish();
    await log.append(100);
    const other = await log.publish();
    const honest = plainLog({ size: 400, entry: (index) => Buffer.from(`entry ${index}`) });
    const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    const proof = honest.consistency(300, 400).map(encode);
    const base = { taper_log_evidence: 1, origin: ORIGIN, older: one, newer: other };
    const wrong = [
      base,
      { ...base, newer: one },
      { ...base, contradiction: { root: encode(honest.root(300)), proof } },
      { ...base, contradiction: { root: encode(honest.root(299)), proof } },
      { ...base, contradiction: { root: encode(honest.root(300)), proof: [] } },
      {
        ...base,
        older: other,
        newer: one,
        contradiction: { root: encode(honest.root(400)), proof },
      },
    ];
    for (const evidence of wrong)
      expect(await verifyLogEvidence(evidence, log.trust)).toEqual({
        proved: false,
        problem: 'no_contradiction',
      });
    const forged = await plainLog({ key: testKey('stranger'), size: 300 }).note(300);
    expect(await verifyLogEvidence({ ...base, newer: forged }, log.trust)).toMatchObject({
      problem: 'checkpoint_unsigned',
    });
    expect(await verifyLogEvidence({ ...base, origin: 'other.example' }, log.trust)).toMatchObject({
      problem: 'origin_mismatch',
    });
    for (const evidence of [
      undefined,
      null,
      1,
      '',
      '{',
      '[]',
      {},
      { ...base, older: 1 },
      { ...base, contradiction: {} },
      { ...base, contradiction: { root: 'x', proof: [] } },
    ])
      expect(await verifyLogEvidence(evidence, log.trust)).toMatchObject({ problem: 'malformed' });
  });
});

describe('N02 a rollback', () => {
  test('to an older checkpoint of the same history is reported, and what was seen is kept', async () => {
    const old = log.files.get('checkpoint');
    await log.append(400);
    await log.publish();
    await look();
    server.swap('checkpoint', old);
    for (let round = 0; round < 2; round += 1) {
      const report = await look();
      expect(report.verdict).toBe('bad');
      expect(report.findings).toMatchObject([{ code: 'rolled_back', sizes: [700, 300] }]);
      expect(report.checkpoint?.size).toBe(700);
    }
    server.repent();
    expect((await look()).verdict).toBe('good');
  });

  test('with the newer tiles gone shows that nothing is proved', async () => {
    const before = new Map(log.files);
    await log.append(400);
    await log.publish();
    await look();
    server.files = before;
    expect(codesOf(await look())).toEqual(['inconsistent']);
  });
});

describe('N03 a freeze', () => {
  test('is found by age: nobody vouched for the checkpoint again', async () => {
    const witness = localWitness('w1', clock);
    log = await tileLog({ witnesses: [witness] });
    await log.append(10);
    await log.publish();
    server.files = log.files;
    const maxAge = 60;
    expect(await look({ maxAge })).toMatchObject({ verdict: 'good', age: 0 });
    clock.advance(60);
    expect(await look({ maxAge })).toMatchObject({ verdict: 'good', age: 60 });
    clock.advance(1);
    const frozen = await look({ maxAge });
    expect(frozen.findings).toEqual([{ code: 'frozen', view: 'log', age: 61 }]);
    // The same tree, cosigned again: the log is quiet, not frozen.
    await log.publish();
    expect(await look({ maxAge })).toMatchObject({ verdict: 'good', age: 0, grown: 0 });
  });

  test('is found without witnesses by when the size was first seen', async () => {
    await look({ maxAge: 60 });
    clock.advance(61);
    expect(codesOf(await look({ maxAge: 60 }))).toEqual(['frozen']);
    await log.append(1);
    await log.publish();
    expect((await look({ maxAge: 60 })).verdict).toBe('good');
  });

  test('N10 is not hidden by cosignatures of the future, or of too few witnesses', async () => {
    const keys = ['w1', 'w2'].map((name) => testKey(name));
    const plain = plainLog({ size: 300, entry: (index) => Buffer.from(`entry ${index}`) });
    const trust = { ...log.trust, witnesses: keys.map(witnessKey), quorum: 2 };
    server.swap('checkpoint', await plain.note(300, keys, TEST_TIME + 61));
    expect((await look({ trust })).findings).toMatchObject([
      { code: 'not_believed', problem: 'cosignature_future' },
    ]);
    server.swap('checkpoint', await plain.note(300, keys.slice(1), TEST_TIME));
    expect((await look({ trust })).findings).toMatchObject([
      { code: 'not_believed', problem: 'quorum_unmet' },
    ]);
    server.swap(
      'checkpoint',
      await plain.note(300, [...keys.slice(1), ...keys.slice(1)], TEST_TIME),
    );
    expect((await look({ trust })).findings).toMatchObject([{ problem: 'quorum_unmet' }]);
    server.swap('checkpoint', await plain.note(300, keys, TEST_TIME + 60));
    expect((await look({ trust })).verdict).toBe('good');
  });
});

describe('N04 N05 a wrong tile or entry', () => {
  test.each(['tile/0/000', 'tile/0/001.p/44', 'tile/1/000.p/1'])(
    'N04 no proof is made of %s with a changed, missing or foreign hash',
    async (path) => {
      const genuine = Uint8Array.from(log.files.get(path) as Uint8Array);
      const reader = () => readerUnder(Buffer.from(log.files.get('checkpoint') ?? []).toString());
      const index = path === 'tile/0/001.p/44' ? 260 : 5;
      const leaf = leafHash(Buffer.from(`entry ${index}`));
      const proof = await reader().inclusionProof(index);
      const { size, root } = reader().head();
      expect(verifyInclusion({ leaf, index, size, proof, root })).toBe(true);
      const lies = [
        genuine.map((byte, at) => (at === 40 % genuine.length ? byte ^ 1 : byte)),
        new Uint8Array(genuine.length),
        genuine.subarray(0, -32),
        genuine.subarray(0, -1),
        (await fork([300])).files.get(path) as Uint8Array,
        undefined,
      ];
      for (const bytes of lies) {
        server.swap(path, bytes);
        expect(await codeOf(reader().inclusionProof(index))).toBe('log_corrupt');
      }
    },
  );

  test('N05 an entry that is not the one of the tree is not handed out, nor anything behind it', async () => {
    const path = 'tile/entries/000';
    const genuine = Buffer.from(log.files.get(path) as Uint8Array).toString('latin1');
    for (const [bytes, index] of [
      [genuine.replace('entry 9', 'entry 8'), 9],
      [genuine.replace('\x00\x07entry 9', '\x00\x06entry 9'), 9],
      [(await fork([300])).files.get(path) as Uint8Array, 0],
    ] as const) {
      server.swap(path, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
      const seen: number[] = [];
      store = createMemoryMonitorStore();
      const report = await look({ onEntry: (entry) => void seen.push(entry.index) });
      expect(report.findings).toMatchObject([{ code: 'entries_wrong', item: `entry ${index}` }]);
      expect(seen).toHaveLength(index);
      expect(report.checkpoint).toBeUndefined();
    }
  });

  test('N15 an entry that was acknowledged and is not in the log is missed by its index', async () => {
    const reader = readerUnder(await log.publish());
    // The log acknowledged index 300 and never published it; and index 12 with another entry in its place.
    expect(await codeOf(reader.inclusionProof(300, 301))).toBe('log_unverified');
    const [held] = await all(reader.entries(12, 13));
    expect(Buffer.from(held?.entry ?? []).toString()).not.toBe('entry 12, as promised');
    const proof = await reader.inclusionProof(12);
    const { size, root } = reader.head();
    const leaf = leafHash(Buffer.from('entry 12, as promised'));
    expect(verifyInclusion({ leaf, index: 12, size, proof, root })).toBe(false);
  });
});

describe('N07 another log in the place of this one', () => {
  test('is not followed, and what was seen is kept: another origin, another key, or both', async () => {
    await look();
    const others = [
      await tileLog({ origin: 'other.example/log' }),
      await tileLog({ key: testKey('another log') }),
      await tileLog({ origin: 'other.example/log', key: testKey('another log') }),
    ];
    for (const other of others) {
      await other.append(5000);
      await other.publish();
      server.files = other.files;
      const report = await look();
      expect(codesOf(report)).toEqual(['identity_changed']);
      expect(report.checkpoint?.size).toBe(300);
    }
    server.files = log.files;
    expect(await look()).toMatchObject({ verdict: 'good', grown: 0 });
  });

  test('does not get the state of the first one, also when the operator is talked into it', async () => {
    await look();
    const other = await tileLog({ origin: 'other.example/log' });
    await other.append(3);
    await other.publish();
    server.files = other.files;
    expect(await codeOf(look({ trust: other.trust }))).toBe('log_unverified');
    const rekeyed = await tileLog({ key: testKey('next') });
    expect(await codeOf(look({ trust: rekeyed.trust }))).toBe('log_unverified');
    const both = { ...log.trust, keys: [...log.trust.keys, ...rekeyed.trust.keys] };
    server.files = log.files;
    expect((await look({ trust: both })).verdict).toBe('good');
  });

  test('a state that is no state stops the monitor', async () => {
    for (const text of ['', '{}', 'x', '{"taper_monitor":2}']) {
      await store.write(text);
      expect(await codeOf(look())).toBe('store_unusable');
    }
  });
});

describe('N09 a checkpoint that is none', () => {
  test('is not believed: every malformed form of it', async () => {
    const note = Buffer.from(log.files.get('checkpoint') ?? []).toString();
    const line = note.slice(note.indexOf('\n\n') + 2);
    const lies: readonly (readonly [string | Uint8Array, string])[] = [
      ['', 'note_malformed'],
      ['<html>', 'note_malformed'],
      [new Uint8Array([0xff, 0xfe]), 'note_malformed'],
      [note.slice(0, -1), 'note_malformed'],
      [note.replace('\n\n', '\n'), 'note_malformed'],
      [note + line.repeat(100), 'note_malformed'],
      [note.replace('\n300\n', '\n'), 'checkpoint_malformed'],
      [note.replace('\n300\n', '\n0300\n'), 'checkpoint_malformed'],
      [note.replace('\n300\n', '\n301\n'), 'signature_invalid'],
      [note.replace(/\n[A-Za-z0-9+/]{43}=\n/, '\n'), 'checkpoint_malformed'],
      [note.replace(ORIGIN, `${ORIGIN}x`), 'origin_mismatch'],
      [`${note.slice(0, note.indexOf('\n\n'))}\n\n`, 'note_malformed'],
    ];
    await look();
    for (const [lie, problem] of lies) {
      server.swap('checkpoint', lie);
      const report = await look();
      expect([problem, report.verdict]).toEqual([problem, 'bad']);
      expect(report.findings).toMatchObject([{ problem }]);
      expect(report.checkpoint?.size).toBe(300);
    }
  });

  test('N14 of a size that no log has is not believed', async () => {
    const { signer } = testKey('log');
    for (const size of ['-1', '9007199254740992', '18446744073709551615', '1e3', '0x10', '3.0']) {
      const body = writeCheckpoint({ origin: ORIGIN, size: 300, root: new Uint8Array(32) });
      const lie = writeNote(body, [await signCheckpoint(body, ORIGIN, signer)]);
      server.swap('checkpoint', lie.replace('\n300\n', `\n${size}\n`));
      expect((await look()).findings).toMatchObject([{ problem: 'checkpoint_malformed' }]);
    }
  });

  test('N14 no index or size beyond what numbers can count is asked for', async () => {
    const reader = readerUnder(await log.publish());
    for (const wrong of [-1, 2 ** 53, 1.5, Number.NaN, Infinity]) {
      expect(await codeOf(reader.inclusionProof(wrong))).toBe('option_invalid');
      expect(await codeOf(reader.root(wrong))).toBe('option_invalid');
    }
    expect(server.asked.every((path) => !/-|e\+|NaN|Infinity/.test(path))).toBe(true);
  });
});

describe('N16 a proof that is left out', () => {
  test('a tree that grew is not followed without the tiles that prove it', async () => {
    await look();
    await log.append(300);
    await log.publish();
    server.lie = (path) => (path === 'checkpoint' ? undefined : new Response('', { status: 404 }));
    const report = await look();
    expect(codesOf(report)).toEqual(['inconsistent']);
    expect(report.checkpoint?.size).toBe(300);
  });
});

describe('N17 a server that answers too much, too late, or elsewhere', () => {
  test('is cut off at the length that the resource can have', async () => {
    const endless = () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
        }),
      );
    server.lie = endless;
    for (const path of ['checkpoint', 'tile/0/000', 'tile/entries/000'])
      expect(await codeOf(source.read(path))).toBe('log_unverified');
    expect((await look()).findings).toMatchObject([{ code: 'unreachable' }]);
  });

  test('is cut off also where the answer was packed small', async () => {
    const bomb = new Response(new Uint8Array(50_000_000)).body?.pipeThrough(
      new CompressionStream('gzip'),
    );
    const packed = new Uint8Array(await new Response(bomb ?? null).arrayBuffer());
    server.lie = () => new Response(packed, { headers: { 'content-encoding': 'gzip' } });
    expect(await codeOf(source.read('tile/0/000'))).toBe('log_unverified');
    expect(await codeOf(source.read('tile/entries/000'))).toBe('log_unverified');
  });

  test('is not waited for longer than the time-out', async () => {
    const hasty = createHttpTileSource({ url: server.url, timeout: 100 });
    server.lie = () => 'hang';
    expect(await codeOf(hasty.read('checkpoint'))).toBe('log_unavailable');
    // Headers at once, and then nothing.
    server.lie = () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
    expect(await codeOf(hasty.read('tile/0/000'))).toBe('log_unavailable');
    expect((await look({ source: hasty })).verdict).toBe('unknown');
  });

  test('does not send the reader on to another place', async () => {
    const elsewhere = await lyingServer((await fork([300])).files);
    try {
      for (const status of [301, 302, 307, 308]) {
        server.lie = (path) =>
          new Response(null, { status, headers: { location: `${elsewhere.url}/${path}` } });
        expect(await codeOf(source.read('checkpoint'))).toBe('log_unverified');
      }
      expect(elsewhere.asked).toEqual([]);
    } finally {
      await elsewhere.close();
    }
  });

  test('is told apart from one that is out of order, and from one that is not there', async () => {
    for (const [status, code] of [
      [500, 'log_unavailable'],
      [503, 'log_unavailable'],
      [429, 'log_unavailable'],
      [403, 'log_unverified'],
      [204, 'log_unverified'],
    ] as const) {
      server.lie = () => new Response(null, { status });
      expect([status, await codeOf(source.read('tile/0/000'))]).toEqual([status, code]);
    }
    server.lie = () => new Response('', { status: 404 });
    expect(await source.read('tile/0/000')).toBeUndefined();
    await server.close();
    expect(await codeOf(source.read('tile/0/000'))).toBe('log_unavailable');
    expect((await look()).verdict).toBe('unknown');
  });
});

describe('N18 a path that is no tile', () => {
  test('is never asked for', async () => {
    for (const path of [
      '',
      '../checkpoint',
      'tile/0/1',
      'tile/0/0000',
      'tile/00/000',
      'tile/64/000',
      'tile/0/x000/000',
      'tile/0/000.p/0',
      'tile/0/000.p/256',
      'tile/0/000.p/01',
      'tile/entries/000/',
      'tile/0/000?x',
      '/tile/0/000',
    ])
      expect(await codeOf(source.read(path))).toBe('option_invalid');
    expect(server.asked).toEqual([]);
  });

  test('a full tile in the place of a partial one, and a partial one of another width, are refused', async () => {
    const full = log.files.get('tile/0/000') as Uint8Array;
    const partial = log.files.get('tile/0/001.p/44') as Uint8Array;
    const note = Buffer.from(log.files.get('checkpoint') ?? []).toString();
    for (const [path, bytes, index] of [
      ['tile/0/001.p/44', full, 290],
      ['tile/0/001.p/44', partial.subarray(0, 43 * 32), 290],
      ['tile/0/000', partial, 5],
      ['tile/1/000.p/1', partial, 290],
    ] as const) {
      server.repent();
      server.swap(path, bytes);
      expect(await codeOf(readerUnder(note).inclusionProof(index))).toBe('log_corrupt');
    }
  });
});

describe('the address of a log', () => {
  test('is plain HTTPS, or on this machine', () => {
    for (const url of [
      'http://log.example',
      'ftp://log.example',
      'log.example',
      '',
      'https://u:p@log.example',
      'https://log.example/?a',
      'https://log.example/#a',
    ])
      expect(() => createHttpTileSource({ url })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
    for (const options of [
      { url: 'https://log.example/authority/' },
      { url: 'http://log.example', allowHttp: true },
      { url: 'http://127.0.0.1:1' },
    ])
      expect(createHttpTileSource(options)).toBeDefined();
    for (const timeout of [0, -1, 1.5, 2 ** 31])
      expect(() => createHttpTileSource({ url: 'https://log.example', timeout })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
  });
});
