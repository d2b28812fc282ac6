import { hash } from 'node:crypto';

/** Reproducible randomness for tests: the same seed gives the same choices on every machine. Never for keys that matter. */
export interface Random {
  /** What it was made from; with it, everything drawn can be drawn again. */
  readonly seed: string;
  /** A whole number of 32 bits. */
  u32(): number;
  /** A whole number from `least` to `greatest`, both included. */
  between(least: number, greatest: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One element of a list that is not empty. */
  pick<Item>(items: readonly Item[]): Item;
  /** Elements of a list, each with probability one half, in their order; `atLeast` of them where the list has so many. */
  some<Item>(items: readonly Item[], atLeast?: number): Item[];
  /** The elements in another order. */
  shuffle<Item>(items: readonly Item[]): Item[];
  bytes(length: number): Uint8Array;
  /** An independent source, named by this seed and a label. */
  fork(label: string | number): Random;
}

/** Small fast counter generator (sfc32), seeded with SHA-256 of the text. */
export function createRandom(seed: string): Random {
  const digest = hash('sha256', seed, 'buffer');
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let counter = digest.readUInt32LE(12);
  const u32 = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  const below = (bound: number): number => Math.floor((u32() / 2 ** 32) * bound);
  const random: Random = {
    seed,
    u32,
    between: (least, greatest) => least + below(greatest - least + 1),
    chance: (probability) => u32() / 2 ** 32 < probability,
    pick(items) {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      return items[below(items.length)] as (typeof items)[number];
    },
    some(items, atLeast = 0) {
      const kept = items.filter(() => u32() % 2 === 0);
      return kept.length >= atLeast
        ? kept
        : random.shuffle(items).slice(0, Math.min(atLeast, items.length));
    },
    shuffle(items) {
      const order = [...items];
      for (let last = order.length - 1; last > 0; last -= 1) {
        const other = below(last + 1);
        [order[last], order[other]] = [
          order[other] as (typeof items)[number],
          order[last] as (typeof items)[number],
        ];
      }
      return order;
    },
    bytes: (length) => Uint8Array.from({ length }, () => u32() & 0xff),
    fork: (label) => createRandom(`${seed}/${label}`),
  };
  for (let warm = 0; warm < 8; warm += 1) u32();
  return random;
}
