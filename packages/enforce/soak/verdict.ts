import { type Account, lineOf } from './tree.ts';

/** One line of a worker's journal: `about` to settle, and what came of it: `permitted`, or `lost` with nothing spent. */
export interface JournalLine {
  readonly what: 'about' | 'permitted' | 'lost';
  readonly reservation: string;
  /** Place of the account in the tree. */
  readonly account: number;
  readonly cents: number;
}

/** What the ledger says at the end, when every reservation has expired and has been given back. */
export interface LedgerState {
  /** Cents taken from each account, by its id. */
  readonly taken: ReadonlyMap<string, number>;
  /** Charges that are still held. */
  readonly held: number;
}

export interface Verdict {
  readonly breaches: readonly string[];
  readonly permitted: number;
  /** Settlements of which nobody knows whether they happened: their worker was killed, or was told that the store failed. */
  readonly inDoubt: number;
  /** Accounts from which not even the least amount can be taken any more. */
  readonly exhausted: number;
}

/**
 * What was permitted never passes a limit; nothing permitted is missing in the ledger; and the ledger holds nothing else, except
 * what is in doubt.
 */
export function judge(
  tree: readonly Account[],
  journal: readonly JournalLine[],
  ledger: LedgerState,
): Verdict {
  const breaches: string[] = [];
  const permitted = new Map<string, JournalLine>();
  const about = new Map<string, JournalLine>();
  for (const line of journal) {
    if (line.what === 'lost') continue;
    const seen = line.what === 'permitted' ? permitted : about;
    if (seen.has(line.reservation)) breaches.push(`${line.reservation} was journalled twice`);
    seen.set(line.reservation, line);
  }
  for (const reservation of permitted.keys()) {
    if (!about.delete(reservation)) breaches.push(`${reservation} was permitted out of nothing`);
  }
  for (const { what, reservation } of journal) if (what === 'lost') about.delete(reservation);
  const certain = sumByAccount(tree, permitted.values());
  const doubtful = sumByAccount(tree, about.values());
  let exhausted = 0;
  for (const { id, limit } of tree) {
    const [least, most] = [certain.get(id) ?? 0, (certain.get(id) ?? 0) + (doubtful.get(id) ?? 0)];
    const taken = ledger.taken.get(id) ?? 0;
    if (least > limit) breaches.push(`${id}: permitted ${least} of ${limit}`);
    if (taken > limit) breaches.push(`${id}: the ledger has ${taken} of ${limit}`);
    if (taken < least) breaches.push(`${id}: permitted ${least}, the ledger has ${taken}`);
    if (taken > most) breaches.push(`${id}: at most ${most} spent, the ledger has ${taken}`);
    if (taken === limit) exhausted += 1;
  }
  if (ledger.held > 0) breaches.push(`${ledger.held} charges are held although all have expired`);
  return { breaches, permitted: permitted.size, inDoubt: about.size, exhausted };
}

function sumByAccount(
  tree: readonly Account[],
  lines: Iterable<JournalLine>,
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { account, cents } of lines) {
    for (const { id } of lineOf(tree, account)) sums.set(id, (sums.get(id) ?? 0) + cents);
  }
  return sums;
}
