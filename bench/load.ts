import { median } from './measure.ts';

/** What a number of requests took, so many at a time in a closed loop: who has its answer asks again. */
export interface Load {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Sends all requests and times each. @param send ends when the answer is there, and was looked at. */
export async function drive<Input>(
  requests: readonly Input[],
  width: number,
  send: (request: Input) => Promise<void>,
): Promise<Load> {
  const times: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < requests.length) {
      const request = requests[next++] as Input;
      const sent = performance.now();
      await send(request);
      times.push(performance.now() - sent);
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: width }, client));
  const seconds = (performance.now() - begun) / 1000;
  return { perSecond: requests.length / seconds, p50: at(times, 0.5), p99: at(times, 0.99) };
}

/** The value below which this share of all lies. */
export function at(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** The median of each figure over several rounds. */
export function middle(loads: readonly Load[]): Load {
  const of = (member: keyof Load): number => median(loads.map((load) => load[member]));
  return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99') };
}
