/** Does a number of calls. What they need has been made before, while nothing was timed. */
export type Batch = () => void | Promise<void>;

/** One thing to be timed. */
export interface Subject {
  readonly name: string;
  /** Makes a batch of so many calls. */
  readonly prepare: (calls: number) => Batch | Promise<Batch>;
  /** Calls that are under way at the same time; a batch is a multiple of it. Default 1. */
  readonly width?: number;
}

export interface Effort {
  /** Rounds that count. */
  readonly rounds: number;
  /**
   * How long a turn shall last: long enough to be about its subject and not about what ran before it, short enough to be
   * seldom disturbed.
   */
  readonly milliseconds: number;
}

/** Microseconds for one call, by subject; one number for each round. */
export type Samples = ReadonlyMap<string, readonly number[]>;

/** A subject that does the same with a new input each time: a server never gets the same string object twice. */
export function subject<Input>(
  name: string,
  makeInput: () => Input | Promise<Input>,
  call: (input: Input) => unknown,
): Subject {
  return {
    name,
    async prepare(calls) {
      const inputs: Input[] = [];
      for (let made = 0; made < calls; made += 1) inputs.push(await makeInput());
      return () => {
        for (const input of inputs) call(input);
      };
    },
  };
}

/** As {@link subject}, for calls that answer later. */
export function asyncSubject<Input>(
  name: string,
  makeInput: () => Input | Promise<Input>,
  call: (input: Input) => Promise<unknown>,
): Subject {
  return {
    name,
    async prepare(calls) {
      const inputs: Input[] = [];
      for (let made = 0; made < calls; made += 1) inputs.push(await makeInput());
      return async () => {
        for (const input of inputs) await call(input);
      };
    },
  };
}

/** As {@link asyncSubject}, with so many calls under way at the same time, as on a server under load. */
export function concurrentSubject<Input>(
  name: string,
  width: number,
  makeInput: () => Input | Promise<Input>,
  call: (input: Input) => Promise<unknown>,
): Subject {
  return {
    name,
    width,
    async prepare(calls) {
      const waves: Input[][] = [];
      for (let made = 0; made < calls; made += width) {
        const wave: Input[] = [];
        for (let each = 0; each < width; each += 1) wave.push(await makeInput());
        waves.push(wave);
      }
      return async () => {
        for (const wave of waves) await Promise.all(wave.map((input) => call(input)));
      };
    },
  };
}

/**
 * Times all subjects in turns, so that whatever else the machine is doing hits all of them alike. Each round starts with
 * another subject. A fifth more rounds go first and do not count: they let the engine optimize, and show how many
 * calls make a turn.
 */
export async function measure(
  subjects: readonly Subject[],
  { rounds, milliseconds }: Effort,
): Promise<Samples> {
  const samples = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  const calls = new Map<string, number>();
  const warmUp = Math.max(2, Math.ceil(rounds / 5));
  for (let round = -warmUp; round < rounds; round += 1) {
    const first = (round + warmUp) % subjects.length;
    for (const turn of [...subjects.slice(first), ...subjects.slice(0, first)]) {
      const { name, prepare, width = 1 } = turn;
      const count = calls.get(name) ?? width;
      const batch = await prepare(count);
      const start = process.hrtime.bigint();
      const done = batch();
      if (done !== undefined) await done;
      const each = Number(process.hrtime.bigint() - start) / 1000 / count;
      if (round >= 0) samples.get(name)?.push(each);
      else calls.set(name, callsFor((milliseconds * 1000) / each, width));
    }
  }
  return samples;
}

/** So many calls as fill a turn, a whole number of waves; 200 are enough. */
function callsFor(calls: number, width: number): number {
  return Math.max(1, Math.ceil(Math.min(200, calls) / width)) * width;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function microseconds(samples: Samples, name: string): number {
  return median(samples.get(name) ?? []);
}

/** The median of the ratios of each round: two subjects are only compared at the same moment. */
export function ratio(samples: Samples, name: string, to: string): number {
  const divisors = samples.get(to) ?? [];
  return median(
    (samples.get(name) ?? []).map((value, round) => value / (divisors[round] ?? Number.NaN)),
  );
}
