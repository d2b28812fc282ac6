import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAILURES } from '../src/failure.ts';
import { replay } from './transcript.ts';
import { Workspace } from './workspace.ts';

const path = resolve(import.meta.dirname, '../../../docs/cli.md');
const page = readFileSync(path, 'utf8');

/** What differs from run to run: thumbprints, tokens and hashes, identifiers. */
function withoutRandomness(text: string): string {
  return text
    .replaceAll(/ey[A-Za-z0-9_.-]{43,}/g, '(token)')
    .replaceAll(/[A-Za-z0-9_-]{43}/g, '(thumbprint)')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '(identifier)');
}

describe('docs/cli.md', () => {
  it('shows what the commands print, one after the other in one folder', async () => {
    const workspace = new Workspace('empty');
    let replayed = '';
    let end = 0;
    for (const block of page.matchAll(/(?<=```console\n).*?(?=```)/gs)) {
      const printed = (await replay(block[0], workspace)).replaceAll(/^2> ?|^│$|^\[\d\]\n/gm, '');
      const same = withoutRandomness(printed) === withoutRandomness(block[0]);
      replayed += page.slice(end, block.index) + (same ? block[0] : printed);
      end = block.index + block[0].length;
    }
    expect(end).toBeGreaterThan(0);
    // Write the page anew with: npx vitest run packages/cli/test/docs.test.ts -u
    await expect(replayed + page.slice(end)).toMatchFileSnapshot(path);
  });

  it('explains every error with its exit code, and no other', () => {
    const rows = page.slice(page.indexOf('## Errors')).matchAll(/^\| `(\w+)` \| (\d) \| \S/gm);
    expect(Object.fromEntries([...rows].map(([, code, exit]) => [code, Number(exit)]))).toEqual(
      FAILURES,
    );
  });

  it('has a heading for every command', async () => {
    const { result } = await new Workspace().json(['help']);
    for (const { name } of result.commands)
      if (name !== 'taper help') expect(page).toContain(`### \`${name}`);
  });
});
