import { join, resolve } from 'node:path';
import { type Signer, TaperError } from '@taper/core';
import { createWitnessClient, type Log, openLog, type Witness } from '@taper/log';
import { openFileCheckpointStore, openFileTileStore } from '@taper/log/file';
import { Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import { withLog } from './failure.ts';
import type { LogFile } from './log-file.ts';
import { stateFolder, TILES } from './place.ts';

export interface WriterOptions {
  readonly place: string;
  readonly file: LogFile;
  readonly signer: Signer;
  readonly state: string | undefined;
  readonly create: boolean;
}

/**
 * Opens the log in a folder for writing, hands it out, and closes it.
 * @throws {Failure} `log_unverified` when the key is not that of the log; what the log throws.
 */
export async function withWriter<Result>(
  { place, file, signer, state, create }: WriterOptions,
  session: Session,
  act: (log: Log) => Promise<Result>,
): Promise<Result> {
  const { trust } = file;
  if (trust.keys.every(({ key }) => key.thumbprint !== signer.publicKey.thumbprint)) {
    throw new Failure('log_unverified', '--key is not a key of this log', {
      field: '--key',
      hint: 'The log file names other keys. Give the key that the log was made with.',
    });
  }
  const folder = resolve(session.io.cwd, place);
  return withLog(async () => {
    const tiles = await openFileTileStore(join(folder, TILES));
    try {
      const checkpoints = await openFileCheckpointStore(stateFolder(folder, state, session));
      try {
        const log = await openLog({
          origin: trust.origin,
          signer,
          tiles,
          checkpoints,
          create,
          witnesses: witnessesOf(file),
          quorum: trust.quorum,
        });
        try {
          return await act(log);
        } finally {
          await log.close();
        }
      } finally {
        await checkpoints.close();
      }
    } finally {
      await tiles.close();
    }
  });
}

function witnessesOf({ witnesses }: LogFile): readonly Witness[] {
  return witnesses.map(({ key, url }) => {
    if (url !== undefined) return createWitnessClient({ url, key });
    throw new Failure(
      'log_file_malformed',
      `the log file has no address of the witness ${key.name}`,
      {
        field: 'witnesses',
        hint: 'Whoever writes the log asks its witnesses: add their "url".',
      },
    );
  });
}

/**
 * Publishes what is in the log; answers why that was not possible now, which loses nothing.
 * @throws {Failure} where it will not be possible later either.
 */
export async function publish(log: Log): Promise<Failure | undefined> {
  try {
    await log.publish();
    return undefined;
  } catch (cause) {
    if (!(cause instanceof TaperError) || cause.code !== 'log_unavailable') throw cause;
    const why = cause.message.replace(/\.$/, '');
    return new Failure('log_unavailable', `nothing was published: ${why}`, {
      hint: 'What is in the log stays there. `taper log append` without entries publishes it, when enough witnesses answer.',
    });
  }
}
