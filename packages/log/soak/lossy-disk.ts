import { dirname } from 'node:path';
import type { Random } from '@taper/testkit';
import type { Disk, DiskFile } from '../src/file/disk.ts';
import { LogError } from '../src/port/log-error.ts';

/** A file: what is durable of it, and the changes since, of which a power cut keeps any. */
interface Inode {
  bytes: Uint8Array;
  unsynced: ((bytes: Uint8Array, random: Random | undefined) => Uint8Array)[];
}

/** A name given or taken away; `undefined`: taken away. A folder is `folder`. */
type Names = Map<string, Inode | 'folder'>;
type NameChange = readonly (readonly [path: string, to: Inode | 'folder' | undefined])[];

/**
 * A disk in memory that promises no more than a real one: what was not synced is there until the power is cut, and then perhaps.
 */
export interface LossyDisk extends Disk {
  /** From now on everything fails. Answers the disk as it is found afterwards. */
  cutPower(random: Random): LossyDisk;
}

export function createLossyDisk(durable: Names = new Map([['/', 'folder']])): LossyDisk {
  const names: Names = new Map(durable);
  const unsyncedNames = new Map<string, NameChange[]>();
  const locks = new Set<string>();
  let isDead = false;

  function alive(): void {
    if (isDead) throw Object.assign(new Error('the power is gone'), { code: 'EIO' });
  }

  function rename(change: NameChange): void {
    apply(names, change);
    const folder = dirname(change[0]?.[0] as string);
    unsyncedNames.set(folder, [...(unsyncedNames.get(folder) ?? []), change]);
  }

  function requireFolder(path: string): void {
    if (names.get(path) !== 'folder') throw missing(path);
  }

  function openFile(path: string, how: 'empty' | 'old'): DiskFile | undefined {
    alive();
    requireFolder(dirname(path));
    let inode = names.get(path);
    if (inode === 'folder') throw missing(path);
    if (inode === undefined) {
      if (how === 'old') return undefined;
      inode = { bytes: new Uint8Array(0), unsynced: [] };
      rename([[path, inode]]);
    } else if (how === 'empty') {
      inode.unsynced.push(() => new Uint8Array(0));
    }
    return fileOf(inode);
  }

  function fileOf(inode: Inode): DiskFile {
    return {
      async length() {
        alive();
        return contentOf(inode).length;
      },
      async isNamed(path) {
        alive();
        return names.get(path) === inode;
      },
      async read() {
        alive();
        return contentOf(inode);
      },
      async write(bytes, position) {
        alive();
        const kept = bytes.slice();
        inode.unsynced.push((old, random) => {
          const length = random === undefined ? kept.length : random.between(0, kept.length);
          const next = new Uint8Array(Math.max(old.length, position + length));
          next.set(old);
          next.set(kept.subarray(0, length), position);
          return next;
        });
      },
      async truncate(length) {
        alive();
        inode.unsynced.push((old) => {
          const next = new Uint8Array(length);
          next.set(old.subarray(0, length));
          return next;
        });
      },
      async sync() {
        alive();
        inode.bytes = contentOf(inode);
        inode.unsynced = [];
      },
      async close() {},
    };
  }

  return {
    async read(path) {
      alive();
      const inode = names.get(path);
      return inode === undefined || inode === 'folder' ? undefined : contentOf(inode);
    },
    open: (async (path: string, how: 'empty' | 'old') => openFile(path, how)) as Disk['open'],
    async rename(from, to) {
      alive();
      const inode = names.get(from);
      if (inode === undefined || dirname(from) !== dirname(to)) throw missing(from);
      rename([
        [from, undefined],
        [to, inode],
      ]);
    },
    async makeFolder(path) {
      alive();
      requireFolder(dirname(path));
      if (names.has(path)) return false;
      rename([[path, 'folder']]);
      return true;
    },
    async syncFolder(path) {
      alive();
      requireFolder(path);
      for (const change of unsyncedNames.get(path) ?? []) apply(durable, change);
      unsyncedNames.delete(path);
    },
    async removeFolder(path) {
      alive();
      for (const name of [...names.keys()])
        if (name === path || name.startsWith(`${path}/`)) rename([[name, undefined]]);
    },
    lock(path) {
      if (isDead || locks.has(path)) throw new LogError('log_unavailable', path, 'No lock.');
      locks.add(path);
      return { release: () => void locks.delete(path), isHeld: () => locks.has(path) };
    },
    cutPower(random) {
      isDead = true;
      const after: Names = new Map(durable);
      for (const changes of unsyncedNames.values())
        for (const change of changes) if (random.chance(0.5)) apply(after, change);
      const found: Names = new Map();
      for (const [path, inode] of after) {
        // What has no folder cannot be reached.
        if (path !== '/' && after.get(dirname(path)) !== 'folder') continue;
        found.set(path, inode === 'folder' ? inode : survivorOf(inode, random));
      }
      return createLossyDisk(found);
    },
  };
}

function apply(names: Names, change: NameChange): void {
  for (const [path, to] of change)
    if (to === undefined) names.delete(path);
    else names.set(path, to);
}

function contentOf({ bytes, unsynced }: Inode): Uint8Array {
  return unsynced.reduce<Uint8Array>(
    (content, change) => change(content, undefined),
    bytes.slice(),
  );
}

function survivorOf({ bytes, unsynced }: Inode, random: Random): Inode {
  let content: Uint8Array = bytes.slice();
  for (const change of unsynced)
    if (random.chance(0.5)) content = change(content, random.chance(0.5) ? random : undefined);
  return { bytes: content, unsynced: [] };
}

function missing(path: string): Error {
  return Object.assign(new Error(`${path} is missing`), { code: 'ENOENT' });
}
