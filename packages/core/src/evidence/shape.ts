import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';

/** Why a JSON value is not of the shape that is read: the place. Thrown inside of core by readers that catch it, and never out of it. */
export class ShapeError extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`${path} is not what belongs there`);
    this.path = path;
  }
}

/** An object with no other members than these; those of `required` are there. */
export function objectAt(
  value: JsonValue | undefined,
  path: string,
  required: readonly string[],
  optional: readonly string[] = [],
): JsonObject {
  if (!isJsonObject(value)) throw new ShapeError(path);
  for (const member of Object.keys(value))
    if (!required.includes(member) && !optional.includes(member))
      throw new ShapeError(join(path, member));
  for (const member of required)
    if (!Object.hasOwn(value, member)) throw new ShapeError(join(path, member));
  return value;
}

/** The elements of a list, each read by `read`; none for a member that is not there. */
export function listAt<Element>(
  value: JsonValue | undefined,
  path: string,
  read: (element: JsonValue, path: string) => Element,
  { least = 0, most = Number.POSITIVE_INFINITY }: { least?: number; most?: number } = {},
): Element[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length < least || value.length > most)
    throw new ShapeError(path);
  return value.map((element: JsonValue, index) => read(element, `${path}[${index}]`));
}

export function textAt(value: JsonValue | undefined, path: string): string {
  if (typeof value !== 'string' || value === '') throw new ShapeError(path);
  return value;
}

/** A whole number, at least `least`. */
export function wholeAt(value: JsonValue | undefined, path: string, least = 0): number {
  if (!Number.isSafeInteger(value) || (value as number) < least) throw new ShapeError(path);
  return value as number;
}

/** What `read` makes of a member, or `undefined` where it is not there. */
export function optionalAt<Read>(
  object: JsonObject,
  member: string,
  path: string,
  read: (value: JsonValue, path: string) => Read,
): Read | undefined {
  if (!Object.hasOwn(object, member)) return undefined;
  return read(object[member] as JsonValue, join(path, member));
}

function join(path: string, member: string): string {
  return path === '' ? member : `${path}.${member}`;
}
