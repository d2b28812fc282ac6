import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type LogTrust, platform } from '@taper/core';
import { adoptLog, checkLog, createHttpTileSource, type TileSource } from '@taper/log';
import {
  createFileTileSource,
  openFileCheckpointStore,
  openFileTileStore,
  readFileCheckpoint,
} from '@taper/log/file';
import { Failure } from '../failure.ts';
import { folderSource, requireCheckpoint } from '../log/place.ts';
import { showName } from '../text/escape.ts';
import { HOME_FILES } from './home.ts';

export interface RestoreLogOptions {
  /** Of the authority. */
  readonly folder: string;
  /** Where the log is read: an address or a folder; `undefined` where the one in the folder is whole. */
  readonly from: string | undefined;
  /** For what is not finished yet: a folder beside the log. */
  readonly draft: string;
  readonly trust: LogTrust;
  readonly now: number;
}

/**
 * Makes sure that the authority's log is in its folder, whole and under a checkpoint that it and all its witnesses signed: it is checked
 * byte by byte, or brought there from elsewhere.
 * @returns whether it was brought there.
 * @throws {Failure} `file_exists`, `log_unverified`, `log_damaged`, `log_unavailable`; {TaperError} whatever source and stores have.
 */
export async function bringLog(options: RestoreLogOptions): Promise<boolean> {
  const { folder, from, draft, trust, now } = options;
  const place = join(folder, HOME_FILES.log);
  const isThere = (await readFileCheckpoint(join(place, 'state'))) !== undefined;
  if (from === undefined) {
    if (!isThere)
      throw new Failure('log_unavailable', `there is no log in ${showName(place)}`, {
        file: showName(place),
        hint: 'Say with --from where the newest copy of it is: a mirror, a follower, a backup.',
      });
    await checkHere(place, trust, now);
    return false;
  }
  if (existsSync(place))
    throw new Failure('file_exists', `there is a log in ${showName(place)} already`, {
      file: showName(place),
      hint: 'Where it is whole, leave --from out: nothing is newer. Where it is not, move it aside first, and keep it.',
    });
  const source = sourceOf(from);
  const made = join(draft, HOME_FILES.log);
  await mkdir(made, { recursive: true, mode: 0o700 });
  const tiles = await openFileTileStore(join(made, 'tiles'));
  try {
    const checkpoints = await openFileCheckpointStore(join(made, 'state'));
    try {
      const note = await noteOf(source, from);
      await requireCheckpoint(note, trust, now);
      await adoptLog({ source, note, trust, now, tiles, checkpoints });
    } finally {
      await checkpoints.close();
    }
  } finally {
    await tiles.close();
  }
  await rename(made, place);
  return true;
}

async function checkHere(place: string, trust: LogTrust, now: number): Promise<void> {
  const source = folderSource(join(place, 'tiles'), join(place, 'state'));
  const note = await noteOf(source, place);
  await requireCheckpoint(note, trust, now);
  const { problems } = await checkLog({ source, note, trust });
  const [first] = problems;
  if (first === undefined) return;
  throw new Failure('log_damaged', `the log in ${showName(place)} is damaged: ${first.code}`, {
    field: first.path,
    hint: 'Move it aside, keep it, and say with --from where there is a whole copy. `taper log fsck` says all that is wrong.',
  });
}

async function noteOf(source: TileSource, name: string): Promise<string> {
  const bytes = await source.read('checkpoint');
  const note = bytes === undefined ? undefined : platform.decodeUtf8(bytes);
  if (note !== undefined) return note;
  throw new Failure('log_unavailable', `${showName(name)} shows no checkpoint`, {
    hint: 'Is it the right folder or address? It is the one that has `checkpoint` and `tile/` below it.',
  });
}

/** An address; the folder of a log as its writer has it; or one as a mirror has it, with `checkpoint` and `tile/` in it. */
function sourceOf(from: string): TileSource {
  if (/^https?:\/\//.test(from)) return createHttpTileSource({ url: from });
  const folder = resolve(from);
  if (existsSync(join(folder, 'tiles')))
    return folderSource(join(folder, 'tiles'), join(folder, 'state'));
  const tiles = createFileTileSource(folder);
  return {
    read: (path) =>
      path === 'checkpoint'
        ? readFile(join(folder, path)).catch(() => undefined)
        : tiles.read(path),
  };
}
