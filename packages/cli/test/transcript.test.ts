import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeLogs } from './audit-log.ts';
import { ownSuite } from './suite.ts';
import { replay } from './transcript.ts';
import { Workspace } from './workspace.ts';

const folder = join(import.meta.dirname, 'transcript');
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('what a person sees', () => {
  it('is written down', () => {
    expect(names.length).toBeGreaterThanOrEqual(8);
  });

  it.each(names)('is as in transcript/%s', async (name) => {
    const path = join(folder, name);
    const workspace = new Workspace();
    const suite = await ownSuite();
    workspace.write('suite.json', JSON.stringify(suite));
    for (const vector of suite.vectors.slice(1, 3))
      vector.expected = { verdict: 'DENY', step: '7a' };
    workspace.write('other-suite.json', JSON.stringify(suite));
    await writeLogs(workspace);
    const replayed = await replay(readFileSync(path, 'utf8'), workspace);
    // Write a transcript anew with: npx vitest run packages/cli -u
    await expect(replayed).toMatchFileSnapshot(path);
  });

  it.each(names)('keeps to 80 columns in transcript/%s, but for data and command lines', (name) => {
    const wide = readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => !/^[$# ]/.test(line) || line.startsWith('  '))
      .map((line) => line.replace(/^2> ?/, ''))
      .filter((line) => line.length > 80 && !/^\s*["{$-]|^\s+--/.test(line));
    expect(wide).toEqual([]);
  });
});
