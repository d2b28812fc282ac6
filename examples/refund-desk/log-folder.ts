import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSigner, generateKeyPair } from '@taper/core';
import { type Log, openLog } from '@taper/log';
import { openFileCheckpointStore, openFileTileStore } from '@taper/log/file';

/**
 * Begins a transparency log in a new folder, as `taper log init` does. Its key is made here and stays in this process.
 * `log.json` says what readers believe it by.
 */
export async function beginLog(folder: string, origin: string): Promise<Log> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const log = await openLog({
    origin,
    signer: createSigner(generateKeyPair().privateJwk),
    tiles: await openFileTileStore(join(folder, 'tiles')),
    checkpoints: await openFileCheckpointStore(join(folder, 'state')),
    create: true,
  });
  writeFileSync(join(folder, 'log.json'), JSON.stringify({ origin, keys: [log.key.text] }));
  return log;
}
