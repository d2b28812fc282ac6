import { decodePresentation, encodePresentation, PRESENTATION_HEADER } from '@taper/http';
import { expect, test } from 'vitest';
import { createChain, headerFor } from './agents.ts';
import { startShop } from './server.ts';
import { createShop } from './shop.ts';

const header = (text: string): string => `:${Buffer.from(text).toString('base64')}:`;

test('reads what it writes', () => {
  for (const value of [{}, { a: 1 }, { aat_chain: ['a.b.c'], aat_pop: 'd.e.f' }, { ü: '>>>???' }])
    expect(decodePresentation(encodePresentation(value))).toEqual(value);
});

test.each<[string, string, string]>([
  ['the alphabet of base64url', ':eyJhIjoiPz8/Pj4+In0=:', ':eyJhIjoiPz8_Pj4-In0=:'],
  ['missing padding', header('{"a":1}'), ':eyJhIjoxfQ:'],
  ['too much padding', header('{"ab":1}'), ':eyJhYiI6MX0==:'],
  ['bits that nobody reads', ':e30=:', ':e31=:'],
  ['a missing colon', ':e30=:', ':e30='],
  ['another kind of item', ':e30=:', '"e30="'],
  ['parameters', ':e30=:', ':e30=:;a'],
  ['a second item', ':e30=:', ':e30=:, :e30=:'],
  ['space inside', ':e30=:', ':e3 0=:'],
  ['an array', header('{"a":[]}'), header('[]')],
  ['a string', header('{"a":"b"}'), header('"b"')],
  ['a member twice', header('{"a":1,"b":1}'), header('{"a":1,"a":1}')],
  ['a byte order mark', header('{}'), header('\ufeff{}')],
  ['two texts', header('{}'), header('{}{}')],
])('refuses %s', (_, right, wrong) => {
  expect(decodePresentation(right)).toBeDefined();
  expect(decodePresentation(wrong)).toBeUndefined();
});

test('refuses bytes that are not UTF-8', () => {
  const bytes = Buffer.from('{"a":"\xfc"}', 'latin1');
  expect(decodePresentation(header('{"a":"ü"}'))).toEqual({ a: 'ü' });
  expect(decodePresentation(`:${bytes.toString('base64')}:`)).toBeUndefined();
});

test('takes a header up to its limit, and not one character more', async () => {
  const chain = await createChain();
  for (const [slack, status] of [
    [0, 200],
    [1, 401],
  ] as const) {
    const value = await headerFor(chain, 'show_payment', { id: 'p-1' });
    const shop = createShop({ guard: { maxPresentation: value.length - slack } });
    const server = await startShop(shop);
    const headers = { [PRESENTATION_HEADER]: value };
    expect((await fetch(`${server.origin}/payments/p-1`, { headers })).status).toBe(status);
    await server.close();
  }
});
