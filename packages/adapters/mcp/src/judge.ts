import { DENIALS, type Denial, denial, type JsonObject } from '@taper/core';
import type { EnforcementDecision, EnforcementPoint } from '@taper/enforce';
import { isNoticeAnswer } from './approval-notice.ts';
import { findDefinition, mayPin } from './definitions.ts';
import type { Inquiry } from './inquiry.ts';
import type { Request } from './sdk.ts';
import { evidenceOf, isRecord, ownMember, PRESENTATION_KEY, STAPLE_KEY } from './wire.ts';

/** In version 1 of the SDK it sends the answer of a call to whoever reads a task. */
const RELATED_TASK_KEY = 'io.modelcontextprotocol/related-task';

export interface JudgeOptions {
  readonly point: EnforcementPoint;
  readonly inquiry: Inquiry;
  /** The server cannot have two tools of one name. */
  readonly hasUniqueNames: boolean;
}

/** Judges a `tools/call` as it came in. */
export async function judge(
  { params }: Request,
  extra: unknown,
  { point, inquiry, hasUniqueNames }: JudgeOptions,
): Promise<EnforcementDecision | { readonly verdict: 'deny'; readonly denial: Denial }> {
  const { name, arguments: args = {}, _meta: meta, inputResponses, ...unsigned } = params ?? {};
  const tool = typeof name === 'string' ? name : '';
  const extras = [
    ...Object.keys(unsigned),
    ...(inputResponses === undefined || isNoticeAnswer(inputResponses) ? [] : ['inputResponses']),
  ];
  // answers to elicitations, task requests: no proof covers them
  const [argument] = extras;
  if (argument !== undefined)
    return refuse(denial('argument_unexpected', { step: '6b' }, { tool, argument }));
  if (!isRecord(args))
    return refuse(denial('arguments_malformed', { step: '6b' }, { tool, reason: 'not_an_object' }));
  const presentation = ownMember(meta, PRESENTATION_KEY);
  let definition: string | undefined;
  // an McpServer has one tool of a name; what a handler of the owner lists is seen only by asking
  if (presentation !== undefined && (!hasUniqueNames || mayPin(presentation))) {
    const found = findDefinition((await inquiry.allTools(meta, extra)) ?? [], tool);
    if ('definition' in found) definition = found.definition;
    else if (found.code === 'tool_definition_ambiguous')
      return refuse(denial(found.code, {}, { tool }));
  }
  try {
    const context = { ...evidenceOf(meta), ...(definition === undefined ? {} : { definition }) };
    const decision = await point.authorize(presentation, tool, args as JsonObject, context);
    if (decision.verdict === 'permit') return decision;
    const isWhole = decision.verdict === 'deny' || isRecord(decision.pending);
    if (isWhole && decision.denial.code in DENIALS) return decision;
  } catch {
    // an enforcement point that breaks its promise never to reject
  }
  return refuse(denial('internal_error'));
}

/** The request as the server gets it: what was judged, without the presentation. */
export function permittedRequest(
  { id, params }: Request,
  { tool, args }: { readonly tool: string; readonly args: JsonObject },
): Request {
  const given = params?.['_meta'];
  const {
    [PRESENTATION_KEY]: _presentation,
    [STAPLE_KEY]: _staple,
    [RELATED_TASK_KEY]: _task,
    ...meta
  } = isRecord(given) ? given : {};
  return {
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: tool, arguments: args, _meta: meta },
  };
}

function refuse(cause: Denial): { readonly verdict: 'deny'; readonly denial: Denial } {
  return { verdict: 'deny', denial: cause };
}
