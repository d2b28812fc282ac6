import { type ApprovalAction, DENIALS, type Denial } from '@taper/core';
import type { ApprovalRequirement } from '@taper/enforce';

/** The key in the `_meta` of a request under which the presentation travels: with a proof for `tools/call`, without for `tools/list`. */
export const PRESENTATION_KEY = 'dev.taper/presentation';

/**
 * The key in the `_meta` of a request under which a staple travels: what shows that nothing of the chains presented has been
 * revoked, as base64url (spec/revocation.md section 10).
 */
export const STAPLE_KEY = 'dev.taper/revocation-staple';

/** The key in the `_meta` of a tool result under which a refusal stands. */
export const DENIAL_KEY = 'dev.taper/denial';

/** A refused call as it goes over the wire: names and places, never values, keys or token text. */
export interface DeniedCall {
  /** From `spec/denials.json`; a newer server may send codes that this version does not know. */
  readonly code: string;
  /** The step of the draft's section 8 that failed. */
  readonly step?: string;
  /** Index of the token at fault in the chain, 0 for the root. */
  readonly hop?: number;
  readonly tool?: string;
  readonly argument?: string;
  /** With `approval_required`: what has to be approved, by whom, and where. */
  readonly approval?: RequestedApproval;
  /** What to do next; text for people and models. */
  readonly hint: string;
}

/** What a call waits for. Once it is there, the same call is made again, with a fresh proof. */
export interface RequestedApproval {
  /** The exact action, with the nonce of this request and its expiry. */
  readonly action: ApprovalAction;
  readonly missing: readonly ApprovalRequirement[];
  /** Where an approver finds the action. */
  readonly url?: string;
}

/** The result of a tool call that was refused. A type alias, so that it is assignable to the SDK's open result types. */
export type DenialResult = {
  content: { type: 'text'; text: string }[];
  isError: true;
  _meta: { [key: string]: unknown };
};

/** Longer names come from a caller who chose them, and are not sent back. */
const MAX_NAME_LENGTH = 256;

/** The tool result for a refusal: `isError`, so that a model sees the reason and can mend its call; the facts in `_meta`. */
export function denialResult(cause: Denial, approval?: RequestedApproval): DenialResult {
  const denied = deniedCallOf(cause, approval);
  const { code, tool, argument, hint } = denied;
  const what = [
    code,
    ...(tool === undefined ? [] : [`tool ${JSON.stringify(tool)}`]),
    ...(argument === undefined ? [] : [`argument ${JSON.stringify(argument)}`]),
  ].join(', ');
  const text = `Refused, and not run: ${what}. ${DENIALS[cause.code].summary} ${hint}${placeOf(approval)}`;
  return { content: [{ type: 'text', text }], isError: true, _meta: { [DENIAL_KEY]: denied } };
}

/** A denial as it may leave the server. */
export function deniedCallOf(
  { code, step, hop, facts }: Denial,
  approval?: RequestedApproval,
): DeniedCall {
  const { hint: advice } = DENIALS[code];
  const place = ` In MCP it stands in the _meta of the request, under "${PRESENTATION_KEY}".`;
  const tool = shortName(facts.tool);
  const argument = shortName(facts.argument);
  return {
    code,
    ...(step === undefined ? {} : { step }),
    ...(hop === undefined ? {} : { hop }),
    ...(tool === undefined ? {} : { tool }),
    ...(argument === undefined ? {} : { argument }),
    ...(approval === undefined ? {} : { approval }),
    hint: code === 'presentation_missing' ? advice + place : advice,
  };
}

function placeOf(approval: RequestedApproval | undefined): string {
  if (approval === undefined) return '';
  const missing = approval.missing.map(
    ({ group, count }) => `${count} of ${JSON.stringify(group)}`,
  );
  const where = approval.url === undefined ? '' : ` Where: ${approval.url}`;
  return ` Missing: ${missing.join(', ')}.${where}`;
}

/** The refusal in a tool result, or undefined when the server did not refuse the call. What a server says is not verified. */
export function deniedCall(result: { readonly _meta?: unknown }): DeniedCall | undefined {
  const meta = result._meta as { readonly [DENIAL_KEY]?: unknown } | null | undefined;
  const denied = meta?.[DENIAL_KEY] as Partial<DeniedCall> | null | undefined;
  return typeof denied?.code === 'string' ? (denied as DeniedCall) : undefined;
}

/** What a request carries along to show that its chains are not revoked. What is no text shows nothing. */
export function evidenceOf(meta: unknown): { readonly evidence?: string } {
  const evidence = ownMember(meta, STAPLE_KEY);
  return typeof evidence === 'string' ? { evidence } : {};
}

/** Whether a value is an object that may hold named members. */
export function isRecord(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member of a value that came over the wire: own, never inherited. */
export function ownMember(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function shortName(name: string | undefined): string | undefined {
  return name === undefined || name.length > MAX_NAME_LENGTH ? undefined : name;
}
