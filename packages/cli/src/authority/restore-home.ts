import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type AuthorityStore, type LeftByHand, restoreFromLog } from '@taper/authority';
import { createAnchorsPublisher } from '@taper/authority/keys';
import { openSqliteAuthorityStore } from '@taper/authority/sqlite';
import {
  noteKey,
  pinAnchors,
  readAnchors,
  readAuthorityLogEntry,
  TaperError,
  type VerifiedAnchors,
} from '@taper/core';
import { Failure } from '../failure.ts';
import { showName } from '../text/escape.ts';
import { logKey } from './authority-log.ts';
import type { AuthorityConfig } from './config.ts';
import { keepLatest } from './forward-clock.ts';
import { HOME_FILES } from './home.ts';
import { lockFolder } from './instance-lock.ts';
import { type NodeKeys, type OpenKeysOptions, openKeys } from './keys.ts';
import { markLogMade } from './log-made.ts';
import { openLogNode } from './log-node.ts';
import { bringLog } from './restore-log.ts';
import { anchorsOf, requireRoot } from './roots.ts';
import { voidProofs } from './store-replay.ts';
import { witnessPlaces } from './trusted.ts';

/** Where a store is made, in the folder of the authority; what is left of one that was cut short is nothing. */
const DRAFT = '.restoring';

export interface RestoreHomeOptions extends OpenKeysOptions {
  readonly folder: string;
  readonly config: AuthorityConfig;
  /** Where the log is read: an address or a folder. Default: the one in the folder. */
  readonly from?: string;
  /** File with the trust anchors that were published last. Default: the one in the folder. */
  readonly anchors?: string;
  readonly clock: () => number;
  readonly random: (length: number) => Uint8Array;
  readonly onFailure: (cause: unknown) => void;
}

/** What a new store has, and what is left to do. */
export interface RestoredHome {
  /** Entries of the authority. */
  readonly entries: number;
  /** Time of the last of them, seconds since the epoch. */
  readonly until: number | undefined;
  readonly agents: number;
  /** Whether the log was brought from elsewhere. */
  readonly broughtLog: boolean;
  /** What the log does not say enough of. */
  readonly byHand: readonly LeftByHand[];
}

/**
 * Makes the store of an authority anew from its log, in a folder that has its configuration and its keys. Nothing is there before all
 * of it is; nothing that is there is overwritten.
 * @throws {Failure} `file_exists`, `instance_running`, `log_unverified`, `log_damaged`, `log_unavailable`, `config_malformed`,
 * `anchors_refused`, `file_missing`, `key_store_unusable`, `port_taken`; {TaperError} what store and log have.
 */
export async function restoreHome(options: RestoreHomeOptions): Promise<RestoredHome> {
  const { folder, config } = options;
  if (config.database !== undefined)
    throw new Failure('config_malformed', 'the store of this authority is a PostgreSQL database', {
      field: 'database',
      hint: 'Restore the database as a whole, by its own means: the log is in it, too. See "Restoring" in docs/authority-store.md.',
    });
  requireNoStore(folder);
  const unlock = lockFolder(join(folder, HOME_FILES.lock));
  const draft = join(folder, DRAFT);
  try {
    // Whoever had the lock until now may have made one.
    requireNoStore(folder);
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    const opened = await openKeys(folder, config, options);
    try {
      return await restore(options, opened, draft);
    } finally {
      await opened.close();
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
    unlock();
  }
}

/** A write-ahead log without its store counts, too: SQLite would write what is in it over whatever stands beside it. */
function requireNoStore(folder: string): void {
  const store = join(folder, HOME_FILES.store);
  const left = [store, `${store}-wal`, `${store}-journal`].find((path) => existsSync(path));
  if (left === undefined) return;
  throw new Failure('file_exists', `there is a store already: ${showName(left)}`, {
    file: showName(left),
    hint: 'A store that is whole needs no restoring. Move one that is not aside, with all files that begin with its name, and keep it.',
  });
}

async function restore(
  options: RestoreHomeOptions,
  opened: NodeKeys,
  draft: string,
): Promise<RestoredHome> {
  const { folder, config, from, clock } = options;
  const { keys } = opened;
  const published = await readPublished(options);
  const witnesses = [
    ...witnessPlaces(config).map(({ key }) => key),
    ...(config.witnessListen === undefined
      ? []
      : [noteKey(config.witnessName, keys.witness.publicKey, 4)]),
  ];
  const trust = {
    origin: config.logOrigin,
    keys: [logKey(config, keys)],
    witnesses,
    quorum: witnesses.length,
  };
  const broughtLog = await bringLog({ folder, from, draft, trust, now: clock() });
  const place = join(folder, HOME_FILES.log);
  try {
    const path = join(draft, HOME_FILES.store);
    const store = openSqliteAuthorityStore({ path });
    let restored: Omit<RestoredHome, 'broughtLog'>;
    try {
      restored = await fill(store, options, opened, published);
    } finally {
      await store.close();
    }
    await putInPlace(draft, folder);
    return { ...restored, broughtLog };
  } catch (cause) {
    // As it was: what could not be made a store of is not left here as the authority's log.
    if (broughtLog) await rename(place, join(draft, 'refused')).catch(options.onFailure);
    throw cause;
  }
}

/** Opens the log as a node does, so that it goes on from whatever it was cut short at and its witnesses are asked, and does all that it says. */
async function fill(
  store: AuthorityStore,
  { folder, config, clock, random, onFailure }: RestoreHomeOptions,
  { keys, roots }: NodeKeys,
  published: { readonly text: string; readonly latest: VerifiedAnchors },
): Promise<Omit<RestoredHome, 'broughtLog'>> {
  const { latest } = published;
  const node = await openLogNode({
    folder,
    config,
    keys,
    anchors: anchorsOf(config.issuer, requireRoot(roots, latest), latest, 'ever'),
    witnesses: witnessPlaces(config),
    create: false,
    clock,
    onFailure,
  });
  try {
    const { authority } = node;
    let until = 0;
    let anchorsHash: unknown;
    const { entries, byHand } = await restoreFromLog({
      store,
      authority: [keys.authority.publicKey],
      random,
      log: {
        log: authority.log,
        appendAll: () => Promise.reject(new Error('nothing is written while a store is restored')),
        async *scan(begin) {
          for await (const found of authority.scan(begin)) {
            const read = readAuthorityLogEntry(found.text);
            if (read.type === 'authority') {
              const { time, event, details } = read.entry;
              until = Math.max(until, time);
              if (event === 'anchors.published') anchorsHash = details['hash'];
            }
            yield found;
          }
        },
      },
    });
    if (anchorsHash !== undefined)
      await createAnchorsPublisher({ store, clock })
        .restore(published.text, String(anchorsHash))
        .catch(throwAnchors);
    await markLogMade(store, config.logOrigin);
    // What had ended by then stays so, also where this machine's clock is wrong.
    await keepLatest(store, until);
    // Which calls of administrators were made is not in the log.
    await voidProofs(store, Math.max(clock(), until));
    return {
      entries,
      until: until === 0 ? undefined : until,
      agents: await countAgents(store),
      byHand: byHand.filter(({ event }) => event !== 'anchors.published'),
    };
  } finally {
    await node.close();
  }
}

async function readPublished({ folder, anchors }: RestoreHomeOptions) {
  const path = anchors === undefined ? join(folder, HOME_FILES.anchors) : resolve(anchors);
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Failure('file_missing', `cannot read ${showName(path)}: ${cause.code}`, {
      file: showName(path),
      hint: 'The trust anchors that were published last are needed, and whoever verifies has them: name their file with --anchors.',
    });
  });
  const document = readAnchors(text).at(-1);
  const verdict = document === undefined ? undefined : pinAnchors(document);
  if (verdict?.ok === true) return { text, latest: verdict.anchors };
  throw new Failure('anchors_refused', `${showName(path)} is not believed`, {
    file: showName(path),
    ...(verdict === undefined ? {} : { field: verdict.problem }),
    hint: 'Name the file that `taper anchors fetch` wrote last, wherever somebody verifies.',
  });
}

function throwAnchors(cause: unknown): never {
  if (!(cause instanceof TaperError) || cause.code !== 'anchors_invalid') throw cause;
  throw new Failure('anchors_refused', 'these are not the trust anchors that were published last', {
    field: 'outdated',
    hint: 'Verifiers may hold newer ones, and would take none that go back: name with --anchors the file that `taper anchors fetch` wrote last.',
  });
}

/** The witness of the old store goes first: it would refuse every other one. */
async function putInPlace(draft: string, folder: string): Promise<void> {
  const made = (await readdir(draft)).filter((name) => name.startsWith(HOME_FILES.store));
  const last = HOME_FILES.store;
  for (const name of [...made.filter((each) => each !== last), last])
    await rename(join(draft, name), join(folder, name));
  const handle = await open(dirname(join(folder, last)), 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function countAgents(store: AuthorityStore): Promise<number> {
  let count = 0;
  for (let after = ''; ; ) {
    const page = await store.read((tx) => tx.listAgents({ limit: 1000, after }));
    count += page.length;
    const last = page.at(-1);
    if (last === undefined) return count;
    after = last.id;
  }
}
