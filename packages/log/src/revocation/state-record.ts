import {
  isRetained,
  type JsonValue,
  parseJson,
  platform,
  type RevokedEntry,
  readRevocationLogEntry,
  TaperError,
  writeEpochRecord,
} from '@taper/core';
import type { RevocationStateStore } from '../port/revocation-state-store.ts';
import type { Log } from '../writer/log.ts';
import type { Account } from './account.ts';
import { commitmentProblem } from './replay.ts';
import { RevocationState, type RevokedTenant, type RevokedToken } from './state.ts';

/** Version of the lines. Others are not read, but made again from the log. */
const FORMAT = 1;

/**
 * Saves a state that stands at its last epoch record. What is saved is captured before this returns; it is written meanwhile.
 * @throws whatever the store throws.
 */
export function saveState(
  store: RevocationStateStore,
  log: string,
  state: RevocationState,
): Promise<void> {
  const { epoch } = state;
  if (epoch === undefined) return Promise.resolve();
  // What the maps hold is frozen: copies of the maps are enough.
  const captured = {
    epoch,
    log,
    tokens: pairsOf(state.tokens),
    keys: pairsOf(state.keys),
    tenants: pairsOf(state.tenants),
    accounts: pairsOf(state.accounts.all),
  };
  return store.save(withSum(linesOf(captured)));
}

interface Captured {
  readonly epoch: NonNullable<RevocationState['epoch']>;
  readonly log: string;
  readonly tokens: Iterable<readonly [string, RevokedToken]>;
  readonly keys: Iterable<readonly [string, number]>;
  readonly tenants: Iterable<readonly [string, RevokedTenant]>;
  readonly accounts: Iterable<readonly [string, Account]>;
}

/** What a map holds now, to be read later: two lists are copied in a tenth of the time that pairs, or a map, would take. */
function pairsOf<Value>(map: ReadonlyMap<string, Value>): Iterable<readonly [string, Value]> {
  return pairedFrom([...map.keys()], [...map.values()]);
}

function* pairedFrom<Value>(
  keys: readonly string[],
  values: readonly Value[],
): Generator<readonly [string, Value]> {
  for (const [place, key] of keys.entries()) yield [key, values[place] as Value];
}

function* linesOf({ epoch, log, tokens, keys, tenants, accounts }: Captured): Generator<string> {
  const { index, record } = epoch;
  yield JSON.stringify({
    taper_revocation_state: FORMAT,
    log,
    epoch_index: index,
    epoch: writeEpochRecord(record),
  });
  for (const [token, { root, expiresAt, index: at }] of tokens)
    if (isRetained(expiresAt, record.time))
      yield JSON.stringify(['token', root, token, expiresAt, at]);
  for (const [key, at] of keys) yield JSON.stringify(['key', key, at]);
  for (const [tenant, { issuedBefore, index: at }] of tenants)
    yield JSON.stringify(['tenant', tenant, issuedBefore, at]);
  for (const [token, { own, below, expiresAt }] of accounts)
    yield JSON.stringify(['account', token, own, below, expiresAt]);
}

const UTF8 = new TextEncoder();

/** The sum over all lines so far: SHA-256 of the sum before, in base64url, and the line. */
function sumWith(sum: string, line: string): string {
  return platform.sha256(UTF8.encode(sum + line));
}

function* withSum(lines: Iterable<string>): Generator<string> {
  let sum = '';
  for (const line of lines) {
    sum = sumWith(sum, line);
    yield line;
  }
  yield JSON.stringify(['sum', sum]);
}

/**
 * The state that was saved; `undefined` where none was, or where what was saved does not prove itself: its epoch record is the log's at that
 * place, and the root of its set is the record's. Its sum shows damage to what no root covers.
 */
export async function restoreState(
  store: RevocationStateStore | undefined,
  log: Log,
  quota: number | undefined,
  onFailure: ((cause: unknown) => void) | undefined,
): Promise<RevocationState | undefined> {
  try {
    const lines = await store?.load();
    return lines === undefined ? undefined : await readState(lines, log, quota);
  } catch (cause) {
    try {
      onFailure?.(cause);
    } catch {
      // Whoever is told has no say.
    }
    return undefined;
  }
}

async function readState(
  lines: AsyncIterable<string>,
  log: Log,
  quota: number | undefined,
): Promise<RevocationState> {
  const state = new RevocationState(quota);
  let place: { readonly index: number; readonly text: string } | undefined;
  let sum = '';
  let isWhole = false;
  for await (const line of lines) {
    const parsed = parseJson(line);
    if (!parsed.ok || isWhole) throw damaged();
    if (Array.isArray(parsed.value) && parsed.value[0] === 'sum') {
      isWhole = parsed.value[1] === sum;
      if (!isWhole) throw damaged();
      continue;
    }
    sum = sumWith(sum, line);
    if (place === undefined) place = readHeader(parsed.value, log.origin);
    else if (!Array.isArray(parsed.value) || !restoreLine(parsed.value, state)) throw damaged();
  }
  if (!isWhole || place === undefined) throw damaged();
  const { index, text } = place;
  if (index >= log.reader.head().size) throw damaged();
  let logged: Uint8Array | undefined;
  for await (const { entry } of log.reader.entries(index, index + 1)) logged = entry;
  const read = logged && readRevocationLogEntry(logged);
  if (read?.type !== 'epoch' || writeEpochRecord(read.record) !== text) throw damaged();
  if (commitmentProblem(read.record, state) !== undefined) throw damaged();
  state.applyEpoch(read.record, index);
  state.size = index + 1;
  return state;
}

function readHeader(value: JsonValue, origin: string): { index: number; text: string } {
  const {
    taper_revocation_state: format,
    log,
    epoch_index: index,
    epoch: text,
  } = value as Record<string, unknown>;
  const isRead = format === FORMAT && log === origin && typeof text === 'string';
  if (!isRead || !Number.isSafeInteger(index) || (index as number) < 0) throw damaged();
  return { index: index as number, text };
}

function restoreLine(line: readonly JsonValue[], state: RevocationState): boolean {
  const [kind, ...rest] = line as readonly [string, ...unknown[]];
  const numbers = kind === 'token' ? rest.slice(2) : rest.slice(1);
  if (!numbers.every((number) => Number.isSafeInteger(number))) return false;
  switch (kind) {
    case 'token': {
      const [root, token, expiresAt, index] = rest as [string, string, number, number];
      return state.restore({ kind, root, token, expiresAt } satisfies RevokedEntry, index);
    }
    case 'key': {
      const [key, index] = rest as [string, number];
      return state.restore({ kind, key } satisfies RevokedEntry, index);
    }
    case 'tenant': {
      const [tenant, issuedBefore, index] = rest as [string, number, number];
      return state.restore({ kind, tenant, issuedBefore } satisfies RevokedEntry, index);
    }
    case 'account': {
      const [token, own, below, expiresAt] = rest as [string, number, number, number];
      state.accounts.restore(token, { own, below, expiresAt });
      return true;
    }
    default:
      return false;
  }
}

function damaged(): TaperError {
  return new TaperError(
    'store_unusable',
    'What was saved of the revocation log is not of it, or is damaged.',
    {
      hint: 'It is made again from the log, which takes longer.',
    },
  );
}
