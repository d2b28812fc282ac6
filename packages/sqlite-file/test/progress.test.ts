import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type Progress,
  readProgress,
  refuseOldCopy,
  type StoreFileKind,
  writeProgress,
} from '../src/index.ts';

const KIND: StoreFileKind = {
  noun: 'store',
  applicationId: 1,
  danger: 'change it',
  remedy: 'Make another.',
  whenFull: 'Nothing is lost.',
};
const NAME = '0f8fad5b-d9cb-469f-a165-70867728950e';

let folder: string;
let witness: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-progress-'));
  witness = join(folder, 'a.witness');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what was written is read again, and no other user may', () => {
  writeProgress('taper-store', witness, { name: NAME, commits: 7 });
  writeProgress('taper-store', witness, { name: NAME, commits: 8 });
  expect(readProgress(KIND, 'taper-store', witness)).toEqual({ name: NAME, commits: 8 });
  expect(readFileSync(witness, 'utf8')).toBe(`taper-store 1 ${NAME} 8\n`);
  expect(statSync(witness).mode & 0o777).toBe(0o600);
});

test.skipIf(process.platform === 'win32')(
  'nothing is written through a link that somebody put there',
  () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'kept');
    symlinkSync(other, `${witness}.next`);
    expect(() => writeProgress('taper-store', witness, { name: NAME, commits: 7 })).toThrow();
    expect(readFileSync(other, 'utf8')).toBe('kept');
  },
);

test('no file says nothing', () => {
  expect(readProgress(KIND, 'taper-store', witness)).toBeUndefined();
});

test.each([
  ['nothing', ''],
  ['half a line', `taper-store 1 ${NAME} 7`],
  ['a second line', `taper-store 1 ${NAME} 7\n\n`],
  ['another kind of store', `taper-other 1 ${NAME} 7\n`],
  ['another version', `taper-store 2 ${NAME} 7\n`],
  ['a number with a zero before it', `taper-store 1 ${NAME} 07\n`],
  ['a negative number', `taper-store 1 ${NAME} -7\n`],
  ['a number beyond what is exact', `taper-store 1 ${NAME} 9007199254740993\n`],
])('a file that holds %s is unusable, and not taken for none', (_, text) => {
  writeFileSync(witness, text);
  expect(() => readProgress(KIND, 'taper-store', witness)).toThrow(
    expect.objectContaining({ code: 'store_unusable' }),
  );
});

test('a store may be where it was last seen, or further; not before, and not another', () => {
  const refuse = (store: Progress, noted: Progress | undefined) => () =>
    refuseOldCopy(KIND, store, noted, { path: 'a.db', witness, lost: 'All things' });
  const noted = { name: NAME, commits: 7 };
  expect(refuse({ name: NAME, commits: 0 }, undefined)).not.toThrow();
  expect(refuse({ name: NAME, commits: 7 }, noted)).not.toThrow();
  expect(refuse({ name: NAME, commits: 8 }, noted)).not.toThrow();
  const unusable = expect.objectContaining({ code: 'store_unusable' });
  expect(refuse({ name: NAME, commits: 6 }, noted)).toThrow(unusable);
  expect(refuse({ name: NAME.replace('0', '1'), commits: 9 }, noted)).toThrow(unusable);
});
