// One life of a log in a folder, in a process of its own: arguments are the folder, the seed, a prefix for entries, the fault to
// play, and after how many changes of the disk. Says on standard output what it tries and what it is told; may kill itself.
import { writeSync } from 'node:fs';
import { TaperError } from '@taper/core';
import { createRandom } from '@taper/testkit';
import { localDisk } from '../src/file/disk.ts';
import { createFaultyDisk, type Fault } from './faulty-disk.ts';
import { openLogIn } from './open.ts';
import { work } from './workload.ts';

const [folder = '', seed = '', prefix = '', fault = '', at = '0'] = process.argv.slice(2);

/** Written at once, so that what was said is known whatever happens next. */
function say(words: readonly unknown[]): void {
  writeSync(1, `${JSON.stringify(words)}\n`);
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('still here');
}

let changes = 0;
const disk = createFaultyDisk(localDisk, {
  before() {
    changes += 1;
    if (changes !== Number(at)) return undefined;
    if (fault === 'kill-before') die();
    return fault === 'fail' || fault === 'persist' || fault === 'torn'
      ? (fault satisfies Fault)
      : undefined;
  },
  after() {
    if (changes === Number(at) && fault === 'kill-after') die();
  },
});

try {
  const { log, close } = await openLogIn(folder, disk);
  say(['opened']);
  await work(log, createRandom(seed), 10, prefix, {
    tried: (entry) => say(['tried', entry]),
    acknowledge: (index, entry) => say(['acknowledged', index, entry]),
    publish: (note) => say(['published', note]),
  });
  await close();
  say(['closed', changes]);
} catch (error) {
  // A fault while the log is opened ends this life, as it would end a process.
  if (!(error instanceof TaperError && error.code === 'log_unavailable')) throw error;
  say(['unavailable']);
}
