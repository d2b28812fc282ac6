import { TaperError } from '@taper/core';
import { type ArgumentsOf, isSource, type Source, type SourceMap } from './source.ts';

/** Methods that a route can be declared with. Every other one is refused. */
export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

/** Paths below this belong to the guard. */
const RESERVED_PATH = '/.well-known/taper';

/** Where a chain is presented once, to be named by its hash from then on. */
export const CHAINS_PATH: string = `${RESERVED_PATH}/chains`;

/** Where a session is opened, in two steps. */
export const SESSION_HELLO_PATH: string = `${RESERVED_PATH}/sessions/hello`;
export const SESSION_FINISH_PATH: string = `${RESERVED_PATH}/sessions/finish`;

/** Bytes of a body, where a route does not say. A proof carries the arguments, so they are small. */
const DEFAULT_MAX_BODY = 65_536;
const MAX_BODY = 16 * 1024 * 1024;

export interface RouteDeclaration<Sources extends SourceMap = SourceMap> {
  readonly method: Method;
  /** Literal segments and `:name` segments, such as `/payments/:id/refund`; the same text that the framework gets. */
  readonly path: string;
  /** The tool that a token must grant: one for each route. */
  readonly tool: string;
  /** Every argument of the tool, and where it comes from. What stands in no source is refused. */
  readonly args: Sources;
  /** Bytes. Default 65,536. */
  readonly maxBody?: number;
  /** For policies and audit events: what is done, such as `refund`. Default: the tool. */
  readonly action?: string;
  /** For policies and audit events: what the call acts on, such as `payment/42`. Default: the tool. */
  readonly resource?: (args: ArgumentsOf<Sources>) => string;
  /** `definitionHash` of the tool, for chains that pin it. */
  readonly definition?: string;
}

/** A declared route. Only {@link route} makes one; server and client use the same. */
export interface Route<Sources extends SourceMap = SourceMap> {
  readonly method: Method;
  readonly path: string;
  readonly tool: string;
  readonly args: Sources;
  readonly maxBody: number;
  readonly action: string | undefined;
  // a method, so that a route with more exact arguments is also a route
  resource?(args: ArgumentsOf<Sources>): string;
  readonly definition: string | undefined;
}

const made = new WeakSet<object>();

const LITERAL = /^(?!\.{1,2}$)[A-Za-z0-9._~-]+$/;
const PARAMETER = /^:([A-Za-z][A-Za-z0-9_]*)$/;
const QUERY_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * Declares a route: which tool it is, and how path, query and body become its arguments.
 * @throws {TaperError} `option_invalid` when the declaration is not complete and unambiguous.
 */
export function route<const Sources extends SourceMap>(
  declaration: RouteDeclaration<Sources>,
): Route<Sources> {
  const { method, path, tool, args, action, resource, definition } = declaration;
  const { maxBody = DEFAULT_MAX_BODY } = declaration;
  const fail = (what: string, hint?: string): never => {
    throw new TaperError(
      'option_invalid',
      `Route ${method} ${path}: ${what}`,
      hint === undefined ? {} : { hint },
    );
  };
  if (!METHODS.includes(method)) fail(`the method must be one of ${METHODS.join(', ')}.`);
  if (typeof tool !== 'string' || tool === '') fail('it needs the name of a tool.');
  if (!Number.isSafeInteger(maxBody) || maxBody < 1 || maxBody > MAX_BODY)
    fail(`\`maxBody\` must be 1 to ${MAX_BODY} bytes.`);
  if (resource !== undefined && typeof resource !== 'function')
    fail('`resource` must be a function of the arguments.');
  for (const [name, text] of Object.entries({ action, definition })) {
    if (text !== undefined && (typeof text !== 'string' || text === ''))
      fail(`\`${name}\` must be a non-empty string.`);
  }
  const sources: [string, Source][] = Object.entries(args ?? {});
  for (const [argument, source] of sources) {
    if (argument === '' || argument === '__proto__') fail('an argument has no usable name.');
    if (!isSource(source))
      fail(`argument ${argument} has no source.`, 'Use path(), query(), body() or wholeBody().');
  }
  checkPath(path, sources, fail);
  checkQueryAndBody(method, sources, fail);
  const result: Route<Sources> = Object.freeze({
    method,
    path,
    tool,
    args: Object.freeze({ ...args }),
    maxBody,
    action,
    ...(resource === undefined ? {} : { resource }),
    definition,
  });
  made.add(result);
  return result;
}

/** Whether {@link route} made it. */
export function isRoute(value: unknown): value is Route {
  return typeof value === 'object' && value !== null && made.has(value);
}

/** The name of a `:name` segment; `undefined` for a literal one. */
export function parameterOf(segment: string): string | undefined {
  return PARAMETER.exec(segment)?.[1];
}

/** The segments of a declared path. */
export function segmentsOf(path: string): readonly string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

/** Why a path cannot be declared; `undefined` when it can. */
export function pathProblem(path: string): string | undefined {
  if (typeof path !== 'string' || !path.startsWith('/')) return 'the path must start with `/`.';
  if (`${path}/`.startsWith(`${RESERVED_PATH}/`)) return `${RESERVED_PATH} belongs to the guard.`;
  const wrong = segmentsOf(path).find(
    (segment) => parameterOf(segment) === undefined && !LITERAL.test(segment),
  );
  return wrong === undefined
    ? undefined
    : `${JSON.stringify(wrong)} is no segment: letters, digits and - . _ ~, or \`:name\`; no pattern, no trailing slash.`;
}

function checkPath(
  path: string,
  sources: readonly [string, Source][],
  fail: (what: string, hint?: string) => never,
): void {
  const problem = pathProblem(path);
  if (problem !== undefined) fail(problem);
  const parameters = segmentsOf(path).flatMap((segment) => parameterOf(segment) ?? []);
  const taken = sources.flatMap(([argument, { from, name }]) =>
    from === 'path' ? (name ?? argument) : [],
  );
  if (new Set(parameters).size !== parameters.length) fail('two segments have one name.');
  if ([...parameters].sort().join() !== taken.sort().join())
    fail('every `:name` of the path must be the source of exactly one argument.');
}

function checkQueryAndBody(
  method: string,
  sources: readonly [string, Source][],
  fail: (what: string, hint?: string) => never,
): void {
  const seen = new Set<string>();
  let members = 0;
  let whole = 0;
  for (const [argument, { from, name = argument }] of sources) {
    if (from === 'path') continue;
    if (from === 'query' && !QUERY_NAME.test(name))
      fail(`${JSON.stringify(name)} is no name of a query parameter.`);
    if (from === 'body') members += 1;
    if (from === 'whole_body') whole += 1;
    if (from === 'body' && name === '__proto__') fail('`__proto__` is no name of a member.');
    if (seen.has(`${from} ${name}`)) fail(`two arguments come from ${from} ${name}.`);
    seen.add(`${from} ${name}`);
  }
  if (whole > 1 || (whole === 1 && members > 0))
    fail('wholeBody() must be the only argument from the body.');
  if (whole + members > 0 && (method === 'GET' || method === 'DELETE'))
    fail(`a ${method} has no body.`, 'Intermediaries may drop it; use POST.');
}
