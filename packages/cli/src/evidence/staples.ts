import {
  type AuditEvent,
  createVerifier,
  hashToken,
  type LogTrust,
  platform,
  type RevokedQuery,
  readKeptEvidence,
  type TrustAnchor,
  verifyStaple,
} from '@taper/core';
import { type AuditSidecar, createPastStaples, type LogReader } from '@taper/log';

/** A chain that calls were permitted under, with the times of its events, ascending. */
interface UsedChain {
  readonly leaf: string;
  readonly query: RevokedQuery;
  readonly oldestIssuedAt: number;
  readonly times: number[];
}

/** Chains by the hash of their leaf, of the events that ask whether they were revoked. */
export type UsedChains = Map<string, UsedChain>;

/**
 * Notes the chains of an event that rests on them: of a permit, and of a session that was opened. One whose tokens were erased, or
 * that does not verify under the anchors, has no staple.
 */
export async function noteChains(
  used: UsedChains,
  event: AuditEvent,
  sidecar: Pick<AuditSidecar, 'read'> | undefined,
  anchors: readonly TrustAnchor[],
): Promise<void> {
  if (event.decision !== 'permit' && event.decision !== 'opened') return;
  const kept = readKeptEvidence((await sidecar?.read(event.sequence))?.evidence ?? '');
  for (const tokens of kept?.chains ?? []) {
    const leaf = hashToken(tokens.at(-1) ?? '');
    if (leaf === undefined) continue;
    const known = used.get(leaf) ?? verifyChain(leaf, tokens, event, anchors);
    if (known === undefined) continue;
    known.times.push(event.time);
    used.set(leaf, known);
  }
}

function verifyChain(
  leaf: string,
  tokens: readonly string[],
  { time, tenant }: AuditEvent,
  anchors: readonly TrustAnchor[],
): UsedChain | undefined {
  const verdict = createVerifier({ anchors }).verifyChain(tokens, time);
  if (verdict.verdict !== 'verified') return undefined;
  const { chain } = verdict;
  const holders = chain.tokens.map(({ claims }) => claims.holder.thumbprint);
  const keys = [chain.anchor.key.thumbprint, ...holders];
  const named = chain.tokens.some(({ claims }) => claims.caveats?.tenant !== undefined);
  return {
    leaf,
    query: {
      chains: [{ tokens: chain.tokens.map(({ hash }) => hash), keys }],
      ...(named && tenant !== undefined ? { tenant } : {}),
    },
    oldestIssuedAt: Math.min(...chain.tokens.map(({ claims }) => claims.iat)),
    times: [],
  };
}

export interface RevocationLogSource {
  readonly reader: LogReader;
  readonly checkpoint: string;
  readonly size: number;
  readonly trust: LogTrust;
}

export interface MadeStaple {
  readonly leaf: string;
  /** base64url. */
  readonly staple: string;
}

/**
 * Staples for all chains: of each one as of its last event, which speaks for all before; and where it was revoked by then, one as of
 * each of its events.
 */
export async function makeStaples(
  used: UsedChains,
  source: RevocationLogSource,
): Promise<{ readonly staples: readonly MadeStaple[]; readonly missing: number }> {
  const chains = [...used.values()];
  const last = await makeAll(
    chains.map((chain) => ({ chain, time: Math.max(...chain.times) })),
    source,
  );
  const revoked = chains.filter((chain, at) => isRevoked(chain, last[at], source.trust));
  const each = revoked.flatMap((chain) =>
    [...new Set(chain.times)].map((time) => ({ chain, time })),
  );
  const singly = await makeAll(each, source);
  const made = [
    ...chains.map(({ leaf }, at) => ({ leaf, bytes: last[at] })),
    ...each.map(({ chain }, at) => ({ leaf: chain.leaf, bytes: singly[at] })),
  ];
  const staples = made.flatMap(({ leaf, bytes }) =>
    bytes === undefined ? [] : [{ leaf, staple: platform.encodeBase64url(bytes) }],
  );
  const distinct = new Map(staples.map((one) => [`${one.leaf} ${one.staple}`, one]));
  return {
    staples: [...distinct.values()],
    missing: last.filter((one) => one === undefined).length,
  };
}

function makeAll(
  wanted: readonly { readonly chain: UsedChain; readonly time: number }[],
  { reader, checkpoint, size }: RevocationLogSource,
): Promise<readonly (Uint8Array | undefined)[]> {
  const queries = wanted.map(({ chain, time }) => ({ query: chain.query, time }));
  return createPastStaples({ reader, checkpoint, size, wanted: queries });
}

function isRevoked(
  { query, oldestIssuedAt }: UsedChain,
  staple: Uint8Array | undefined,
  trust: LogTrust,
): boolean {
  if (staple === undefined) return false;
  const verdict = verifyStaple(staple, { ...query, oldestIssuedAt }, trust);
  return verdict.ok && verdict.revoked !== undefined;
}
