import { type JsonValue, TaperError } from '@taper/core';

/** What an argument is: for a path segment or query parameter how its text is read, for a member of the body which JSON type it must have. */
interface ValueTypes {
  string: string;
  /** A safe integer; as text in its one spelling, such as `-7`. */
  integer: number;
  /** As text in the one spelling that JavaScript and RFC 8785 give it, such as `0.1` or `1e+21`. */
  number: number;
  boolean: boolean;
  /** Any JSON; only in a body. */
  json: JsonValue;
}

export type ValueType = keyof ValueTypes;
type TextType = Exclude<ValueType, 'json'>;

/** Where one argument of a tool comes from. Made by {@link path}, {@link query}, {@link body} and {@link wholeBody}. */
export interface Source<Type extends ValueType = ValueType, Optional extends boolean = boolean> {
  readonly from: 'path' | 'query' | 'body' | 'whole_body';
  readonly as: Type;
  readonly optional: Optional;
  /** Its name on the wire; that of the argument where absent. */
  readonly name?: string;
}

/** Argument name → source. */
export interface SourceMap {
  readonly [argument: string]: Source;
}

type Value<Given> = Given extends Source<infer Type, boolean> ? ValueTypes[Type] : never;
type OptionalNames<Sources> = {
  [Name in keyof Sources]: Sources[Name] extends Source<ValueType, false> ? never : Name;
}[keyof Sources];

/** The arguments that sources make. */
export type ArgumentsOf<Sources extends SourceMap> = {
  readonly [Name in Exclude<keyof Sources, OptionalNames<Sources>>]: Value<Sources[Name]>;
} & { readonly [Name in OptionalNames<Sources>]?: Value<Sources[Name]> };

/** How an argument stands in the path. */
export interface PathOptions {
  readonly as?: TextType;
  /** Its name on the wire, where that is not the name of the argument. */
  readonly name?: string;
}

/** How an argument stands in the query. */
export interface QueryOptions extends PathOptions {
  /** Whether it may be left out. Default false. */
  readonly optional?: boolean;
}

/** How an argument stands in the body. */
export interface BodyOptions extends Omit<QueryOptions, 'as'> {
  readonly as?: ValueType;
}

// Conditional, so that a type is inferred from what was said and never from where the source is used.
type TypeOf<Options, Usual> = Options extends { readonly as: infer As extends ValueType }
  ? As
  : Usual;
type IsOptional<Options> = Options extends { readonly optional: infer Optional extends boolean }
  ? Optional
  : false;

/** A `:name` segment of the path, whole. A string unless `as` says otherwise. */
export function path<const Options extends PathOptions = Record<never, never>>(
  options?: Options,
): Source<TypeOf<Options, 'string'> & ValueType, false> {
  return source('path', 'string', options) as never;
}

/** A query parameter, which may occur once. A string unless `as` says otherwise. */
export function query<const Options extends QueryOptions = Record<never, never>>(
  options?: Options,
): Source<TypeOf<Options, 'string'> & ValueType, IsOptional<Options>> {
  return source('query', 'string', options) as never;
}

/** A member of the JSON object in the body. Any JSON unless `as` asks for a type; nothing is ever converted. */
export function body<const Options extends BodyOptions = Record<never, never>>(
  options?: Options,
): Source<TypeOf<Options, 'json'> & ValueType, IsOptional<Options>> {
  return source('body', 'json', options) as never;
}

/** The whole JSON body as one argument. */
export function wholeBody<
  const Options extends Pick<QueryOptions, 'optional'> = Record<never, never>,
>(options?: Options): Source<'json', IsOptional<Options>> {
  return source('whole_body', 'json', options) as never;
}

const made = new WeakSet<object>();

/** Whether one of the makers above made it. */
export function isSource(value: unknown): value is Source {
  return typeof value === 'object' && value !== null && made.has(value);
}

function source(
  from: Source['from'],
  usual: ValueType,
  { as = usual, name, optional = false }: BodyOptions = {},
): Source {
  const types: readonly unknown[] = ['string', 'integer', 'number', 'boolean'];
  if (!types.includes(as) && !(as === 'json' && usual === 'json')) {
    throw new TaperError(
      'option_invalid',
      `An argument from the ${from} cannot be read as \`${as}\`.`,
    );
  }
  if (typeof optional !== 'boolean')
    throw new TaperError('option_invalid', '`optional` must be true or false.');
  if (name !== undefined && typeof name !== 'string')
    throw new TaperError('option_invalid', '`name` must be a string.');
  const result: Source = Object.freeze({
    from,
    as,
    optional,
    ...(name === undefined ? {} : { name }),
  });
  made.add(result);
  return result;
}

/** Reads the text of a path segment or query parameter; `undefined` when it is not the one spelling of such a value. */
export function valueOfText(as: ValueType, text: string): JsonValue | undefined {
  switch (as) {
    case 'string':
      return text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'integer':
    case 'number': {
      const value = Number(text);
      const exact = as === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
      return exact && String(value) === text ? value : undefined;
    }
    case 'json':
      return undefined;
  }
}

/** Whether a value has the type that the source asks for. */
export function isOfType(as: ValueType, value: unknown): boolean {
  switch (as) {
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'json':
      return value !== undefined;
    default:
      return typeof value === as;
  }
}
