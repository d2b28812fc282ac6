import {
  type AuditEvent,
  createVerifier,
  hashToken,
  type LogTrust,
  platform,
  readKeptEvidence,
  revocationSubject,
  type StapleSubject,
  type TrustAnchor,
  verifyStaple,
} from '@taper/core';
import { type AuditSidecar, createPastStaples, findEpochs, type LogReader } from '@taper/log';

/** A chain that calls were permitted under, with the times of its events, ascending. */
interface UsedChain {
  readonly leaf: string;
  readonly query: StapleSubject;
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
  { time }: AuditEvent,
  anchors: readonly TrustAnchor[],
): UsedChain | undefined {
  // Caveats are understood here: whether they held for the call is for the verifier to say.
  const verdict = createVerifier({ anchors, profile: {} }).verifyChain(tokens, time);
  if (verdict.verdict !== 'verified') return undefined;
  return { leaf, query: revocationSubject(verdict.chain), times: [] };
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
 * Staples for all chains: of each one as of its last event, which speaks for all before; and where it was revoked by then, as of each
 * of its events, before and after: only so it can be told which call came first.
 */
export async function makeStaples(
  used: UsedChains,
  source: RevocationLogSource,
): Promise<{ readonly staples: readonly MadeStaple[]; readonly missing: number }> {
  const chains = [...used.values()];
  const { reader, size } = source;
  const times = [...new Set(chains.flatMap((chain) => chain.times))];
  const found = await findEpochs(reader, size, times);
  const epochs = new Map(times.map((time, at) => [time, found[at]]));
  const latest = await makeAll(
    chains.map((chain) => ({ chain, epoch: epochs.get(lastOf(chain))?.after })),
    source,
  );
  const revoked = latest.filter(({ chain, bytes }) => isRevoked(chain, bytes, source.trust));
  const around = revoked.flatMap(({ chain }) => {
    const all = chain.times.flatMap((time) => [epochs.get(time)?.before, epochs.get(time)?.after]);
    return [...new Set(all)].map((epoch) => ({ chain, epoch }));
  });
  const made = [...latest, ...(await makeAll(around, source))];
  const staples = made.map(({ chain, bytes }) => ({
    leaf: chain.leaf,
    staple: platform.encodeBase64url(bytes),
  }));
  const distinct = new Map(staples.map((one) => [`${one.leaf} ${one.staple}`, one]));
  return { staples: [...distinct.values()], missing: chains.length - latest.length };
}

/** Time of its last event. There can be more than a call takes arguments. */
function lastOf({ times }: UsedChain): number {
  return times.reduce((one, other) => Math.max(one, other), 0);
}

/** Those of the staples that the log has epochs for. */
async function makeAll(
  wanted: readonly { readonly chain: UsedChain; readonly epoch: number | undefined }[],
  { reader, checkpoint, size }: RevocationLogSource,
): Promise<readonly { readonly chain: UsedChain; readonly bytes: Uint8Array }[]> {
  const known = wanted.flatMap(({ chain, epoch }) =>
    epoch === undefined ? [] : { chain, query: chain.query, epoch },
  );
  const made = await createPastStaples({ reader, checkpoint, size, wanted: known });
  return known.flatMap(({ chain }, at) => {
    const bytes = made[at];
    return bytes === undefined ? [] : { chain, bytes };
  });
}

function isRevoked({ query }: UsedChain, staple: Uint8Array, trust: LogTrust): boolean {
  const verdict = verifyStaple(staple, query, trust);
  return verdict.ok && verdict.revoked !== undefined;
}
