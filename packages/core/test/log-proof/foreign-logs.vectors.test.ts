import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  createFrontier,
  importPublicKey,
  leafHash,
  type NoteKey,
  noteKey,
  parseCheckpoint,
  parseNote,
  parseNoteKey,
  verifyCheckpoint,
  verifyCheckpointAsync,
  verifyConsistency,
  verifyNote,
} from '../../src/index.ts';
import { okp } from '../signature-verdict.ts';
import { thirdPartyFolder } from '../third-party-folder.ts';

// Logs and witnesses that others have written: Tessera, Sunlight, Sigsum through Torchwood's litewitness, and the Go checksum database.

function keyOf(vkey: string): NoteKey {
  const key = parseNoteKey(vkey);
  if (key === undefined) throw new Error(`refused: ${vkey}`);
  return key;
}

/** The entries of a bundle: each with its length in two bytes before it (C2SP tlog-tiles). */
function entriesOf(bundle: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  for (let at = 0; at < bundle.length; ) {
    const length = view.getUint16(at);
    entries.push(bundle.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}

const tessera = thirdPartyFolder('tlog-tessera-log/testdata/log');

describe.skipIf(tessera === undefined)('a log that Tessera has written', () => {
  const origin = 'example.com/log/testdata';
  // Of Tessera's tests; the key ID and sixteen signatures bear it out.
  const vkey = `${origin}+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx`;
  const trust = { origin, keys: [keyOf(vkey)], witnesses: [], quorum: 0 };
  const read = (path: string): Buffer => readFileSync(new URL(path, tessera));

  test('verifies at every size, each consistent with every other', async () => {
    const bundle = entriesOf(read('tile/entries/000.p/15'));
    const frontier = createFrontier();
    for (let size = 0; size <= 15; size++) {
      const note = read(`checkpoint.${size}`).toString();
      const verdict = verifyCheckpoint(note, trust);
      expect(await verifyCheckpointAsync(note, trust)).toEqual(verdict);
      expect(verdict.ok && verdict.checkpoint.size).toBe(size);
      expect(verdict.ok && verdict.checkpoint.root).toEqual(frontier.root());
      if (size < 15) frontier.append(leafHash(bundle[size] as Uint8Array));
    }
    expect(bundle).toHaveLength(15);
  });

  test('N09 is refused under another origin, and with one character of the text changed', () => {
    const note = read('checkpoint.7').toString();
    expect(verifyCheckpoint(note, { ...trust, origin: 'example.com/log' })).toEqual({
      ok: false,
      problem: 'origin_mismatch',
    });
    expect(verifyCheckpoint(note.replace('\n7\n', '\n8\n'), trust)).toEqual({
      ok: false,
      problem: 'signature_invalid',
    });
  });
});

const sunlight = thirdPartyFolder('tlog-sunlight-tree/cmd/skylight/testdata');

describe.skipIf(sunlight === undefined)('witnesses of Sunlight', () => {
  const read = (path: string): Buffer => readFileSync(new URL(path, sunlight));
  const rome = '000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706';
  const milan = '88ad7a28caeb0b2aa890fdf0304c2fcaf59fca2ee140134ff8c1300bac493482';
  const keyIn = (path: string): NoteKey =>
    keyOf(JSON.parse(read(path).toString()).verifier_keys[0]);

  test.each([
    ['witness', `witness/${rome}/checkpoint`, 'witness/witness.v0.json', 1],
    ['witness2', `witness2/${milan}/checkpoint`, 'witness2/witness.v0.json', 0],
    ['mirror', `witness/mirror/${rome}/checkpoint`, 'witness/mirror/mirror.v0.json', 0],
  ])(
    'the cosignature of %s verifies; lines of type 5 are ignored',
    (_name, path, keyFile, others) => {
      const key = keyIn(keyFile);
      expect(key.type).toBe(4);
      const verdict = verifyNote(read(path).toString(), [key]);
      expect(verdict.ok && verdict.verified).toEqual([{ key, time: 1767139200 }]);
      expect(verdict.ok && verdict.unknown.length).toBe(others);
    },
  );

  test('the tiles of the mirror have the root of the checkpoint that it cosigned, of 300 entries', () => {
    const folder = `witness/mirror/${rome}`;
    const note = parseNote(read(`${folder}/checkpoint`).toString());
    const tiles = Buffer.concat([read(`${folder}/tile/0/000`), read(`${folder}/tile/0/001.p/44`)]);
    const frontier = createFrontier();
    for (let at = 0; at < tiles.length; at += 32) frontier.append(tiles.subarray(at, at + 32));
    expect(parseCheckpoint(note?.text ?? '')).toMatchObject({
      size: frontier.size,
      root: frontier.root(),
    });
    // The first 256 hashes and the one that stands for them are the same subtree.
    const short = createFrontier();
    short.append(read(`${folder}/tile/1/000.p/1`), 256);
    for (let at = 256 * 32; at < tiles.length; at += 32) short.append(tiles.subarray(at, at + 32));
    expect(short.root()).toEqual(frontier.root());
  });

  test('files that are no checkpoint are none', () => {
    for (const path of ['witness/checkpoint', 'witness/mirror/checkpoint']) {
      expect(parseNote(read(path).toString())).toBe(undefined);
    }
  });
});

const litewitness = thirdPartyFolder('tlog-torchwood-litewitness/cmd/litewitness/testdata');

describe.skipIf(litewitness === undefined)('what litewitness is asked, and what it answers', () => {
  interface Step {
    readonly oldSize: number;
    readonly proof: readonly Uint8Array[];
    readonly note: string;
    readonly status: number;
  }

  function stepsOf(file: string): Step[] {
    const text = readFileSync(new URL(file, litewitness), 'utf8');
    const requests = text.matchAll(/```\n(old [^`]*)```\nHTTP (\d+)/g);
    return [...requests].map(([, body = '', status]) => {
      const end = body.indexOf('\n\n');
      const [old = '', ...proof] = body.slice(0, end).split('\n');
      return {
        oldSize: Number(old.slice('old '.length)),
        proof: proof.map((hash) => Buffer.from(hash, 'base64')),
        note: body.slice(end + 2),
        status: Number(status),
      };
    });
  }

  const sigsum =
    'sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562';
  const key = importPublicKey(
    okp('ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f'),
  );

  test.each(['litewitness.txt', 'bastion.txt'])(
    '%s: N01 N02 N06 signatures, origins and growth come to the same status',
    (file) => {
      const trust = { origin: sigsum, keys: [noteKey(sigsum, key, 1)], witnesses: [], quorum: 0 };
      let last = { size: 0, root: createFrontier().root() };
      const steps = stepsOf(file);
      for (const { oldSize, proof, note, status } of steps) {
        const verdict = verifyCheckpoint(note, trust);
        let ours = 403;
        if (verdict.ok) {
          const { size, root } = verdict.checkpoint;
          const grown = { oldSize, oldRoot: last.root, size, root, proof };
          ours = oldSize !== last.size ? 409 : verifyConsistency(grown) ? 200 : 422;
          if (ours === 200) last = { size, root };
        }
        expect(ours).toBe(status);
      }
      expect(steps.map(({ status }) => status)).toContain(200);
      expect(steps).toHaveLength(file === 'bastion.txt' ? 1 : 9);
    },
  );

  test('sumdb.txt: an origin with spaces, whose key has another name', () => {
    const [step] = stepsOf('sumdb.txt');
    const trust = {
      origin: 'go.sum database tree',
      keys: [keyOf('sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8')],
      witnesses: [],
      quorum: 0,
    };
    expect(verifyCheckpoint(step?.note ?? '', trust)).toMatchObject({
      ok: true,
      checkpoint: { size: 35225469 },
    });
    expect(verifyCheckpoint(step?.note ?? '', { ...trust, origin: 'sum.golang.org' })).toEqual({
      ok: false,
      problem: 'origin_mismatch',
    });
  });
});
