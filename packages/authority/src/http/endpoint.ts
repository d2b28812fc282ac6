import type { JsonValue, PublicKey } from '@taper/core';
import { z } from 'zod';
import type { Authority } from '../authority.ts';
import type { RefusalCode } from '../refusal.ts';

/**
 * Where an argument stands in a request. `content`: the argument is the base64url SHA-256 of the whole body, so that a proof covers a
 * document that is too long to stand in one; the document itself comes to the handler beside the arguments.
 */
export type Place = 'path' | 'query' | 'body' | 'content';

/** One argument: where it stands, and what it must be. What is optional in its schema may be left out. */
export interface Argument<Schema extends z.ZodType = z.ZodType> {
  readonly from: Place;
  readonly schema: Schema;
}

export interface ArgumentMap {
  readonly [name: string]: Argument;
}

/** The arguments as their schemas read them. */
export type ArgumentsOf<Args extends ArgumentMap> = {
  readonly [Name in keyof Args]: z.infer<Args[Name]['schema']>;
};

/**
 * Who may call.
 * - `open`: anybody; what is asked is public, or carries its own signature.
 * - `possession`: whoever proves a key with DPoP (RFC 9449); which key may do what is the handler's to judge.
 * - `administrator`: whoever presents a chain that grants the tool, with a proof for this very call.
 */
export type Access =
  | { readonly kind: 'open' }
  | { readonly kind: 'possession' }
  | { readonly kind: 'administrator'; readonly tool: string };

/** Who called, as it was proved. */
export type Caller =
  | { readonly kind: 'anybody' }
  | { readonly kind: 'holder'; readonly key: PublicKey }
  | {
      readonly kind: 'administrator';
      /** Name of the administrator. */
      readonly name: string;
      /** The administrator's own. */
      readonly key: PublicKey;
      /** Whose key made the call, where the administrator had handed on to it. */
      readonly delegate?: PublicKey;
    };

export interface Call<Args extends ArgumentMap = ArgumentMap> {
  readonly args: ArgumentsOf<Args>;
  readonly caller: Caller;
  /** The body as text, where an argument is its hash; empty otherwise. */
  readonly content: string;
}

export interface EndpointDeclaration<Args extends ArgumentMap, Result extends z.ZodType> {
  /** `operationId` of the OpenAPI document, such as `suspendAgent`. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Literal segments and `:name` segments. */
  readonly path: string;
  /** One sentence. */
  readonly summary: string;
  readonly access: Access;
  readonly args: Args;
  readonly status: 200 | 201 | 202;
  readonly result: Result;
  /** What it may refuse with, beside what every endpoint may. */
  readonly refusals: readonly RefusalCode[];
  /** Bytes of the body. Default 65,536. */
  readonly maxBody?: number;
  /** Of `possession`: refuses a stranger before the proof is remembered as used, which writes. Only reads. @throws {AuthorityRefusal} */
  admit?(authority: Authority, call: Omit<Call<Args>, 'content'>): Promise<unknown>;
  /** @throws {AuthorityRefusal} */
  handle(authority: Authority, call: Call<Args>): Promise<z.infer<Result>>;
}

/** One line of the table that makes routes, validation and the OpenAPI document. */
export interface Endpoint {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly args: ArgumentMap;
  readonly status: 200 | 201 | 202;
  readonly result: z.ZodType;
  readonly refusals: readonly RefusalCode[];
  readonly maxBody: number;
  admit?(
    authority: Authority,
    call: { readonly args: never; readonly caller: Caller },
  ): Promise<unknown>;
  handle(
    authority: Authority,
    call: { readonly args: never; readonly caller: Caller; readonly content: string },
  ): Promise<JsonValue>;
}

/** Bytes of a body, where an endpoint does not say. */
const DEFAULT_MAX_BODY = 65_536;

/** Closes over the types of an endpoint's arguments and result. */
export function endpoint<const Args extends ArgumentMap, Result extends z.ZodType>(
  declaration: EndpointDeclaration<Args, Result>,
): Endpoint {
  return Object.freeze({
    ...declaration,
    maxBody: declaration.maxBody ?? DEFAULT_MAX_BODY,
    handle: declaration.handle as unknown as Endpoint['handle'],
  } as Endpoint);
}

export function inPath<Schema extends z.ZodType>(schema: Schema): Argument<Schema> {
  return { from: 'path', schema };
}

export function inQuery<Schema extends z.ZodType>(schema: Schema): Argument<Schema> {
  return { from: 'query', schema };
}

export function inBody<Schema extends z.ZodType>(schema: Schema): Argument<Schema> {
  return { from: 'body', schema };
}

/** The base64url SHA-256 of the body. */
export function hashOfContent(): Argument<z.ZodString> {
  return { from: 'content', schema: z.string().length(43) };
}

/** Whether an argument may be left out. */
export function isOptional({ schema }: Argument): boolean {
  return schema.safeParse(undefined).success;
}
