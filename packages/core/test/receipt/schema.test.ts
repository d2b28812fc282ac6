import { readFileSync } from 'node:fs';
import { schemaProblem } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import type { JsonObject, Receipt } from '../../src/index.ts';
import { SCENES } from './scenes.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../../../spec/receipt.schema.json', import.meta.url), 'utf8'),
) as JsonObject;

function copy(scene: string): Record<string, never> {
  return JSON.parse(JSON.stringify(SCENES.get(scene)));
}

describe('the JSON receipt', () => {
  test.each([...SCENES])('of a %s fits spec/receipt.schema.json', (_, receipt) => {
    expect(schemaProblem(JSON.parse(JSON.stringify(receipt)), schema, schema)).toBe(undefined);
  });

  test.each([...SCENES])('of a %s is plain JSON: nothing is lost on the way', (_, receipt) => {
    expect(JSON.parse(JSON.stringify(receipt))).toStrictEqual(receipt as Receipt);
  });
});

describe('the schema refuses', () => {
  test.each<[string, string, (receipt: Record<string, never>) => unknown]>([
    ['another version', 'verified chain', (r) => Object.assign(r, { receipt: 2 })],
    [
      'a status beside a denial',
      'verified chain',
      (r) => Object.assign(r, { denial: { code: 'x', facts: {} } }),
    ],
    [
      'a denied receipt that says verified',
      'no chain',
      (r) => Object.assign(r, { status: 'verified' }),
    ],
    [
      'authority beside a break',
      'break in the middle',
      (r) => Object.assign(r, { authority: copy('verified chain')['authority'] }),
    ],
    [
      'a call beside a break',
      'break in the middle',
      (r) => Object.assign(r, { call: { outcome: 'refused' } }),
    ],
    ['a member that is not defined', 'permitted call', (r) => Object.assign(r, { args: {} })],
    [
      'values of arguments',
      'permitted call',
      (r) =>
        Object.assign((r['call'] as unknown as { arguments: object[] }).arguments[0] as object, {
          value: 1,
        }),
    ],
    ['a verified chain without hops', 'verified chain', (r) => Object.assign(r, { hops: [] })],
    [
      'a time that is not UTC',
      'permitted call',
      (r) => Object.assign(r, { as_of: '2026-06-21T00:00:00+02:00' }),
    ],
  ])('%s', (_, scene, change) => {
    const receipt = copy(scene);
    expect(schemaProblem(receipt, schema, schema)).toBe(undefined);
    change(receipt);
    expect(schemaProblem(receipt, schema, schema)).toEqual(expect.any(String));
  });
});
