import { createEnforcementPoint } from '@taper/enforce';
import {
  body,
  createRouteGuard,
  path,
  query,
  type Route,
  type RouteDeclaration,
  route,
  wholeBody,
} from '@taper/http';
import { expect, expectTypeOf, test } from 'vitest';
import { AUDIENCE, anchors } from './agents.ts';

const invalid = expect.objectContaining({ code: 'option_invalid' });
const GOOD: RouteDeclaration = {
  method: 'POST',
  path: '/a/:id',
  tool: 'a',
  args: { id: path(), x: query({ optional: true }), y: body() },
};

test.each<[string, object]>([
  ['as given', {}],
  ['without arguments', { path: '/a', args: {} }],
  ['of the root', { path: '/', args: {} }],
  [
    'with names of their own on the wire',
    { args: { payment: path({ name: 'id' }), z: body({ name: 'x' }), x: query() } },
  ],
  [
    'with one name in query and body',
    { args: { id: path(), a: query({ name: 'x' }), b: body({ name: 'x' }) } },
  ],
  ['with a whole body', { args: { id: path(), all: wholeBody() } }],
  ['with dots, dashes and tildes', { path: '/v1.2/a-b_c~d/:id' }],
])('declares a route %s', (_, change) => {
  expect(Object.isFrozen(route({ ...GOOD, ...change } as RouteDeclaration))).toBe(true);
});

test.each<[string, object]>([
  ['HEAD', { method: 'HEAD' }],
  ['OPTIONS', { method: 'OPTIONS' }],
  ['TRACE', { method: 'TRACE' }],
  ['a verb in lower case', { method: 'post' }],
  ['no tool', { tool: '' }],
  ['no arguments', { args: undefined, path: '/a/:id' }],
  ['a relative path', { path: 'a/:id' }],
  ['a trailing slash', { path: '/a/:id/' }],
  ['an empty segment', { path: '/a//:id' }],
  ['a dot segment', { path: '/a/../:id' }],
  ['percent-encoding', { path: '/a%20b/:id' }],
  ['a wildcard', { path: '/a/:id/*' }],
  ['a pattern', { path: '/a/:id{[0-9]+}' }],
  ['an optional segment', { path: '/a/:id?' }],
  ['part of a segment', { path: '/a/x-:id' }],
  ['a path of the guard itself', { path: '/.well-known/taper/chains/:id' }],
  ['a segment that is no argument', { path: '/a/:id/:other' }],
  ['an argument that is no segment', { path: '/a' }],
  ['one segment for two arguments', { args: { id: path(), other: path({ name: 'id' }) } }],
  ['one name for two segments', { path: '/a/:id/:id' }],
  [
    'one query parameter for two arguments',
    { args: { id: path(), a: query(), b: query({ name: 'a' }) } },
  ],
  ['one member for two arguments', { args: { id: path(), a: body(), b: body({ name: 'a' }) } }],
  ['a whole body beside members', { args: { id: path(), a: body(), b: wholeBody() } }],
  ['two whole bodies', { args: { id: path(), a: wholeBody(), b: wholeBody() } }],
  ['a body on GET', { method: 'GET' }],
  ['a body on DELETE', { method: 'DELETE' }],
  ['a query parameter that needs encoding', { args: { id: path(), 'a[]': query() } }],
  ['a member __proto__', { args: { id: path(), p: body({ name: '__proto__' }) } }],
  [
    'a source that looks like one',
    { args: { id: { from: 'path', as: 'string', optional: false } } },
  ],
  ['no limit for the body', { maxBody: Number.POSITIVE_INFINITY }],
  ['a limit of nothing', { maxBody: 0 }],
  ['an empty action', { action: '' }],
  ['a resource that is no function', { resource: 'payment' }],
])('refuses to declare %s', (_, change) => {
  expect(() => route({ ...GOOD, ...change } as RouteDeclaration)).toThrow(invalid);
});

test('refuses sources that do not exist', () => {
  expect(() => path({ as: 'json' as 'string' })).toThrow(invalid);
  expect(() => query({ as: 'date' as 'string' })).toThrow(invalid);
  expect(() => query({ optional: 1 as never })).toThrow(invalid);
  expect(() => body({ name: 1 as never })).toThrow(invalid);
});

test('gives arguments the types of their sources', () => {
  const typed = route({
    method: 'POST',
    path: '/a/:id',
    tool: 'a',
    args: {
      id: path({ as: 'integer' }),
      dry: query({ as: 'boolean', optional: true }),
      any: body(),
    },
    resource: ({ id }) => `a/${id.toFixed(0)}`,
  });
  expectTypeOf(typed.args.id.as).toEqualTypeOf<'integer'>();
  expectTypeOf(typed).toExtend<Route>();
});

const point = createEnforcementPoint({ audience: AUDIENCE, anchors });
const one = route(GOOD);

test.each<[string, object]>([
  [
    'two routes for the same requests',
    { routes: [one, route({ ...GOOD, tool: 'b', path: '/a/:other', args: { other: path() } })] },
  ],
  ['two routes for one tool', { routes: [one, route({ ...GOOD, path: '/b/:id' })] }],
  ['a route that it did not make', { routes: [{ ...one }] }],
  ['an open route that is declared', { open: ['POST /a/x'] }],
  ['an open route that covers a declared one', { open: ['POST /:any/x'] }],
  ['an open route of the guard itself', { open: ['POST /.well-known/taper/chains'] }],
  ['an open route without a method', { open: ['/health'] }],
  ['an open pattern', { open: ['GET /public/*'] }],
  ['a realm that breaks its header', { realm: 'a"b' }],
  ['a realm with a line end', { realm: 'a\r\nb' }],
  ['no enforcement point', { point: {} }],
  ['no limit for presentations', { maxPresentation: Number.NaN }],
  ['no time for bodies', { bodyTimeout: 0 }],
])('makes no guard of %s', (_, change) => {
  expect(() => createRouteGuard({ point, routes: [one], ...change } as never)).toThrow(invalid);
});

test('makes a guard of routes that overlap, of which the literal one comes first', () => {
  const me = route({ method: 'POST', path: '/a/me', tool: 'me', args: {} });
  const open = ['GET /a/x', 'POST /a', 'POST /a/x/y'];
  expect(() => createRouteGuard({ point, routes: [one, me], open })).not.toThrow();
});
