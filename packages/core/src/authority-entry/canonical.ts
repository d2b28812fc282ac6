import { canonicalizeParsed } from '../jcs.ts';
import { isJsonObject, type JsonObject, parseJson } from '../json.ts';

/** The object that a text is the RFC 8785 text of; `undefined` for any other text. */
export function readCanonicalObject(text: string): JsonObject | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok || parsed.numbers !== undefined || !isJsonObject(parsed.value)) return undefined;
  return canonicalizeParsed(parsed.value) === text ? parsed.value : undefined;
}
