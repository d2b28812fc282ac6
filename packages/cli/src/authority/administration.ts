import { type Authority, administrationAudience } from '@taper/authority';
import {
  answer,
  type Caller,
  type Endpoint,
  isOptional,
  problemOf,
  problemResponse,
  type RawArguments,
} from '@taper/authority/http';
import type { TrustAnchor } from '@taper/core';
import {
  type AuditRecorder,
  createEnforcementPoint,
  type Permitted,
  type RevocationView,
} from '@taper/enforce';
import { body, createRouteGuard, path, query, type Route, route, type Source } from '@taper/http';
import { guarded, guardRoutes } from '@taper/http/hono';
import { Hono } from 'hono';
import type { FetchHandler } from '../serve/listener.ts';
import { createDocumentDesk, takesDocument } from './document-desk.ts';
import { DroppedDenial } from './gate-audit.ts';
import { storeReplay } from './store-replay.ts';

const REALM = 'taper authority';

export interface AdministrationOptions {
  readonly authority: Authority;
  readonly endpoints: readonly Endpoint[];
  readonly anchors: readonly TrustAnchor[];
  readonly revocation: RevocationView;
  /** Every decision is written there before it takes effect. */
  readonly audit: AuditRecorder;
  readonly onFailure: (cause: unknown) => void;
}

/** The route of an administrative endpoint, for the gate and for who calls it. */
function administrativeRoute({ method, path: at, access, args, maxBody }: Endpoint): Route {
  if (access.kind !== 'administrator') throw new Error('the endpoint is not for administrators');
  const sources: Record<string, Source> = {};
  for (const [name, argument] of Object.entries(args)) {
    const optional = isOptional(argument);
    if (argument.from === 'content') throw new Error('a document does not fit into a proof');
    sources[name] = {
      path: () => path(),
      query: () => query({ optional }),
      body: () => body({ optional }),
    }[argument.from]();
  }
  return route({
    method,
    path: at,
    tool: access.tool,
    args: sources,
    maxBody,
    resource: (given) => resourceOf(at, given),
  });
}

/** The path of a call with what stands in it, for the audit log: of the arguments it has nothing but a hash. */
function resourceOf(path: string, args: Readonly<Record<string, unknown>>): string {
  return path.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => String(args[name]));
}

/**
 * The gate in front of the administration: every call carries a chain that grants its tool and a proof for this very call, as at any
 * enforcement point. Whose root it rests on must still be an administrator.
 */
export function createAdministration(options: AdministrationOptions): FetchHandler {
  const { authority, anchors, revocation, audit, onFailure } = options;
  const all = options.endpoints.filter(({ access }) => access.kind === 'administrator');
  const documents = all.filter(takesDocument);
  const routes = all
    .filter((each) => !takesDocument(each))
    .map((each) => [each, administrativeRoute(each)] as const);
  const point = createEnforcementPoint({
    audience: administrationAudience(authority.issuer),
    anchors,
    clock: { now: authority.clock },
    replay: storeReplay(authority.store),
    revocation,
    // Tokens of agents name their grants' audiences, and a tenant, which this enforcement point has none of.
    requireChainAudience: true,
    random: authority.random,
    audit,
    report: (failure) => {
      if (!(failure.cause instanceof DroppedDenial)) onFailure(failure);
    },
  });

  async function run(
    endpoint: Endpoint,
    args: RawArguments,
    permitted: Permitted,
    content?: string,
  ): Promise<Response> {
    const { chain } = permitted;
    try {
      const holder = (chain.tokens[0] ?? chain.leaf).claims.holder;
      const { holder: leaf } = chain.leaf.claims;
      const { name } = await authority.administrators.require(holder.thumbprint);
      const isOwn = leaf.thumbprint === holder.thumbprint;
      const caller: Caller = {
        kind: 'administrator',
        name,
        key: holder,
        ...(isOwn ? {} : { delegate: leaf }),
      };
      return await answer(endpoint, authority, args, caller, content);
    } catch (cause) {
      const problem = problemOf(cause);
      if (problem.status === 500) onFailure(cause);
      // The gate let it through, and the authority refused it: nothing was done, and the audit log says so.
      if (problem.status < 500) await point.conclude(permitted, 'not_executed');
      return problemResponse(problem);
    }
  }

  const app = new Hono();
  guardRoutes(
    app,
    createRouteGuard({
      point,
      routes: routes.map(([, each]) => each),
      realm: REALM,
      clock: { now: authority.clock },
      report: onFailure,
    }),
  );
  for (const [endpoint, declared] of routes) {
    app.on(
      declared.method,
      declared.path,
      guarded(declared, ({ args, permitted }) => run(endpoint, args as RawArguments, permitted)),
    );
  }
  const desk = createDocumentDesk({ point, endpoints: documents, realm: REALM, run, onFailure });
  return async (request, bindings) =>
    (await desk(request)) ?? app.fetch(request, bindings as object);
}
