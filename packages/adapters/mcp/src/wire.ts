import { DENIALS, type Denial } from '@taper/core';

/** The key in the `_meta` of a `tools/call` request under which the presentation travels: `{ aat_chain, aat_pop }`. */
export const PRESENTATION_KEY = 'dev.taper/presentation';

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
  /** What to do next; text for people and models. */
  readonly hint: string;
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
export function denialResult({ code, step, hop, facts }: Denial): DenialResult {
  const { summary, hint: advice } = DENIALS[code];
  const place = ` In MCP it stands in the _meta of the request, under "${PRESENTATION_KEY}".`;
  const hint = code === 'presentation_missing' ? advice + place : advice;
  const tool = shortName(facts.tool);
  const argument = shortName(facts.argument);
  const denied: DeniedCall = {
    code,
    ...(step === undefined ? {} : { step }),
    ...(hop === undefined ? {} : { hop }),
    ...(tool === undefined ? {} : { tool }),
    ...(argument === undefined ? {} : { argument }),
    hint,
  };
  const where = [
    tool === undefined ? [] : `tool ${JSON.stringify(tool)}`,
    argument === undefined ? [] : `argument ${JSON.stringify(argument)}`,
  ].flat();
  const text = `Refused, and not run: ${[code, ...where].join(', ')}. ${summary} ${hint}`;
  return { content: [{ type: 'text', text }], isError: true, _meta: { [DENIAL_KEY]: denied } };
}

/** The refusal in a tool result, or undefined when the server did not refuse the call. What a server says is not verified. */
export function deniedCall(result: { readonly _meta?: unknown }): DeniedCall | undefined {
  const meta = result._meta as { readonly [DENIAL_KEY]?: unknown } | null | undefined;
  const denied = meta?.[DENIAL_KEY] as Partial<DeniedCall> | null | undefined;
  return typeof denied?.code === 'string' ? (denied as DeniedCall) : undefined;
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
