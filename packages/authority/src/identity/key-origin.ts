import type { AuthorityTransaction, KeyRecord } from '../port/store.ts';

/** Said of a key that no other key brought in: an admission, a workload or an operator did. */
const NO_KEY = 'none';

/** Says for good which key proved that this one takes its place; `undefined` for one that came by another right. */
export async function recordKeyOrigin(
  tx: AuthorityTransaction,
  thumbprint: string,
  provedBy: string | undefined,
): Promise<void> {
  await tx.putSetting(settingOf(thumbprint), provedBy ?? NO_KEY);
}

/**
 * Those of the agent's keys that are there because this one is: by rotation that it proved, or that one of them did. A key of which nobody
 * recorded how it came counts as one, unless it is older than this one.
 * @param keys all that the agent has and had.
 */
export async function successorsOf(
  tx: AuthorityTransaction,
  { thumbprint, addedAt }: KeyRecord,
  keys: readonly KeyRecord[],
): Promise<readonly KeyRecord[]> {
  const provedBy = new Map<string, string>();
  const origins = await Promise.all(keys.map((key) => tx.findSetting(settingOf(key.thumbprint))));
  for (const [place, key] of keys.entries()) {
    const origin = origins[place];
    if (origin !== undefined) provedBy.set(key.thumbprint, origin);
    else if (key.addedAt >= addedAt) provedBy.set(key.thumbprint, thumbprint);
  }
  const found = new Set([thumbprint]);
  // A key is not always younger than the one that proved it: clocks are set back. Each round finds one at least.
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const [key, origin] of provedBy) if (found.has(origin)) found.add(key);
  }
  return keys.filter((key) => key.thumbprint !== thumbprint && found.has(key.thumbprint));
}

function settingOf(thumbprint: string): string {
  return `agent_key_proved_by/${thumbprint}`;
}
