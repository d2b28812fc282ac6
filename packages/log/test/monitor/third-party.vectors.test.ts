import { existsSync, globSync, readFileSync } from 'node:fs';
import {
  type LogTrust,
  noteKey,
  parseNote,
  parseNoteKey,
  signCheckpoint,
  type VerifiedCheckpoint,
  verifyCheckpoint,
  verifyNote,
  writeNote,
} from '@taper/core';
import { testKey } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { createFileTileSource } from '../../src/file/tile-store.ts';
import { compareCheckpoints } from '../../src/monitor/compare.ts';
import { checkLog } from '../../src/monitor/fsck.ts';

const vectors = new URL('../../../../../shared/vectors/', import.meta.url);

/** A log of 15 entries as transparency-dev/tessera wrote it, with its checkpoints from size 0 to 15. */
const tessera = new URL('tlog-tessera-log/testdata/log/', vectors);
const TESSERA_KEY =
  'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

/** A mirror of 300 entries, as FiloSottile/sunlight serves it. */
const sunlight = new URL('tlog-sunlight-tree/cmd/skylight/testdata/witness/mirror/', vectors);
const MIRROR_KEY = 'mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O';

const isThere = existsSync(tessera) && existsSync(sunlight);
if (!isThere) console.warn('skipped: ../shared/vectors has no logs of others');

function pathsIn(folder: URL): readonly string[] {
  return globSync('tile/**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.pathname.length))
    .sort();
}

describe.runIf(isThere)('logs that others have written', () => {
  test('the log of Tessera is whole at each of its sizes, and its checkpoints are of one history', async () => {
    const key = parseNoteKey(TESSERA_KEY);
    if (key === undefined) throw new Error('the key is none');
    const trust: LogTrust = {
      origin: 'example.com/log/testdata',
      keys: [key],
      witnesses: [],
      quorum: 0,
    };
    const source = createFileTileSource(tessera.pathname);
    const checkpoints: VerifiedCheckpoint[] = [];
    for (let size = 0; size <= 15; size += 1) {
      const file = new URL(`checkpoint.${size}`, tessera);
      if (!existsSync(file)) continue;
      const note = readFileSync(file, 'utf8');
      const verdict = verifyCheckpoint(note, trust);
      if (!verdict.ok) throw new Error(`${size}: ${verdict.problem}`);
      checkpoints.push(verdict.checkpoint);
      const report = await checkLog({ source, note, trust, paths: pathsIn(tessera) });
      expect(report).toMatchObject({ verdict: 'intact', problems: [] });
    }
    expect(checkpoints.length).toBeGreaterThan(10);
    for (const one of checkpoints)
      for (const other of checkpoints)
        expect((await compareCheckpoints(one, other, source)).verdict).toBe('consistent');
  });

  test('the tiles of the mirror of Sunlight are whole; its bundles, which are placeholders, are named', async () => {
    const [name] = globSync('*/checkpoint', { cwd: sunlight });
    const folder = new URL((name ?? '').replace('checkpoint', ''), sunlight);
    const given = readFileSync(new URL('checkpoint', folder), 'utf8');
    const mirror = parseNoteKey(MIRROR_KEY);
    expect(verifyNote(given, mirror === undefined ? [] : [mirror]).ok).toBe(true);
    // Only the mirror has signed it; a key of ours stands for the log's.
    const text = parseNote(given)?.text ?? '';
    const { signer, publicKey } = testKey('log');
    const origin = 'rome2026h1.example.org';
    const note = writeNote(text, [await signCheckpoint(text, origin, signer)]);
    const keys = [noteKey(origin, publicKey, 1)];
    const trust: LogTrust = { origin, keys, witnesses: [], quorum: 0 };
    const source = createFileTileSource(folder.pathname);
    const report = await checkLog({ source, note, trust, paths: pathsIn(folder) });
    expect(report.size).toBe(300);
    expect(report.problems).toEqual([
      { code: 'malformed', path: 'tile/entries/000' },
      { code: 'malformed', path: 'tile/entries/001.p/44' },
    ]);
  });
});
