import { type JsonObject, type JsonValue, TaperError } from '@taper/core';
import type { EnforcementPoint, Outcome, Permitted } from '@taper/enforce';
import { failure } from './operator.ts';
import type { Answer } from './problem.ts';
import type { Route } from './route.ts';
import type { ArgumentsOf, SourceMap } from './source.ts';

/** What a handler gets: a permitted call. */
export interface PermittedCall<Sources extends SourceMap = SourceMap> {
  /** The arguments that were judged, frozen. */
  readonly args: ArgumentsOf<Sources>;
  /** Under which chain the call was permitted. */
  readonly permitted: Permitted;
}

/** A request that was permitted for one route. It runs one handler, once. */
export class AdmittedCall {
  readonly route: Route;
  readonly permitted: Permitted;
  readonly #point: EnforcementPoint;
  readonly #fail: (error: unknown) => Answer;
  #begun = false;

  constructor(
    route: Route,
    permitted: Permitted,
    point: EnforcementPoint,
    fail: (error: unknown) => Answer,
  ) {
    this.route = route;
    this.permitted = permitted;
    this.#point = point;
    this.#fail = fail;
  }

  /** Whether its handler has begun, or never will. */
  get over(): boolean {
    return this.#begun;
  }

  /** What the body holds, made of the judged arguments; `undefined` on a route without a body. */
  get body(): JsonValue | undefined {
    const body: Record<string, JsonValue> = {};
    let declared = false;
    for (const [argument, { from, name = argument }] of Object.entries(this.route.args)) {
      const { args } = this.permitted;
      const value = Object.hasOwn(args, argument) ? args[argument] : undefined;
      if (from === 'whole_body') return value;
      if (from !== 'body') continue;
      declared = true;
      if (value !== undefined) body[name] = value;
    }
    return declared ? Object.freeze(body) : undefined;
  }

  /** The answer for a request that came to the wrong handler, or to a second one. */
  refusalBy(route: object): Answer | undefined {
    if (this.#begun) return this.#fail(misuse('A request was handled twice.'));
    if (this.route === route) return undefined;
    const { method, path } = this.route;
    return this.#fail(
      misuse(`A request for ${method} ${path} came to the handler of another route.`),
    );
  }

  /** Runs the handler, and adds to the audit log what became of it. Rejects as the handler does. */
  async run<Sources extends SourceMap, Result>(
    handler: Handler<Sources, Result>,
    failed: Failed<Result>,
  ): Promise<Result> {
    this.#begun = true;
    let outcome: Outcome = 'failed';
    try {
      const args = this.permitted.args as JsonObject & ArgumentsOf<Sources>;
      const result = await handler({ args, permitted: this.permitted });
      if (!(await failed(result))) outcome = 'executed';
      return result;
    } finally {
      await this.#point.conclude(this.permitted, outcome);
    }
  }

  /** Nothing has run, and nothing will. Does nothing once a handler has begun. */
  async abandon(): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    await this.#point.conclude(this.permitted, 'not_executed');
  }
}

type Handler<Sources extends SourceMap, Result> = (
  call: PermittedCall<Sources>,
) => Result | Promise<Result>;

/** Whether a result says that the handler failed. */
type Failed<Result> = (result: Result) => boolean | Promise<boolean>;

const admitted = new WeakMap<object, AdmittedCall>();

/** Remembers a call under the object that stands for its request in the framework. */
export function admit(request: object, call: AdmittedCall): void {
  admitted.set(request, call);
}

/** The call that a guard has admitted for this request. */
export function admittedCall(request: object): AdmittedCall | undefined {
  return admitted.get(request);
}

/** Runs a handler under the permit of its request, or says what to answer where there is none for this route. */
export async function execute<Sources extends SourceMap, Result>(
  request: object,
  route: Route<Sources>,
  handler: Handler<Sources, Result>,
  failed: Failed<Result>,
): Promise<{ readonly result: Result } | { readonly refusal: Answer }> {
  const call = admitted.get(request);
  const refusal =
    call === undefined
      ? failure(misuse('A guarded handler was reached by a request that no guard has permitted.'))
      : call.refusalBy(route);
  if (call === undefined || refusal !== undefined) return { refusal: refusal as Answer };
  return { result: await call.run(handler, failed) };
}

function misuse(what: string): TaperError {
  return new TaperError('option_invalid', what, {
    hint: 'Call guardRoutes on the app before its routes are added, and register each handler under the method and path of its own route.',
  });
}
