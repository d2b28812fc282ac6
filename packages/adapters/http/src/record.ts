import { isJsonObject } from '@taper/core';

/** A member of a value that came over the wire: own, never inherited. */
export function ownMember(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
