import { TaperError } from '@taper/core';
import { isRoute, parameterOf, pathProblem, type Route, segmentsOf } from './route.ts';
import { parsePath } from './target.ts';

/** A route and what its `:name` segments hold. */
export interface RouteMatch {
  readonly route: Route;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Finds the one route for a method and decoded segments; literal segments before `:name`, from left to right. */
export type RouteTable = (method: string, segments: readonly string[]) => RouteMatch | undefined;

/** @throws {TaperError} `option_invalid` where two routes cover the same requests, or share a tool. */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  const byLength = new Map<string, { route: Route; segments: readonly string[] }[]>();
  const shapes = new Map<string, Route>();
  const tools = new Map<string, Route>();
  for (const route of routes) {
    if (!isRoute(route)) {
      throw new TaperError('option_invalid', 'A guard takes routes made by route().');
    }
    const segments = segmentsOf(route.path);
    const shape = shapeOf(route.method, segments);
    const twin = shapes.get(shape);
    if (twin !== undefined) {
      throw new TaperError(
        'option_invalid',
        `${route.method} ${route.path} and ${twin.path} cover the same requests.`,
      );
    }
    const namesake = tools.get(route.tool);
    if (namesake !== undefined) {
      throw new TaperError(
        'option_invalid',
        `${route.path} and ${namesake.path} are both the tool ${JSON.stringify(route.tool)}.`,
        { hint: 'A proof names the tool, not the route: give each route a tool of its own.' },
      );
    }
    shapes.set(shape, route);
    tools.set(route.tool, route);
    const key = `${route.method} ${segments.length}`;
    byLength.set(key, [...(byLength.get(key) ?? []), { route, segments }]);
  }
  for (const entries of byLength.values()) {
    // `:` in a shape stands for a parameter and sorts behind every literal, which starts with `/`.
    entries.sort((one, other) =>
      shapeOf('', one.segments) < shapeOf('', other.segments) ? -1 : 1,
    );
  }
  return (method, segments) => {
    for (const entry of byLength.get(`${method} ${segments.length}`) ?? []) {
      const parameters = match(entry.segments, segments);
      if (parameters !== undefined) return { route: entry.route, parameters };
    }
    return undefined;
  };
}

/**
 * Tells which requests need no presentation.
 *
 * @param entries such as `GET /health`.
 * @throws {TaperError} `option_invalid` for what is no such entry, or covers requests of a declared route.
 */
export function createOpenPaths(
  entries: readonly string[],
  routes: readonly Route[],
): (method: string, target: string) => boolean {
  const open = entries.map((entry) => {
    const [, method = '', path = ''] = /^([A-Z]+) (.*)$/.exec(entry) ?? [];
    const segments = segmentsOf(path);
    const declared = routes.find(
      (route) => route.method === method && overlap(segmentsOf(route.path), segments),
    );
    if (pathProblem(path) !== undefined || declared !== undefined) {
      throw new TaperError('option_invalid', `${JSON.stringify(entry)} cannot be open.`, {
        hint: 'Name a method and a path that no declared route covers, such as `GET /health`.',
      });
    }
    return { method, segments };
  });
  return (method, target) => {
    const candidates = open.filter((entry) => entry.method === method);
    if (candidates.length === 0) return false;
    const segments = parsePath(target.split('?', 1)[0] as string);
    return (
      segments !== undefined &&
      candidates.some(
        (entry) =>
          entry.segments.length === segments.length &&
          match(entry.segments, segments) !== undefined,
      )
    );
  };
}

/** Whether a path can match both. */
function overlap(one: readonly string[], other: readonly string[]): boolean {
  return (
    one.length === other.length &&
    one.every((segment, index) => {
      const opposite = other[index] as string;
      const literal = parameterOf(segment) === undefined && parameterOf(opposite) === undefined;
      return !literal || segment === opposite;
    })
  );
}

/** Equal for two paths that match the same requests. */
function shapeOf(method: string, segments: readonly string[]): string {
  const parts = segments.map((segment) =>
    parameterOf(segment) === undefined ? `/${segment}` : ':',
  );
  return `${method} ${parts.join(' ')}`;
}

function match(
  declared: readonly string[],
  given: readonly string[],
): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const [index, segment] of declared.entries()) {
    const name = parameterOf(segment);
    const value = given[index] as string;
    if (name !== undefined) parameters.set(name, value);
    else if (segment !== value) return undefined;
  }
  return parameters;
}
