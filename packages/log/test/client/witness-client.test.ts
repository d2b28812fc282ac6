import { cosign, noteKey, TaperError, verifyCheckpoint } from '@taper/core';
import { createTestClock, TEST_TIME, testKey } from '@taper/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createWitnessClient } from '../../src/client/witness-client.ts';
import { createMemoryCheckpointStore } from '../../src/memory/checkpoint-store.ts';
import { createMemoryTileStore } from '../../src/memory/tile-store.ts';
import { createMemoryWitnessStore } from '../../src/memory/witness-store.ts';
import type { Witness } from '../../src/port/witness.ts';
import { createWitness } from '../../src/witness/witness.ts';
import { openLog } from '../../src/writer/open-log.ts';
import { localWitness } from '../local-witness.ts';
import { ORIGIN, plainLog, witnessKey, witnessName } from '../plain-log.ts';
import { type Served, serveHere } from '../served.ts';

const key = testKey('w1');
const plain = plainLog();

let answer: (request: Request) => Response | Promise<Response>;
let served: Served;
let client: Witness;
let hanging: (() => void)[];

beforeEach(async () => {
  hanging = [];
  served = await serveHere((request) => answer(request));
  client = createWitnessClient({ url: served.url, key: witnessKey(key), timeout: 3000 });
});

afterEach(async () => {
  for (const resolve of hanging) resolve();
  await served.close();
});

/** A witness that does its work, on the socket. */
function honest(): (request: Request) => Promise<Response> {
  return createWitness({
    name: witnessName(key),
    signer: key.signer,
    logs: [{ origin: ORIGIN, keys: [plain.key] }],
    store: createMemoryWitnessStore(),
    clock: createTestClock(),
  }).fetch;
}

async function codeOf(act: Promise<unknown>): Promise<string> {
  try {
    return JSON.stringify(await act);
  } catch (error) {
    return error instanceof TaperError ? error.code : 'another error';
  }
}

async function line(size: number, signer = key, name = witnessName(signer), time = TEST_TIME) {
  return cosign(plain.body(size), name, signer.signer, time);
}

/** Answers of witnesses that do not do their work, and what the client makes of them. */
const BAD: readonly (readonly [string, () => Response | Promise<Response>, string])[] = [
  ['nothing', () => new Response(''), 'log_unverified'],
  ['a web page', () => new Response('<html>welcome</html>'), 'log_unverified'],
  [
    'bytes that are no text',
    () => new Response(new Uint8Array([0xff, 0xfe, 0x0a])),
    'log_unverified',
  ],
  [
    'the signature of another witness',
    async () => new Response(`${await line(9, testKey('w2'))}\n`),
    'log_unverified',
  ],
  [
    'the signature of another key under its name',
    async () => new Response(`${await line(9, testKey('w2'), witnessName(key))}\n`),
    'log_unverified',
  ],
  [
    'its signature over another checkpoint',
    async () => new Response(`${await line(8)}\n`),
    'log_unverified',
  ],
  [
    'a changed signature',
    async () => new Response(`${(await line(9)).replace(/.{6}=*$/, 'AAAAAA==')}\n`),
    'log_unverified',
  ],
  ['more than it can have to say', () => new Response('x'.repeat(100_000)), 'log_unverified'],
  [
    'a redirect',
    () => new Response(null, { status: 307, headers: { location: '/elsewhere' } }),
    'log_unverified',
  ],
  ['that it does not know the log', () => new Response('', { status: 404 }), 'log_unverified'],
  ['that the signature is bad', () => new Response('', { status: 403 }), 'log_unverified'],
  ['that the proof is bad', () => new Response('', { status: 422 }), 'log_unverified'],
  ['a conflict without a size', () => new Response('', { status: 409 }), 'log_unverified'],
  [
    'a conflict with a size that is none',
    () => new Response('-1\n', { status: 409, headers: { 'content-type': 'text/x.tlog.size' } }),
    'log_unverified',
  ],
  [
    'a conflict with a size beyond all numbers',
    () =>
      new Response('9007199254740993\n', {
        status: 409,
        headers: { 'content-type': 'text/x.tlog.size' },
      }),
    'log_unverified',
  ],
  ['a conflict in another type', () => new Response('5\n', { status: 409 }), 'log_unverified'],
  ['that it is out of order', () => new Response('', { status: 500 }), 'log_unavailable'],
  [
    'nothing at all, for ever',
    () => new Promise((resolve) => hanging.push(() => resolve(new Response('')))),
    'log_unavailable',
  ],
];

describe('the client of a witness', () => {
  test('brings the cosignature of an honest one, and of it alone', async () => {
    const fetch = honest();
    answer = async (request) => {
      const text = await (await fetch(request)).text();
      return new Response(`nonsense\n${await line(9, testKey('w2'))}\n${text}`);
    };
    const note = await plain.note(9);
    const lines = await client.cosign(note, 0, []);
    expect(lines).toHaveLength(1);
    const trust = { origin: ORIGIN, keys: [plain.key], witnesses: [client.key], quorum: 1 };
    expect(verifyCheckpoint(`${note}${(lines as string[])[0]}\n`, trust).ok).toBe(true);
  });

  test('brings the size that the witness has, and goes on from there', async () => {
    answer = honest();
    await client.cosign(await plain.note(5), 0, []);
    expect(await client.cosign(await plain.note(9), 0, [])).toEqual({ size: 5 });
    expect(await client.cosign(await plain.note(9), 5, plain.consistency(5, 9))).toHaveLength(1);
  });

  test.each(BAD)('does not take for a cosignature: %s', async (_, bad, code) => {
    answer = bad;
    expect(await codeOf(client.cosign(await plain.note(9), 0, []))).toBe(code);
  });

  test('N10 does not take a cosignature of time 0', async () => {
    const { cosignatureInput, writeSignatureLine } = await import('@taper/core');
    const signature = key.sign(cosignatureInput(plain.body(9), 0));
    const { name, id } = client.key;
    const bytes = Buffer.concat([new Uint8Array(8), signature]);
    answer = () => new Response(`${writeSignatureLine({ name, id, bytes })}\n`);
    expect(await codeOf(client.cosign(await plain.note(9), 0, []))).toBe('log_unverified');
  });

  test('says that a witness that is not there cannot be reached', async () => {
    await served.close();
    expect(await codeOf(client.cosign(await plain.note(9), 0, []))).toBe('log_unavailable');
  });

  test('is not made with the key of a log, or for an address that is none', () => {
    const log = noteKey(ORIGIN, key.publicKey, 1);
    for (const options of [
      { url: 'https://witness.example', key: log },
      { url: 'http://witness.example', key: witnessKey(key) },
      { url: 'nowhere', key: witnessKey(key) },
    ])
      expect(() => createWitnessClient(options)).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      );
  });
});

describe('a log with a witness that does not do its work', () => {
  test.each(BAD)(
    'goes on, and publishes nothing as cosigned, when it answers %s',
    async (_, bad) => {
      answer = bad;
      const log = await openLog({
        origin: ORIGIN,
        signer: testKey('log').signer,
        tiles: createMemoryTileStore(),
        checkpoints: createMemoryCheckpointStore(),
        create: true,
        witnesses: [client, localWitness('w2')],
      });
      await log.append(Buffer.from('one'));
      expect(await codeOf(log.publish())).toBe('log_unavailable');
      expect(log.checkpoint()).toBeUndefined();
      // Appending needs no witness.
      expect(await log.append(Buffer.from('two'))).toEqual({ index: 1 });
      await log.close();
    },
  );

  test('publishes with the quorum of the others', async () => {
    answer = () => new Response('nonsense');
    const witnesses = [client, localWitness('w2'), localWitness('w3')];
    const log = await openLog({
      origin: ORIGIN,
      signer: testKey('log').signer,
      tiles: createMemoryTileStore(),
      checkpoints: createMemoryCheckpointStore(),
      create: true,
      witnesses,
      quorum: 2,
    });
    await log.append(Buffer.from('one'));
    const { note } = await log.publish();
    const keys = witnesses.map((each) => each.key);
    const trust = { origin: ORIGIN, keys: [log.key], witnesses: keys, quorum: 2 };
    const verdict = verifyCheckpoint(note, trust);
    expect(verdict.ok && verdict.cosigners.map(({ name }) => name).toSorted()).toEqual([
      'witness.example/w2',
      'witness.example/w3',
    ]);
    await log.close();
  });
});
