import { createReadStream } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { TaperError } from '@taper/core';
import type { RevocationStateStore } from '../port/revocation-state-store.ts';

/** Characters that are written at one time, between which other work gets its turn. */
const CHUNK = 262_144;

/**
 * A {@link RevocationStateStore} in a file, written beside it and renamed. Its folder must exist.
 * @throws {TaperError} `store_unavailable`, from its methods.
 */
export function createFileRevocationStateStore(path: string): RevocationStateStore {
  return {
    async load() {
      try {
        await stat(path);
      } catch (cause) {
        if ((cause as { code?: string }).code === 'ENOENT') return undefined;
        throw failed(path, cause);
      }
      return createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: 0 });
    },
    async save(lines) {
      const beside = `${path}.new`;
      try {
        const file = await open(beside, 'w', 0o600);
        try {
          let text = '';
          for (const line of lines) {
            text += `${line}\n`;
            if (text.length < CHUNK) continue;
            await file.writeFile(text);
            text = '';
          }
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(beside, path);
      } catch (cause) {
        throw failed(path, cause);
      }
    },
  };
}

function failed(path: string, cause: unknown): TaperError {
  return new TaperError('store_unavailable', `${path} cannot be read or written.`, { cause });
}
