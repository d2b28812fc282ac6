import { TaperError } from '@taper/core';
import type { Random } from '@taper/testkit';
import type { Log } from '../src/writer/log.ts';

/** Who is told what becomes of the entries; `tried` before they are given to the log. */
export interface Listener {
  tried(entry: string): void;
  acknowledge(index: number, entry: string): void;
  publish(note: string): void;
}

/** Appends single entries and runs of them, several at a time, and publishes, until `steps` are done or the log ends. What fails with `log_unavailable` is left. */
export async function work(
  log: Log,
  random: Random,
  steps: number,
  prefix: string,
  listener: Listener,
): Promise<void> {
  let number = 0;
  const appendSome = async (count: number): Promise<void> => {
    const texts = Array.from({ length: count }, () => {
      number += 1;
      return `${prefix} ${number} ${'x'.repeat(random.chance(0.05) ? random.between(0, 3000) : random.between(0, 40))}`;
    });
    for (const text of texts) listener.tried(text);
    const entries = texts.map((text) => new TextEncoder().encode(text));
    const { index } = await log.appendAll(entries);
    for (const [offset, text] of texts.entries()) listener.acknowledge(index + offset, text);
  };
  const publish = async (): Promise<void> => {
    listener.publish((await log.publish()).note);
  };
  for (let step = 0; step < steps; step++) {
    const acts = Array.from({ length: random.between(1, 6) }, () =>
      random.chance(0.2) ? publish() : appendSome(random.chance(0.1) ? random.between(2, 400) : 1),
    );
    for (const result of await Promise.allSettled(acts)) {
      if (result.status === 'fulfilled') continue;
      const { reason } = result;
      if (!(reason instanceof TaperError && reason.code === 'log_unavailable')) throw reason;
    }
  }
}
