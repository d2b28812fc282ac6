import { createHash } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { EMPTY_ROOT, signCheckpoint, verifyCheckpoint, verifyNote, writeNote } from '@taper/core';
import { createTestClock, TEST_TIME, testKey } from '@taper/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryWitnessStore } from '../../src/memory/witness-store.ts';
import type { RefusedCheckpoint } from '../../src/witness/add-checkpoint.ts';
import { writeAddCheckpoint } from '../../src/witness/request.ts';
import type { WitnessStore } from '../../src/witness/store.ts';
import {
  createWitness,
  type WitnessOptions,
  type WitnessService,
} from '../../src/witness/witness.ts';
import { ORIGIN, type PlainLog, plainLog, witnessName } from '../plain-log.ts';
import { type Served, serveHere } from '../served.ts';

const witness = testKey('w1');
const name = witnessName(witness);
const log = plainLog();
const fork = plainLog({ history: ' of another history', from: 3 });

let store: WitnessStore;
let served: Served;
let service: WitnessService;
let refused: RefusedCheckpoint[];
const running: Served[] = [];

async function start(options: Partial<WitnessOptions> = {}): Promise<void> {
  store = createMemoryWitnessStore();
  refused = [];
  service = createWitness({
    name,
    signer: witness.signer,
    logs: [{ origin: ORIGIN, keys: [log.key] }],
    store,
    clock: createTestClock(),
    onRefused: (each) => refused.push(each),
    ...options,
  });
  served = await serveHere(service.fetch);
  running.push(served);
}

beforeEach(() => start());

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.close()));
});

interface Answered {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

async function post(body: string | Uint8Array, path = '/add-checkpoint'): Promise<Answered> {
  const sent = typeof body === 'string' ? body : new Uint8Array(body);
  const response = await fetch(`${served.url}${path}`, { method: 'POST', body: sent });
  const { status, headers } = response;
  return { status, type: headers.get('content-type'), text: await response.text() };
}

async function show(oldSize: number, size: number, of: PlainLog = log): Promise<Answered> {
  const proof = of.consistency(oldSize, size);
  return post(writeAddCheckpoint({ oldSize, proof, note: await of.note(size) }));
}

/** The record of the witness, which no refusal may change. */
async function sizeOnRecord(): Promise<number | undefined> {
  return (await store.read(ORIGIN))?.size;
}

async function recordOf(origin: string): Promise<Response> {
  const hash = createHash('sha256').update(origin).digest('hex');
  return fetch(`${served.url}/${hash}/checkpoint`);
}

describe('add-checkpoint (C2SP tlog-witness)', () => {
  test('R15: writes nothing for who asks again for what is cosigned, and cosigns it anew in another second', async () => {
    const clock = createTestClock();
    const memory = createMemoryWitnessStore();
    let writes = 0;
    const counted: WitnessStore = {
      read: (origin) => memory.read(origin),
      replace(expected, next) {
        writes += 1;
        return memory.replace(expected, next);
      },
    };
    await start({ store: counted, clock });
    const first = await show(0, 5);
    expect(await show(5, 5)).toEqual(first);
    expect(writes).toBe(1);
    clock.advance(1);
    const later = await show(5, 5);
    expect(later.status).toBe(200);
    expect(later.text).not.toBe(first.text);
    expect(writes).toBe(2);
  });

  test('N17: tells the operator nothing of a wrong proof for the tree that it has cosigned', async () => {
    await show(0, 5);
    const proof = [new Uint8Array(32)];
    const note = await log.note(5);
    expect((await post(writeAddCheckpoint({ oldSize: 5, proof, note }))).status).toBe(422);
    expect(refused).toEqual([]);
    const later = await log.note(6);
    const foreign = `${later}— stranger.example AAAAAAAA\n`;
    expect((await post(writeAddCheckpoint({ oldSize: 5, proof, note: foreign }))).status).toBe(422);
    expect(refused).toMatchObject([{ why: 'proof', shown: later }]);
  });

  test('R14: gives up a request that does not come, and serves who comes at once beside many that do not', async () => {
    await start({ patience: 60_000 });
    const answered: number[] = [];
    const begin = () => {
      const sending = httpRequest(`${served.url}/add-checkpoint`, {
        method: 'POST',
        headers: { 'transfer-encoding': 'chunked' },
      });
      sending.on('response', ({ statusCode }) => answered.push(statusCode as number));
      sending.on('error', () => undefined);
      sending.write('old');
      return sending;
    };
    const held = Array.from({ length: 140 }, begin);
    const answers = async (count: number): Promise<void> => {
      while (answered.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await answers(140 - 128);
    expect((await show(0, 3)).status).toBe(200);
    expect(new Set(answered.splice(0))).toEqual(new Set([503]));
    for (const sending of held) sending.destroy();
    await start({ patience: 20 });
    const late = begin();
    await answers(1);
    expect(answered.at(-1)).toBe(408);
    late.destroy();
  });

  test('200: cosigns the first checkpoint, and every later one that contains it', async () => {
    let old = 0;
    for (const size of [1, 2, 3, 5, 8, 9, 16, 17, 40]) {
      const { status, text } = await show(old, size);
      expect(status).toBe(200);
      const verdict = verifyNote(`${log.body(size)}\n${text}`, [service.key]);
      expect(verdict).toMatchObject({ ok: true, unknown: [], verified: [{ time: TEST_TIME }] });
      expect(await sizeOnRecord()).toBe(size);
      old = size;
    }
  });

  test('200: the answer is signature lines and nothing else', async () => {
    const { text } = await show(0, 4);
    expect(text).toMatch(/^— witness\.example\/w1 [A-Za-z0-9+/]+={0,2}\n$/);
  });

  test('200: cosigns the same checkpoint again, at the later time', async () => {
    const clock = createTestClock();
    await start({ clock });
    expect((await show(0, 4)).status).toBe(200);
    clock.advance(90);
    const { status, text } = await show(4, 4);
    expect(status).toBe(200);
    expect(verifyNote(`${log.body(4)}\n${text}`, [service.key])).toMatchObject({
      verified: [{ time: TEST_TIME + 90 }],
    });
  });

  test('200: cosigns the empty tree, and goes on from there', async () => {
    expect((await show(0, 0)).status).toBe(200);
    expect((await show(0, 0)).status).toBe(200);
    expect((await show(0, 7)).status).toBe(200);
  });

  test('200: ignores signatures of keys that it does not know, and does not pass them on', async () => {
    const stranger = await signCheckpoint(log.body(4), ORIGIN, testKey('stranger').signer);
    const note = `${await log.note(4)}${stranger}\n`;
    expect((await post(writeAddCheckpoint({ oldSize: 0, proof: [], note }))).status).toBe(200);
    const kept = await (await recordOf(ORIGIN)).text();
    expect(kept).not.toContain(stranger);
    expect(verifyNote(kept, [log.key, service.key])).toMatchObject({ ok: true, unknown: [] });
  });

  test('200: cosigns extension lines with the rest', async () => {
    const body = `${log.body(4)}an extension\n`;
    const note = writeNote(body, [await signCheckpoint(body, ORIGIN, testKey('log').signer)]);
    const { status, text } = await post(writeAddCheckpoint({ oldSize: 0, proof: [], note }));
    expect(status).toBe(200);
    expect(verifyNote(`${body}\n${text}`, [service.key]).ok).toBe(true);
  });

  test('404: does not know the log', async () => {
    const other = plainLog({ origin: 'other.example/log' });
    expect((await show(0, 4, other)).status).toBe(404);
    expect(await store.read('other.example/log')).toBeUndefined();
  });

  test('N09 403: no signature of a key that it trusts for this log', async () => {
    const forged = plainLog({ key: testKey('stranger') });
    expect((await show(0, 4, forged)).status).toBe(403);
    expect(await sizeOnRecord()).toBeUndefined();
  });

  test('N09 403: a signature that names a trusted key and does not verify, beside a good one', async () => {
    const other = await log.note(5);
    const line = other.slice(other.indexOf('\n\n') + 2);
    for (const note of [`${log.body(4)}\n${line}`, `${await log.note(4)}${line}`])
      expect((await post(writeAddCheckpoint({ oldSize: 0, proof: [], note }))).status).toBe(403);
    expect(await sizeOnRecord()).toBeUndefined();
  });

  test('N02 400: an old size that is larger than the checkpoint', async () => {
    await show(0, 9);
    const note = await log.note(8);
    expect((await post(writeAddCheckpoint({ oldSize: 9, proof: [], note }))).status).toBe(400);
    expect(await sizeOnRecord()).toBe(9);
  });

  test('409: another old size than the one on record, which it answers', async () => {
    expect(await show(3, 9)).toEqual({ status: 409, type: 'text/x.tlog.size', text: '0\n' });
    await show(0, 9);
    for (const old of [0, 3, 8, 10])
      expect(await show(old, 12)).toEqual({ status: 409, type: 'text/x.tlog.size', text: '9\n' });
    expect(await sizeOnRecord()).toBe(9);
    expect((await show(9, 12)).status).toBe(200);
  });

  test('422: an empty tree with another root than the empty one', async () => {
    const body = `${ORIGIN}\n0\n${Buffer.from(log.root(1)).toString('base64')}\n`;
    const own = plainLog().key.name;
    const genuine = await log.note(0);
    expect(genuine).toContain(`\n0\n${Buffer.from(EMPTY_ROOT).toString('base64')}\n`);
    const signature = Buffer.concat([
      Buffer.from(log.key.id.toString(16).padStart(8, '0'), 'hex'),
      testKey('log').sign(Buffer.from(body)),
    ]);
    const note = `${body}\n— ${own} ${signature.toString('base64')}\n`;
    expect((await post(writeAddCheckpoint({ oldSize: 0, proof: [], note }))).status).toBe(422);
    const forged = note.replace(/\n— .*/, `\n— ${own} ${Buffer.alloc(68, 7).toString('base64')}`);
    expect((await post(writeAddCheckpoint({ oldSize: 0, proof: [], note: forged }))).status).toBe(
      403,
    );
    expect(await sizeOnRecord()).toBeUndefined();
    expect(refused.map(({ why }) => why)).toEqual(['empty']);
  });

  test('422: a proof where the old size is 0', async () => {
    const proof = log.consistency(2, 4);
    const note = await log.note(4);
    expect((await post(writeAddCheckpoint({ oldSize: 0, proof, note }))).status).toBe(422);
    expect(await sizeOnRecord()).toBeUndefined();
  });

  test('N06 422: a consistency proof that is missing, cut, too long, in another order, or of other sizes', async () => {
    await show(0, 6);
    const note = await log.note(13);
    const proof = log.consistency(6, 13);
    expect(proof.length).toBeGreaterThan(2);
    const wrong = [
      [],
      proof.slice(1),
      proof.slice(0, -1),
      [...proof, proof[0] as Uint8Array],
      proof.toReversed(),
      log.consistency(5, 13),
      log.consistency(6, 14),
      proof.map((hash, index) => (index === 1 ? new Uint8Array(32) : hash)),
    ];
    for (const each of wrong)
      expect((await post(writeAddCheckpoint({ oldSize: 6, proof: each, note }))).status).toBe(422);
    expect(await sizeOnRecord()).toBe(6);
    expect((await post(writeAddCheckpoint({ oldSize: 6, proof, note }))).status).toBe(200);
  });

  test('N01 422: another root at the same size, with evidence for the operator', async () => {
    await show(0, 9);
    expect((await show(9, 9, fork)).status).toBe(422);
    expect(await sizeOnRecord()).toBe(9);
    const [found] = refused;
    expect(found).toMatchObject({ origin: ORIGIN, why: 'root', shown: await fork.note(9) });
    const trust = { origin: ORIGIN, keys: [log.key], witnesses: [service.key], quorum: 1 };
    expect(verifyCheckpoint(found?.held ?? '', trust).ok).toBe(true);
  });

  test('N01 422: a tree that does not contain what was cosigned', async () => {
    await show(0, 9);
    expect((await show(9, 20, fork)).status).toBe(422);
    expect(refused).toMatchObject([{ why: 'proof' }]);
    expect((await show(9, 20)).status).toBe(200);
  });

  test('400: what is no request of this protocol', async () => {
    const note = await log.note(4);
    const hash = Buffer.from(log.root(3)).toString('base64');
    const wrong = [
      '',
      '\n',
      note,
      `old 0\n${note}`,
      `old\n\n${note}`,
      `old 00\n\n${note}`,
      `old -1\n\n${note}`,
      `old 1.0\n\n${note}`,
      `old  0\n\n${note}`,
      `Old 0\n\n${note}`,
      `old 0\r\n\r\n${note}`,
      `old 0 \n\n${note}`,
      `old 9007199254740992\n\n${note}`,
      `old 99999999999999999999\n\n${note}`,
      `\nold 0\n\n${note}`,
      `old 0\n${hash.slice(0, -1)}\n\n${note}`,
      `old 0\n${hash}=\n\n${note}`,
      `old 0\n ${hash}\n\n${note}`,
      `old 0\n${hash.replace(/.=$/, 'B=')}\n\n${note}`,
      `old 0\n${'A'.repeat(40)}\n\n${note}`,
      `old 0\n${`${hash}\n`.repeat(64)}\n${note}`,
      `old 0\n\n${log.body(4)}`,
      `old 0\n\n${note.slice(0, -1)}`,
      `old 0\n\n${note.replace('\n4\n', '\n04\n')}`,
      `old 0\n\n${note.replace('\n4\n', '\n9007199254740992\n')}`,
      `old 0\n\n${note.replace('\n4\n', '\n-4\n')}`,
      `old 0\n\nnonsense\n`,
    ];
    for (const body of wrong) expect([(await post(body)).status, body]).toEqual([400, body]);
    expect((await post(new Uint8Array([0x6f, 0xff, 0xfe]))).status).toBe(400);
    expect(await sizeOnRecord()).toBeUndefined();
  });

  test('takes 63 lines of proof for a proof, however wrong', async () => {
    await show(0, 4);
    const proof = Array.from({ length: 63 }, () => log.root(2));
    const note = await log.note(5);
    expect((await post(writeAddCheckpoint({ oldSize: 4, proof, note }))).status).toBe(422);
  });

  test('N09 400: a checkpoint with 101 signatures', async () => {
    const note = await log.note(4);
    const line = note.slice(note.indexOf('\n\n') + 2);
    const body = `old 0\n\n${log.body(4)}\n`;
    expect((await post(body + line.repeat(101))).status).toBe(400);
    expect((await post(body + line.repeat(100))).status).toBe(200);
  });

  test('413: reads no more than a request can be', async () => {
    expect((await post('old 0\n\n'.padEnd(600_000, 'x'))).status).toBe(413);
  });

  test('415: does not unpack anything', async () => {
    const response = await fetch(`${served.url}/add-checkpoint`, {
      method: 'POST',
      body: 'x',
      headers: { 'content-encoding': 'gzip' },
    });
    expect(response.status).toBe(415);
  });

  test('405: is a POST, and nothing else', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const { status, headers } = await fetch(`${served.url}/add-checkpoint`, { method });
      expect([status, headers.get('allow')]).toEqual([405, 'POST']);
    }
  });

  test('answers several requests on one connection', async () => {
    const ports = new Set<number | undefined>();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const size of [0, 1, 2]) {
      const body = writeAddCheckpoint({ oldSize: 0, proof: [], note: await log.note(size + 1) });
      const status = await new Promise((resolve, reject) => {
        const sent = httpRequest(
          `${served.url}/add-checkpoint`,
          { method: 'POST', agent },
          (answer) => {
            ports.add(answer.socket.localPort);
            answer.resume().on('end', () => resolve(answer.statusCode));
          },
        );
        sent.on('error', reject).end(body);
      });
      expect(status).toBe(size === 0 ? 200 : 409);
    }
    agent.destroy();
    expect(ports.size).toBe(1);
  });
});

describe('what is on record', () => {
  test('is served with the signature of the log and the cosignature that was answered', async () => {
    const { text } = await show(0, 9);
    const response = await recordOf(ORIGIN);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const note = await response.text();
    expect(note).toBe((await log.note(9)) + text);
    const trust = { origin: ORIGIN, keys: [log.key], witnesses: [service.key], quorum: 1 };
    expect(verifyCheckpoint(note, trust)).toMatchObject({ ok: true, checkpoint: { size: 9 } });
  });

  test('is 404 for a log that was never cosigned, and for one that is not known', async () => {
    expect((await recordOf(ORIGIN)).status).toBe(404);
    await show(0, 9);
    expect((await recordOf('other.example/log')).status).toBe(404);
    for (const path of ['/checkpoint', '/x/checkpoint', '/', `/${'A'.repeat(64)}/checkpoint`])
      expect((await fetch(`${served.url}${path}`)).status).toBe(404);
  });
});

describe('atomic check and persist', () => {
  test('N01 of checkpoints that race from one size, exactly one is cosigned', async () => {
    await show(0, 3);
    const racing = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? show(3, 10 + index) : show(3, 10 + index, fork),
    );
    const answers = await Promise.all(racing);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect(await sizeOnRecord()).toBe(10 + winner);
    for (const { status, text } of answers)
      if (status !== 200) expect([status, text]).toEqual([409, `${10 + winner}\n`]);
  });

  test('answers 409 when another process was faster, after the checks and before the record', async () => {
    const shared = createMemoryWitnessStore();
    let interfere = true;
    await start({
      store: {
        read: shared.read,
        async replace(expected, next) {
          if (interfere) {
            interfere = false;
            const root = log.root(30);
            await shared.replace(expected, { origin: ORIGIN, size: 30, root, note: 'note\n' });
          }
          return shared.replace(expected, next);
        },
      },
    });
    expect(await show(0, 12)).toMatchObject({ status: 409, text: '30\n' });
    expect((await shared.read(ORIGIN))?.size).toBe(30);
  });

  test('Z06 shows no signature that is not on record: a failed write, and one that failed but was done', async () => {
    const shared = createMemoryWitnessStore();
    for (const persisted of [false, true]) {
      const causes: unknown[] = [];
      await start({
        onFailure: (cause) => causes.push(cause),
        store: {
          read: shared.read,
          async replace(expected, next) {
            if (persisted) await shared.replace(expected, next);
            throw new Error('the disk has failed');
          },
        },
      });
      const { status, text } = await show(0, 5);
      expect(status).toBe(500);
      expect(text).not.toContain('—');
      expect(causes).toHaveLength(1);
      expect((await shared.read(ORIGIN))?.size).toBe(persisted ? 5 : undefined);
    }
    await start({ store: shared });
    expect((await show(0, 5)).status).toBe(409);
    expect((await show(5, 5)).status).toBe(200);
  });
});

describe('a witness that cannot', () => {
  const broken: readonly (readonly [string, object])[] = [
    ['reads no record', { read: () => Promise.reject(new Error('x')), replace: () => 'replaced' }],
    ['gets no answer from its store', { read: () => undefined, replace: () => undefined }],
  ];
  test.each(broken)('answers 500 and signs nothing when it %s', async (_, fails) => {
    await start({ store: fails as WitnessStore });
    const { status, text } = await show(0, 4);
    expect(status).toBe(500);
    expect(text).not.toContain('—');
  });

  test.each([0, -1, Number.NaN, 1.5, undefined])(
    'N10 signs nothing when its clock says %s',
    async (now) => {
      await start({ clock: { now: () => now as number } });
      expect((await show(0, 4)).status).toBe(500);
      expect(await sizeOnRecord()).toBeUndefined();
    },
  );

  test('signs nothing when its key does not', async () => {
    const signer = { publicKey: witness.publicKey, sign: () => Promise.reject(new Error('x')) };
    await start({ signer });
    expect((await show(0, 4)).status).toBe(500);
    expect(await sizeOnRecord()).toBeUndefined();
  });

  test('has no say in the answer who is told of what is refused', async () => {
    const throws = () => {
      throw new Error('x');
    };
    await start({ onRefused: throws, onFailure: throws });
    await show(0, 9);
    expect((await show(9, 9, fork)).status).toBe(422);
  });
});

describe('a witness', () => {
  test('can be mounted under a path', async () => {
    await start({ prefix: '/w1' });
    const body = writeAddCheckpoint({ oldSize: 0, proof: [], note: await log.note(4) });
    expect((await post(body)).status).toBe(404);
    expect((await post(body, '/w1/add-checkpoint')).status).toBe(200);
  });

  test('serves logs of several keys, of names other than their origin', async () => {
    const rotated = plainLog({ key: testKey('next') });
    const spaced = plainLog({ origin: 'go.sum database tree', key: testKey('sum') });
    const keys = [log.key, rotated.key];
    await start({
      logs: [
        { origin: ORIGIN, keys },
        { origin: spaced.origin, keys: [spaced.key] },
      ],
    });
    expect((await show(0, 4)).status).toBe(200);
    expect((await show(4, 9, rotated)).status).toBe(200);
    expect((await show(0, 4, spaced)).status).toBe(200);
    expect((await recordOf(spaced.origin)).status).toBe(200);
  });

  test('is not made for a log without a key, one that is named twice, or its own key', () => {
    const options = { name, signer: witness.signer, store, clock: createTestClock() };
    const own = plainLog({ key: witness });
    for (const logs of [
      [{ origin: ORIGIN, keys: [] }],
      [{ origin: '', keys: [log.key] }],
      [{ origin: ORIGIN, keys: [service.key] }],
      [{ origin: ORIGIN, keys: [own.key] }],
      [
        { origin: ORIGIN, keys: [log.key] },
        { origin: ORIGIN, keys: [log.key] },
      ],
    ])
      expect(() => createWitness({ ...options, logs })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
    for (const wrong of ['', 'a b', 'a+b'])
      expect(() => createWitness({ ...options, name: wrong, logs: [] })).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
  });
});
