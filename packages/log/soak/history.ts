import { parseCheckpoint, parseNote } from '@taper/core';
import type { Log } from '../src/writer/log.ts';

/** All that was said about a log by those who wrote to it, whatever happened to them. */
export class History {
  /** Entries that somebody tried to append. */
  readonly #tried = new Set<string>();
  /** Entries by the index under which they were acknowledged. */
  readonly #acknowledged = new Map<number, string>();
  /** Roots by the size for which they were published. */
  readonly #roots = new Map<number, string>();
  #least = 0;

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  get published(): number {
    return this.#roots.size;
  }

  tried(entry: string): void {
    this.#tried.add(entry);
  }

  acknowledge(index: number, entry: string): void {
    if (this.#acknowledged.has(index)) throw new Breach(`index ${index} was given twice`);
    this.#acknowledged.set(index, entry);
  }

  publish(note: string): void {
    const checkpoint = parseCheckpoint(parseNote(note)?.text ?? '');
    if (checkpoint === undefined) throw new Breach('what was published is no checkpoint');
    const { size } = checkpoint;
    const root = Buffer.from(checkpoint.root).toString('hex');
    if ((this.#roots.get(size) ?? root) !== root) throw new Breach(`two roots of size ${size}`);
    this.#roots.set(size, root);
    if (size < this.#least) throw new Breach(`published ${size} after ${this.#least}`);
    this.#least = size;
  }

  /** Compares a log that was opened with all of it. Publishes. @throws {Breach} */
  async compare(log: Log): Promise<void> {
    const shown = log.checkpoint();
    if (shown === undefined ? this.#least > 0 : !this.#isLast(shown))
      throw new Breach('the checkpoint that was published is not shown after a restart');
    this.publish((await log.publish()).note);
    const { reader } = log;
    const size = reader.head().size;
    if (size !== log.size) throw new Breach(`${log.size} are durable, ${size} are published`);
    const seen = new Set<string>();
    for await (const { index, entry } of reader.entries()) {
      const text = Buffer.from(entry).toString('utf8');
      if ((this.#acknowledged.get(index) ?? text) !== text)
        throw new Breach(`entry ${index} is another one`);
      if (!this.#tried.has(text)) throw new Breach(`entry ${index} was never appended`);
      if (seen.has(text)) throw new Breach(`entry ${index} is there twice`);
      seen.add(text);
    }
    for (const [index, entry] of this.#acknowledged)
      if (index >= size) throw new Breach(`entry ${index}, ${entry}, is lost`);
    for (const [published, root] of this.#roots) {
      const found = Buffer.from(await reader.root(published)).toString('hex');
      if (found !== root) throw new Breach(`the tree of ${published} has two roots`);
    }
  }

  /** A writer that was killed may have published without having said so. */
  #isLast(note: string): boolean {
    this.publish(note);
    return true;
  }
}

/** A promise of the log that was not kept. */
export class Breach extends Error {}
