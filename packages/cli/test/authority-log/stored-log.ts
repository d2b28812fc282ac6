import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Log, openLog, openRevocationAuthority, type RevocationAuthority } from '@taper/log';
import { openFileCheckpointStore, openFileTileStore } from '@taper/log/file';
import { CAST, type TestKey, testKey } from '@taper/testkit';

export const ORIGIN = 'log.example.com/authority';
export const AUTHORITY: TestKey = testKey('authority');

export interface StoredLog {
  readonly log: Log;
  readonly authority: RevocationAuthority;
  close(): Promise<void>;
}

/** The authority's log in a folder, for one writer at a time. @throws `log_unavailable` while somebody else has it. */
export async function openStoredLog(folder: string): Promise<StoredLog> {
  mkdirSync(join(folder, 'log'), { recursive: true });
  const checkpoints = await openFileCheckpointStore(join(folder, 'log', 'state'));
  try {
    const tiles = await openFileTileStore(join(folder, 'log', 'tiles'));
    try {
      const { signer } = testKey('log');
      const log = await openLog({ origin: ORIGIN, signer, tiles, checkpoints, create: true });
      const authority = await openRevocationAuthority({
        log,
        signer: AUTHORITY.signer,
        anchors: CAST.anchors.map(({ issuer, key }) => ({ issuer, key: key.publicKey })),
        clock: () => Math.floor(Date.now() / 1000),
        interval: 50,
      });
      return {
        log,
        authority,
        async close() {
          await authority.close();
          await log.close();
          await tiles.close();
          await checkpoints.close();
        },
      };
    } catch (error) {
      await tiles.close();
      throw error;
    }
  } catch (error) {
    await checkpoints.close();
    throw error;
  }
}
