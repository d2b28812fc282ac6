import {
  type PublicKey,
  readAuthorityLogEntry,
  requireKnownOptions,
  type Signer,
  TaperError,
  verifyAuthorityEntry,
} from '@taper/core';
import { LogError } from '../port/log-error.ts';
import type { RevocationStateStore } from '../port/revocation-state-store.ts';
import type { RevocationAuthority } from '../revocation/authority.ts';
import { type AgentRegister, createAgentRegister, DIRECTORY_EVENTS } from './register.ts';
import { readSavedRegister, saveRegister } from './saved-register.ts';
import { captureDirectory, type DirectorySnapshot } from './snapshot.ts';

export interface LoggedRegisterOptions {
  /** The writer of the log. */
  readonly authority: RevocationAuthority;
  /** Signs snapshots; a key of the authority. */
  readonly signer: Signer;
  /** Keys that signed entries of the log before. */
  readonly formerKeys?: readonly PublicKey[];
  /** Keeps the register, so that a restart does not have to read all of the log. */
  readonly state?: RevocationStateStore;
  /** Is told of what could not be read or saved. What it throws is ignored. */
  readonly onFailure?: (cause: unknown) => void;
}

/** The register of the agents in a log that this process writes. */
export interface LoggedRegister {
  readonly register: AgentRegister;
  /** A snapshot that covers this many entries at least; one is shared by all who ask within a minute. @throws {TaperError} `log_unavailable`, `log_corrupt`. */
  snapshot(atLeast: number): Promise<DirectorySnapshot>;
  /** Saves it. */
  close(): Promise<void>;
}

const OPTIONS: readonly (keyof LoggedRegisterOptions)[] = [
  'authority',
  'signer',
  'formerKeys',
  'state',
  'onFailure',
];

/** Milliseconds for which one snapshot serves. */
const SHARED = 60_000;

/**
 * Entries after which the register is saved: all, and those that changed it, which cost a signature each to read again; of the latter at least one
 * for so many agents, since all of them are written each time.
 */
const SAVE_ENTRIES = 20_000;
const SAVE_CHANGES = 2_000;
const AGENTS_A_CHANGE = 20;

/** Entries that were read at a start after which it is. */
const SAVE_AT_START = 1_000;

/**
 * Reads the agents out of a log, and goes on with it.
 * @throws {TaperError} `option_invalid`; `log_corrupt` for an entry of the authority that is not by the rules.
 */
export async function openLoggedRegister(options: LoggedRegisterOptions): Promise<LoggedRegister> {
  requireKnownOptions(options, OPTIONS);
  const { authority, signer, formerKeys = [], state, onFailure } = options;
  const { feed, log } = authority;
  const trust = { log, authority: [signer.publicKey, ...formerKeys] };
  const found = await readSavedRegister(state, log, feed.end, report);
  const register = found?.register ?? createAgentRegister();
  /** Entries that are in the register. */
  let size = found?.size ?? 0;
  let saved = size;
  let changes = 0;
  let reading: Promise<void> | undefined;
  let shared: { readonly until: number; readonly snapshot: Promise<DirectorySnapshot> } | undefined;

  function report(cause: unknown): void {
    try {
      onFailure?.(cause);
    } catch {
      // Whoever is told has no say.
    }
  }

  function take(text: string, index: number): void {
    const read = readAuthorityLogEntry(text);
    if (read.type === 'other') return;
    if (read.type === 'malformed') throw corrupt(index, read.problem);
    if (!DIRECTORY_EVENTS.has(read.entry.event)) return;
    const verdict = verifyAuthorityEntry(read.entry, trust);
    if (!verdict.ok) throw corrupt(index, verdict.problem);
    if (!register.apply(verdict.entry)) throw corrupt(index, 'authority_entry_malformed');
    changes += 1;
  }

  async function readOn(): Promise<void> {
    while (size < feed.end) {
      const { from, entries } = await feed.read(size, feed.end);
      for (const [at, text] of entries.entries()) {
        take(text, from + at);
        size = from + at + 1;
      }
    }
    const due = Math.max(SAVE_CHANGES, register.agents / AGENTS_A_CHANGE);
    if (changes >= due || size >= saved + SAVE_ENTRIES) await save();
  }

  async function save(): Promise<void> {
    saved = size;
    changes = 0;
    await saveRegister(state, log, size, register).catch(report);
  }

  function catchUp(): Promise<void> {
    reading ??= readOn().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  await catchUp();
  // Whoever is killed once would else read it all again at every start.
  if (size >= saved + SAVE_AT_START) await save();
  const unwatch = feed.watch(() => void catchUp().catch(report));

  async function capture(): Promise<DirectorySnapshot> {
    await catchUp();
    return captureDirectory(register, { log, size, signer });
  }

  return Object.freeze<LoggedRegister>({
    register,
    async snapshot(atLeast) {
      if (atLeast > feed.end)
        throw new TaperError('log_unavailable', 'The log has not come that far.');
      const now = performance.now();
      const fresh = shared !== undefined && now < shared.until ? await shared.snapshot : undefined;
      if (fresh !== undefined && fresh.size >= atLeast) return fresh;
      const snapshot = capture();
      shared = { until: now + SHARED, snapshot };
      snapshot.catch(() => {
        shared = undefined;
      });
      return snapshot;
    },
    async close() {
      unwatch();
      await catchUp().catch(report);
      if (size > saved) await save();
    },
  });
}

function corrupt(index: number, problem: string): LogError {
  return new LogError(
    'log_corrupt',
    `entry ${index}`,
    `The authority’s log is wrong: ${problem}.`,
    {
      hint: 'Run an audit of the log. Something else than this authority wrote to it.',
    },
  );
}
