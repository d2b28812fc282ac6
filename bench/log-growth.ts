import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { leafHash, verifyInclusion } from '@taper/core';
import { type LogFolder, newEntries, openLogFolder } from './log-folder.ts';
import { median } from './measure.ts';

export interface GrowthEffort {
  /** Entries of the two logs that are compared. */
  readonly sizes: readonly [small: number, large: number];
  /** Bytes of an entry. */
  readonly bytes: number;
  readonly rounds: number;
  /** Entries that are appended, and proofs that are made, in each round. */
  readonly appends: number;
  readonly proofs: number;
  /** Is told how far the filling has come. */
  readonly progress: (text: string) => void;
}

/** Medians of the rounds. */
export interface LogFigure {
  readonly entries: number;
  /** Entries that become durable in a second, appended in runs. */
  readonly appendsPerSecond: number;
  /** Milliseconds. */
  readonly publish: number;
  /** An inclusion proof of a random entry: made from tiles, microseconds; its hashes; and checked, microseconds. */
  readonly prove: number;
  readonly hashes: number;
  readonly verify: number;
  /** From opening the stores to the first entry that is durable, milliseconds: with everything published, and with as much as was appended in a round not yet in tiles. */
  readonly restart: number;
  readonly restartUnpublished: number;
}

export interface GrowthFigures {
  readonly small: LogFigure;
  readonly large: LogFigure;
  /** The large log to the small one; medians of the rounds' ratios. */
  readonly ratios: Omit<LogFigure, 'entries'>;
  /** Entries appended in a second, over each tenth of the filling of the large log. */
  readonly filling: readonly number[];
}

/** Entries that one call appends while a log is filled. */
const RUN = 4096;

type Round = Omit<LogFigure, 'entries'>;

/** Two logs, one much larger than the other: what becomes slower? Measured in turns. */
export async function measureGrowth(folder: string, effort: GrowthEffort): Promise<GrowthFigures> {
  const [small, large] = effort.sizes;
  const logs = [new GrowingLog(join(folder, 'small')), new GrowingLog(join(folder, 'large'))];
  const [one, other] = logs as [GrowingLog, GrowingLog];
  try {
    await one.fill(small, effort.bytes, () => {});
    const filling = await other.fill(large, effort.bytes, effort.progress);
    const rounds = new Map<GrowingLog, Round[]>([
      [one, []],
      [other, []],
    ]);
    for (let round = -1; round < effort.rounds; round += 1) {
      for (const log of round % 2 === 0 ? [one, other] : [other, one]) {
        const found = await log.round(effort);
        if (round >= 0) rounds.get(log)?.push(found);
      }
    }
    const [ofSmall = [], ofLarge = []] = rounds.values();
    const names = Object.keys(ofSmall[0] ?? {}) as (keyof Round)[];
    const medians = (of: readonly Round[]) =>
      Object.fromEntries(names.map((name) => [name, median(of.map((each) => each[name]))]));
    const ratios = names.map((name) => [
      name,
      median(ofLarge.map((each, at) => each[name] / (ofSmall[at]?.[name] ?? NaN))),
    ]);
    return {
      small: { entries: small, ...(medians(ofSmall) as unknown as Round) },
      large: { entries: large, ...(medians(ofLarge) as unknown as Round) },
      ratios: Object.fromEntries(ratios) as unknown as Round,
      filling,
    };
  } finally {
    for (const log of logs) await log.close();
  }
}

class GrowingLog {
  readonly #folder: string;
  #open: LogFolder | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async fill(
    size: number,
    bytes: number,
    progress: (text: string) => void,
  ): Promise<readonly number[]> {
    this.#open = await openLogFolder(this.#folder);
    const { log } = this.#open;
    const rates: number[] = [];
    for (let tenth = 1; tenth <= 10; tenth += 1) {
      const from = log.size;
      const until = Math.round((tenth * size) / 10);
      const seconds = await this.#append(until - from, bytes);
      await log.publish();
      const rate = (until - from) / seconds;
      rates.push(rate);
      progress(`${log.size} entries, ${rate.toFixed(0)} a second`);
    }
    return rates;
  }

  async round({ bytes, appends, proofs }: GrowthEffort): Promise<Round> {
    const seconds = await this.#append(appends, bytes);
    const start = performance.now();
    await this.#log.publish();
    const publish = performance.now() - start;
    const restart = await this.#restart();
    await this.#append(appends, bytes);
    const restartUnpublished = await this.#restart();
    await this.#log.publish();
    return {
      appendsPerSecond: appends / seconds,
      publish,
      ...(await this.#prove(proofs)),
      restart,
      restartUnpublished,
    };
  }

  async close(): Promise<void> {
    await this.#open?.close();
    this.#open = undefined;
  }

  get #log(): LogFolder['log'] {
    if (this.#open === undefined) throw new Error('The log is closed.');
    return this.#open.log;
  }

  /** @returns seconds. */
  async #append(count: number, bytes: number): Promise<number> {
    const log = this.#log;
    let took = 0;
    for (let left = count; left > 0; left -= 4 * RUN) {
      const some = newEntries(Math.min(4 * RUN, left), bytes);
      const start = performance.now();
      const runs: Promise<unknown>[] = [];
      for (let at = 0; at < some.length; at += RUN)
        runs.push(log.appendAll(some.slice(at, at + RUN)));
      await Promise.all(runs);
      took += performance.now() - start;
    }
    return took / 1000;
  }

  /** @returns milliseconds. */
  async #restart(): Promise<number> {
    await this.close();
    const start = performance.now();
    this.#open = await openLogFolder(this.#folder);
    await this.#log.append(Buffer.from('the first one'));
    return performance.now() - start;
  }

  async #prove(count: number): Promise<Pick<Round, 'prove' | 'hashes' | 'verify'>> {
    const { reader } = this.#log;
    const { size, root } = reader.head();
    const [made, checked, hashes]: [number[], number[], number[]] = [[], [], []];
    for (let each = 0; each < count; each += 1) {
      const index = randomInt(size);
      const start = performance.now();
      const proof = await reader.inclusionProof(index, size);
      made.push((performance.now() - start) * 1000);
      let leaf = Buffer.alloc(0) as Uint8Array;
      for await (const { entry } of reader.entries(index, index + 1)) leaf = leafHash(entry);
      const began = performance.now();
      const isIn = verifyInclusion({ leaf, index, size, proof, root });
      checked.push((performance.now() - began) * 1000);
      hashes.push(proof.length);
      if (!isIn) throw new Error(`The proof of entry ${index} does not verify.`);
    }
    return { prove: median(made), verify: median(checked), hashes: median(hashes) };
  }
}
