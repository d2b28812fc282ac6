import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { canonicalize } from '../src/jcs.ts';
import { holdsInadmissibleNumber, parseJson } from '../src/json.ts';
import { thirdPartyFolder } from './third-party-folder.ts';

const folder = thirdPartyFolder('jcs');

describe.skipIf(folder === undefined)('the JCS test data of RFC 8785', () => {
  const read = (path: string): string => readFileSync(new URL(path, folder as URL), 'utf8');

  test('gives the expected bytes for every input', () => {
    const inputs = readdirSync(new URL('testdata/input/', folder as URL));
    expect(inputs.length).toBeGreaterThanOrEqual(6);
    for (const name of inputs) {
      const result = parseJson(read(`testdata/input/${name}`));
      if (!result.ok) throw new Error(`${name}: ${result.problem}`);
      const text = canonicalize(result.value);
      expect(text).toBe(read(`testdata/output/${name}`).trimEnd());
      const hex = read(`testdata/outhex/${name.replace('.json', '.txt')}`).replaceAll(/\s/g, '');
      expect(Buffer.from(text).toString('hex')).toBe(hex);
    }
  });

  test('writes each of 100,000 doubles as expected, and its text is admissible', () => {
    const lines = read('es6testfile-100k.txt').trimEnd().split('\n');
    expect(lines.length).toBe(100_000);
    const bits = new DataView(new ArrayBuffer(8));
    const wrong = lines.filter((line) => {
      const [hex = '', expected = ''] = line.split(',');
      bits.setBigUint64(0, BigInt(`0x${hex}`));
      const result = parseJson(`[${expected}]`);
      const kept = result.ok && !holdsInadmissibleNumber(result.value, result.numbers);
      return !kept || canonicalize(bits.getFloat64(0)) !== expected;
    });
    expect(wrong).toEqual([]);
  });
});
