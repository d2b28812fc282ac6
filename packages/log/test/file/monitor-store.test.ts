import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFileMonitorStore } from '../../src/file/monitor-store.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taper-monitor-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('what a monitor has seen, in a file', () => {
  test('is not there at first, and what was written last is read, also by the next process', async () => {
    const path = join(folder, 'seen');
    expect(await createFileMonitorStore(path).read()).toBeUndefined();
    for (const text of ['one\n', 'two, longer than one\n', '3\n']) {
      await createFileMonitorStore(path).write(text);
      expect(await createFileMonitorStore(path).read()).toBe(text);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('leaves nothing but itself in the folder', async () => {
    await createFileMonitorStore(join(folder, 'seen')).write('one\n');
    expect(readdirSync(folder)).toEqual(['seen']);
  });

  test('is never taken for new when it cannot be read or written', () => {
    const path = join(folder, 'seen');
    mkdirSync(path);
    const store = createFileMonitorStore(path);
    expect(() => store.read()).toThrow(expect.objectContaining({ code: 'store_unavailable' }));
    expect(() => store.write('x')).toThrow(expect.objectContaining({ code: 'store_unavailable' }));
    const nowhere = createFileMonitorStore(join(folder, 'no', 'folder'));
    expect(() => nowhere.write('x')).toThrow(
      expect.objectContaining({ code: 'store_unavailable' }),
    );
    expect(readdirSync(folder)).toEqual(['seen']);
  });
});
