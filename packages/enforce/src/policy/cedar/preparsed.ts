import { randomUUID } from 'node:crypto';
import { preparsePolicySet, preparseSchema } from '@cedar-policy/cedar-wasm/nodejs';
import { TaperError } from '@taper/core';

/** Names under which Cedar keeps what it has parsed. They are used as long as this object is. */
export interface Preparsed {
  readonly schema: string;
  /** All policies. */
  readonly all: string;
  /** Those that ask for no approval. */
  readonly base: string;
}

/** Cedar forgets nothing that it has parsed, but parsing something under the same name replaces it. */
const free: string[] = [];
const inUse: FinalizationRegistry<string> = new FinalizationRegistry((name) => free.push(name));

/** Has Cedar parse a schema and policies once, for all calls. They have been checked before. */
export function preparse(
  schema: string,
  all: Readonly<Record<string, string>>,
  base: Readonly<Record<string, string>>,
): Preparsed {
  const name = free.pop() ?? randomUUID();
  const preparsed = { schema: name, all: `${name}/all`, base: `${name}/base` };
  for (const { type } of [
    preparseSchema(preparsed.schema, schema),
    preparsePolicySet(preparsed.all, { staticPolicies: { ...all } }),
    preparsePolicySet(preparsed.base, { staticPolicies: { ...base } }),
  ]) {
    if (type !== 'success')
      throw new TaperError('policy_invalid', 'Cedar does not take a policy set it has checked.');
  }
  inUse.register(preparsed, name);
  return preparsed;
}
