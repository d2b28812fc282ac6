import type { JsonObject, JsonValue } from '@taper/core';
import { Failure } from '../failure.ts';
import { isObject, member } from '../file/json.ts';
import { escapeText } from '../text/escape.ts';

/** Members of problem+json (RFC 9457) and of an OAuth error that are no facts; `facts` holds those of the latter. */
const NO_FACTS: ReadonlySet<string> = new Set([
  ...['type', 'status', 'title', 'detail', 'code', 'hint'],
  ...['error', 'error_description', 'facts'],
]);

/** What a refusal says, for people, and its facts for programs. */
export function refusalOf(problem: unknown, status: number): Failure {
  const body = isObject(problem as JsonValue) ? (problem as JsonObject) : {};
  const inner = member(body, 'facts');
  const facts = Object.fromEntries(
    [...Object.entries(body), ...Object.entries(isObject(inner) ? inner : {})].filter(
      ([name]) => !NO_FACTS.has(name),
    ),
  );
  const text = (name: string): string | undefined => {
    const value = member(body, name);
    return typeof value === 'string' ? escapeText(value) : undefined;
  };
  const named = text('code') ?? text('error');
  if (named === undefined)
    return new Failure(
      'server_answer_invalid',
      `the authority answers ${status} without a reason`,
      {
        hint: 'Is it the address of an authority?',
      },
    );
  const shown = Object.entries(facts)
    .filter(([, value]) => ['string', 'number'].includes(typeof value))
    .map(([name, value]) => `${escapeText(name)} ${escapeText(String(value))}`);
  return new Failure(
    'server_refused',
    `refused: ${named}${shown.length === 0 ? '' : ` (${shown.join(', ')})`}`,
    {
      field: named,
      ...(Object.keys(facts).length === 0 ? {} : { facts }),
      hint: [text('title') ?? text('error_description'), text('hint')]
        .filter((each) => each !== undefined)
        .join(' '),
    },
  );
}
