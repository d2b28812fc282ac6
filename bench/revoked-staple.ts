// How large staples are and what it takes to check one. Started by revoked.ts as a process of its own.
import { verifyStaple } from '@taper/core';
import { createRevokedSet, createStaple } from '@taper/log';
import { type Effort, measure, median, microseconds, ratio, subject } from './measure.ts';
import { epochAt, LOG_TRUST, type Mix, randomSubject, revokedEntries } from './revoked-scene.ts';
import { signedInputs, typicalChain, typicalProof, verifyAll } from './scene.ts';

const HOPS = 3;

/** Entries of the log before the epoch record of the first staple; those of the others are the next ones. */
const LOG_SIZE = 5_000_000;

/** The index below that at which the path of a record is longest. */
const LONGEST_PATH = 2 ** 22 - 1;

export interface StapleTask {
  readonly mix: Mix;
  readonly revoked: number;
  /** Of each of which a staple is made. */
  readonly chains: number;
  readonly effort: Effort;
}

export interface StapleFigure {
  readonly mix: Mix;
  readonly revoked: number;
  /** Of the staples of all chains. */
  readonly bytes: { readonly p50: number; readonly p99: number; readonly most: number };
  /** Where the path of the epoch record is as long as it can be in a log of that size: the largest. */
  readonly mostAtLongestPath: number;
  /** Medians of making and of checking one; and of one bare signature check. */
  readonly microseconds: {
    readonly make: number;
    readonly check: number;
    readonly verify: number;
  };
  /** Of checking one to one bare signature check. */
  readonly ratio: number;
}

async function measureStaples(task: StapleTask): Promise<StapleFigure> {
  const { mix, revoked, chains, effort } = task;
  const set = createRevokedSet();
  for (const entry of revokedEntries(mix, revoked)) set.add(entry);
  const made: { staple: Uint8Array; of: ReturnType<typeof randomSubject> }[] = [];
  for (let each = 0; each < chains; each += 1) {
    const of = randomSubject(HOPS);
    made.push({ staple: createStaple(of, set, await epochAt(LOG_SIZE + each, set)), of });
  }
  const longest = await epochAt(LONGEST_PATH, set);
  const atLongest = made.map(({ of }) => createStaple(of, set, longest).length);
  const [proof] = signedInputs(await typicalProof(await typicalChain(1))).slice(-1);
  if (proof === undefined) throw new Error('There is nothing to verify.');
  const epoch = await epochAt(LOG_SIZE, set);
  const samples = await measure(
    [
      subject('verify', () => [proof], verifyAll),
      subject(
        'make',
        () => randomSubject(HOPS),
        (of) => createStaple(of, set, epoch),
      ),
      subject('check', () => made[Math.floor(Math.random() * chains)] ?? fail(), check),
    ],
    effort,
  );
  for (const each of made) check(each);
  const sizes = made.map(({ staple }) => staple.length).sort((one, other) => one - other);
  return {
    mix,
    revoked,
    bytes: {
      p50: median(sizes),
      p99: sizes[Math.ceil(0.99 * sizes.length) - 1] ?? NaN,
      most: sizes.at(-1) ?? NaN,
    },
    mostAtLongestPath: Math.max(...atLongest),
    microseconds: {
      make: microseconds(samples, 'make'),
      check: microseconds(samples, 'check'),
      verify: microseconds(samples, 'verify'),
    },
    ratio: ratio(samples, 'check', 'verify'),
  };
}

function check({ staple, of }: { staple: Uint8Array; of: ReturnType<typeof randomSubject> }): void {
  const verdict = verifyStaple(staple, of, LOG_TRUST);
  if (!verdict.ok) throw new Error(verdict.problem);
  if (verdict.revoked !== undefined) throw new Error('Nothing of it is revoked.');
}

function fail(): never {
  throw new Error('There is no staple.');
}

const task = JSON.parse(process.argv[2] ?? '') as StapleTask;
process.send?.(await measureStaples(task));
process.on('disconnect', () => process.exit());
