import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { emitChains, suites } from '../fuzz/verifiers.ts';
import { runPython, whyNoPython } from '../src/index.ts';

const missing = whyNoPython();
if (missing !== undefined) console.warn(`skipped: the verifier in Python, as ${missing}`);

describe.skipIf(missing !== undefined)(
  'the verifier in Python, which shares no code with this one',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'taper-verifiers-'));
    const file = join(folder, 'chains.jsonl');
    afterAll(() => rmSync(folder, { recursive: true }));

    test('passes its own tests, those with our vectors and those of others among them', async () => {
      expect(await runPython('unittest')).toMatchObject({ status: 0 });
    });

    test('agrees on every vector', async () => {
      const { status, output } = await runPython('taper_verify', 'suite', ...suites());
      expect(output).not.toContain('DIFFERS');
      expect(status).toBe(0);
    });

    test('agrees on what the chain fuzzer makes', async () => {
      const seed = `${process.pid} ${performance.timeOrigin}`;
      expect(emitChains(file, seed, 2000)).toBeGreaterThanOrEqual(2000);
      const { status, output } = await runPython('taper_verify', 'compare', file);
      expect(output, `seed ${seed}`).toContain(' 0 verdicts differ');
      expect(status, `seed ${seed}: ${output}`).toBe(0);
    });

    test('would show a difference', async () => {
      emitChains(file, 'a fixed seed', 200);
      const lines = readFileSync(file, 'utf8');
      const denied = lines.replace(/"expected":\{"verdict":"DENY","code":"[a-z_]+"/, (found) =>
        found.replace('DENY', 'PERMIT'),
      );
      expect(denied).not.toBe(lines);
      writeFileSync(file, denied);
      const { status, output } = await runPython('taper_verify', 'compare', file);
      expect(output).toContain(' 1 verdicts differ');
      expect(status).toBe(1);
    });
  },
);
