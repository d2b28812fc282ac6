import type { JsonObject, JsonValue } from '@taper/core';
import { member } from '../../file/json.ts';

/** Members of claims that nobody has verified; `undefined` for any other type. */
export function textOf(claims: JsonObject, name: string): string | undefined {
  const value = member(claims, name);
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(claims: JsonObject, name: string): number | undefined {
  const value = member(claims, name);
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function textsOf(value: JsonValue | undefined): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
    ? (value as readonly string[])
    : undefined;
}

/** `aud`: one text, or a list of them (RFC 7519 section 4.1.3). */
export function audienceOf(claims: JsonObject): readonly string[] | undefined {
  const value = member(claims, 'aud');
  return typeof value === 'string' ? [value] : textsOf(value);
}
