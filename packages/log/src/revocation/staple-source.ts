import {
  isJsonObject,
  type JsonValue,
  parseJson,
  type RevokedQuery,
  TaperError,
} from '@taper/core';
import { createStaple, type PublishedEpoch } from '../revoked-set/staple.ts';
import type { Log } from '../writer/log.ts';
import type { RevocationAuthority } from './authority.ts';
import { atEpoch, published } from './snapshot.ts';
import type { LoggedEpoch } from './state.ts';

/** Bytes of a request for a staple: some hundred hashes. */
export const MAX_QUERY_SIZE = 65_536;

/** Makes staples as of the last epoch that was published (spec/revocation.md section 10). */
export interface StapleSource {
  /** @throws {TaperError} `option_invalid` for what is no query; `log_unavailable` when no epoch is published in time. */
  make(query: RevokedQuery): Promise<Uint8Array>;
}

/** Epochs that may pass while one staple is made, before it is given up. */
const ATTEMPTS = 5;

export function createStapleSource(log: Log, authority: RevocationAuthority): StapleSource {
  let latest: { readonly epoch: LoggedEpoch; readonly proof: Promise<PublishedEpoch> } | undefined;

  async function prove({ index, record }: LoggedEpoch): Promise<PublishedEpoch> {
    const { note, size } = await published(authority, index);
    return { record, checkpoint: note, inclusion: await log.reader.inclusionProof(index, size) };
  }

  return {
    async make(query) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const epoch = await atEpoch(authority, (found) => found);
        if (latest?.epoch !== epoch) {
          const mine = { epoch, proof: prove(epoch) };
          latest = mine;
          mine.proof.catch(() => {
            if (latest === mine) latest = undefined;
          });
        }
        const proof = await latest.proof;
        // Meanwhile the next epoch may have begun, and the set be that of no record.
        if (authority.isSettled && authority.state.epoch === epoch)
          return createStaple(query, authority.state.set, proof);
      }
      throw new TaperError('log_unavailable', 'Epochs pass faster than a staple can be made.');
    },
  };
}

/** Reads `{"chains": [{"tokens": […], "keys": […]}], "tenant": "…"}`; `undefined` for anything else. Hashes are judged where they are looked up. */
export function readStapleQuery(text: string): RevokedQuery | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok || !isJsonObject(parsed.value)) return undefined;
  const { chains, tenant, ...rest } = parsed.value;
  if (Object.keys(rest).length > 0 || !Array.isArray(chains) || chains.length === 0)
    return undefined;
  if (tenant !== undefined && typeof tenant !== 'string') return undefined;
  const read: { tokens: readonly string[]; keys: readonly string[] }[] = [];
  for (const chain of chains as readonly JsonValue[]) {
    if (!isJsonObject(chain) || Object.keys(chain).sort().join() !== 'keys,tokens')
      return undefined;
    const { tokens, keys } = chain;
    if (!isTexts(tokens) || !isTexts(keys)) return undefined;
    read.push({ tokens, keys });
  }
  return { chains: read, ...(tenant === undefined ? {} : { tenant }) };
}

function isTexts(value: JsonValue | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}
