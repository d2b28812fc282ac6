import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { TaperError } from '@taper/core';
import type { MonitorStore } from '../monitor/state.ts';

/**
 * A {@link MonitorStore} in a file, replaced as one step and durably. Keep it where whoever runs the log cannot write.
 * Reading and writing throw `store_unavailable`.
 */
export function createFileMonitorStore(path: string): MonitorStore {
  const place = resolve(path);
  return {
    read() {
      try {
        return readFileSync(place, 'utf8');
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
        throw unavailable(path, 'read', cause);
      }
    },
    write(text) {
      const next = `${place}.${randomBytes(6).toString('hex')}.next`;
      try {
        const file = openSync(next, 'wx', 0o600);
        try {
          writeSync(file, text);
          fsyncSync(file);
        } finally {
          closeSync(file);
        }
        renameSync(next, place);
        const folder = openSync(dirname(place), 'r');
        try {
          fsyncSync(folder);
        } finally {
          closeSync(folder);
        }
      } catch (cause) {
        try {
          unlinkSync(next);
        } catch {
          // It was never made, or has its name already.
        }
        throw unavailable(path, 'written', cause);
      }
    },
  };
}

function unavailable(path: string, done: string, cause: unknown): TaperError {
  return new TaperError('store_unavailable', `The state ${path} cannot be ${done}.`, {
    hint: 'Its folder must exist and be writable for the user that runs this process.',
    cause,
  });
}
