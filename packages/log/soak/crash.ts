// Writers of a log are killed at random points, and changes of the disk fail, or fail and are done all the same; in the end no
// acknowledged entry may be lost and no log may have two histories. Each run is a process on real files that is ended, and a power
// cut on a disk in memory that keeps what was not synced only perhaps.
// node --conditions=@taper/source packages/log/soak/crash.ts [--runs N] [--seed N]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '@taper/testkit';
import { Breach } from './history.ts';
import { liveInProcesses } from './lives.ts';
import { livePowerCuts } from './power.ts';

/** Logs on files that live at the same time. */
const AT_ONCE = 2;

/** Power cuts of one log. */
const LIVES = 5;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now()) },
  },
});
const runs = Number(values.runs);
if (!Number.isSafeInteger(runs) || runs < 1) {
  console.error('--runs takes a whole number above 0.');
  process.exit(2);
}
process.exitCode = await soak(runs, values.seed);

async function soak(runs: number, seed: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'taper-soak-log-'));
  const begin = performance.now();
  try {
    const tally = await liveInProcesses(createRandom(`log lives ${seed}`), runs, folder, AT_ONCE);
    console.log(`${runs} writers in processes of their own, on files; seed ${seed}`);
    for (const [end, count] of Object.entries(tally.ends).toSorted())
      console.log(`  ${end}: ${count}`);
    console.log(`  acknowledged: ${tally.acknowledged}, checkpoints published: ${tally.published}`);
    let acknowledged = 0;
    let published = 0;
    for (let cuts = 0; cuts < runs; cuts += LIVES) {
      const random = createRandom(`log power ${seed} ${cuts}`);
      const history = await livePowerCuts(random, LIVES).catch((error: unknown) => {
        console.error(`power cuts from ${cuts} on`);
        throw error;
      });
      acknowledged += history.acknowledged;
      published += history.published;
    }
    console.log(`${runs} power cuts`);
    console.log(`  acknowledged: ${acknowledged}, checkpoints published: ${published}`);
  } catch (error) {
    console.error(error instanceof Breach ? `BREACH ${error.message}` : error);
    console.error(`seed ${seed}; the files are in ${folder}`);
    return 1;
  }
  console.log(`no breach in ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  rmSync(folder, { recursive: true, force: true });
  return 0;
}
