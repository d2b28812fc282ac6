import { describe, expect, test } from 'vitest';
import {
  parseCheckpoint,
  parseCosignature,
  parseLogProof,
  parseNote,
  parseNoteKey,
  verifyNote,
} from '../../src/index.ts';

// The examples that stand inside the C2SP specifications.

describe('the examples of C2SP', () => {
  test('signed-note: a note with an empty line in its text', () => {
    const text =
      'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n';
    const line =
      '— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=';
    const note = parseNote(`${text}\n${line}\n`);
    expect(note?.text).toBe(text);
    expect(note?.signatures.map(({ name, id, bytes }) => [name, id, bytes.length])).toEqual([
      ['quasimodo.example/salvatore', 0x367ba04b, 64],
    ]);
  });

  test('signed-note: the verifier key verifies the note', () => {
    const key = parseNoteKey(
      'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
    );
    if (key === undefined) throw new Error('the key of the example was refused');
    const note =
      'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';
    expect(verifyNote(note, [key])).toMatchObject({ ok: true, unknown: [] });
    expect(verifyNote(note.replace('example message', 'Example message'), [key])).toEqual({
      ok: false,
      problem: 'signature_invalid',
    });
  });

  const checkpoint =
    'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
  const signatures =
    '— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n' +
    '— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n';

  test('tlog-checkpoint and tlog-cosignature: a cosigned checkpoint, and the time of its cosignature', () => {
    const note = parseNote(`${checkpoint}\n${signatures}`);
    expect(parseCheckpoint(note?.text ?? '')).toEqual({
      origin: 'example.com/behind-the-sofa',
      size: 20852163,
      root: new Uint8Array(Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64')),
      extensions: [],
    });
    const [log, witness] = note?.signatures ?? [];
    expect([log?.name, log?.bytes.length]).toEqual(['example.com/behind-the-sofa', 64]);
    expect(parseCosignature(witness?.bytes ?? new Uint8Array(0))?.time).toBe(1679315147);
    expect(parseCosignature(log?.bytes ?? new Uint8Array(0))).toBe(undefined);
  });

  // Its signatures are abridged: nothing of it can be verified.
  test('tlog-proof: the lines of the proof', () => {
    const hashes = [
      'gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=',
      'B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=',
      'EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=',
      'RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=',
      'AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=',
    ];
    const note =
      'example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n— example.com/fancylog hI2DJw[...]1roloI=\n';
    const extra = 'YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ';
    const lines = ['c2sp.org/tlog-proof@v1', `extra ${extra}`, 'index 73894', ...hashes, '', note];
    const proof = parseLogProof(lines.join('\n'));
    expect(proof).toMatchObject({ index: 73894, checkpoint: note });
    expect(proof?.hashes.map((hash) => Buffer.from(hash).toString('base64'))).toEqual(hashes);
    expect(Buffer.from(proof?.extra ?? []).toString('base64')).toBe(extra);
  });
});
