import { hash } from 'node:crypto';
import { createRandom } from '@taper/testkit';

const SIZE = 200;
const ROOTS = 4;

/** One account of the soak, as a token with a budget has it. Amounts are whole cents here, independent of the ledger's own arithmetic. */
export interface Account {
  readonly id: string;
  readonly limit: number;
  /** Its place in the tree; `undefined` for a root. */
  readonly parent: number | undefined;
}

/**
 * Accounts of which each but the first few is a child of an earlier one. A limit is up to twice what `spends` spends of one unit,
 * spread over all accounts, ask of it; one in twenty is zero. A child may have more than its parent has, as nothing forbids.
 */
export function growTree(seed: string, spends: number): readonly Account[] {
  const random = createRandom(`soak tree ${seed}`);
  const parents = Array.from({ length: SIZE }, (_, index) =>
    index < ROOTS ? undefined : random.between(0, index - 1),
  );
  const subtree = parents.map(() => 1);
  for (let index = SIZE - 1; index >= ROOTS; index -= 1) {
    const parent = parents[index] ?? 0;
    subtree[parent] = (subtree[parent] ?? 0) + (subtree[index] ?? 0);
  }
  return parents.map((parent, index) => {
    const demand = Math.ceil((spends * 100 * (subtree[index] ?? 1)) / SIZE);
    const limit = random.chance(0.05) ? 0 : random.between(1, 2 * demand);
    return { id: hash('sha256', `soak ${seed} ${index}`, 'base64url'), limit, parent };
  });
}

/** The account and all above it. */
export function lineOf(tree: readonly Account[], index: number): readonly Account[] {
  const line: Account[] = [];
  for (let at: number | undefined = index; at !== undefined; at = tree[at]?.parent) {
    const account = tree[at];
    if (account === undefined) break;
    line.push(account);
  }
  return line;
}

/** `1234` is `12.34`. */
export function decimalOf(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}

/** `12.3` is `1230`; no other digits are ever spent here. */
export function centsOf(decimal: string): number {
  const match = /^([0-9]+)(?:\.([0-9]{1,2}))?$/.exec(decimal);
  if (match === null) throw new Error(`not an amount of the soak: ${decimal}`);
  return Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
}
