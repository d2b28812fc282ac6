import {
  type Endpoint,
  mediaType,
  problemResponse,
  type RawArguments,
  readText,
  serverProblem,
} from '@taper/authority/http';
import { canonicalize, DENIALS, type Denial, denial, platform } from '@taper/core';
import type { EnforcementPoint, Permitted } from '@taper/enforce';
import {
  DEFAULT_MAX_PRESENTATION,
  decodePresentation,
  PRESENTATION_HEADER,
  STAPLE_HEADER,
} from '@taper/http';

export interface DocumentDeskOptions {
  readonly point: EnforcementPoint;
  readonly endpoints: readonly Endpoint[];
  readonly realm: string;
  readonly run: (
    endpoint: Endpoint,
    args: RawArguments,
    permitted: Permitted,
    content: string,
  ) => Promise<Response>;
  readonly onFailure: (cause: unknown) => void;
}

/** Whether the arguments of an endpoint name the hash of its body. */
export function takesDocument({ args }: Endpoint): boolean {
  return Object.values(args).some(({ from }) => from === 'content');
}

/**
 * Admits administrative calls that bring a document: a proof carries arguments in a header, where a long document has no place, so it
 * carries the document's hash. Answers `undefined` for every other request.
 */
export function createDocumentDesk(
  options: DocumentDeskOptions,
): (request: Request) => Promise<Response | undefined> {
  const { point, endpoints, realm, run, onFailure } = options;

  async function take(endpoint: Endpoint, request: Request): Promise<Response> {
    const refuse = (cause: Denial): Response => refusal(cause, realm);
    const text = request.headers.get(PRESENTATION_HEADER);
    if (text === null) return refuse(denial('presentation_missing', { step: '1' }));
    const presentation =
      text.length > DEFAULT_MAX_PRESENTATION ? undefined : decodePresentation(text);
    if (presentation === undefined) return refuse(denial('presentation_malformed', { step: '1' }));
    if (mediaType(request.headers) !== 'application/json')
      return problemResponse(serverProblem('media_type_unsupported'));
    // Nothing is read for who has no chain that could allow it: documents are long.
    const staple = request.headers.get(STAPLE_HEADER);
    const evidence = staple === null ? {} : { evidence: staple };
    const { access } = endpoint;
    const tool = access.kind === 'administrator' ? access.tool : '';
    const context = { ...evidence, resource: endpoint.path };
    const chains = await point.inspect(presentation, evidence);
    if ('code' in chains) {
      // Refused once more, so that it is in the audit log; without the document no proof is good.
      const decision = await point.authorize(presentation, tool, '{}', context);
      if (decision.verdict !== 'permit') return refuse(decision.denial);
      await point.conclude(decision, 'not_executed');
      return refuse(chains);
    }
    const read = await readText(request, endpoint.maxBody);
    if (typeof read === 'string') return problemResponse(serverProblem(read));
    const args = argumentsOf(endpoint, request, read.text);
    if (args === undefined) return refuse(denial('request_malformed', {}, { reason: 'query' }));
    const decision = await point.authorize(presentation, tool, canonicalize(args), context);
    if (decision.verdict !== 'permit') return refuse(decision.denial);
    const response = await run(endpoint, args, decision, read.text);
    await point.conclude(decision, response.status >= 500 ? 'failed' : 'executed');
    return response;
  }

  return async (request) => {
    const { pathname } = new URL(request.url);
    const endpoint = endpoints.find(
      ({ path, method }) => path === pathname && method === request.method,
    );
    if (endpoint === undefined) return undefined;
    try {
      return await take(endpoint, request);
    } catch (cause) {
      onFailure(cause);
      return refusal(denial('internal_error'), realm);
    }
  };
}

/** From the query, each once, and the hash of the body; `undefined` for anything beside what is declared. */
function argumentsOf(
  { args }: Endpoint,
  request: Request,
  text: string,
): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  for (const [name, value] of new URL(request.url).searchParams) {
    if (args[name]?.from !== 'query' || Object.hasOwn(found, name)) return undefined;
    found[name] = value;
  }
  for (const [name, { from }] of Object.entries(args))
    if (from === 'content') found[name] = platform.sha256(new TextEncoder().encode(text));
  return found;
}

/** As the route guard answers it (docs/http.md). */
function refusal({ code, hop, step, facts }: Denial, realm: string): Response {
  const { summary, hint, http } = DENIALS[code];
  const { tool, argument, reason } = facts;
  const problem = {
    type: `tag:taper.dev,2026:denial:${code}`,
    title: summary,
    status: http,
    code,
    hint,
    ...(tool === undefined ? {} : { tool }),
    ...(argument === undefined ? {} : { argument }),
    ...(reason === undefined ? {} : { reason }),
    ...(step === undefined ? {} : { step }),
    ...(hop === undefined ? {} : { hop }),
  };
  const challenge = `Taper realm="${realm}", error="${code}"`;
  return problemResponse(problem, http === 401 ? { 'WWW-Authenticate': challenge } : {});
}
