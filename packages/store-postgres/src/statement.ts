import { createHash } from 'node:crypto';
import { TaperError } from '@taper/core';
import type { Client } from 'pg';

/** One row as it comes: a bigint is a string, bytes are a Buffer. */
export type Row = Readonly<Record<string, unknown>>;

/** A statement that each connection prepares once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What a statement is given. Arrays are PostgreSQL's. */
export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly (string | number | bigint | null)[]
  | readonly Uint8Array[];

/** A statement, with placeholders `$1`, `$2`, …. */
export function statement(text: string): Statement {
  const digest = createHash('sha256').update(text).digest('base64url');
  return Object.freeze({ name: `taper_${digest.slice(0, 32)}`, text });
}

/** Runs a statement on a connection. What `pg` throws comes out as it is. */
export async function run(
  client: Client,
  { name, text }: Statement,
  values: readonly Value[] = [],
): Promise<readonly Row[]> {
  const { rows } = await client.query({ name, text, values: values.map(bound) });
  return rows as readonly Row[];
}

/** @throws {TaperError} `option_invalid` for a text that PostgreSQL would not give back as it is. */
function bound(value: Value): unknown {
  if (typeof value === 'string') return wellFormed(value);
  if (value instanceof Uint8Array) return bufferOf(value);
  if (!Array.isArray(value)) return value;
  return value.map((each: unknown) => {
    if (typeof each === 'string') return wellFormed(each);
    return each instanceof Uint8Array ? bufferOf(each) : each;
  });
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function wellFormed(text: string): string {
  if (text.isWellFormed() && !text.includes('\0')) return text;
  throw new TaperError('option_invalid', 'A text with U+0000 or half a character cannot be kept.');
}
