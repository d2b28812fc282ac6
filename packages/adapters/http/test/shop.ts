import type { JsonObject, JsonValue } from '@taper/core';
import {
  createEnforcementPoint,
  type EnforcementPoint,
  type EnforcementPointOptions,
  type Outcome,
} from '@taper/enforce';
import {
  body,
  createRouteGuard,
  path,
  query,
  type RouteGuard,
  type RouteGuardOptions,
  route,
  wholeBody,
} from '@taper/http';
import { AUDIENCE, anchors } from './agents.ts';

export const refund = route({
  method: 'POST',
  path: '/payments/:id/refund',
  tool: 'refund',
  args: {
    id: path(),
    amount: body({ as: 'string' }),
    dry_run: query({ as: 'boolean', optional: true }),
    note: body({ optional: true }),
  },
  maxBody: 4096,
});
export const show = route({
  method: 'GET',
  path: '/payments/:id',
  tool: 'show_payment',
  args: { id: path() },
});
export const list = route({
  method: 'GET',
  path: '/payments',
  tool: 'list_payments',
  args: {
    limit: query({ as: 'integer', optional: true }),
    after: query({ optional: true }),
  },
});
export const replace = route({
  method: 'PUT',
  path: '/settings',
  tool: 'replace_settings',
  args: { settings: wholeBody() },
});
export const remove = route({
  method: 'DELETE',
  path: '/payments/:payment_id',
  tool: 'delete_payment',
  args: { id: path({ name: 'payment_id' }) },
});
export const ping = route({ method: 'POST', path: '/ping', tool: 'ping', args: {} });
export const failing = route({
  method: 'POST',
  path: '/failing/:how',
  tool: 'fail',
  args: { how: path() },
});
/** Declared, but the application has no handler for it. */
const lost = route({ method: 'POST', path: '/lost', tool: 'lost', args: {} });

/** What a handler saw. */
interface Execution {
  readonly tool: string;
  readonly args: JsonObject;
  readonly frozen: boolean;
  /** What the framework itself gives as the body. */
  readonly body: unknown;
  readonly holder: string;
}

/** An enforcement point, a guard, and everything that happened behind them. */
export interface Shop {
  readonly guard: RouteGuard;
  readonly executions: Execution[];
  readonly outcomes: Outcome[];
  /** What the operator was told. */
  readonly reports: unknown[];
}

export interface ShopOptions {
  readonly guard?: Partial<RouteGuardOptions>;
  readonly point?: Partial<EnforcementPointOptions>;
}

export function createShop(options: ShopOptions = {}): Shop {
  const outcomes: Outcome[] = [];
  const reports: unknown[] = [];
  const point = createEnforcementPoint({ audience: AUDIENCE, anchors, ...options.point });
  const recorded: EnforcementPoint = {
    ...point,
    conclude(permitted, outcome) {
      outcomes.push(outcome);
      return point.conclude(permitted, outcome);
    },
  };
  const guard = createRouteGuard({
    point: recorded,
    routes: [refund, show, list, replace, remove, ping, failing, lost],
    open: ['GET /health', 'GET /approvals/:subject'],
    report: (error) => reports.push(error),
    ...options.guard,
  });
  return { guard, executions: [], outcomes, reports };
}

/** What the handlers of every framework do. */
export function record(
  shop: Shop,
  { args, permitted }: { readonly args: object; readonly permitted: { readonly tool: string } },
  seenBody: unknown,
): JsonValue {
  const holder = Reflect.get(permitted, 'chain').leaf.claims.holder.thumbprint as string;
  const { tool } = permitted;
  const frozen = Object.isFrozen(args);
  shop.executions.push({ tool, args: args as JsonObject, frozen, body: seenBody, holder });
  return { ran: tool };
}

/** A running server of one framework. */
export interface Running {
  readonly port: number;
  close(): Promise<void>;
}

/** One framework under test. */
export interface Framework {
  readonly name: string;
  /** The shop behind a guard. */
  start(shop: Shop): Promise<Running>;
  /** The same with a body parser, or whatever reads the body, in front of the guard. */
  startBehindParser(shop: Shop): Promise<Running>;
  /** With handlers registered under each other's paths, and `/unguarded` calling a guarded handler with no guard in front. */
  startMixedUp(shop: Shop): Promise<Running>;
}
