import { importPublicKey, type JsonObject, parseJson, platform } from '@taper/core';
import type { PendingAction } from '../port/approval-source.ts';

/** Who asks for approval, by the chains of a pending action. */
export interface Requester {
  /** RFC 7638 thumbprint of the holder of the first chain's leaf: the agent that calls. */
  readonly agent: string;
  /** That of the holder of the first chain's root: all agents to which it has handed authority on count together. */
  readonly root: string;
  /** Those of the holders on all chains. */
  readonly holders: ReadonlySet<string>;
}

/**
 * Reads who asks. The chains are not verified here: the enforcement point has done that before it opened the action, and
 * whoever counts approvals does it again. `undefined` where a chain cannot be read.
 */
export function requesterOf({ chains }: PendingAction): Requester | undefined {
  const holders = chains.map((chain) => chain.map(unsafeHolder));
  const agent = holders[0]?.at(-1);
  const root = holders[0]?.[0];
  if (agent === undefined || root === undefined) return undefined;
  const all = new Set<string>();
  for (const holder of holders.flat()) {
    if (holder === undefined) return undefined;
    all.add(holder);
  }
  return { agent, root, holders: all };
}

function unsafeHolder(compact: string): string | undefined {
  const bytes = platform.decodeBase64url(compact.split('.')[1] ?? '');
  const text = bytes === undefined ? undefined : platform.decodeUtf8(bytes);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed?.ok) return undefined;
  try {
    const { cnf } = parsed.value as { readonly cnf?: { readonly jwk?: JsonObject } };
    return importPublicKey(cnf?.jwk).thumbprint;
  } catch {
    return undefined;
  }
}
