import type { JsonValue } from '@taper/core';
import type { Authority } from '../authority.ts';
import { type RawArguments, validateArguments } from './arguments.ts';
import type { Caller, Endpoint } from './endpoint.ts';
import { jsonResponse } from './problem.ts';

/**
 * Runs an endpoint for a caller who was admitted.
 * @param raw as they came: of an administrator, exactly those that were judged.
 * @throws {AuthorityRefusal} and whatever the handler throws.
 */
export async function answer(
  endpoint: Endpoint,
  authority: Authority,
  raw: RawArguments,
  caller: Caller,
  content = '',
): Promise<Response> {
  const args = validateArguments(endpoint, raw);
  const result: JsonValue = await endpoint.handle(authority, {
    args: args as never,
    caller,
    content,
  });
  return jsonResponse(endpoint.status, result);
}
