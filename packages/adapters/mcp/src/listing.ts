import { chainCaveats, DENIALS, type Denial, denial, type VerifiedChain } from '@taper/core';
import type { EnforcementPoint } from '@taper/enforce';
import { findDefinition } from './definitions.ts';
import type { Inquiry } from './inquiry.ts';
import type { Message, Request } from './sdk.ts';
import {
  DENIAL_KEY,
  deniedCallOf,
  evidenceOf,
  isRecord,
  ownMember,
  PRESENTATION_KEY,
  STAPLE_KEY,
} from './wire.ts';

/** Chains that can be joined (spec/profile.md). */
const MAX_JOINED = 4;

/** JSON-RPC 2.0: internal error. */
const NO_ANSWER = { code: -32603, message: 'Internal error' };

/**
 * What an agent is shown for `tools/list`: the tools that its chains let it call, as the server lists them. Names are no
 * authority, so no proof is asked for; whoever shows a chain can read in it what it grants.
 *
 * A tool is left out when one of the chains does not grant it, when a chain pins another definition of it, and when several tools
 * have its name. What was shown to one agent is not for others, so that nobody may keep it for them (`cacheScope`).
 *
 * @returns the result to send, or what the server answered instead of one.
 */
export async function listGranted(
  request: Request,
  extra: unknown,
  point: EnforcementPoint,
  inquiry: Inquiry,
): Promise<Pick<Message, 'result' | 'error'>> {
  const { _meta, ...rest } = request.params ?? {};
  const {
    [PRESENTATION_KEY]: presentation,
    [STAPLE_KEY]: _staple,
    ...meta
  } = isRecord(_meta) ? _meta : {};
  const [verdict, answer] = await Promise.all([
    inspect(point, presentation, evidenceOf(_meta)),
    inquiry.list({ ...rest, _meta: meta }, extra),
  ]);
  const { result, error } = answer ?? {};
  if (result === undefined) return { error: error ?? NO_ANSWER };
  const tools = ownMember(result, 'tools');
  const listed: readonly unknown[] = Array.isArray(tools) ? tools : [];
  const chains = 'code' in verdict ? [] : verdict;
  const shown = chains.length === 0 ? [] : listed.filter((tool) => isGranted(tool, listed, chains));
  const denied =
    'code' in verdict
      ? { _meta: { ...(result['_meta'] as object), [DENIAL_KEY]: deniedCallOf(verdict) } }
      : {};
  const isCacheable = Object.hasOwn(result, 'cacheScope');
  return {
    result: {
      ...result,
      tools: shown,
      ...(isCacheable ? { cacheScope: 'private' } : {}),
      ...denied,
    },
  };
}

async function inspect(
  point: EnforcementPoint,
  presentation: unknown,
  context: { readonly evidence?: string },
): Promise<readonly VerifiedChain[] | Denial> {
  const chains: VerifiedChain[] = [];
  for (const each of separate(presentation)) {
    const verdict = await inspectOne(point, each, context);
    if ('code' in verdict) return verdict;
    chains.push(...verdict);
  }
  return chains;
}

/** Joined chains that come without proofs, each by itself; anything else as it is. */
function separate(presentation: unknown): readonly unknown[] {
  const joined = ownMember(presentation, 'taper_chains');
  const areBare =
    Array.isArray(joined) &&
    joined.length <= MAX_JOINED &&
    joined.every((each) => isRecord(each) && Object.keys(each).join() === 'aat_chain');
  return areBare && joined.length > 1 ? joined : [presentation];
}

async function inspectOne(
  point: EnforcementPoint,
  presentation: unknown,
  context: { readonly evidence?: string },
): Promise<readonly VerifiedChain[] | Denial> {
  try {
    const verdict = await point.inspect(presentation, context);
    if (Array.isArray(verdict) || (verdict as Denial).code in DENIALS) return verdict;
  } catch {
    // an enforcement point that breaks its promise never to reject
  }
  return denial('internal_error');
}

function isGranted(
  tool: unknown,
  listed: readonly unknown[],
  chains: readonly VerifiedChain[],
): boolean {
  const name = ownMember(tool, 'name');
  if (typeof name !== 'string') return false;
  if (!chains.every((chain) => chain.leaf.claims.capabilities.has(name))) return false;
  const found = findDefinition(listed, name);
  if ('code' in found) return found.code === 'definition_unknown' && !chains.some(isPin(name));
  return chains.every((chain) =>
    chainCaveats(chain)
      .definitions(name)
      .every((pin) => pin === found.definition),
  );
}

function isPin(name: string): (chain: VerifiedChain) => boolean {
  return (chain) => chainCaveats(chain).definitions(name).length > 0;
}
