import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalize } from '../src/jcs.ts';
import { holdsInadmissibleNumber, parseJson } from '../src/json.ts';
import { jsonText } from './json-text.ts';

/** A JSON value in which no member is named __proto__ and every string is well-formed. */
const plainValue = fc
  .jsonValue({ stringUnit: 'binary', maxDepth: 5 })
  .filter((value) => !JSON.stringify(value).includes('"__proto__":'));

/** The same value with the members of every object in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, inner]) => [name, reversed(inner)] as const);
  return Object.fromEntries(members.reverse());
}

function codeUnits(text: string): number[] {
  return Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
}

/** RFC 8785 section 3.2.3: a difference in the first code unit that differs decides, else the shorter name is first. */
function compareNames(one: string, other: string): number {
  const [a, b] = [codeUnits(one), codeUnits(other)];
  const differs = a.findIndex((unit, at) => unit !== b[at]);
  if (differs < 0) return a.length - b.length;
  return (a[differs] as number) - (b[differs] ?? -1);
}

/** RFC 8785 by its words, for a value that JSON.stringify can write. */
function reference(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(reference).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([one], [other]) => compareNames(one, other))
    .map(([name, inner]) => `${JSON.stringify(name)}:${reference(inner)}`);
  return `{${members.join(',')}}`;
}

test('gives what RFC 8785 describes, whatever the order of the members', () => {
  fc.assert(
    fc.property(plainValue, (value) => {
      const text = canonicalize(value);
      expect(text).toBe(reference(value));
      expect(canonicalize(reversed(value))).toBe(text);
    }),
    { numRuns: 2000 },
  );
});

test('canonical text parses, and canonicalizes to itself', () => {
  fc.assert(
    fc.property(plainValue, (value) => {
      const text = canonicalize(value);
      const result = parseJson(text);
      if (!result.ok) throw new Error(`refused: ${text}`);
      expect(canonicalize(result.value)).toBe(text);
    }),
    { numRuns: 2000 },
  );
});

test('every admissible spelling of a text comes to a canonical text that stands for itself', () => {
  fc.assert(
    fc.property(jsonText, (text) => {
      const first = parseJson(`[${text}]`);
      fc.pre(first.ok && !holdsInadmissibleNumber(first.value, first.numbers));
      if (!first.ok) return;
      const canonical = canonicalize(first.value);
      const second = parseJson(canonical);
      if (!second.ok) throw new Error(`refused: ${canonical}`);
      expect(holdsInadmissibleNumber(second.value, second.numbers)).toBe(false);
      expect(canonicalize(second.value)).toBe(canonical);
    }),
    { numRuns: 2000 },
  );
});

test('two doubles have the same text only when they are equal', () => {
  const double = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(double, double, (one, other) => {
      expect(canonicalize(one) === canonicalize(other)).toBe(one === other);
      expect(Number(canonicalize(one)) === one).toBe(true);
    }),
  );
});
