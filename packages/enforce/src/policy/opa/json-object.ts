import type { JsonObject } from '@taper/core';

/** True for an object that came out of JSON; false for null, arrays and everything else. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
