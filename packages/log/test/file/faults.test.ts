import { TaperError } from '@taper/core';
import { createRandom } from '@taper/testkit';
import { describe, expect, test } from 'vitest';
import { type Change, createFaultyDisk, type Fault } from '../../soak/faulty-disk.ts';
import { History } from '../../soak/history.ts';
import { openLogIn } from '../../soak/open.ts';
import { work } from '../../soak/workload.ts';
import { localDisk } from '../../src/file/disk.ts';
import type { Log } from '../../src/writer/log.ts';
import { newFolder } from './folder.ts';

const STEPS = 1;

/** A small log whose disk plays one fault at one of its changes. Answers what was changed, and the last said of it. */
async function play(
  fault: Fault | undefined,
  at: number,
): Promise<{ changes: Change[]; history: History }> {
  const folder = newFolder();
  const changes: Change[] = [];
  let isOver = false;
  const disk = createFaultyDisk(localDisk, {
    before(change) {
      changes.push(change);
      return changes.length === at && !isOver ? fault : undefined;
    },
  });
  const history = new History();
  try {
    const { log, close } = await openLogIn(folder, disk);
    await appendMany(log, history);
    await work(log, createRandom('one fault'), STEPS, 'before', history);
    // A fault ends nothing: the log takes entries and publishes.
    isOver = true;
    const { index } = await log.append(new TextEncoder().encode('after'));
    history.tried('after');
    history.acknowledge(index, 'after');
    history.publish((await log.publish()).note);
    await close();
  } catch (error) {
    const isOpening = history.acknowledged === 0;
    if (!(isOpening && error instanceof TaperError && error.code === 'log_unavailable'))
      throw error;
  }
  const { log, close } = await openLogIn(folder, localDisk);
  await history.compare(log);
  await close();
  return { changes, history };
}

/** Enough for a full tile, whose partial forms go. */
async function appendMany(log: Log, history: History): Promise<void> {
  for (const [round, count] of [200, 100].entries()) {
    const texts = Array.from({ length: count }, (_, index) => `many ${round} ${index}`);
    for (const text of texts) history.tried(text);
    const done = await log
      .appendAll(texts.map((text) => new TextEncoder().encode(text)))
      .catch(onlyUnavailable);
    for (const [offset, text] of texts.entries())
      if (done !== undefined) history.acknowledge(done.index + offset, text);
    const published = await log.publish().catch(onlyUnavailable);
    if (published !== undefined) history.publish(published.note);
  }
}

function onlyUnavailable(error: unknown): undefined {
  if (!(error instanceof TaperError && error.code === 'log_unavailable')) throw error;
}

describe('each write, sync and rename of a log', () => {
  test('N12 S09 may fail, tear, or fail and be done all the same, and nothing acknowledged is lost', async () => {
    const { changes } = await play(undefined, 0);
    expect(new Set(changes)).toEqual(
      new Set<Change>([
        'open',
        'write',
        'sync',
        'rename',
        'makeFolder',
        'syncFolder',
        'removeFolder',
      ]),
    );
    for (let at = 1; at <= changes.length; at++)
      for (const fault of ['fail', 'persist', 'torn'] as const) {
        // Only a write can stop half-way.
        if (fault === 'torn' && changes[at - 1] !== 'write') continue;
        const { history } = await play(fault, at);
        expect(history.published, `${fault} at ${at}`).toBeGreaterThan(0);
      }
  }, 120_000);
});
