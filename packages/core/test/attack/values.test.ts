import { describe, expect, test } from 'vitest';
import {
  createAsyncVerifier,
  createVerifier,
  parseJson,
  parsePresentation,
} from '../../src/index.ts';
import {
  AUDIENCE,
  anchors,
  call,
  exact,
  NOW,
  outcome,
  proofOf,
  rootToken,
  thenable,
  verify,
} from './attacker.ts';

// Group X of the attack catalogue: values that JavaScript lets be anything.

const tools = { read: { path: exact('/a') } };
const ARGS = { path: '/a' };
const root = rootToken(tools);

describe('X06 values that are not what they seem', () => {
  class Text extends String {}
  const open = rootToken({ read: {} });

  test.each<[string, unknown]>([
    ['a String object', new String(root.compact)],
    ['a subclass of String', new Text(root.compact)],
    [
      'an object with the methods of a string and a length of its own',
      {
        length: 1,
        indexOf: (...args: [string, number]) => root.compact.indexOf(...args),
        slice: (...args: [number, number]) => root.compact.slice(...args),
      },
    ],
    ['a thenable', thenable((resolve: (value: string) => void) => resolve(root.compact))],
    ['an array of one', [root.compact]],
    ['a buffer', Buffer.from(root.compact)],
  ])('are no token and no proof: %s', (_what, value) => {
    expect(outcome(verify([value as string]))).toMatch(/token_malformed|internal_error/);
    const proof = value as string;
    expect(outcome(call([root], 'read', ARGS, { proof }))).toMatch(
      /proof_malformed|internal_error/,
    );
  });

  test.each<[string, unknown]>([
    ['a String object', new String('read')],
    ['a symbol', Symbol('read')],
    ['a bigint', 1n],
    ['an array of one', ['read']],
    ['an object with toString', { toString: () => 'read' }],
    ['an object with Symbol.toPrimitive', { [Symbol.toPrimitive]: () => 'read' }],
    ['undefined', undefined],
    ['null', null],
  ])('H14 are no tool: %s', (_what, tool) => {
    const decision = call([open], tool as string, {}, { proof: proofOf(open, 'read', {}) });
    expect(outcome(decision)).toBe('tool_not_granted');
    expect(() => JSON.stringify(decision.verdict === 'deny' && decision.denial)).not.toThrow();
  });

  let reads = 0;
  const flipping = {
    get path() {
      reads += 1;
      return reads === 1 ? '/a' : '/b';
    },
  };
  const proxy = new Proxy(ARGS, {
    get: () => '/b',
    getOwnPropertyDescriptor: () => ({ value: '/b', enumerable: true, configurable: true }),
  });
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();

  test.each<[string, unknown]>([
    ['a getter', flipping],
    ['a Proxy that says something else', proxy],
    ['a revoked Proxy', revoked.proxy],
    ['a String object inside', { path: new String('/a') }],
    ['toJSON', { path: '/b', toJSON: () => ARGS }],
    ['an inherited argument', Object.create(ARGS)],
    ['a Map', new Map([['path', '/a']])],
    ['an array', ['/a']],
    ['a hole in an array', { path: Object.assign(Array(3), { 0: '/a', 2: '/b' }) }],
    ['an array-like', { path: { 0: '/a', length: 1 } }],
    ['a typed array', { path: new Uint8Array(2) }],
    ['a Date', { path: new Date(0) }],
    ['a thenable', thenable(() => ARGS)],
    ['a promise', Promise.resolve(ARGS)],
    ['a function', () => ARGS],
    ['a String object', new String('{"path":"/a"}')],
  ])('X06 X09 are no arguments: %s', (_what, args) => {
    const decision = call([root], 'read', args, { proof: proofOf(root, 'read', ARGS) });
    expect(decision.verdict).toBe('deny');
  });

  test('X09 arrays keep their order, their length and their elements', () => {
    const list = [10, 9, 1, '10', null];
    const exactly = rootToken({ read: { list: { constraint_type: 'one_of', values: [list] } } });
    expect(outcome(call([exactly], 'read', { list }))).toBe('permit');
    for (const other of [[...list].sort(), list.slice(1), [...list, null], [list], []]) {
      expect(outcome(call([exactly], 'read', { list: other }))).toBe('argument_refused');
    }
  });

  test('A15 Z02 whatever is handed in, nothing is thrown', async () => {
    const by = createAsyncVerifier({ anchors, audience: AUDIENCE });
    const throwing = new Proxy([], {
      get() {
        throw new Error('boom');
      },
    });
    for (const value of [undefined, null, 0, '', {}, throwing, revoked.proxy, Symbol('x'), 1n]) {
      const hostile = value as never;
      expect(createVerifier({ anchors }).verifyChain(hostile, NOW).verdict).toBe('deny');
      expect(createVerifier({ anchors }).authorize(hostile).verdict).toBe('deny');
      expect((await by.verifyChain(hostile, NOW)).verdict).toBe('deny');
      expect((await by.authorize(hostile)).verdict).toBe('deny');
      if (typeof value === 'string') continue;
      expect(parseJson(hostile)).toMatchObject({ ok: false });
      expect(parsePresentation(hostile)).toMatchObject({ code: 'presentation_malformed' });
    }
  });
});
