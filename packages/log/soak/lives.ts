import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Random } from '@taper/testkit';
import { localDisk } from '../src/file/disk.ts';
import { Breach, History } from './history.ts';
import { openLogIn } from './open.ts';

/** What is done to a writer: killed from outside at any time, or right before or after a change of the disk; or that change fails. */
const ENDS = ['kill', 'kill-before', 'kill-after', 'fail', 'persist', 'torn'] as const;

/** About as many changes as one life makes. */
const CHANGES = 160;

/** Lives of one log before another one is begun. */
const LIVES = 8;

export interface Tally {
  readonly ends: Readonly<Record<string, number>>;
  readonly acknowledged: number;
  readonly published: number;
}

/**
 * Runs writers, each in a process of its own, on logs in a folder, and ends each as the random source says. After every one the log
 * is opened and compared with all that was ever said of it.
 * @param atOnce logs that live at the same time.
 * @throws {Breach} after which the folder is left as it is.
 */
export async function liveInProcesses(
  random: Random,
  runs: number,
  folder: string,
  atOnce = 1,
): Promise<Tally> {
  const ends: Record<string, number> = {};
  let acknowledged = 0;
  let published = 0;
  let next = 0;
  const lineOfLogs = async (): Promise<void> => {
    while (next * LIVES < runs) {
      const number = next++;
      const lives = Math.min(LIVES, runs - number * LIVES);
      const place = join(folder, `log-${number}`);
      await localDisk.makeFolder(place);
      const history = await liveOneLog(random.fork(number), lives, place, (end) => {
        ends[end] = (ends[end] ?? 0) + 1;
      });
      acknowledged += history.acknowledged;
      published += history.published;
      await rm(place, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lineOfLogs));
  return { ends, acknowledged, published };
}

async function liveOneLog(
  random: Random,
  lives: number,
  place: string,
  count: (end: string) => void,
): Promise<History> {
  const history = new History();
  for (let number = 0; number < lives; number++) {
    const end = random.pick(ENDS);
    count(`${end}: ${await live(place, random, end, `life ${number}`, history)}`);
    const opened = await openLogIn(place, localDisk);
    try {
      await history.compare(opened.log);
    } catch (error) {
      throw error instanceof Breach
        ? new Breach(`${place}, life ${number}: ${error.message}`)
        : error;
    } finally {
      await opened.close();
    }
  }
  return history;
}

/** One life of a log; answers how it ended. */
async function live(
  place: string,
  random: Random,
  end: (typeof ENDS)[number],
  prefix: string,
  history: History,
): Promise<string> {
  const at = random.chance(0.2) ? random.between(1, 12) : random.between(1, CHANGES);
  const worker = join(import.meta.dirname, 'worker.ts');
  const args = [
    '--conditions=@taper/source',
    worker,
    place,
    `${random.u32()}`,
    prefix,
    end,
    `${at}`,
  ];
  // Most of a life would be spent on compiling the same sources again.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(dirname(place), 'compile-cache') };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const delay = random.between(0, 60);
  let said = '';
  let complaints = '';
  let isTimed = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (end !== 'kill' || isTimed || !said.includes('["opened"]')) return;
    isTimed = true;
    setTimeout(() => child.kill('SIGKILL'), delay);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const ended = await new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? String(code)));
  });
  // A line that was cut off was never finished, so nothing was said.
  const lines = said.split('\n').slice(0, -1);
  let last = '';
  for (const line of lines) {
    const [word, ...rest] = JSON.parse(line) as [string, ...unknown[]];
    last = word;
    if (word === 'tried') history.tried(rest[0] as string);
    if (word === 'acknowledged') history.acknowledge(rest[0] as number, rest[1] as string);
    if (word === 'published') history.publish(rest[0] as string);
  }
  if (ended === 'SIGKILL') return 'killed';
  if (ended !== '0')
    throw new Breach(`${place}, ${prefix}: a writer ended with ${ended}: ${complaints}`);
  return last;
}
